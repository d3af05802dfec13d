//! IEM-PUB-01: a registered partner publishes an offer of the type IoT Edge module.

use super::attested::{attested, skeleton};
use super::cat_01::{OFFER_TYPE, steps};
use super::remarks::{Remarks, quoted};
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PUB-01",
    slug: "publisher-and-offer-type",
    title: "A registered partner publishes an IoT Edge module",
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
        heading: "Onboarding step details",
    }],
    statement: "The publisher is a registered partner, and the offer's type is IoT Edge module.",
    remedy: "Fill in publisher, offer and plan ids and choose the offer type IoT Edge module.",
    judge: Judge::By(judge),
};

const ID: &str = "IEM-PUB-01";
/// Partner Center takes no longer ids for offers and plans.
const LONGEST: usize = 50;

/// The ids and the type by their form; whether the publisher is a registered partner only Partner Center knows.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let offer = &record.offer;
    let mut remarks = Remarks::default();
    for (pointer, id) in [
        ("/publisherId", &offer.publisher_id),
        ("/offerId", &offer.offer_id),
        ("/planId", &offer.plan_id),
    ] {
        if !is_id(id) {
            remarks.breach(
                format!("{pointer} is {}", quoted(id)),
                format!(
                    "put the id of Partner Center into {pointer}: lower-case letters, digits, `-` and `_`, at most {LONGEST}"
                ),
            );
        }
    }
    if steps(&offer.offer_type) != steps(OFFER_TYPE) {
        remarks.breach(
            format!("/offerType is {}", quoted(&offer.offer_type)),
            format!("make the offer one of type \"{OFFER_TYPE}\""),
        );
    }
    let wanted = format!("ids of Partner Center, type \"{OFFER_TYPE}\", a registered partner");
    if remarks.has_breach() {
        return Ok(remarks.outcome("", wanted));
    }
    let saw = format!(
        "{}.{}.{}, {}; whether the publisher is a registered partner is not to be seen here; {}",
        offer.publisher_id,
        offer.offer_id,
        offer.plan_id,
        quoted(&offer.offer_type),
        attested(record, ID)
    );
    let remedy = format!(
        "let a person look up publisher {} in Partner Center",
        offer.publisher_id
    );
    Ok(Outcome::manual(saw, wanted, remedy).with_paste(skeleton(
        ID,
        "<PUBLISHER> is a registered partner, Partner ID <NUMBER>.",
    )))
}

fn is_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    #[test]
    fn sound_ids_and_type_wait_for_a_person() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        assert!(
            outcome
                .saw
                .starts_with("contoso.air-quality.standard, \"IoT Edge module\"")
        );
    }

    #[test]
    fn an_id_that_partner_center_has_not_given_fails_with_its_pointer() {
        for id in ["", "Contoso", "con toso", &"x".repeat(51)] {
            let mut record = sample::record();
            record.offer.publisher_id = id.to_owned();
            let outcome = judge(&record).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Unmet, "{id}");
            assert!(
                outcome.saw.starts_with("/publisherId is "),
                "{}",
                outcome.saw
            );
        }
    }

    #[test]
    fn another_type_of_offer_fails() {
        let mut record = sample::record();
        record.offer.offer_type = "Azure Container".to_owned();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(outcome.saw, "/offerType is \"Azure Container\"");
    }
}
