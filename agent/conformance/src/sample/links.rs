//! The sample's links as a visitor found them.

use super::*;
use crate::finding::Reason;
use crate::observation::{LinkAnswer, LinkEnd, LinkFailure, LinkFailureKind, LinkVisit};

/// When the sample's links were visited.
const VISITED: &str = "2026-11-20T09:00:00Z";

/// A visit of this link.
pub(crate) fn visit(url: &str, end: LinkEnd) -> LinkVisit {
    LinkVisit {
        url: url.to_owned(),
        pointers: vec!["/listing/supportUrl".to_owned()],
        at: VISITED.to_owned(),
        end,
    }
}

/// The sample with this link visited and no other.
pub(crate) fn visiting(url: &str, end: LinkEnd) -> Record {
    with_visit(record(), url, end)
}

/// A record with this link visited too.
pub(crate) fn with_visit(mut record: Record, url: &str, end: LinkEnd) -> Record {
    let mut visits = record.observations.links.seen().cloned();
    visits.get_or_insert_default().push(visit(url, end));
    record.observations.links = Observed::Seen(visits.unwrap());
    record
}

/// A record that was made offline.
pub(crate) fn offline(mut record: Record) -> Record {
    record.observations.links =
        Observed::unseen(Reason::Configuration, "no link was visited (`--offline`)");
    record
}

/// An answer of this status, with a page.
pub(crate) fn answering(status: u16) -> LinkEnd {
    LinkEnd::Answered(LinkAnswer {
        status,
        url: "https://contoso.com/at-last".to_owned(),
        redirects: 1,
        media_type: Some("text/html".to_owned()),
        read: Bytes(1_204),
        whole: true,
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
    })
}

/// No answer, for a reason of this kind.
pub(crate) fn failing(kind: LinkFailureKind) -> LinkEnd {
    LinkEnd::Failed(LinkFailure {
        kind,
        because: "it went wrong".to_owned(),
    })
}
