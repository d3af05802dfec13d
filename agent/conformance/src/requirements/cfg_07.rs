//! IEM-CFG-07: the module starts with exactly its offer's defaults.

use super::cold_starts::{self, Failed, Tally};
use super::edge_health;
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
        (Some(first), _) if tally.healthy == 0 => Ok(never_healthy(record, &tally, first, wanted)),
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

/// A module that waits for edgeHub, or gives up without it, is told what kept it from there: that is what has to be mended.
fn never_healthy(
    record: &Record,
    tally: &Tally<'_>,
    first: &Failed<'_>,
    wanted: String,
) -> Outcome {
    let saw = format!("{}; {}", tally.count(), first.account());
    let hangs_on_it = matches!(
        first.cause,
        Cause::Crashed | Cause::EndedByItself | Cause::NotReady | Cause::Unhealthy
    );
    match edge_health::trouble(record).filter(|_| hangs_on_it) {
        Some(trouble) => {
            let saw = format!("{saw}; {}", edge_health::account(&trouble));
            Outcome::unmet(saw, wanted, trouble.mend)
        }
        None => Outcome::unmet(saw, wanted, mend(first.cause)),
    }
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
        Cause::Unreachable => "let the module start without what it cannot reach, and say so",
        Cause::EndangersDevice => {
            "bound what the module writes and starts; PidsLimit and a log driver with max-size keep it within bounds on every device"
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
    } else if let Some(trouble) = edge_health::trouble(record) {
        let saw = format!("{saw}; {}", edge_health::account(&trouble));
        Outcome::concern(saw, wanted, trouble.mend)
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
mod tests;
