//! Visits the links of an offer: over HTTP, within limits of time, size and redirects, and by default at public addresses alone.
//!
//! What a visit says of a requirement is the core's to judge. Nothing is sent but one GET for each link, and nothing of a page is
//! kept but its digest.

mod address;
mod failure;
mod names;
mod visitor;

use std::time::Duration;

use anyhow::Context as _;
use conformance::data::Data;
use conformance::finding::Reason;
use conformance::links::{OfferLink, links};
use conformance::observation::{LinkEnd, LinkVisit, Observed};
use conformance::offer::Offer;

pub use address::{Reach, refusal};
pub use names::Names;
pub use visitor::Visitor;

use crate::cli::LinkArgs;

/// What the visits may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long one link may take, redirects and look-ups included.
    pub each: Duration,
    /// How long all of them may take together.
    pub together: Duration,
    /// How long one look-up of a name may take.
    pub look_up: Duration,
    /// Most redirects followed for one link.
    pub redirects: u32,
    /// How much of a page is read, in bytes.
    pub page: u64,
    /// Most links visited of one offer.
    pub links: usize,
    /// Most of them at the same time.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            each: Duration::from_secs(15),
            together: Duration::from_secs(45),
            look_up: Duration::from_secs(5),
            redirects: 5,
            page: 2 << 20,
            links: 64,
            at_once: 8,
        }
    }
}

/// Visits what an offer links to, as asked for; nothing is started where there is nothing to visit.
///
/// # Errors
/// The runtime that visits need cannot be started.
pub fn observe(
    offer: &Offer,
    data: &Data,
    args: &LinkArgs,
) -> anyhow::Result<Observed<Vec<LinkVisit>>> {
    if args.offline {
        return Ok(Observed::unseen(
            Reason::Configuration,
            "no link was visited (`--offline`)",
        ));
    }
    let links = links(offer, &data.certified_devices.content);
    if links.iter().all(|link| link.left_alone.is_some()) {
        return Ok(Observed::Seen(links.into_iter().map(left_alone).collect()));
    }
    tracing::info!(links = links.len(), "visiting the links of the offer");
    let reach = match args.allow_private_links {
        true => Reach::Private,
        false => Reach::Public,
    };
    let visitor = match Visitor::new(Names::System, reach, Limits::default()) {
        Ok(visitor) => visitor,
        Err(why) => {
            let because = format!("links cannot be visited: {why}");
            return Ok(Observed::unseen(Reason::Infrastructure, because));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let visits = runtime.block_on(visitor.visit(links));
    // A look-up of a name cannot be called back; nobody waits for it any more.
    runtime.shutdown_background();
    Ok(Observed::Seen(visits))
}

fn left_alone(link: OfferLink) -> LinkVisit {
    visited(
        link.url,
        link.pointers,
        LinkEnd::LeftAlone(link.left_alone.unwrap_or_default()),
    )
}

fn visited(url: String, pointers: Vec<String>, end: LinkEnd) -> LinkVisit {
    LinkVisit {
        url,
        pointers,
        at: now(),
        end,
    }
}

/// RFC 3339, UTC, whole seconds.
fn now() -> String {
    let now = jiff::Timestamp::now();
    let seconds = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    seconds.to_string()
}
