//! IEM-SDK-01: the SDK is optional; what is declared and what was seen of it is recorded.

use super::edge_use;
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-SDK-01",
    slug: "sdk-use-is-recorded",
    title: "Use of the SDK is recorded",
    force: Forces::always(Force::Info),
    stages: &[Stage::Image, Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Module IoT SDK",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Module IoT SDK",
        },
    ],
    statement: "The IoT module SDK is optional; whether the module uses it is recorded.",
    remedy: "Nothing to do; with the SDK a module can use routes, its twin and messages, and its instances are counted.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let trace = edge_use::trace(record)?;
    let seen = trace.words;
    let wanted = "a record of what is declared and seen; the SDK is optional";
    Ok(if record.offer.plan.uses_module_sdk {
        Outcome::met(
            format!("the offer declares the SDK; the module made {seen}"),
            wanted,
        )
    } else if !trace.any {
        Outcome::not_applicable(
            format!("the offer declares no SDK; the module made {seen}"),
            wanted,
        )
    } else {
        Outcome::met(
            format!("the offer declares no SDK, yet the module made {seen} (see IEM-TEL-03)"),
            wanted,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    #[test]
    fn what_is_declared_and_seen_is_recorded() {
        let mut record = sample::record();
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
        record.offer.plan.uses_module_sdk = true;
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "the offer declares the SDK; the module made no request on its workload socket"
        );
    }

    #[test]
    fn the_sdk_that_connected_is_recorded_with_its_version() {
        let outcome = judge(&sample::sdk_record(|_| {})).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome
                .saw
                .ends_with("logged in at edgeHub 3 times over MQTT (Python SDK 2.14.0)"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn a_socket_nobody_listened_on_is_unseen() {
        let mut record = sample::record();
        record.observations.workload = crate::observation::Observed::default();
        assert!(judge(&record).is_err());
    }
}
