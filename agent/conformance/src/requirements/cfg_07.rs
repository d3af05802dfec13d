//! IEM-CFG-07: the module starts with exactly its offer's defaults.

use super::cold_starts::{self, Failed, Tally};
use super::stays_up;
use crate::finding::{Outcome, Reason, Unseen};
use crate::health::{Failure, diagnose};
use crate::observation::{Cause, Creation, Health, Start, Stop};
use crate::record::{Deviation, DeviationKind, Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::units::Millis;

/// How long a module gets from SIGTERM until it is killed.
///
/// Source: Docker Engine API, `ContainerStop`: ten seconds unless the container says otherwise.
const GRACE: Millis = Millis(10_000);

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CFG-07",
    slug: "starts-with-its-defaults",
    title: "Starts with exactly its defaults",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Default configuration",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Default settings",
        },
    ],
    statement: "With nothing but the defaults of the plan's technical configuration the module comes up in time, stays up, and stops when asked to.",
    remedy: "Change the default that keeps the module from starting, or make the module cope with it.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let wanted = format!(
        "{} of {} cold starts with exactly the defaults healthy within {}, and an exit within {GRACE} of SIGTERM",
        record.run.profile.starts, record.run.profile.starts, record.run.profile.start_budget
    );
    let creation = record.observations.creation.get()?;
    if let Some(outcome) = changed_default(record, &wanted).or_else(|| refused(creation, &wanted)) {
        return Ok(outcome);
    }
    if let Some(outcome) = stays_up::judge(record, &wanted)? {
        return Ok(outcome);
    }
    let starts = &record.observations.starts;
    let tally = Tally::of(starts);
    let (trouble, own): (Vec<&Failed<'_>>, Vec<&Failed<'_>>) = tally
        .failed
        .iter()
        .partition(|failed| failed.cause.is_not_the_modules());
    if !own.is_empty() {
        cold_starts::served_by_the_edge_runtime(record)?;
        cold_starts::timing_counts(record, &tally)?;
    }
    match (own.first(), trouble.first()) {
        (Some(first), _) if tally.healthy == 0 => Ok(never_healthy(&tally, first, wanted)),
        (Some(_), _) => Err(Unseen::new(Reason::Unstable, tally.account())),
        (None, Some(trouble)) => Err(Unseen::new(
            Reason::Infrastructure,
            format!("{}; {}", tally.count(), trouble.account()),
        )),
        (None, None) => {
            cold_starts::speak_for_the_module(record)?;
            Ok(healthy(record, record.observations.stop.get()?, wanted))
        }
    }
}

/// An overlay or another departure from what a customer's device would get.
fn changed_default(record: &Record, wanted: &str) -> Option<Outcome> {
    let changed: Vec<&Deviation> = record
        .deviations
        .iter()
        .filter(|deviation| counts_against_the_offer(deviation.kind))
        .collect();
    let first = changed.first()?;
    let names: Vec<&str> = changed
        .iter()
        .map(|deviation| deviation.what.as_str())
        .collect();
    Some(Outcome::unmet(
        format!(
            "it was started with a changed {}: {}",
            names.join(", "),
            first.reason
        ),
        wanted,
        format!("give {} a default that works as it is", first.what),
    ))
}

const fn counts_against_the_offer(kind: DeviationKind) -> bool {
    match kind {
        DeviationKind::Tag
        | DeviationKind::CreateOptions
        | DeviationKind::Environment
        | DeviationKind::Twin
        | DeviationKind::Routes => true,
        DeviationKind::Image
        | DeviationKind::Envelope
        | DeviationKind::StandIn
        | DeviationKind::Harness => false,
    }
}

fn refused(creation: &Creation, wanted: &str) -> Option<Outcome> {
    let error = creation.refused.as_ref()?;
    let failure = Failure {
        engine_error: Some(error),
        ..Failure::default()
    };
    // A refusal without a known cause is an answer to the options all the same.
    let mut cause = diagnose(&failure).0;
    if cause == Cause::Engine {
        cause = Cause::BadOption;
    }
    Some(Outcome::unmet(
        format!(
            "the engine refused to create the container ({}): {error}",
            cold_starts::cause_in_words(cause)
        ),
        wanted,
        mend(cause),
    ))
}

