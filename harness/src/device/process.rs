//! A process that outlives the command which started it: known by its id and start time, so that an id that was given
//! anew is never taken for it.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process, for good: no other one ever has both numbers until the machine is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    /// Its id.
    pub pid: u32,
    /// When it was started, in the kernel's ticks since the machine was (`proc_pid_stat(5)`, field 22).
    pub start_time: u64,
}

impl Process {
    /// The process that has an id now.
    #[must_use]
    pub(super) fn with_id(pid: u32) -> Option<Process> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        start_time(&stat).map(|start_time| Process { pid, start_time })
    }

    /// Whether it still runs.
    #[must_use]
    pub(super) fn is_alive(self) -> bool {
        Process::with_id(self.pid) == Some(self)
    }

    /// Waits until it has ended; tells whether it has.
    #[must_use]
    pub(super) fn ended_within(self, limit: Duration) -> bool {
        let begun = Instant::now();
        while self.is_alive() {
            if begun.elapsed() >= limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        true
    }

    /// Ends it: asks first, and does not ask twice. Tells whether it has ended.
    #[must_use]
    pub(super) fn end(self) -> bool {
        for (signal, patience) in [(Signal::TERM, 10), (Signal::KILL, 10)] {
            let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid.filter(|_| self.is_alive()) {
                // One that has just ended needs no signal.
                let _ = kill_process(pid, signal);
            }
            if self.ended_within(Duration::from_secs(patience)) {
                return true;
            }
        }
        false
    }
}

/// Field 22 of a stat line whose process runs: the name before it is in brackets, and may hold blanks and brackets itself.
fn start_time(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split_ascii_whitespace();
    // One that has ended and was not yet collected is no running process.
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then_some(())?;
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b ) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21";
        assert_eq!(start_time(stat), Some(4711));
        let ended = stat.replace(") S", ") Z");
        assert_eq!(start_time(&ended), None);
        assert_eq!(start_time("7 (a"), None);
    }

    #[test]
    fn an_id_that_was_given_anew_is_another_process() {
        let own = Process::with_id(std::process::id()).unwrap();
        assert!(own.is_alive());
        let earlier = Process {
            start_time: own.start_time - 1,
            ..own
        };
        assert!(!earlier.is_alive());
        assert!(earlier.end(), "nothing to end, and nobody else is ended");
        assert!(own.is_alive());
    }

    #[test]
    fn a_process_that_runs_is_ended() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let process = Process::with_id(child.id()).unwrap();
        assert!(process.end());
        child.wait().unwrap();
    }
}
