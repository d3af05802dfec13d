//! IEM-CONT-02: the module runs on the Moby engine that IoT Edge uses.

use super::cold_starts::Tally;
use super::engine_api;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::Cause;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CONT-02",
    slug: "runs-on-moby",
    title: "Runs on the Moby engine",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Get started",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Be an IoT Edge module",
        },
    ],
    statement: "The engine that IoT Edge uses, Moby, starts the module on this device.",
    remedy: "Build the image for the device's architecture, with a program that the engine can start.",
    judge: Judge::By(judge),
};

/// Started at least once is enough: whether it stays up is IEM-CFG-07's question.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let engine = record.device.engine.get()?;
    engine_api::is_new_enough(engine)?;
    let on = engine_api::in_words(engine);
    let wanted = "started at least once on Moby, API 1.41 or newer";
    let creation = record.observations.creation.get()?;
    let starts = &record.observations.starts;
    let tally = Tally::of(starts);
    if tally.healthy > 0 {
        return Ok(Outcome::met(format!("{} on {on}", tally.count()), wanted));
    }
    if let Some(wrong) = tally
        .failed
        .iter()
        .find(|failed| failed.cause == Cause::WrongArchitecture)
    {
        return Ok(Outcome::unmet(
            format!("on {on} for {}: {}", engine.platform, wrong.account()),
            wanted,
            format!("build the image for {}", engine.platform),
        ));
    }
    if let Some(trouble) = tally
        .failed
        .iter()
        .find(|failed| failed.cause.is_not_the_modules())
    {
        return Err(Unseen::new(Reason::Infrastructure, trouble.account()));
    }
    if starts.iter().any(|start| start.running.is_some()) {
        return Ok(Outcome::met(
            format!("started on {on}, though not healthy (see IEM-CFG-07)"),
            wanted,
        ));
    }
    Err(Unseen::new(
        Reason::InputMissing,
        match (&creation.refused, tally.failed.first()) {
            (Some(error), _) => format!("never started; see IEM-CFG-07: {error}"),
            (None, Some(failed)) => format!("never started; see IEM-CFG-07: {}", failed.account()),
            (None, None) => "no start was seen".to_owned(),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Health, Observed};
    use crate::sample;

    fn failing(cause: Cause) -> Record {
        let mut record = sample::record();
        for start in &mut record.observations.starts {
            start.health = Health::Unhealthy {
                cause,
                detail: "exec format error".to_owned(),
                missing: Vec::new(),
            };
        }
        record
    }

    #[test]
    fn a_healthy_start_passes_with_the_engines_facts() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "3 of 3 starts healthy on Docker Engine 24.0.9, API 1.43, overlay2 on extfs, cgroup 2 by systemd"
        );
    }

    #[test]
    fn an_exec_format_error_fails_and_names_the_platform_to_build() {
        let outcome = judge(&failing(Cause::WrongArchitecture)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(outcome.remedy.unwrap(), "build the image for linux/amd64");
    }

    #[test]
    fn a_module_that_starts_and_then_crashes_runs_on_the_engine() {
        assert_eq!(
            judge(&failing(Cause::Crashed)).unwrap().kind,
            OutcomeKind::Met
        );
    }

    #[test]
    fn engine_trouble_is_not_the_modules() {
        assert_eq!(
            judge(&failing(Cause::Engine)).unwrap_err().reason,
            Reason::Infrastructure
        );
    }

    #[test]
    fn a_module_that_was_never_running_is_inconclusive() {
        let mut record = failing(Cause::BadOption);
        for start in &mut record.observations.starts {
            start.running = None;
        }
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }

    #[test]
    fn an_engine_older_than_the_runtime_needs_is_a_matter_of_configuration() {
        let mut record = sample::record();
        let Observed::Seen(engine) = &mut record.device.engine else {
            panic!("the sample has an engine");
        };
        engine.api_version = "1.40".to_owned();
        let unseen = judge(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::Configuration);
        assert!(
            unseen.because.contains("at least 1.41"),
            "{}",
            unseen.because
        );
    }
}
