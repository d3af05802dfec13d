//! IEM-LEG-02: the offer has terms of use.

use super::links::is_link;
use super::visited;
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-LEG-02",
    slug: "terms-of-use-exist",
    title: "Terms of use exist",
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
    statement: "The offer has terms of use, as text or as a link that works.",
    remedy: "Add the terms of use to the offer listing.",
    judge: Judge::By(judge),
};

/// That they are there: what they say is a person's question.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let wanted = "terms of use as text, or a link to them";
    let listing = &record.offer.listing;
    let text = listing
        .terms_of_use
        .as_deref()
        .map_or(0, |text| text.trim().chars().count());
    let url = listing
        .terms_of_use_url
        .as_deref()
        .unwrap_or_default()
        .trim();
    let mend = "put the terms into /listing/termsOfUse, or an https:// link to them into /listing/termsOfUseUrl";
    if text == 0 && is_link(url) {
        return visited::rests_on(record, "/listing/termsOfUseUrl", url, wanted);
    }
    Ok(if text > 0 {
        Outcome::met(format!("/listing/termsOfUse has {text} characters"), wanted)
    } else if url.is_empty() {
        Outcome::unmet(
            "neither /listing/termsOfUse nor /listing/termsOfUseUrl is given",
            wanted,
            mend,
        )
    } else {
        Outcome::unmet(
            format!("/listing/termsOfUseUrl is \"{url}\", which is no web link"),
            wanted,
            mend,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::LinkFailureKind;
    use crate::sample::{self, answering, failing, offline, with_visit};

    fn check(text: Option<&str>, url: Option<&str>, kind: OutcomeKind) {
        let mut record = sample::record();
        record.offer.listing.terms_of_use = text.map(str::to_owned);
        record.offer.listing.terms_of_use_url = url.map(str::to_owned);
        assert_eq!(judge(&record).unwrap().kind, kind, "{text:?} {url:?}");
    }

    #[test]
    fn text_or_link_passes() {
        check(Some("Use it well."), None, OutcomeKind::Met);
        check(
            None,
            Some("https://contoso.example/terms"),
            OutcomeKind::Met,
        );
        check(Some("Use it well."), Some("soon"), OutcomeKind::Met);
    }

    #[test]
    fn a_link_that_was_visited_has_to_work_where_no_text_is_given() {
        let url = "https://contoso.example/terms";
        let visited = |end| with_visit(sample::record(), url, end);
        let kind = |record: &Record| judge(record).unwrap().kind;
        assert_eq!(kind(&visited(answering(200))), OutcomeKind::Met);
        let mut dead = visited(answering(404));
        assert_eq!(kind(&dead), OutcomeKind::Unmet);
        dead.offer.listing.terms_of_use = Some("Use it well.".to_owned());
        assert_eq!(kind(&dead), OutcomeKind::Met);
        for open in [
            visited(failing(LinkFailureKind::Refused)),
            visited(failing(LinkFailureKind::NoNames)),
            offline(sample::record()),
        ] {
            let unseen = judge(&open).unwrap_err();
            assert!(unseen.because.contains(url), "{}", unseen.because);
        }
    }

    #[test]
    fn nothing_blank_text_or_a_broken_link_fails() {
        check(None, None, OutcomeKind::Unmet);
        check(Some(" \n"), Some(""), OutcomeKind::Unmet);
        check(None, Some("see our page"), OutcomeKind::Unmet);
    }
}
