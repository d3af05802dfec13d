//! How the module held out under the platform's own restart rule, and what it left behind, in words for IEM-CFG-07.

use super::cold_starts::{Tally, served_by_the_edge_runtime};
use crate::finding::{Outcome, Unseen};
use crate::observation::{Kept, KeptEnd, Observed};
use crate::record::Record;
use crate::repeats;

/// What the steady window says against the module, if the profile played the platform's rule and every start before was healthy.
///
/// IoT Edge shows a module as `backoff` or `failed` where it waits for its restart or used them up: that is not up. One that
/// was restarted and is healthy at the end is up, with a warning.
///
/// # Errors
/// The rule was to be played and was not seen, or the module had no edge runtime to lean on.
pub(super) fn judge(record: &Record, wanted: &str) -> Result<Option<Outcome>, Unseen> {
    if record.run.profile.care.is_none() {
        return Ok(None);
    }
    let starts = &record.observations.starts;
    let before_the_last = &starts[..starts.len().saturating_sub(1)];
    let Observed::Seen(kept) = &record.observations.kept else {
        // A last start that never became healthy has no steady window: the starts say all.
        return if Tally::of(starts).failed.is_empty() {
            record.observations.kept.get().map(|_| None)
        } else {
            Ok(None)
        };
    };
    if !Tally::of(before_the_last).failed.is_empty() {
        return Ok(None);
    }
    let remedy = "mend what ends it: IoT Edge restarts it up to 20 times, waits from 10 s to 5 minutes in between, and then shows it as failed";
    if let Some(end) = not_up(kept) {
        served_by_the_edge_runtime(record)?;
        let saw = format!(
            "{} of the steady window: {end}{}",
            kept.window,
            restarts(kept)
        );
        return Ok(Some(Outcome::unmet(saw, wanted, remedy)));
    }
    Ok((!kept.restarts.is_empty()).then(|| {
        let saw = format!(
            "healthy at the end of {} under IoT Edge's restart rule{}",
            kept.window,
            restarts(kept)
        );
        Outcome::concern(saw, wanted, remedy)
    }))
}

/// Why it is not up at the end, if it is not.
fn not_up(kept: &Kept) -> Option<String> {
    match &kept.end {
        KeptEnd::Healthy => None,
        KeptEnd::Unhealthy { missing } => Some(format!("it no longer had {}", missing.join(", "))),
        KeptEnd::BackingOff { exit, wait } => Some(format!(
            "it had ended with exit code {} after {} of life and was waiting {wait} for its next start (IoT Edge: backoff)",
            exit.code, exit.at
        )),
        KeptEnd::GivenUp { exit } => Some(format!(
            "it ended with exit code {} and had used up its restarts (IoT Edge: failed)",
            exit.code
        )),
        KeptEnd::Refused { error } => Some(format!("the engine refused to restart it: {error}")),
    }
}

