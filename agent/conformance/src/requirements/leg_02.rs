//! IEM-LEG-02: the offer has terms of use.

use super::links::is_link;
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

/// Presence alone: the content is a person's question, and whether the link works needs the network.
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
    Ok(if text > 0 {
        Outcome::met(format!("/listing/termsOfUse has {text} characters"), wanted)
    } else if is_link(url) {
        Outcome::met(
            format!("/listing/termsOfUseUrl is {url} (not visited)"),
            wanted,
        )
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
    use crate::sample;

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
    fn nothing_blank_text_or_a_broken_link_fails() {
        check(None, None, OutcomeKind::Unmet);
        check(Some(" \n"), Some(""), OutcomeKind::Unmet);
        check(None, Some("see our page"), OutcomeKind::Unmet);
    }
}
