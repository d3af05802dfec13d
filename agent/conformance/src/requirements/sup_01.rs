//! IEM-SUP-01: at least one support option is named.

use super::links::{is_link, is_mail_address};
use super::visited::{Standing, standing};
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-SUP-01",
    slug: "a-support-option-exists",
    title: "A support option exists",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Support requirements (from AMP policy)",
    }],
    statement: "At least one way to get support is named at all times.",
    remedy: "Add a support page or address to the offer listing.",
    judge: Judge::By(judge),
};

/// Presence, and a page that was visited has to be there. Whether somebody answers is a person's question.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let wanted = "a support page or a support address";
    let listing = &record.offer.listing;
    let url = listing.support_url.as_deref().unwrap_or_default().trim();
    let email = listing.support_email.as_deref().unwrap_or_default().trim();
    let good: Vec<&str> = [(url, is_link(url)), (email, is_mail_address(email))]
        .into_iter()
        .filter_map(|(text, good)| good.then_some(text))
        .collect();
    let given = [
        ("/listing/supportUrl", url),
        ("/listing/supportEmail", email),
    ];
    let broken: Vec<String> = given
        .into_iter()
        .filter(|(_, text)| !text.is_empty() && !good.contains(text))
        .map(|(pointer, text)| format!("{pointer} is \"{text}\", which has the form of neither"))
        .collect();
    let mend =
        "put an https:// link into /listing/supportUrl, or an address into /listing/supportEmail";
    Ok(if !good.is_empty() && broken.is_empty() {
        return by_visit(record, url, email, wanted);
    } else if !good.is_empty() {
        Outcome::concern(broken.join("; "), wanted, mend)
    } else if !broken.is_empty() {
        Outcome::unmet(broken.join("; "), wanted, mend)
    } else {
        Outcome::unmet(
            "neither /listing/supportUrl nor /listing/supportEmail is given",
            wanted,
            mend,
        )
    })
}

/// A page and an address of the right form, either of them blank: a page that is gone is a concern beside an address too, one
/// that nobody could visit is left to it.
fn by_visit(record: &Record, url: &str, email: &str, wanted: &str) -> Result<Outcome, Unseen> {
    let saw = |page: String| match email {
        "" => page,
        email if page.is_empty() => format!("{email} (not tried)"),
        email => format!("{page} and {email} (not tried)"),
    };
    if url.is_empty() {
        return Ok(Outcome::met(saw(String::new()), wanted));
    }
    match standing(record, url) {
        Standing::NotVisited(_) if email.is_empty() => {
            Ok(Outcome::met(format!("{url} (not tried)"), wanted))
        }
        Standing::NotVisited(_) => Ok(Outcome::met(saw(url.to_owned()), wanted)),
        Standing::Works(how) => Ok(Outcome::met(saw(format!("{url} ({how})")), wanted)),
        Standing::Dead(how) => Ok(unreachable(url, &how, wanted)),
        Standing::Open(unseen) => Ok(unreachable(url, &unseen.because, wanted)),
        Standing::Untried(unseen) if !email.is_empty() => {
            let page = format!("{url} (open: {})", unseen.because);
            Ok(Outcome::met(saw(page), wanted))
        }
        Standing::Untried(unseen) => Err(Unseen::new(
            unseen.reason,
            format!("/listing/supportUrl is {url}; {}", unseen.because),
        )),
    }
}

fn unreachable(url: &str, how: &str, wanted: &str) -> Outcome {
    Outcome::concern(
        format!("/listing/supportUrl is {url}, and no page was had there: {how}"),
        wanted,
        "have the page answer again, or put a link that works into /listing/supportUrl",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Reason};
    use crate::observation::LinkFailureKind;
    use crate::sample::{self, answering, failing, offline, with_visit};

    fn check(url: Option<&str>, email: Option<&str>, kind: OutcomeKind) {
        let mut record = sample::record();
        record.offer.listing.support_url = url.map(str::to_owned);
        record.offer.listing.support_email = email.map(str::to_owned);
        assert_eq!(judge(&record).unwrap().kind, kind, "{url:?} {email:?}");
    }

    #[test]
    fn one_support_option_is_enough() {
        check(
            Some("https://contoso.example/support"),
            None,
            OutcomeKind::Met,
        );
        check(None, Some("support@contoso.example"), OutcomeKind::Met);
    }

    #[test]
    fn a_page_that_is_gone_or_silent_is_a_concern() {
        let page = "https://contoso.example/support";
        let visited = |end| judge(&with_visit(sample::record(), page, end)).unwrap();
        let outcome = visited(answering(200));
        assert_eq!(outcome.kind, OutcomeKind::Met);
        let saw = outcome.saw;
        assert!(
            saw.ends_with("and support@contoso.example (not tried)"),
            "{saw}"
        );
        for end in [
            answering(404),
            answering(503),
            failing(LinkFailureKind::Slow),
        ] {
            assert_eq!(visited(end).kind, OutcomeKind::Concern);
        }
    }

    #[test]
    fn a_page_that_could_not_be_visited_is_open_unless_there_is_an_address() {
        let page = "https://contoso.example/support";
        for mut record in [
            offline(sample::record()),
            with_visit(sample::record(), page, failing(LinkFailureKind::Refused)),
        ] {
            assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
            record.offer.listing.support_email = None;
            assert_eq!(judge(&record).unwrap_err().reason, Reason::Configuration);
        }
    }

    #[test]
    fn none_or_only_broken_ones_fail() {
        check(None, None, OutcomeKind::Unmet);
        check(Some(" "), Some("ask around"), OutcomeKind::Unmet);
    }

    #[test]
    fn a_broken_option_beside_a_good_one_is_a_concern() {
        check(
            Some("our site"),
            Some("support@contoso.example"),
            OutcomeKind::Concern,
        );
    }
}
