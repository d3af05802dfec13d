//! IEM-LEG-03: the offer has a privacy policy.

use super::links::is_link;
use super::visited;
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

/// That it is there: what it says is a person's question.
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
    if is_link(url) {
        return visited::rests_on(record, "/listing/privacyPolicyUrl", url, wanted);
    }
    Ok(if url.is_empty() {
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
    use crate::finding::{OutcomeKind, Reason};
    use crate::observation::LinkFailureKind;
    use crate::sample::{self, answering, failing, offline, with_visit};

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
    fn a_link_that_was_visited_has_to_work() {
        let url = "https://contoso.example/privacy";
        let visited = |end| with_visit(sample::record(), url, end);
        let outcome = judge(&visited(answering(200))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome.saw.ends_with(
                "(answered 200 at https://contoso.com/at-last on 2026-11-20T09:00:00Z, text/html, 1.1 KiB)"
            ),
            "{}",
            outcome.saw
        );
        let outcome = judge(&visited(answering(404))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        for (open, reason) in [
            (visited(answering(503)), Reason::Infrastructure),
            (
                visited(failing(LinkFailureKind::NoNames)),
                Reason::Infrastructure,
            ),
            (
                visited(failing(LinkFailureKind::Refused)),
                Reason::Configuration,
            ),
            (offline(sample::record()), Reason::Configuration),
        ] {
            assert_eq!(judge(&open).unwrap_err().reason, reason);
        }
    }

    #[test]
    fn no_link_or_a_broken_one_fails() {
        for url in [None, Some(""), Some("on request"), Some("https://")] {
            check(url, OutcomeKind::Unmet);
        }
    }
}
