//! IEM-UPD-02: a certificate is renewed when the programme's tables or guidelines move.

use crate::certificate::Certificate;
use crate::data::DataFile;
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-UPD-02",
    slug: "recertified-when-the-programme-moves",
    title: "Recertified when the programme moves",
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
    statement: "A change of the Tier 1 table, SDK, runtime or guidelines makes an earlier certification stale.",
    remedy: "Certify again under the current tables; what was observed on devices can be judged again.",
    judge: Judge::By(judge),
};

/// What is said where no certificate was given: nothing can be stale that is not there.
pub(super) const NO_CERTIFICATE: &str =
    "no earlier certificate was given (--certified REPORT), so none is compared";

/// Stale is a concern, never a failure: the earlier verdict was right when it was given.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let now = record.data.files();
    let words: Vec<String> = now.iter().map(DataFile::in_words).collect();
    let wanted = format!(
        "a certificate by catalogue {}, edition and data as now: {}",
        record.run.catalogue,
        words.join(", ")
    );
    let Some(certificate) = &record.certified else {
        return Ok(Outcome::not_applicable(NO_CERTIFICATE, wanted));
    };
    let causes = causes(record, certificate, &now);
    let whose = certificate.in_words();
    if causes.is_empty() {
        let saw = format!("the certificate of {whose} was given by the same catalogue and data");
        return Ok(Outcome::met(saw, wanted));
    }
    Ok(Outcome::concern(
        format!("the certificate of {whose} is stale: {}", causes.join("; ")),
        wanted,
        format!(
            "judge its report again (`edgeproof rejudge`): what was observed is kept; what fails or is open then has to be run again, after another Tier 1 table IEM-PLAT-… on its platforms (run {})",
            certificate.run
        ),
    ))
}

fn causes(record: &Record, certificate: &Certificate, now: &[DataFile]) -> Vec<String> {
    let mut causes = Vec::new();
    let run = &record.run;
    if certificate.edition != run.edition {
        causes.push("it is of another edition of the programme".to_owned());
    }
    if certificate.catalogue != run.catalogue {
        causes.push(format!(
            "catalogue {} judged, now it is {}",
            certificate.catalogue, run.catalogue
        ));
    }
    for file in now {
        match certificate.data.iter().find(|then| then.name == file.name) {
            Some(then) if then.sha256 == file.sha256 => {}
            Some(then) => causes.push(format!(
                "{} judged, now it is {}",
                then.in_words(),
                file.in_words()
            )),
            None => causes.push(format!(
                "its report does not say by which {} it was judged",
                file.name
            )),
        }
    }
    causes
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
        assert!(
            outcome.wanted.contains("tier-1 of 2026-11 (SHA-256 "),
            "{}",
            outcome.wanted
        );
    }

    #[test]
    fn the_same_catalogue_and_data_keep_a_certificate() {
        assert_eq!(judge(&sample::certified()).unwrap().kind, OutcomeKind::Met);
    }

    #[test]
    fn another_table_makes_it_stale_with_both_digests_and_never_fails() {
        let mut record = sample::certified();
        let certificate = record.certified.as_mut().unwrap();
        certificate.data[0].sha256 = "0".repeat(64);
        certificate.data[0].dated = "2025-01".to_owned();
        let finding = REQUIREMENT.finding(&record);
        assert_eq!(finding.verdict, Verdict::Warn);
        assert!(
            finding.saw.contains("stale: tier-1 of 2025-01 (SHA-256 000000000000…) judged, now it is tier-1 of 2026-11"),
            "{}",
            finding.saw
        );
    }

    #[test]
    fn another_catalogue_or_edition_and_data_that_are_not_named_make_it_stale() {
        let mut record = sample::certified();
        record.run.catalogue = "2027-03".to_owned();
        let saw = judge(&record).unwrap().saw;
        assert!(
            saw.contains("catalogue 2026-11 judged, now it is 2027-03"),
            "{saw}"
        );
        let mut record = sample::certified();
        record.certified.as_mut().unwrap().data.clear();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert!(
            outcome.saw.contains("does not say by which tier-1"),
            "{}",
            outcome.saw
        );
    }
}
