//! IEM-LEG-03: the offer has a privacy policy.

use super::links::is_link;
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-LEG-03",
    slug: "privacy-policy-exists",
    title: "A privacy policy exists",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Person],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Legal requirements (from AMP policy)",
    }],
    statement: "The offer has a privacy policy behind a link that works.",
    remedy: "Add the link of the privacy policy to the offer listing.",
    judge: Judge::By(judge),
};

/// Presence alone: the content is a person's question, and whether the link works needs the network.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let wanted = "a link to the privacy policy";
    let mend = "put an https:// link to the privacy policy into /listing/privacyPolicyUrl";
    let url = record
        .offer
        .listing
        .privacy_policy_url
        .as_deref()
        .unwrap_or_default()
        .trim();
    Ok(if is_link(url) {
        Outcome::met(
            format!("/listing/privacyPolicyUrl is {url} (not visited)"),
            wanted,
        )
    } else if url.is_empty() {
        Outcome::unmet("/listing/privacyPolicyUrl is not given", wanted, mend)
    } else {
        Outcome::unmet(
            format!("/listing/privacyPolicyUrl is \"{url}\", which is no web link"),
            wanted,
            mend,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(url: Option<&str>, kind: OutcomeKind) {
        let mut record = sample::record();
        record.offer.listing.privacy_policy_url = url.map(str::to_owned);
        assert_eq!(judge(&record).unwrap().kind, kind, "{url:?}");
    }

    #[test]
    fn a_link_passes() {
        check(Some("https://contoso.example/privacy"), OutcomeKind::Met);
    }

    #[test]
    fn no_link_or_a_broken_one_fails() {
        for url in [None, Some(""), Some("on request"), Some("https://")] {
            check(url, OutcomeKind::Unmet);
        }
    }
}
