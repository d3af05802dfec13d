//! IEM-CAT-01: the offer is listed as an IoT Edge module.

use super::remarks::{Remarks, quoted};
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CAT-01",
    slug: "listed-under-iot-edge-modules",
    title: "Listed as an IoT Edge module",
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
        heading: "Categorization",
    }],
    statement: "The offer is listed under Internet of Things, IoT Edge modules, with a sensible sub-category.",
    remedy: "Choose the category Internet of Things, IoT Edge modules.",
    judge: Judge::By(judge),
};

pub(super) const OFFER_TYPE: &str = "IoT Edge module";
const CATEGORY: &str = "Internet of Things/IoT Edge modules";

/// Whether the sub-category fits the product is a person's question and not asked here.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let mut remarks = Remarks::default();
    let offer = &record.offer;
    if steps(&offer.offer_type) != steps(OFFER_TYPE) {
        remarks.breach(
            format!("/offerType is {}", quoted(&offer.offer_type)),
            format!("make the offer one of type \"{OFFER_TYPE}\""),
        );
    }
    let mend = format!("choose the category \"{CATEGORY}\"");
    match &offer.category {
        None => remarks.breach("/category is missing", mend),
        Some(category) if !steps(category).starts_with(&steps(CATEGORY)) => {
            remarks.breach(format!("/category is {}", quoted(category)), mend);
        }
        Some(_) => {}
    }
    let category = offer.category.as_deref().unwrap_or_default();
    Ok(remarks.outcome(
        format!("{} under {}", quoted(&offer.offer_type), quoted(category)),
        format!("\"{OFFER_TYPE}\" under \"{CATEGORY}\""),
    ))
}

/// The steps of a category path, whatever their case, joints and plural: portals have written all of them.
pub(super) fn steps(path: &str) -> Vec<String> {
    path.split(['/', '>', '\\'])
        .map(|step| {
            step.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_lowercase()
        })
        .map(|step| {
            step.strip_suffix("modules")
                .map_or(step.clone(), |start| format!("{start}module"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(offer_type: &str, category: Option<&str>, kind: OutcomeKind) -> Outcome {
        let mut record = sample::record();
        record.offer.offer_type = offer_type.to_owned();
        record.offer.category = category.map(str::to_owned);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, kind, "{offer_type} {category:?}");
        outcome
    }

    #[test]
    fn the_right_category_passes_however_it_is_joined() {
        for category in [
            CATEGORY,
            "Internet of things > IoT Edge module",
            "Internet of Things/IoT Edge modules/Analytics",
        ] {
            check("IoT Edge Module", Some(category), OutcomeKind::Met);
        }
    }

    #[test]
    fn a_wrong_or_missing_category_fails() {
        let outcome = check(
            OFFER_TYPE,
            Some("Analytics/IoT Edge modules"),
            OutcomeKind::Unmet,
        );
        assert_eq!(outcome.saw, "/category is \"Analytics/IoT Edge modules\"");
        check(OFFER_TYPE, Some("Internet of Things"), OutcomeKind::Unmet);
        check(OFFER_TYPE, None, OutcomeKind::Unmet);
    }

    #[test]
    fn another_offer_type_fails() {
        let outcome = check("Azure Container", Some(CATEGORY), OutcomeKind::Unmet);
        assert_eq!(outcome.saw, "/offerType is \"Azure Container\"");
    }
}
