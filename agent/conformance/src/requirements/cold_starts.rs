//! How a series of cold starts came out, and whether what was measured in it speaks for the module.

use super::{edge_use, pre_05};
use crate::finding::{Reason, Unseen};
use crate::health::no_room_in;
use crate::observation::{Cause, Health, Start};
use crate::record::Record;

/// How many lines of its output a finding shows of a start that failed.
const SHOWN_LINES: usize = 3;

/// A series of starts, told apart by how they came out.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    /// How many came up, stayed up and lost no process to memory.
    pub(super) healthy: usize,
    /// The others, in order.
    pub(super) failed: Vec<Failed<'a>>,
}

/// A start that did not come up, or not whole.
#[derive(Debug)]
pub(super) struct Failed<'a> {
    /// Its number, from 1.
    pub(super) number: usize,
    /// The one cause.
    pub(super) cause: Cause,
    /// In words.
    pub(super) detail: String,
    /// Everything else seen of it.
    pub(super) start: &'a Start,
}

impl Tally<'_> {
    /// Tells the starts apart.
    pub(super) fn of(starts: &[Start]) -> Tally<'_> {
        let failed: Vec<Failed<'_>> = starts
            .iter()
            .enumerate()
            .filter_map(|(index, start)| Failed::of(index + 1, start))
            .collect();
        Tally {
            healthy: starts.len() - failed.len(),
            failed,
        }
    }

    /// `2 of 3 starts healthy`.
    pub(super) fn count(&self) -> String {
        let all = self.healthy + self.failed.len();
        format!("{} of {all} starts healthy", self.healthy)
    }

    /// Whether any failed start lost a process to memory.
    pub(super) fn killed_for_memory(&self) -> bool {
        self.failed
            .iter()
            .any(|failed| failed.cause == Cause::OutOfMemory || failed.start.oom_kills > 0)
    }

    /// The count, and the first failure with its cause and what was missing.
    pub(super) fn account(&self) -> String {
        match self.failed.first() {
            None => self.count(),
            Some(first) => format!("{}; {}", self.count(), first.account()),
        }
    }
}

impl<'a> Failed<'a> {
    fn of(number: usize, start: &'a Start) -> Option<Failed<'a>> {
        let (cause, detail) = match &start.health {
            Health::Healthy { .. } if start.oom_kills == 0 => return None,
            Health::Healthy { .. } => (
                Cause::OutOfMemory,
                format!("{} killed for memory", processes(start.oom_kills)),
            ),
            Health::Unhealthy { cause, detail, .. } => (*cause, detail.clone()),
        };
        Some(Failed {
            number,
            cause,
            detail,
            start,
        })
    }

    /// `start 1 failed (crash): exited with code 3 after 0.2 s; missing: running; last lines: …`.
    pub(super) fn account(&self) -> String {
        let mut text = format!(
            "start {} failed ({}): {}",
            self.number,
            cause_in_words(self.cause),
            self.detail
        );
        if self.start.oom_kills > 0 && !self.detail.contains("killed for memory") {
            text += &format!("; {} killed for memory", processes(self.start.oom_kills));
        }
        if let Health::Unhealthy { missing, .. } = &self.start.health
            && !missing.is_empty()
        {
            text += &format!("; missing: {}", missing.join(", "));
        }
        text += &self.lines();
        text
    }

    /// Its last lines; of a start that ran out of storage, those up to the one that tells so: a stack or a farewell behind it
    /// says nothing of the cause.
    fn lines(&self) -> String {
        let all = &self.start.last_lines;
        let told = no_room_in(all).filter(|_| self.cause == Cause::OutOfStorage);
        let until = told.map_or(all.len(), |at| at + 1);
        let lines = all[..until].iter().map(|line| line.trim());
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        match (told, shown) {
            (_, []) => String::new(),
            (Some(_), [line]) if self.detail.contains(line) => String::new(),
            (Some(_), shown) => format!("; up to the failed write: {}", shown.join(" ⏎ ")),
            (None, shown) => format!("; last lines: {}", shown.join(" ⏎ ")),
        }
    }
}

fn processes(count: u64) -> String {
    match count {
        1 => "1 process".to_owned(),
        _ => format!("{count} processes"),
    }
}

/// A cause in a few words.
pub(super) const fn cause_in_words(cause: Cause) -> &'static str {
    match cause {
        Cause::WrongArchitecture => "wrong architecture",
        Cause::MissingDeviceOrBind => "device or bind source missing",
        Cause::OutOfMemory => "out of memory",
        Cause::OutOfStorage => "out of storage",
        Cause::PortInUse => "port in use",
        Cause::BadOption => "option refused",
        Cause::UnresolvedPlaceholder => "unresolved placeholder",
        Cause::MissingFileOrPermission => "missing file or permission",
        Cause::Crashed => "crash",
        Cause::EndedByItself => "ended by itself",
        Cause::NotReady => "not ready in time",
        Cause::Unhealthy => "HEALTHCHECK fails",
        Cause::Unreachable => "destination not reached",
        Cause::EndangersDevice => "it endangers the device",
        Cause::Engine => "engine trouble",
    }
}

