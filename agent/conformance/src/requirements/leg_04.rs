//! IEM-LEG-04: a module with parts of others carries a notice that names them.

use super::attested::attested;
use super::links::is_link;
use super::remarks::quoted;
use super::visited;
use crate::finding::{Outcome, Reason, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-LEG-04",
    slug: "third-parties-are-named",
    title: "Third-party parts are named",
    force: Forces::always(Force::Should),
    stages: &[Stage::Offer, Stage::Image, Stage::Person],
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
    statement: "A module that contains parts of others carries a notice that names them.",
    remedy: "Add a notice file to the image, or a link to one in the offer listing.",
    judge: Judge::By(judge),
};

/// The offer's part: a link to a notice is there or not. Without one it takes a look into the image to say whether one is due.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let wanted = "a notice of parts by others, linked under /listing/thirdPartyNoticeUrl or inside the image, where it has such parts";
    let url = record.offer.listing.third_party_notice_url.as_deref();
    let url = url.unwrap_or_default().trim();
    if is_link(url) {
        return visited::rests_on(record, "/listing/thirdPartyNoticeUrl", url, wanted);
    }
    if !url.is_empty() {
        return Ok(Outcome::unmet(
            format!(
                "/listing/thirdPartyNoticeUrl is {}, which is no web link",
                quoted(url)
            ),
            wanted,
            "put an https:// link to the notice there",
        ));
    }
    Err(Unseen::new(
        Reason::InputMissing,
        format!(
            "/listing/thirdPartyNoticeUrl is not given, and nobody looked into the image for parts by others or for a notice; {}",
            attested(record, "IEM-LEG-04")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::sample;

    fn with_link(url: Option<&str>) -> Record {
        let mut record = sample::record();
        record.offer.listing.third_party_notice_url = url.map(str::to_owned);
        record
    }

    #[test]
    fn a_link_to_a_notice_passes() {
        let outcome = judge(&with_link(Some("https://contoso.example/notice"))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
    }

    #[test]
    fn a_link_that_was_visited_and_is_dead_warns_and_offline_it_stays_open() {
        let url = "https://contoso.example/notice";
        let dead = sample::with_visit(with_link(Some(url)), url, sample::answering(404));
        assert_eq!(REQUIREMENT.finding(&dead).verdict, Verdict::Warn);
        let unseen = judge(&sample::offline(with_link(Some(url)))).unwrap_err();
        assert_eq!(unseen.reason, Reason::Configuration);
    }

    #[test]
    fn a_text_that_is_no_link_warns() {
        let finding = REQUIREMENT.finding(&with_link(Some("see our page")));
        assert_eq!(finding.verdict, Verdict::Warn);
        assert!(finding.saw.contains("\"see our page\""));
    }

    #[test]
    fn without_a_link_it_takes_a_look_into_the_image() {
        for url in [None, Some(" ")] {
            let unseen = judge(&with_link(url)).unwrap_err();
            assert_eq!(unseen.reason, Reason::InputMissing);
        }
    }
}
