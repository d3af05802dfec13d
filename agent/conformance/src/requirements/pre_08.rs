//! IEM-PRE-08: what the probe itself costs the device is known and small.

use crate::finding::{Outcome, Reason, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PRE-08",
    slug: "probe-cost-is-known",
    title: "The cost of the probe is known",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::Edgeproof,
        heading: "Preconditions of the probe",
    }],
    statement: "The probe measures what it costs the device itself: at most 30 MiB of memory and 3 % of one core, with half a CPU second for its own set-up.",
    remedy: "Lower the number of neighbours on the device or use a faster one; a probe over its budget distorts what it measures.",
    judge: Judge::By(judge),
};

use crate::units::Bytes;

/// The memory that the probe may take.
const MEMORY: Bytes = Bytes::mib(30);

/// The share of one core that the probe may use.
const CORES: f64 = 0.03;

/// CPU seconds that reading the offer, the TLS handshake and the judging may take once, however short the run.
const SET_UP: f64 = 0.5;

/// Also what the claims of RAM and of the envelope rest on: a probe over its budget may have distorted them.
pub(super) fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let cost = record.observations.probe.get()?;
    let (memory, by) = match cost.memory_peak.seen() {
        Some(peak) => (*peak, "by its control group"),
        None => (cost.resident_peak, "resident by its own status"),
    };
    let share = cost.cores_mean * 100.0;
    let saw = format!(
        "probe.memory.peak {memory} {by}, probe.cpu {share:.2} % of a core over {}",
        cost.window
    );
    let allowed = CORES + SET_UP / cost.window.as_secs_f64();
    // An emulated processor is slower by a factor that nobody knows for the probe's own work.
    let quick = record.device.emulated || (0.0..=allowed).contains(&cost.cores_mean);
    let small = memory > Bytes(0) && memory <= MEMORY;
    if small && quick && cost.window.0 > 0 {
        let wanted = if record.device.emulated {
            format!("at most {MEMORY}; the CPU of an emulated device says nothing")
        } else {
            format!("at most {MEMORY} and {:.0} % of a core", CORES * 100.0)
        };
        return Ok(Outcome::met(saw, wanted));
    }
    Err(Unseen::new(
        Reason::CannotMeasure,
        format!(
            "{saw}; at most {MEMORY} and {:.0} % of a core were wanted, so the probe may have distorted what it measured",
            CORES * 100.0
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::{Observed, ProbeCost};
    use crate::sample;
    use crate::units::Millis;

    fn costing(cores_mean: f64, memory: Bytes) -> Record {
        let mut record = sample::record();
        record.observations.probe = Observed::Seen(ProbeCost {
            window: Millis(60_000),
            cores_mean,
            memory_peak: Observed::Seen(memory),
            resident_peak: Bytes::mib(7),
        });
        record
    }

    #[test]
    fn a_probe_over_its_budget_leaves_the_claim_undecided() {
        let costly = costing(0.5, Bytes::mib(9));
        let small = costing(0.004, Bytes::mib(9));
        for entry in [
            super::super::hw_03::REQUIREMENT,
            super::super::hw_07::REQUIREMENT,
        ] {
            assert_eq!(entry.finding(&small).verdict, Verdict::Pass);
            assert_eq!(entry.finding(&costly).verdict, Verdict::Inconclusive);
        }
    }

    #[test]
    fn a_small_probe_passes() {
        let outcome = judge(&costing(0.004, Bytes::mib(9))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "probe.memory.peak 9 MiB by its control group, probe.cpu 0.40 % of a core over 60.0 s"
        );
    }

    #[test]
    fn on_an_emulated_device_only_memory_counts() {
        let mut record = costing(0.5, Bytes::mib(9));
        record.device.emulated = true;
        let outcome = judge(&record).unwrap();
        assert!(outcome.wanted.contains("emulated"), "{}", outcome.wanted);
        let mut record = costing(0.5, Bytes::mib(31));
        record.device.emulated = true;
        assert!(judge(&record).is_err());
    }

    #[test]
    fn a_probe_over_its_budget_or_of_no_known_cost_distorts() {
        for (cores, memory) in [
            (0.05, Bytes::mib(9)),
            (0.01, Bytes::mib(31)),
            (f64::NAN, Bytes::mib(9)),
            (0.01, Bytes(0)),
        ] {
            let unseen = judge(&costing(cores, memory)).unwrap_err();
            assert_eq!(unseen.reason, Reason::CannotMeasure, "{cores} {memory}");
        }
    }
}
