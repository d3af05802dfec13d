//! IEM-UPD-03: a certificate is renewed when the offer, its defaults or its image change.

use super::upd_02::NO_CERTIFICATE;
use crate::certificate::Certificate;
use crate::finding::{Outcome, Unseen};
use crate::inputs::{inputs, rests_on};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-UPD-03",
    slug: "recertified-when-the-offer-changes",
    title: "Recertified when the offer changes",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Recertification process",
    }],
    statement: "A change of the offer, its defaults or its images, such as a new tag, makes an earlier certification stale.",
    remedy: "Certify the changed offer; start with the requirements whose inputs changed.",
    judge: Judge::By(judge),
};

const WANTED: &str = "the offer, its defaults and its image as they were certified";
/// The part of the offer that names the image.
const IMAGE: &str = "plan.image";

/// Stale is a concern, never a failure: the earlier verdict was right for what was certified.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let Some(certificate) = &record.certified else {
        return Ok(Outcome::not_applicable(NO_CERTIFICATE, WANTED));
    };
    let (causes, mends) = changes(record, certificate);
    let whose = certificate.in_words();
    if causes.is_empty() {
        let image = match image_of(record, certificate) {
            Some(_) => "and image ",
            None => "",
        };
        let saw = format!("offer {image}are those of the certificate of {whose}");
        return Ok(Outcome::met(saw, WANTED));
    }
    Ok(Outcome::concern(
        format!("the certificate of {whose} is stale: {}", causes.join("; ")),
        WANTED,
        format!(
            "certify again; what has to be judged anew: {}",
            mends.join("; ")
        ),
    ))
}

fn changes(record: &Record, certificate: &Certificate) -> (Vec<String>, Vec<String>) {
    let (mut causes, mut mends) = (Vec::new(), Vec::new());
    for input in inputs(&record.offer) {
        let then = certificate
            .inputs
            .iter()
            .find(|then| then.name == input.name);
        if then.is_some_and(|then| then.sha256 == input.sha256) {
            continue;
        }
        let start = |text: &str| text.chars().take(12).collect::<String>();
        causes.push(match then {
            Some(then) => format!(
                "{} has changed (SHA-256 {}… then, {}… now)",
                input.name,
                start(&then.sha256),
                start(&input.sha256)
            ),
            None => format!("{} was not certified", input.name),
        });
        mends.push(format!("{}, for {}", rests_on(&input.name), input.name));
    }
    if let Some((then, now)) = image_of(record, certificate)
        && then != now
    {
        causes.push(format!("the image was {then} and is {now}"));
        mends.push(format!("{}, for another image", rests_on(IMAGE)));
    }
    (causes, mends)
}

/// The image then and now, where both are known by the same kind of digest.
fn image_of<'a>(record: &'a Record, certificate: &'a Certificate) -> Option<(&'a str, &'a str)> {
    let then = certificate.image.as_deref()?;
    let candidate = &record.candidate;
    let known = [&candidate.manifest_digest, &candidate.image_id];
    let mut known = known.into_iter().flatten().map(String::as_str);
    let first = known.clone().next()?;
    Some((then, known.find(|now| *now == then).unwrap_or(first)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::sample;

    #[test]
    fn without_a_certificate_none_is_compared() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
    }

    #[test]
    fn the_same_offer_and_image_keep_a_certificate() {
        let mut record = sample::certified();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome.saw.starts_with("offer and image are those"),
            "{}",
            outcome.saw
        );
        record.candidate.image_id = None;
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.saw.starts_with("offer are"), "{}", outcome.saw);
    }

    #[test]
    fn a_changed_part_makes_it_stale_with_what_rests_on_it_and_never_fails() {
        let mut record = sample::certified();
        record.offer.plan.image.tag = "1.0.2".to_owned();
        record.offer.plan.env.insert("A".to_owned(), "b".to_owned());
        let finding = REQUIREMENT.finding(&record);
        assert_eq!(finding.verdict, Verdict::Warn);
        assert!(
            finding.saw.contains("plan.image has changed (SHA-256 "),
            "{}",
            finding.saw
        );
        assert!(
            finding.saw.contains("plan.env has changed"),
            "{}",
            finding.saw
        );
        assert!(!finding.saw.contains("listing"), "{}", finding.saw);
        assert!(finding.remedy.unwrap().contains("IEM-CFG-04"));
    }

    #[test]
    fn another_image_under_the_same_tag_makes_it_stale() {
        let mut record = sample::certified();
        record.candidate.image_id = Some("sha256:other".to_owned());
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert!(
            outcome.saw.contains("and is sha256:other"),
            "{}",
            outcome.saw
        );
    }
}