fn restarts(kept: &Kept) -> String {
    let Some(first) = kept.restarts.first() else {
        return String::new();
    };
    let times = match kept.restarts.len() {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let memory = if first.exit.oom_killed {
        ", killed for memory"
    } else {
        ""
    };
    format!(
        "; restarted {times}, first after {} of life with exit code {}{memory}",
        first.exit.at, first.exit.code
    )
}

/// A warning about zombies, if any were there at the end of the steady window.
pub(super) fn zombies(record: &Record) -> Option<String> {
    let zombies = record.observations.zombies.seen().filter(|n| **n > 0)?;
    let processes = if *zombies == 1 {
        "process that has"
    } else {
        "processes that have"
    };
    Some(format!(
        "{zombies} {processes} ended and that nobody waited for (zombies) at the end of the steady window"
    ))
}

/// Whether the next start may well miss the start budget that all so far kept.
pub(super) fn may_be_late(record: &Record) -> Option<String> {
    record.run.profile.most_starts?;
    let times = repeats::times(&record.observations.starts);
    let budget = record.run.profile.start_budget;
    if !repeats::crosses(&times, budget.as_secs_f64()) {
        return None;
    }
    let next = crate::statistics::next_start(&times)?;
    Some(format!(
        "the next start is expected healthy within {:.1} s ({}), beyond the {budget} allowed",
        next.high, next.method
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Cause, Exit, Health, Restart};
    use crate::record::Profile;
    use crate::sample;
    use crate::units::Millis;

    fn exit() -> Exit {
        Exit {
            at: Millis(8_000),
            code: 4,
            oom_killed: false,
        }
    }

    fn kept(restarts: usize, end: KeptEnd) -> Record {
        let mut record = sample::record();
        record.run.profile = Profile::standard();
        let restart = Restart {
            exit: exit(),
            waited: Millis(10_000),
            healthy: Some(Millis(300)),
        };
        if end != KeptEnd::Healthy {
            record.observations.starts[2].health = Health::Unhealthy {
                cause: Cause::Crashed,
                detail: "ended".to_owned(),
                missing: vec!["running".to_owned()],
            };
        }
        record.observations.kept = Observed::Seen(Kept {
            window: Millis(600_000),
            restarts: vec![restart; restarts],
            end,
        });
        record
    }

    fn kind(record: &Record) -> Option<OutcomeKind> {
        judge(record, "up").unwrap().map(|outcome| outcome.kind)
    }

    #[test]
    fn ten_minutes_without_an_exit_are_up() {
        assert_eq!(kind(&kept(0, KeptEnd::Healthy)), None);
    }

    #[test]
    fn restarts_that_end_healthy_warn_and_the_others_fail() {
        assert_eq!(kind(&kept(2, KeptEnd::Healthy)), Some(OutcomeKind::Concern));
        let wait = Millis(40_000);
        for end in [
            KeptEnd::BackingOff { exit: exit(), wait },
            KeptEnd::GivenUp { exit: exit() },
            KeptEnd::Unhealthy {
                missing: vec!["8080/tcp listening".to_owned()],
            },
            KeptEnd::Refused {
                error: "no".to_owned(),
            },
        ] {
            assert_eq!(
                kind(&kept(2, end.clone())),
                Some(OutcomeKind::Unmet),
                "{end:?}"
            );
        }
        let backing_off = kept(2, KeptEnd::BackingOff { exit: exit(), wait });
        assert_eq!(
            judge(&backing_off, "up").unwrap().unwrap().saw,
            "600.0 s of the steady window: it had ended with exit code 4 after 8.0 s of life and was waiting 40.0 s for its next start (IoT Edge: backoff); restarted 2 times, first after 8.0 s of life with exit code 4"
        );
    }

    #[test]
    fn a_rule_that_was_not_played_is_no_pass() {
        let mut record = kept(0, KeptEnd::Healthy);
        record.observations.kept = Observed::default();
        assert!(judge(&record, "up").is_err());
        record.run.profile = Profile::quick();
        assert_eq!(judge(&record, "up"), Ok(None));
    }

    #[test]
    fn starts_that_failed_before_are_not_hidden_by_the_window() {
        let mut record = kept(0, KeptEnd::GivenUp { exit: exit() });
        record.observations.starts[0].oom_kills = 1;
        assert_eq!(kind(&record), None);
    }

    #[test]
    fn zombies_and_a_late_next_start_are_told() {
        let mut record = sample::record();
        assert_eq!(zombies(&record), None);
        record.observations.zombies = Observed::Seen(3);
        assert!(
            zombies(&record)
                .unwrap()
                .starts_with("3 processes that have ended")
        );
        assert_eq!(may_be_late(&record), None);
        for (start, after) in record
            .observations
            .starts
            .iter_mut()
            .zip([70_000, 80_000, 89_000])
        {
            start.health = Health::Healthy {
                after: Millis(after),
                stayed: Millis(10_000),
                by: Vec::new(),
            };
        }
        assert!(
            may_be_late(&record)
                .unwrap()
                .contains("beyond the 90.0 s allowed")
        );
        record.run.profile.most_starts = None;
        assert_eq!(may_be_late(&record), None);
    }
}
