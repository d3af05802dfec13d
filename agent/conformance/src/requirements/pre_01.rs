//! IEM-PRE-01: a memory limit really bites on this device.

use super::envelope::memory_limit_bites;
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PRE-01",
    slug: "memory-limit-bites",
    title: "A memory limit bites",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::Edgeproof,
        heading: "Preconditions of the probe",
    }],
    statement: "A container that takes more memory than its limit is killed; no verdict rests on a memory limit before that.",
    remedy: "On a Raspberry Pi add `cgroup_enable=memory cgroup_memory=1` to the kernel command line and restart.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    memory_limit_bites(record)?;
    let proof = record.observations.limits.memory.get()?;
    let held = match proof.held {
        Some(held) => format!(" after it held {held}"),
        None => String::new(),
    };
    Ok(Outcome::met(
        format!(
            "a container limited to {} that tried to take {} was killed{held}, exit code {}",
            proof.limit, proof.tried, proof.exit_code
        ),
        "killed for memory, exit code 137",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Reason};
    use crate::observation::Observed;
    use crate::sample;

    #[test]
    fn a_victim_that_is_killed_proves_the_limit() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "a container limited to 16 MiB that tried to take 64 MiB was killed after it held 14 MiB, exit code 137"
        );
    }

    #[test]
    fn a_victim_that_lives_leaves_the_limit_unproven() {
        let mut record = sample::record();
        let Observed::Seen(proof) = &mut record.observations.limits.memory else {
            panic!("the sample has a memory proof");
        };
        (proof.oom_killed, proof.exit_code) = (false, 0);
        let unseen = judge(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::CannotMeasure);
        assert!(
            unseen
                .because
                .contains("limited to 16 MiB that takes 64 MiB ended with exit code 0"),
            "{}",
            unseen.because
        );
    }
}
