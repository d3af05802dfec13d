//! Looks on while executions are played: how far they are, how long one takes, and which one panicked or does not end.

use std::fs;
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Between two lines.
const TURN: Duration = Duration::from_secs(10);
/// Turns without an execution's end after which there will be none.
const MOST_IDLE_TURNS: u32 = 6;

/// One campaign under way.
#[derive(Debug)]
pub(crate) struct Watch {
    done: Arc<AtomicU64>,
    begun: Instant,
    last: Instant,
    slowest: Duration,
}

impl Watch {
    /// Starts to look on.
    pub(crate) fn start(name: &'static str, n: u64) -> Watch {
        let done = Arc::new(AtomicU64::new(0));
        let (in_panic, in_thread) = (Arc::clone(&done), Arc::clone(&done));
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            usual(panic);
            let number = in_panic.load(Ordering::Relaxed) + 1;
            eprintln!("{name}: in execution {number}; played with N {number} it is the last");
        }));
        let begun = Instant::now();
        thread::spawn(move || tell(name, n, &in_thread, begun));
        Watch {
            done,
            begun,
            last: begun,
            slowest: Duration::ZERO,
        }
    }

    /// One more has ended.
    pub(crate) fn after(&mut self) {
        let now = Instant::now();
        self.slowest = self.slowest.max(now - self.last);
        self.last = now;
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// The longest that one took, with the making of its input.
    pub(crate) fn slowest(&self) -> Duration {
        self.slowest
    }

    /// Since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// A line every turn, until the process ends.
fn tell(name: &str, n: u64, done: &AtomicU64, begun: Instant) {
    let (mut before, mut idle) = (0, 0);
    loop {
        thread::sleep(TURN);
        let count = done.load(Ordering::Relaxed);
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        println!("{name}: {count} of {n}, {rate:.0}/s, {} KiB", peak_kib());
        idle = if count == before { idle + 1 } else { 0 };
        if idle >= MOST_IDLE_TURNS {
            let number = count + 1;
            eprintln!(
                "{name}: execution {number} does not end; played with N {number} it is the last"
            );
            exit(1);
        }
        before = count;
    }
}

/// The most memory that this process has had. Source: `proc_pid_status(5)`, `VmHWM`.
pub(crate) fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}
