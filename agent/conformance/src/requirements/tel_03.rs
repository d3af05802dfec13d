//! IEM-TEL-03: a module without the SDK leaves no telemetry but download counts.

use super::edge_use;
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TEL-03",
    slug: "no-sdk-leaves-download-counts",
    title: "Without the SDK only downloads are counted",
    force: Forces::always(Force::Info),
    stages: &[Stage::Image, Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Telemetry",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Telemetry",
        },
    ],
    statement: "For a module without the IoT module SDK the marketplace counts downloads alone; there is no identifier to check.",
    remedy: "Build on the IoT module SDK to have running instances counted.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let trace = edge_use::trace(record)?;
    let seen = trace.words;
    let wanted = "what the offer says of the SDK agrees with what the module does";
    Ok(match (record.offer.plan.uses_module_sdk, trace.any) {
        (false, false) => Outcome::not_applicable(
            format!(
                "the offer declares no SDK, and the module made {seen}; only its downloads are counted"
            ),
            wanted,
        ),
        (true, true) => Outcome::not_applicable(
            format!(
                "the offer declares the SDK, and the module made {seen}; IEM-TEL-01 asks for its identifier"
            ),
            wanted,
        ),
        (false, true) => Outcome::manual(
            format!("the offer declares no SDK, yet the module made {seen}"),
            wanted,
            "set plan.usesModuleSdk to true if the module uses the SDK, else say what calls the socket",
        ),
        (true, false) => Outcome::manual(
            format!("the offer declares the SDK, yet the module made {seen}"),
            wanted,
            "set plan.usesModuleSdk to false if the module does not use the SDK, else say when it connects",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Reason};
    use crate::observation::{Observed, WorkloadRequest};
    use crate::sample;
    use crate::units::Millis;

    fn check(uses_module_sdk: bool, calls: usize) -> Outcome {
        let mut record = sample::record();
        record.offer.plan.uses_module_sdk = uses_module_sdk;
        let call = WorkloadRequest {
            at: Millis(5_000),
            method: "GET".to_owned(),
            path: "/trust-bundle?api-version=2018-06-28".to_owned(),
            status: 404,
        };
        record.observations.workload = Observed::Seen(vec![call; calls]);
        judge(&record).unwrap()
    }

    #[test]
    fn no_sdk_and_no_call_does_not_apply() {
        let outcome = check(false, 0);
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
        assert!(outcome.saw.contains("no request"), "{}", outcome.saw);
    }

    #[test]
    fn a_contradiction_waits_for_a_person() {
        let calls = check(false, 2);
        assert_eq!(calls.kind, OutcomeKind::Manual);
        assert!(calls.saw.contains("2 requests"), "{}", calls.saw);
        assert_eq!(check(true, 0).kind, OutcomeKind::Manual);
        assert_eq!(check(true, 1).kind, OutcomeKind::NotApplicable);
    }

    #[test]
    fn what_was_seen_at_edgehub_counts_beside_the_socket() {
        let mut record = sample::sdk_record(|_| {});
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
        assert!(outcome.saw.contains("Python SDK 2.14.0"), "{}", outcome.saw);
        record.offer.plan.uses_module_sdk = false;
        record.observations.workload = Observed::Seen(Vec::new());
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        assert!(
            outcome.saw.contains("logged in at edgeHub 3 times"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn silence_of_a_module_that_never_ran_means_nothing() {
        let mut record = sample::record();
        for start in &mut record.observations.starts {
            start.running = None;
        }
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }
}