fn never_healthy(tally: &Tally<'_>, first: &Failed<'_>, wanted: String) -> Outcome {
    Outcome::unmet(
        format!("{}; {}", tally.count(), first.account()),
        wanted,
        mend(first.cause),
    )
}

/// The next step for each cause.
const fn mend(cause: Cause) -> &'static str {
    match cause {
        Cause::WrongArchitecture => {
            "build the image for the device's architecture and push it under the same tag"
        }
        Cause::MissingDeviceOrBind => {
            "do not ask for a device, runtime or host path that customers need not have"
        }
        Cause::OutOfMemory => {
            "make the module need less memory, or lift the limit in its create options"
        }
        Cause::OutOfStorage => {
            "make the module write less, or free what fills the device's disk; df and docker system df tell"
        }
        Cause::PortInUse => "free the host port on the device, or publish another one",
        Cause::BadOption => "correct the create option that the engine names",
        Cause::UnresolvedPlaceholder => {
            "let the module wait and say which value is missing, or give it a default that works"
        }
        Cause::MissingFileOrPermission => {
            "put the file into the image and let the module's user read and run it"
        }
        Cause::Crashed => {
            "mend what the last lines name; with its defaults the module must not exit"
        }
        Cause::EndedByItself => {
            "keep the main process running: IoT Edge starts a module that ends again and again"
        }
        Cause::Unhealthy => {
            "mend what the check reports, or give it a StartPeriod and Retries that fit the module's start"
        }
        Cause::NotReady => {
            "make what is missing ready sooner, or do not declare it; --start-budget lengthens the wait but certifies nothing"
        }
        Cause::Engine => "mend the engine and run again",
    }
}

fn healthy(record: &Record, stop: &Stop, wanted: String) -> Outcome {
    let starts = &record.observations.starts;
    let saw = format!(
        "{} of {} starts healthy, the slowest after {}; gone {} after SIGTERM with exit code {}",
        starts.len(),
        starts.len(),
        slowest(starts),
        stop.duration,
        stop.code
    );
    let exits: usize = starts.iter().map(|start| start.exits.len()).sum();
    if stop.killed || stop.duration > GRACE {
        Outcome::concern(
            format!(
                "{saw}; stop.duration {}{}",
                stop.duration,
                if stop.killed {
                    ", killed by the engine"
                } else {
                    ""
                }
            ),
            wanted,
            "handle SIGTERM: finish within 10 s, or the engine kills the module and what it had not written is lost",
        )
    } else if exits > 0 {
        Outcome::concern(
            format!("{saw}; it exited {exits} times before it was healthy"),
            wanted,
            "wait for what is missing instead of exiting",
        )
    } else if let Some(zombies) = stays_up::zombies(record) {
        Outcome::concern(
            format!("{saw}; {zombies}"),
            wanted,
            "wait for every child process (waitpid), or let the engine's own init do it: \"HostConfig\": {\"Init\": true}; their number only grows until no process can be started",
        )
    } else if let Some(late) = stays_up::may_be_late(record) {
        Outcome::marginal(format!("{saw}; {late}"), wanted)
    } else {
        Outcome::met(saw, wanted)
    }
}

