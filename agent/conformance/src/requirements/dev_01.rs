//! IEM-DEV-01: the module works on a device of the catalogue of certified IoT Edge devices.

use serde_json::json;

use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::PlatformRun;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

/// Only in full scope: the catalogue ended in February 2024 (Microsoft Learn, "Azure Certified Device program") and no
/// snapshot of it is shipped, so what devices show is never enough and a person must say. No fleet could ever meet it alone.
pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-DEV-01",
    slug: "works-on-a-certified-device",
    title: "Works on a certified device",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Device],
    scopes: &[ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Device dimensions",
    }],
    statement: "The module works on at least one device of the catalogue of certified IoT Edge devices.",
    remedy: "Run the certification on a device from the catalogue and record its model.",
    judge: Judge::ByFleet(judge),
};

fn judge(record: &Record, runs: &[PlatformRun]) -> Result<Outcome, Unseen> {
    let healthy = || runs.iter().filter(|run| run.is_healthy());
    let boards: Vec<String> = healthy()
        .filter(|run| !run.emulated)
        .map(|run| match &run.board {
            Some(board) => format!("{board} ({})", run.device),
            None => format!("a board without a model name ({})", run.device),
        })
        .collect();
    if boards.is_empty() {
        let why = if healthy().next().is_some() {
            "every healthy run was on an emulated device, and an emulated device is in no catalogue; run it on a board"
        } else {
            "no run was healthy, so no device speaks for the module; see IEM-CFG-07"
        };
        return Err(Unseen::new(Reason::InputMissing, why));
    }
    let attested = match record.offer.attestations.get("IEM-DEV-01") {
        Some(one) => format!("; attested by {} on {}: {}", one.by, one.on, one.statement),
        None => String::new(),
    };
    let statement = format!(
        "Healthy on {}, which the catalogue lists.",
        boards.join(", ")
    );
    Ok(Outcome::manual(
        format!("healthy on {}{attested}", boards.join(", ")),
        "a model of the catalogue of certified devices, which ended in February 2024; no dated copy of it is shipped",
        "compare the model with a dated copy of the catalogue, and attest it in the offer under attestations",
    )
    .with_paste(
        json!({"IEM-DEV-01": {"by": "<NAME>", "on": "<DATE>", "statement": statement}}).to_string(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::offer::Attestation;
    use crate::sample;

    fn pi() -> PlatformRun {
        PlatformRun {
            board: Some("Raspberry Pi 4 Model B Rev 1.4".to_owned()),
            ..sample::platform_run("pi4", "linux/arm64")
        }
    }

    #[test]
    fn a_real_board_waits_for_a_person_with_its_model_and_the_words_to_attest() {
        let outcome = judge(&sample::record(), &[pi()]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        assert_eq!(
            outcome.saw,
            "healthy on Raspberry Pi 4 Model B Rev 1.4 (pi4)"
        );
        assert!(outcome.paste.unwrap().contains("Raspberry Pi 4 Model B"));
    }

    #[test]
    fn an_attestation_is_shown_and_changes_nothing() {
        let mut record = sample::record();
        let words = Attestation {
            by: "Ada".to_owned(),
            on: "2026-11-01".to_owned(),
            statement: "listed".to_owned(),
        };
        record
            .offer
            .attestations
            .insert("IEM-DEV-01".to_owned(), words);
        let outcome = judge(&record, &[pi()]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        assert!(outcome.saw.contains("attested by Ada"), "{}", outcome.saw);
    }

    #[test]
    fn emulated_devices_and_failed_runs_say_nothing() {
        let emulated = PlatformRun {
            emulated: true,
            ..pi()
        };
        let mut failed = pi();
        failed.starts_healthy.verdict = Verdict::Fail;
        for (run, why) in [(emulated, "emulated"), (failed, "no run was healthy")] {
            let unseen = judge(&sample::record(), &[run]).unwrap_err();
            assert_eq!(unseen.reason, Reason::InputMissing);
            assert!(unseen.because.contains(why), "{}", unseen.because);
        }
    }
}
