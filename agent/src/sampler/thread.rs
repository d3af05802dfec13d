//! The sampling thread: wakes at fixed moments, reads, records; allocates nothing while it runs.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use conformance::finding::{Reason, Unseen};
use conformance::observation::Usage;
use conformance::record::Series;
use conformance::units::Bytes;

use super::container::ContainerFiles;
use super::recorder::Recorder;
use super::schedule::Schedule;

/// Longest file read, in bytes: a network table of some hundred interfaces.
const BUFFER: usize = 16 * 1024;

/// The thread needs next to no stack.
const STACK: usize = 256 * 1024;

/// Samples one container until it is finished or dropped.
#[derive(Debug)]
pub struct Sampler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    files: ContainerFiles,
    recorder: Recorder,
    schedule: Schedule,
    buffer: Vec<u8>,
    origin: Instant,
    ticks: u64,
    whole_every: u64,
    stopping: bool,
}

/// How much a reading covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Usage and peaks; the rest when it is its turn.
    Tick,
    /// Everything.
    Whole,
}

impl Sampler {
    /// Reads everything once, then usage and peaks at `cadence_hz` (1 to 1000), and the rest once in ten ticks, at least each second.
    ///
    /// `pid` is a process of the container, for its network; `origin` is the start of the run's time line.
    /// Ticks keep to absolute moments. If no thread can be started, only [`mark`](Sampler::mark) reads, and `Ticks` shows it.
    #[must_use]
    pub fn start(
        mut files: ContainerFiles,
        pid: Option<u32>,
        origin: Instant,
        cadence_hz: u32,
    ) -> Sampler {
        if let Some(pid) = pid {
            files.watch_network(pid);
        }
        let cadence_hz = cadence_hz.clamp(1, 1000);
        let period = Duration::from_secs(1) / cadence_hz;
        let start = Instant::now();
        let mut state = State {
            files,
            recorder: Recorder::new(start.saturating_duration_since(origin), period),
            schedule: Schedule::new(start, period),
            buffer: vec![0; BUFFER],
            origin,
            ticks: 0,
            whole_every: u64::from(cadence_hz.min(10)),
            stopping: false,
        };
        state.read(start, Depth::Whole);
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            wake: Condvar::new(),
        });
        let sampled = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("sampler".to_owned())
            .stack_size(STACK)
            .spawn(move || sampled.run())
            .ok();
        Sampler { shared, thread }
    }

    /// What was used since the start or the last mark, everything read anew at this moment; the next phase begins here.
    #[must_use]
    pub fn mark(&self) -> Usage {
        self.shared.lock().end_phase()
    }

    /// What was used since the last mark, and the series since the start. Their `phase` is left empty.
    #[must_use]
    pub fn finish(self) -> (Usage, Vec<Series>) {
        let mut state = self.shared.lock();
        (state.end_phase(), state.recorder.series())
    }

    /// Processes of the container killed for memory since it was created, as last read; `None` if the kernel does not
    /// count them, or has no memory controller.
    #[must_use]
    pub fn oom_kills(&self) -> Option<u64> {
        self.shared.lock().recorder.oom_kills
    }

    /// Highest anonymous + kernel + shared memory since the last mark.
    pub(super) fn held_peak(&self) -> Result<Bytes, Unseen> {
        let mut state = self.shared.lock();
        state.read(Instant::now(), Depth::Whole);
        let unseen = state.files.unseen().memory;
        state.recorder.held_peak().ok_or_else(|| {
            unseen.unwrap_or_else(|| {
                Unseen::new(
                    Reason::CannotMeasure,
                    "this kernel does not tell the kernel memory of a container",
                )
            })
        })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was already printed; what it recorded until then is kept.
            let _panicked = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.stopping {
            let now = Instant::now();
            match state.schedule.wait(now) {
                Some(wait) => {
                    let woken = self.wake.wait_timeout(state, wait);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => state.tick(now),
            }
        }
    }
}

impl State {
    fn tick(&mut self, now: Instant) {
        if self.schedule.take(now).is_none() {
            return;
        }
        self.ticks += 1;
        let depth = match self.ticks % self.whole_every {
            0 => Depth::Whole,
            _ => Depth::Tick,
        };
        self.read(now, depth);
    }

    fn read(&mut self, now: Instant, depth: Depth) {
        let at = now.saturating_duration_since(self.origin);
        let reading = self.files.read(&mut self.buffer);
        self.recorder.take(at, &reading);
        let wants_parts = depth == Depth::Whole || self.recorder.is_high(&reading);
        if wants_parts && let Some(parts) = self.files.read_memory_parts(&mut self.buffer) {
            self.recorder.take_parts(at, parts);
        }
        if depth == Depth::Whole {
            let slow = self.files.read_slow(&mut self.buffer);
            self.recorder.take_slow(&slow);
        }
    }

    fn end_phase(&mut self) -> Usage {
        let now = Instant::now();
        // A tick that is due now is this reading.
        let _due = self.schedule.take(now);
        self.read(now, Depth::Whole);
        let to = now.saturating_duration_since(self.origin);
        self.recorder
            .end_phase(to, self.schedule.end_phase(), self.files.unseen())
    }
}