fn slowest(starts: &[Start]) -> Millis {
    starts
        .iter()
        .filter_map(|start| match &start.health {
            Health::Healthy { after, .. } => Some(*after),
            Health::Unhealthy { .. } => None,
        })
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::{Exit, Observed};
    use crate::sample;
    use serde_json::json;

    fn fail(starts: &mut [Start], cause: Cause) {
        for start in starts {
            start.last_lines = vec!["cannot open /data/model".to_owned()];
            start.health = Health::Unhealthy {
                cause,
                detail: "exited with code 3 (its own error) after 200 ms".to_owned(),
                missing: vec!["8080/tcp listening".to_owned()],
            };
        }
    }

    fn stopping(stop: Stop) -> Record {
        let mut record = sample::record();
        record.observations.stop = Observed::Seen(stop);
        record
    }

    #[test]
    fn healthy_starts_with_the_defaults_pass() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "3 of 3 starts healthy, the slowest after 300 ms; gone 120 ms after SIGTERM with exit code 0"
        );
    }

    #[test]
    fn a_module_that_never_comes_up_fails_with_cause_missing_and_last_lines() {
        let mut record = sample::record();
        fail(&mut record.observations.starts, Cause::Crashed);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "0 of 3 starts healthy; start 1 failed (crash): exited with code 3 (its own error) after 200 ms; missing: 8080/tcp listening; last lines: cannot open /data/model"
        );
    }

    #[test]
    fn a_module_that_comes_up_sometimes_is_unstable() {
        let mut record = sample::record();
        fail(&mut record.observations.starts[1..], Cause::NotReady);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Unstable);
    }

    #[test]
    fn engine_trouble_is_not_the_modules() {
        for cause in [Cause::Engine, Cause::PortInUse] {
            let mut record = sample::record();
            fail(&mut record.observations.starts[..1], cause);
            assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
        }
    }

    #[test]
    fn a_refusal_by_the_allow_list_is_a_matter_of_configuration() {
        let mut record = sample::record();
        record.observations.starts.clear();
        record.observations.creation = Observed::unseen(
            Reason::Configuration,
            "HostConfig.Binds needs --allow-elevated",
        );
        let finding = REQUIREMENT.finding(&record);
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert_eq!(finding.reason, Some(Reason::Configuration));
        assert_eq!(finding.saw, "HostConfig.Binds needs --allow-elevated");
    }

    #[test]
    fn a_creation_that_the_engine_refuses_fails() {
        let mut record = sample::record();
        let Observed::Seen(creation) = &mut record.observations.creation else {
            panic!("the sample was created");
        };
        creation.refused = Some("invalid port specification".to_owned());
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn a_changed_default_fails_and_limits_of_the_envelope_do_not() {
        let mut record = sample::record();
        record.deviations[1].kind = DeviationKind::Environment;
        record.deviations[1].what = "env ServerIPAddress".to_owned();
        record.deviations[1].used = json!("(overlay)");
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.contains("env ServerIPAddress"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn a_module_that_ignores_sigterm_warns_with_the_time_it_took() {
        let finding = REQUIREMENT.finding(&stopping(Stop {
            duration: Millis(10_050),
            code: 137,
            killed: true,
            grace: GRACE,
        }));
        assert_eq!(finding.verdict, Verdict::Warn);
        assert!(
            finding.saw.contains("stop.duration 10.1 s"),
            "{}",
            finding.saw
        );
    }

    #[test]
    fn a_stop_that_was_not_seen_is_no_pass() {
        let mut record = sample::record();
        record.observations.stop = Observed::default();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }

    #[test]
    fn exits_before_health_warn() {
        let mut record = sample::record();
        record.observations.starts[0].exits = vec![Exit {
            at: Millis(100),
            code: 1,
            oom_killed: false,
        }];
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Concern);
    }

    #[test]
    fn an_sdk_module_is_blamed_only_where_its_runtime_was_there() {
        let mut record = sample::sdk_record(|_| {});
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
        fail(&mut record.observations.starts, Cause::NotReady);
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
        record.observations.edge = Observed::unseen(Reason::Tool, "no edgeHub");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Tool);
        record.observations.starts = sample::record().observations.starts;
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Tool);
    }

    #[test]
    fn being_late_on_an_emulated_device_says_nothing() {
        let mut record = sample::record();
        record.device.emulated = true;
        fail(&mut record.observations.starts, Cause::NotReady);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
        fail(&mut record.observations.starts, Cause::Crashed);
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn fewer_starts_than_asked_are_no_pass() {
        let mut record = sample::record();
        record.observations.starts.truncate(2);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
    }
}
