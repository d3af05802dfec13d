//! IEM-PRE-06: the engine and the cgroup hierarchy are known and recent enough.

use super::engine_api;
use crate::finding::{Outcome, Reason, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PRE-06",
    slug: "engine-is-known",
    title: "Engine and cgroups are known",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::Edgeproof,
        heading: "Preconditions of the probe",
    }],
    statement: "The engine tells name, version, storage driver and cgroup driver, speaks API 1.41 or newer, and it is known which cgroup version serves memory and CPU.",
    remedy: "Update the engine; on a Raspberry Pi switch the memory controller on.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let engine = record.device.engine.get()?;
    engine_api::is_new_enough(engine)?;
    if engine.cgroup_driver.is_empty() || engine.cgroup_version.is_empty() {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!(
                "{} {} does not tell its cgroup driver and version",
                engine.name, engine.version
            ),
        ));
    }
    let cgroup = &record.device.cgroup;
    let (memory, cpu) = (cgroup.memory.get()?, cgroup.cpu.get()?);
    Ok(Outcome::met(
        format!(
            "{}; memory by cgroup version {memory}, CPU by version {cpu}",
            engine_api::in_words(engine)
        ),
        "a named engine with API 1.41 or newer, and controllers for memory and CPU",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::Observed;
    use crate::sample;

    #[test]
    fn a_known_engine_passes() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome
                .saw
                .ends_with("memory by cgroup version 2, CPU by version 2"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn a_device_without_memory_controller_cannot_be_measured() {
        let mut record = sample::record();
        record.device.cgroup.memory =
            Observed::unseen(Reason::CannotMeasure, "the kernel has no memory controller");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
    }
}