/// Whether what the cold starts showed may speak *for* the module: all asked-for starts were seen, all were healthy,
/// and the module had what it needs around it.
///
/// What speaks against a module (a proven excess) stands without this.
///
/// # Errors
/// Why it may not.
pub(super) fn speak_for_the_module(record: &Record) -> Result<(), Unseen> {
    enough(record, &record.observations.starts, "cold starts")?;
    let tally = Tally::of(&record.observations.starts);
    if tally.healthy == 0 {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!(
                "the module did not start with its defaults, so nothing speaks for it; see IEM-CFG-07: {}",
                tally.account()
            ),
        ));
    }
    if !tally.failed.is_empty() {
        return Err(Unseen::new(
            Reason::Unstable,
            format!("the cold starts disagree: {}", tally.account()),
        ));
    }
    every_kill_was_counted(&record.observations.starts)?;
    served_by_the_edge_runtime(record)
}

/// Whether no process can have been killed for memory unseen: a module that lost one was not healthy.
///
/// # Errors
/// One may have been.
pub(super) fn every_kill_was_counted(starts: &[Start]) -> Result<(), Unseen> {
    let unseen = starts.iter().find_map(|start| start.oom_unseen.clone());
    unseen.map_or(Ok(()), Err)
}

/// Whether failed starts may be blamed on the module where only time ran out: on an emulated device, or on one that others
/// keep busy, they may not.
///
/// # Errors
/// The device is emulated or not quiet, and something was only late.
pub(super) fn timing_counts(record: &Record, tally: &Tally<'_>) -> Result<(), Unseen> {
    let only_late = tally
        .failed
        .iter()
        .any(|failed| matches!(failed.cause, Cause::NotReady | Cause::Unhealthy));
    if record.device.emulated && only_late {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!(
                "the device is emulated and slower than a real one, so being late says nothing: {}",
                tally.account()
            ),
        ));
    }
    if only_late {
        pre_05::time_counts(record)?;
    }
    Ok(())
}

/// Whether as many starts were seen as the profile asks for.
///
/// # Errors
/// Fewer were seen.
pub(super) fn enough(record: &Record, starts: &[Start], what: &str) -> Result<(), Unseen> {
    if starts.is_empty() {
        record.observations.creation.get()?;
    }
    let asked = record.run.profile.starts.max(1);
    if u32::try_from(starts.len()).is_ok_and(|seen| seen < asked) {
        return Err(Unseen::new(
            Reason::Infrastructure,
            format!(
                "only {} of the profile's {asked} {what} were seen; run again",
                starts.len()
            ),
        ));
    }
    Ok(())
}

