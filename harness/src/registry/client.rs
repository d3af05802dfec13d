//! The questions to a registry, in the words of its API. What a manifest says is not its business.

use std::collections::BTreeSet;

use bytes::Bytes;
use conformance::observation::Access;
use reqwest::header::{CONTENT_TYPE, LINK};
use reqwest::{Method, StatusCode, Url};
use tokio::sync::mpsc::Sender;

use super::address::{Address, Doors};
use super::credentials::Credentials;
use super::error::RegistryError;
use super::manifest::ACCEPTED;
use super::tags::{self, Listing};
use super::transport::{
    PATIENCE, Transport, fine, header, too_slow, unreachable, unreadable, whole,
};
use super::{digest, manifest};

/// Whom to trust, and how to sign in.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Authorities beside the system's, as PEM.
    pub authority: Option<Vec<u8>>,
    /// Name and password, or a token.
    pub credentials: Option<Credentials>,
    /// Hosts without TLS.
    pub doors: Doors,
}

/// One repository of a registry.
#[derive(Debug)]
pub struct Registry {
    transport: Transport,
    address: Address,
}

/// The whole body of an answer.
#[derive(Debug, Clone)]
pub struct Body {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What the registry calls it.
    pub media_type: Option<String>,
    /// The digest of the bytes.
    pub digest: String,
}

impl Registry {
    /// A client for one repository.
    ///
    /// # Errors
    /// The authority is no certificate, or the system's cannot be read.
    pub fn new(address: Address, trust: Trust) -> Result<Registry, RegistryError> {
        Ok(Registry {
            transport: Transport::new(address.clone(), trust)?,
            address,
        })
    }

    /// Where it asks.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How the registry let us in, after it answered.
    pub async fn access(&self) -> Access {
        self.transport.access().await
    }

    /// The names of all tags, page by page.
    ///
    /// # Errors
    /// A page could not be had; one that is not there makes an empty list.
    pub async fn tags(&self) -> Result<Listing, RegistryError> {
        let mut listing = Listing::default();
        let mut url = format!("{}/tags/list?n={}", self.address.base(), tags::PAGE);
        let mut read = BTreeSet::new();
        loop {
            if !read.insert(url.clone()) {
                let why = "the list of tags leads back to a page that was read";
                listing.cut = Some(why.to_owned());
                break;
            }
            if read.len() > tags::MOST_PAGES {
                listing.cut = Some(format!(
                    "more than {} pages of tags are there",
                    tags::MOST_PAGES
                ));
                break;
            }
            let answer = self
                .transport
                .send(&Method::GET, &url, "application/json", true)
                .await?;
            if answer.status() == StatusCode::NOT_FOUND {
                return Ok(listing);
            }
            let answer = fine(answer, &url).await?;
            let link = header(&answer, LINK.as_str());
            let body = whole(answer, &url, tags::LONGEST_PAGE).await?;
            let names = tags::page(&body).map_err(|why| unreadable(&url, why))?;
            listing.names.extend(names);
            if listing.names.len() > tags::MOST {
                listing.names.truncate(tags::MOST);
                listing.cut = Some(format!("more than {} tags are there", tags::MOST));
                break;
            }
            let Some(next) = link.as_deref().and_then(tags::next) else {
                break;
            };
            let here = Url::parse(&url).map_err(|error| unreadable(&url, error.to_string()))?;
            let next = here
                .join(next)
                .map_err(|error| unreadable(&url, error.to_string()))?;
            if next.as_str() == url || next.host_str() != here.host_str() {
                return Err(unreadable(
                    &url,
                    format!("the next page is said to be at {next:.200}"),
                ));
            }
            url = next.into();
        }
        listing.names.sort();
        listing.names.dedup();
        Ok(listing)
    }

    /// A manifest by tag or digest; `Err` in the inner result is what was answered where there is none.
    ///
    /// # Errors
    /// It could not be had.
    pub async fn manifest(&self, reference: &str) -> Result<Result<Body, String>, RegistryError> {
        let url = format!("{}/manifests/{reference}", self.address.base());
        self.body(&url, &ACCEPTED.join(", "), manifest::LARGEST, reference)
            .await
    }

    /// A small blob, for example a config.
    ///
    /// # Errors
    /// It could not be had.
    pub async fn blob(
        &self,
        digest: &str,
        limit: u64,
    ) -> Result<Result<Body, String>, RegistryError> {
        let url = format!("{}/blobs/{digest}", self.address.base());
        self.body(&url, "*/*", limit, digest).await
    }

    /// Whether a blob is there, and its size where that is told; `Err` in the inner result is what was answered where it is not.
    ///
    /// A registry that sends on to its storage has it: the storage is not asked, because it may allow nothing but reading.
    ///
    /// # Errors
    /// No answer came, or the registry does not let us in.
    pub async fn has(&self, digest: &str) -> Result<Result<Option<u64>, String>, RegistryError> {
        let url = format!("{}/blobs/{digest}", self.address.base());
        let answer = self
            .transport
            .send(&Method::HEAD, &url, "*/*", false)
            .await?;
        let status = answer.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(Err(status.to_string()));
        }
        if status.is_redirection() {
            return Ok(Ok(None));
        }
        let answer = fine(answer, &url).await?;
        Ok(Ok(
            header(&answer, "content-length").and_then(|text| text.parse().ok())
        ))
    }

    /// Pours a blob into a channel, a piece at a time: it is never held whole.
    ///
    /// # Errors
    /// It could not be had to its end. A receiver that has gone away is no error.
    pub async fn pour(&self, digest: &str, into: Sender<Bytes>) -> Result<(), RegistryError> {
        let url = format!("{}/blobs/{digest}", self.address.base());
        let answer = self.transport.send(&Method::GET, &url, "*/*", true).await?;
        let mut answer = fine(answer, &url).await?;
        loop {
            let chunk = tokio::time::timeout(PATIENCE, answer.chunk())
                .await
                .map_err(|_| too_slow(&url, PATIENCE))?
                .map_err(|error| unreachable(&url, error))?;
            let Some(chunk) = chunk else { return Ok(()) };
            if into.send(chunk).await.is_err() {
                return Ok(());
            }
        }
    }

    async fn body(
        &self,
        url: &str,
        accept: &str,
        limit: u64,
        wanted: &str,
    ) -> Result<Result<Body, String>, RegistryError> {
        let answer = self.transport.send(&Method::GET, url, accept, true).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Err(answer.status().to_string()));
        }
        let answer = fine(answer, url).await?;
        let media_type = header(&answer, CONTENT_TYPE.as_str())
            .map(|text| text.split(';').next().unwrap_or_default().trim().to_owned());
        let bytes = whole(answer, url, limit).await?;
        let digest = digest::of(&bytes);
        if wanted.starts_with("sha256:") && wanted != digest {
            return Ok(Err(format!("what came has the digest {digest}")));
        }
        Ok(Ok(Body {
            bytes,
            media_type,
            digest,
        }))
    }
}
