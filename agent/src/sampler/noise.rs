//! CPU of the whole device over a stretch of the run, so that what others did can be told from the candidate's.

use std::fs;
use std::time::{Duration, Instant};

use conformance::finding::{Reason, Unseen};
use conformance::observation::{Noise, Observed, Usage};
use rustix::time::{ClockId, clock_gettime};

use super::Roots;

/// `USER_HZ`: ticks a second in every file of `/proc` (kernel, `include/asm-generic/param.h`).
const TICKS_A_SECOND: f64 = 100.0;

/// A stretch under way.
#[derive(Debug)]
pub struct Listening {
    begun: Instant,
    busy: Option<u64>,
    own: Duration,
}

/// Begins to listen.
#[must_use]
pub fn listen(roots: &Roots) -> Listening {
    Listening {
        begun: Instant::now(),
        busy: device_ticks(roots),
        own: own_time(),
    }
}

impl Listening {
    /// Ends: what the device did, less what the candidate used in `usage` and the probe itself; `None` if the kernel does not tell.
    #[must_use]
    pub fn heard(&self, roots: &Roots, phase: &str, usage: &Observed<Usage>) -> Option<Noise> {
        let window = self.begun.elapsed();
        let ticks = device_ticks(roots)?.saturating_sub(self.busy?);
        let seconds = window.as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        #[allow(
            clippy::cast_precision_loss,
            reason = "ticks of one run are far below 2^52"
        )]
        let busy_cores = ticks as f64 / TICKS_A_SECOND / seconds;
        let own = own_time().saturating_sub(self.own).as_secs_f64();
        let candidate = usage
            .get()
            .and_then(|usage| usage.cpu.get().map(|cpu| cpu.usage_us));
        let other_cores = candidate.map(|used| {
            let ours = own + Duration::from_micros(used).as_secs_f64();
            (busy_cores - ours / seconds).max(0.0)
        });
        Some(Noise {
            phase: phase.to_owned(),
            window: window.into(),
            busy_cores,
            other_cores: other_cores.map_err(not_told_apart).into(),
        })
    }
}

fn not_told_apart(unseen: Unseen) -> Unseen {
    Unseen::new(
        Reason::CannotMeasure,
        format!("the candidate's own CPU was not seen: {}", unseen.because),
    )
}

/// CPU time of this process so far.
fn own_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

fn device_ticks(roots: &Roots) -> Option<u64> {
    busy_ticks(&fs::read_to_string(roots.proc.join("stat")).ok()?)
}

/// The first line of `/proc/stat` (proc(5)): user, nice, system, idle, iowait, irq, softirq, steal; guest time is in user.
/// All but idle and iowait is busy: also what a hypervisor stole, for nobody here could use it.
fn busy_ticks(text: &str) -> Option<u64> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let mut ticks = [0_u64; 8];
    let mut words = line.split_whitespace();
    for (at, tick) in ticks.iter_mut().enumerate() {
        // Kernels before 2.6.11 tell fewer columns; the first four were always there.
        match words.next() {
            Some(word) => *tick = word.parse().ok()?,
            None if at >= 4 => break,
            None => return None,
        }
    }
    let [user, nice, system, _idle, _iowait, irq, softirq, steal] = ticks;
    [nice, system, irq, softirq, steal]
        .into_iter()
        .try_fold(user, u64::checked_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Recorded on a Debian 12 virtual machine, Linux 6.18, 2 cores, 2026-11-26.
    const RECORDED: &str = "cpu  1898890 189398 365099 705106 10612 0 3296 3623 10 0\ncpu0 918144 93894 174597 396030 3083 0 235 1836 4 0\n";

    #[test]
    fn idle_and_waiting_are_not_busy() {
        assert_eq!(
            busy_ticks(RECORDED),
            Some(1_898_890 + 189_398 + 365_099 + 3_296 + 3_623)
        );
        assert_eq!(busy_ticks("cpu 1 2 3 4\n"), Some(6));
        for cut in ["", "cpu 1 2 3", "cpu0 1 2 3 4", "cpu a 2 3 4"] {
            assert_eq!(busy_ticks(cut), None, "{cut}");
        }
    }

    #[test]
    fn what_the_candidate_and_the_probe_took_is_no_noise() {
        let tree = tempfile::tempdir().unwrap();
        let roots = Roots {
            proc: tree.path().to_owned(),
            cgroup: tree.path().to_owned(),
            data_root: None,
            data_root_on_host: "/d".into(),
        };
        fs::write(tree.path().join("stat"), "cpu 100 0 0 0 0 0 0 0\n").unwrap();
        let mut listening = listen(&roots);
        listening.begun = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        fs::write(tree.path().join("stat"), "cpu 1100 0 0 0 0 0 0 0\n").unwrap();
        let heard = listening
            .heard(&roots, "steady", &Observed::default())
            .unwrap();
        assert!((heard.busy_cores - 1.0).abs() < 0.01, "{heard:?}");
        assert!(heard.other_cores.seen().is_none());
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC*") {
            let _ = busy_ticks(&text);
            let _ = busy_ticks(&format!("cpu {text}"));
        }
    }
}