/// Whether the module met the edge runtime it was written for: a module on the SDK needs a workload API that signs and an edgeHub.
///
/// # Errors
/// The module uses the SDK, and nobody stood in for edgeHub, or not for the protocol that the module speaks.
pub(super) fn served_by_the_edge_runtime(record: &Record) -> Result<(), Unseen> {
    if record.offer.plan.uses_module_sdk {
        edge_use::served(record)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{EdgeUse, Observed};
    use crate::sample;
    use crate::units::Millis;

    #[test]
    fn a_kill_that_may_have_gone_unseen_leaves_the_starts_undecided() {
        let mut record = sample::record();
        assert!(speak_for_the_module(&record).is_ok());
        let unseen = Unseen::new(Reason::CannotMeasure, "nothing counts them here");
        record.observations.starts[1].oom_unseen = Some(unseen.clone());
        assert_eq!(speak_for_the_module(&record), Err(unseen));
    }

    #[test]
    fn an_oom_kill_spoils_a_start_that_looks_healthy() {
        let mut start = sample::healthy_start(Millis(0));
        start.oom_kills = 2;
        let starts = [start];
        let tally = Tally::of(&starts);
        assert_eq!(
            tally.account(),
            "0 of 1 starts healthy; start 1 failed (out of memory): 2 processes killed for memory; last lines: listening on 8080"
        );
        assert!(tally.killed_for_memory());
    }

    /// Composed: what runtimes print of a write that had no room, errno(3), and behind it.
    #[test]
    fn a_start_out_of_storage_shows_its_lines_up_to_the_failed_write() {
        let account = |detail: &str, lines: &[&str]| {
            let mut start = sample::healthy_start(Millis(0));
            start.last_lines = lines.iter().map(|&line| line.to_owned()).collect();
            start.health = Health::Unhealthy {
                cause: Cause::OutOfStorage,
                detail: detail.to_owned(),
                missing: Vec::new(),
            };
            Tally::of(&[start]).account()
        };
        let told = "Error: write /data/7: No space left on device (os error 28)";
        let failed = "0 of 1 starts healthy; start 1 failed (out of storage): it said:";
        // Said already, and nothing before it.
        let detail = format!("it said: {told}");
        assert_eq!(account(&detail, &[told, "bye"]), format!("{failed} {told}"));
        let chain = [
            "unpacking",
            "Error: write /data/7",
            "",
            "Caused by:",
            "    Disk quota exceeded (os error 122)",
            "goodbye",
        ];
        assert_eq!(
            account("it said: Disk quota exceeded (os error 122)", &chain),
            format!(
                "{failed} Disk quota exceeded (os error 122); up to the failed write: Error: write /data/7 ⏎ Caused by: ⏎ Disk quota exceeded (os error 122)"
            )
        );
    }

    #[test]
    fn a_start_that_was_never_seen_speaks_for_nothing() {
        let mut record = sample::record();
        record.observations.starts.pop();
        let unseen = speak_for_the_module(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::Infrastructure);
        assert_eq!(
            unseen.because,
            "only 2 of the profile's 3 cold starts were seen; run again"
        );
    }

    #[test]
    fn an_sdk_module_speaks_for_itself_where_its_runtime_was_there() {
        let mut record = sample::sdk_record(|_| {});
        assert_eq!(speak_for_the_module(&record), Ok(()));
        record.observations.edge = Observed::unseen(Reason::Infrastructure, "no port was free");
        let unseen = speak_for_the_module(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::Infrastructure);
        assert!(unseen.because.ends_with("no port was free"));
        // One that never logged in had its runtime all the same; one whose protocol nobody serves had not.
        let silent = sample::sdk_record(|edge| *edge = EdgeUse::default());
        assert_eq!(speak_for_the_module(&silent), Ok(()));
        let amqp = sample::sdk_record(|edge| {
            *edge = EdgeUse {
                breaches: vec![sample::breach("unserved-protocol")],
                ..EdgeUse::default()
            };
        });
        assert_eq!(
            speak_for_the_module(&amqp).unwrap_err().reason,
            Reason::Tool
        );
    }
}
