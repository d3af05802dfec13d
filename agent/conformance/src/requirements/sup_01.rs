//! IEM-SUP-01: at least one support option is named.

use super::links::{is_link, is_mail_address};
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

/// Presence alone: whether somebody answers needs the network or a person.
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
        Outcome::met(format!("{} (not tried)", good.join(" and ")), wanted)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

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
