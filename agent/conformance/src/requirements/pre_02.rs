//! IEM-PRE-02: a CPU quota really bites on this device.

use super::envelope::cpu_quota_bites;
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PRE-02",
    slug: "cpu-quota-bites",
    title: "A CPU quota bites",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::Edgeproof,
        heading: "Preconditions of the probe",
    }],
    statement: "A container that spins under a CPU quota is throttled to it; no verdict rests on a CPU quota before that.",
    remedy: "Run a kernel with CONFIG_CFS_BANDWIDTH and an engine that may set CPU quotas.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    cpu_quota_bites(record)?;
    let proof = record.observations.limits.cpu.get()?;
    Ok(Outcome::met(
        format!(
            "a spinner allowed {:.2} cores used {:.2} and was throttled in {} of {} periods",
            proof.quota_cores, proof.used_cores, proof.throttled_periods, proof.periods
        ),
        "throttled in most periods, at most a fifth above the quota used",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Reason};
    use crate::observation::Observed;
    use crate::sample;

    #[test]
    fn a_throttled_spinner_proves_the_quota() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "a spinner allowed 0.20 cores used 0.20 and was throttled in 19 of 20 periods"
        );
    }

    #[test]
    fn a_spinner_that_runs_free_leaves_the_quota_unproven() {
        let mut record = sample::record();
        let Observed::Seen(proof) = &mut record.observations.limits.cpu else {
            panic!("the sample has a CPU proof");
        };
        proof.used_cores = 0.9;
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
    }

    #[test]
    fn a_spinner_that_others_starve_shows_nothing() {
        let mut record = sample::record();
        let Observed::Seen(proof) = &mut record.observations.limits.cpu else {
            panic!("the sample has a CPU proof");
        };
        (proof.used_cores, proof.throttled_periods) = (0.17, 2);
        let unseen = judge(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::Unstable);
        assert!(
            unseen.because.contains("quiet device"),
            "{}",
            unseen.because
        );
    }

    #[test]
    fn a_spinner_that_hardly_ran_says_nothing_of_the_kernel() {
        let mut record = sample::record();
        let Observed::Seen(proof) = &mut record.observations.limits.cpu else {
            panic!("the sample has a CPU proof");
        };
        (proof.used_cores, proof.throttled_periods, proof.periods) = (0.01, 0, 0);
        let unseen = judge(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::Unstable);
        assert!(
            unseen.because.contains("no period") && !unseen.because.contains("CONFIG"),
            "{}",
            unseen.because
        );
    }
}
