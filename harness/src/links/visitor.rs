//! One visit after another, several at a time: name, address, question, redirects, page.
//!
//! A connection goes only to an address that was found and let through here; the HTTP client asks nobody else for one.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conformance::links::OfferLink;
use conformance::observation::{LinkAnswer, LinkEnd, LinkFailure, LinkFailureKind, LinkVisit};
use conformance::units::Bytes;
use futures_util::{StreamExt as _, stream};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, LOCATION};
use reqwest::{Response, Url};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

use super::address::{Reach, refusal};
use super::failure::{failure, of_client};
use super::names::{CONTROL, Names, Unnamed};
use super::{Limits, left_alone, visited};

/// How much of a final address and of a media type is kept, in characters.
const MOST_TOLD: usize = 2_000;

/// Visits links within limits.
#[derive(Debug)]
pub struct Visitor {
    http: reqwest::Client,
    names: Names,
    vetted: Vetted,
    reach: Reach,
    limits: Limits,
    /// Whether any name is found here, once somebody asked.
    finds_names: OnceCell<bool>,
}

impl Visitor {
    /// A visitor that goes as far as this.
    ///
    /// # Errors
    /// In words, why there can be none: the system's certificates cannot be read.
    pub fn new(names: Names, reach: Reach, limits: Limits) -> Result<Visitor, String> {
        // Somebody may have been first; it is the same provider then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let vetted = Vetted::default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // A proxy would look up names by itself.
            .no_proxy()
            .dns_resolver(vetted.clone())
            .user_agent(concat!("edgeproof/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| of_client(error).because)?;
        Ok(Visitor {
            http,
            names,
            vetted,
            reach,
            limits,
            finds_names: OnceCell::new(),
        })
    }

    /// Visits every link that is one to visit; in their order.
    pub async fn visit(&self, links: Vec<OfferLink>) -> Vec<LinkVisit> {
        let until = Instant::now() + self.limits.together;
        let mut rank = 0;
        let ranked = links.into_iter().map(|link| {
            rank += usize::from(link.left_alone.is_none());
            (link, rank)
        });
        stream::iter(ranked)
            .map(|(link, rank)| self.one(link, rank, until))
            .buffered(self.limits.at_once)
            .collect()
            .await
    }

    async fn one(&self, link: OfferLink, rank: usize, until: Instant) -> LinkVisit {
        if link.left_alone.is_some() {
            return left_alone(link);
        }
        let end = match self.within(&link.url, rank, until).await {
            Ok(answer) => LinkEnd::Answered(answer),
            Err(failure) => LinkEnd::Failed(failure),
        };
        visited(link.url, link.pointers, end)
    }

    async fn within(
        &self,
        url: &str,
        rank: usize,
        until: Instant,
    ) -> Result<LinkAnswer, LinkFailure> {
        let Limits {
            each,
            together,
            links,
            ..
        } = self.limits;
        if rank > links {
            let because = format!("only {links} links of an offer are visited");
            return Err(failure(LinkFailureKind::LeftOut, because));
        }
        let left = until.saturating_duration_since(Instant::now());
        match timeout(each.min(left), self.follow(url)).await {
            Ok(end) => end,
            Err(_) if left < each => Err(failure(
                LinkFailureKind::LeftOut,
                format!("the {} for all links together were over", seconds(together)),
            )),
            Err(_) => Err(failure(
                LinkFailureKind::Slow,
                format!("no whole answer within {}", seconds(each)),
            )),
        }
    }

    async fn follow(&self, link: &str) -> Result<LinkAnswer, LinkFailure> {
        let unreadable = |why: String| failure(LinkFailureKind::Refused, why);
        let mut here =
            Url::parse(link).map_err(|error| unreadable(format!("it is no link: {error}")))?;
        for redirects in 0..=self.limits.redirects {
            self.vet(&here).await.map_err(|refused| {
                let from = match redirects {
                    0 => String::new(),
                    _ => format!("it leads to {:.200}: ", here.as_str()),
                };
                failure(refused.kind, format!("{from}{}", refused.because))
            })?;
            let question = self.http.get(here.clone());
            let question = question.header(ACCEPT, "text/html, */*;q=0.8");
            let answer = question.send().await.map_err(of_client)?;
            let is_redirect = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            let target = header(&answer, &LOCATION).filter(|_| is_redirect);
            let Some(target) = target else {
                return self.page(answer, here, redirects).await;
            };
            here = here
                .join(&target)
                .map_err(|error| unreadable(format!("it leads to no link: {error}")))?;
        }
        Err(failure(
            LinkFailureKind::TooManyRedirects,
            format!(
                "more than {} redirects, the last one to {:.200}",
                self.limits.redirects,
                here.as_str()
            ),
        ))
    }

    /// Lets a link through, with the addresses that may be connected to.
    async fn vet(&self, url: &Url) -> Result<(), LinkFailure> {
        let refused = |why: String| failure(LinkFailureKind::Refused, why);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(format!(
                "`{}` is no scheme that is visited",
                url.scheme()
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it has a user name or a password in it".to_owned()));
        }
        let host = url.host_str().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            let what = match (refusal(address, self.reach), self.reach) {
                (Some(what), _) => what,
                (None, Reach::Private) => return Ok(()),
                (None, Reach::Public | Reach::PublicAnd(_)) => "an address, not a host's name",
            };
            return Err(refused(self.hint(&format!("{address} is {what}"))));
        }
        let addresses = self.addresses(host).await?;
        let (refusals, let_through): (Vec<_>, Vec<_>) = addresses
            .iter()
            .map(|address| (address, refusal(*address, self.reach)))
            .partition(|(_, refusal)| refusal.is_some());
        if let (Some((address, Some(what))), true) = (refusals.first(), let_through.is_empty()) {
            let because = format!("{host} is at {address}, which is {what}");
            return Err(refused(self.hint(&because)));
        }
        let let_through = let_through.into_iter().map(|(address, _)| *address);
        self.vetted.let_through(host, let_through.collect());
        Ok(())
    }

    /// The addresses of a name, at least one.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LinkFailure> {
        let unnamed = match self.look_up(host).await {
            Ok(addresses) if !addresses.is_empty() => return Ok(addresses),
            Ok(_) => Unnamed::Nobody,
            Err(unnamed) => unnamed,
        };
        let finds_names = self.finds_names.get_or_init(|| async {
            let control = self.look_up(CONTROL).await;
            control.is_ok_and(|addresses| !addresses.is_empty())
        });
        Err(match (unnamed, *finds_names.await) {
            (Unnamed::Nobody, true) => failure(
                LinkFailureKind::NoSuchName,
                format!("nobody has the name {host}"),
            ),
            (Unnamed::Unknown(why), true) => failure(
                LinkFailureKind::Unreachable,
                format!("the name {host} cannot be looked up: {why}"),
            ),
            (_, false) => failure(
                LinkFailureKind::NoNames,
                format!("this machine finds neither the name {host} nor {CONTROL}"),
            ),
        })
    }

    async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Unnamed> {
        let limit = self.limits.look_up;
        match timeout(limit, self.names.of(host)).await {
            Ok(found) => found,
            Err(_) => Err(Unnamed::Unknown(format!(
                "no answer within {}",
                seconds(limit)
            ))),
        }
    }

    /// What may be done about a refusal.
    fn hint(&self, because: &str) -> String {
        match self.reach {
            Reach::Public | Reach::PublicAnd(_) => {
                format!("{because}; `--allow-private-links` may let it through")
            }
            Reach::Private => because.to_owned(),
        }
    }

    /// The page behind an answer, as far as it is read. What is no success has no page.
    async fn page(
        &self,
        mut answer: Response,
        url: Url,
        redirects: u32,
    ) -> Result<LinkAnswer, LinkFailure> {
        let status = answer.status();
        let media_type = header(&answer, &CONTENT_TYPE);
        let mut sum = Sha256::new();
        let mut read: u64 = 0;
        let mut whole = status.is_success();
        while whole && let Some(chunk) = answer.chunk().await.map_err(of_client)? {
            let left = usize::try_from(self.limits.page - read).unwrap_or(usize::MAX);
            let taken = &chunk[..chunk.len().min(left)];
            sum.update(taken);
            read += taken.len() as u64;
            whole = chunk.len() <= left;
        }
        Ok(LinkAnswer {
            status: status.as_u16(),
            url: short(url.as_str()),
            redirects,
            media_type,
            read: Bytes(read),
            whole,
            sha256: hex(&sum.finalize()),
        })
    }
}

/// Addresses that were let through, by name: all that the HTTP client knows of names.
#[derive(Debug, Clone, Default)]
struct Vetted(Arc<Mutex<HashMap<String, Vec<IpAddr>>>>);

impl Vetted {
    fn let_through(&self, host: &str, addresses: Vec<IpAddr>) {
        // A panic elsewhere leaves whole entries behind.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(host.to_owned(), addresses);
    }
}

impl Resolve for Vetted {
    fn resolve(&self, name: Name) -> Resolving {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let addresses = known.get(name.as_str()).cloned();
        Box::pin(async move {
            let addresses = addresses.ok_or("the name was not let through")?;
            let addresses = addresses.into_iter().map(|one| SocketAddr::new(one, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// A header, without what would spoil a terminal.
fn header(answer: &Response, name: &HeaderName) -> Option<String> {
    let value = answer.headers().get(name)?;
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    Some(short(&text))
}

fn short(text: &str) -> String {
    text.chars()
        .take(MOST_TOLD)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
