//! IEM-PRE-07: a container of known footprint is measured true on this device.

use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{GoldenRun, Observed, tolerances};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PRE-07",
    slug: "golden-module-measures-true",
    title: "A module of known footprint measures true",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::Edgeproof,
        heading: "Preconditions of the probe",
    }],
    statement: "A calibrated container with known memory, CPU and storage is measured within its tolerance on this device.",
    remedy: "Take the device out of the farm until the golden module measures true again.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let golden = record.observations.golden.get()?;
    let departures = golden.departures();
    if departures.is_empty() {
        return Ok(Outcome::met(golden.account(), tolerances()));
    }
    Err(Unseen::new(
        Reason::CannotMeasure,
        format!(
            "the golden module does not measure true: {}",
            departures.join("; ")
        ),
    ))
}

/// Which figure of the golden module a verdict rests on.
pub(super) type Figure = fn(&GoldenRun) -> Option<String>;

/// Whether what was measured of this quantity on this device may speak for a module.
///
/// A record in which nothing has looked is an earlier probe's, which had no golden module: it is judged as it was then.
///
/// # Errors
/// The golden module did not measure true, or was not seen.
pub(super) fn measures_true(record: &Record, figure: Figure) -> Result<(), Unseen> {
    if record.observations.golden == Observed::default() {
        return Ok(());
    }
    match figure(record.observations.golden.get()?) {
        None => Ok(()),
        Some(departs) => Err(Unseen::new(
            Reason::CannotMeasure,
            format!(
                "the golden module does not measure true on this device: {departs}; see IEM-PRE-07"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::sample;
    use crate::units::Bytes;

    #[test]
    fn a_golden_module_within_its_tolerance_passes() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome
                .saw
                .starts_with("memory 49 MiB of 48 MiB told, CPU 0.301 of 0.300 cores told"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn a_device_that_measures_wrong_speaks_for_no_module() {
        let mut record = sample::record();
        let Observed::Seen(golden) = &mut record.observations.golden else {
            panic!("the sample has a golden run");
        };
        golden.measured.memory = Observed::Seen(Bytes::mib(30));
        golden.measured.storage = Observed::Seen(Bytes::mib(30));
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
        for entry in [
            super::super::hw_03::REQUIREMENT,
            super::super::hw_05::REQUIREMENT,
            super::super::hw_07::REQUIREMENT,
        ] {
            let finding = entry.finding(&record);
            assert_eq!(finding.verdict, Verdict::Inconclusive, "{}", entry.id);
            assert!(finding.saw.contains("golden"), "{}", finding.saw);
        }
    }

    #[test]
    fn a_report_from_before_the_golden_module_is_judged_as_then() {
        let mut record = sample::record();
        record.observations.golden = Observed::default();
        assert!(measures_true(&record, GoldenRun::memory_departs).is_ok());
        assert!(judge(&record).is_err());
        record.observations.golden = Observed::unseen(Reason::Infrastructure, "engine gone");
        assert!(measures_true(&record, GoldenRun::memory_departs).is_err());
    }
}
