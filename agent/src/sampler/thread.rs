//! The sampling thread: wakes at fixed moments, reads every container given to it, records; a tick allocates nothing.
//!
//! Waking up costs about as much as reading one container, so one thread serves as many as there are.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use conformance::finding::{Reason, Unseen};
use conformance::observation::Usage;
use conformance::record::Series;
use conformance::units::Bytes;
use tokio::sync::Notify;

use super::container::ContainerFiles;
use super::schedule::Schedule;
use super::subject::{Alarm, Depth, Subject};

/// Longest file read, in bytes: a network table of some hundred interfaces.
const BUFFER: usize = 16 * 1024;

/// The thread needs next to no stack.
const STACK: usize = 256 * 1024;

/// One thread that samples any number of containers at one cadence. It ends when its last handle and sampler are dropped.
#[derive(Debug, Clone)]
pub struct Rounds(Arc<Running>);

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Samples one container until it is finished or dropped.
#[derive(Debug)]
pub struct Sampler {
    rounds: Rounds,
    subject: u64,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    subjects: Vec<Subject>,
    next_subject: u64,
    schedule: Schedule,
    buffer: Vec<u8>,
    origin: Instant,
    ticks: u64,
    whole_every: u64,
    stopping: bool,
}

impl Rounds {
    /// Starts the thread. `origin` is the start of the run's time line, `cadence_hz` is 1 to 1000.
    ///
    /// Ticks keep to absolute moments. If no thread can be started, only [`mark`](Sampler::mark) reads, and `Ticks` shows it.
    #[must_use]
    pub fn start(origin: Instant, cadence_hz: u32) -> Rounds {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(origin, cadence_hz)),
            wake: Condvar::new(),
        });
        let sampled = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("sampler".to_owned())
            .stack_size(STACK)
            .spawn(move || sampled.run())
            .ok();
        Rounds(Arc::new(Running { shared, thread }))
    }

    /// Takes a container on: reads everything of it once, then usage and peaks in every tick, and the rest once in ten
    /// ticks, at least each second. `pid` is its main process, for its network and for a census each ten seconds.
    #[must_use]
    pub fn sample(&self, files: ContainerFiles, pid: Option<u32>) -> Sampler {
        let subject = self.lock().add(files, pid);
        self.0.shared.wake.notify_all();
        Sampler {
            rounds: self.clone(),
            subject,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.shared.lock()
    }
}

impl Sampler {
    /// Samples one container by a thread of its own; see [`Rounds::start`] and [`Rounds::sample`].
    #[must_use]
    pub fn start(
        files: ContainerFiles,
        pid: Option<u32>,
        origin: Instant,
        cadence_hz: u32,
    ) -> Sampler {
        Rounds::start(origin, cadence_hz).sample(files, pid)
    }

    /// What was used since the start or the last mark, everything read anew at this moment; the next phase begins here.
    #[must_use]
    pub fn mark(&self) -> Usage {
        let mut state = self.rounds.lock();
        // A tick that is due now comes first, for all.
        state.tick(Instant::now());
        let (subject, buffer) = state.subject(self.subject);
        subject.end_phase(Instant::now(), buffer)
    }

    /// What was used since the last mark, and the series since the start. Their `phase` is left empty.
    #[must_use]
    pub fn finish(self) -> (Usage, Vec<Series>) {
        let usage = self.mark();
        let mut state = self.rounds.lock();
        let series = state.subject(self.subject).0.recorder.series();
        drop(state);
        (usage, series)
    }

    /// Processes of the container killed for memory since it was created, as last read; `None` if the kernel does not
    /// count them, or has no memory controller.
    #[must_use]
    pub fn oom_kills(&self) -> Option<u64> {
        let mut state = self.rounds.lock();
        state.subject(self.subject).0.recorder.oom_kills
    }

    /// Rings in every tick from now on in which the container has more processes and threads than `most`.
    #[must_use]
    pub fn alarm(&self, most: u64) -> Arc<Notify> {
        let bell = Arc::new(Notify::new());
        let mut state = self.rounds.lock();
        state.subject(self.subject).0.alarm = Some(Alarm {
            most,
            bell: Arc::clone(&bell),
        });
        bell
    }

    /// Highest anonymous + kernel + shared memory since the last mark.
    pub(super) fn held_peak(&self) -> Result<Bytes, Unseen> {
        let mut state = self.rounds.lock();
        let (subject, buffer) = state.subject(self.subject);
        subject.read(Instant::now(), Depth::Whole, buffer);
        subject.recorder.held_peak().ok_or_else(|| {
            subject.files.unseen().memory.unwrap_or_else(|| {
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
        let mut state = self.rounds.lock();
        state.subjects.retain(|subject| subject.id != self.subject);
    }
}

impl Drop for Running {
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
            if state.subjects.is_empty() {
                let woken = self.wake.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let now = Instant::now();
            match state.schedule.wait(now) {
                Some(wait) => {
                    let woken = self.wake.wait_timeout(state, wait);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => {
                    state.tick(now);
                    state.census(Instant::now());
                }
            }
        }
    }
}

impl State {
    fn new(origin: Instant, cadence_hz: u32) -> State {
        let cadence_hz = cadence_hz.clamp(1, 1000);
        State {
            subjects: Vec::new(),
            next_subject: 0,
            schedule: Schedule::new(Instant::now(), Duration::from_secs(1) / cadence_hz),
            buffer: vec![0; BUFFER],
            origin,
            ticks: 0,
            whole_every: u64::from(cadence_hz.min(10)),
            stopping: false,
        }
    }

    fn add(&mut self, mut files: ContainerFiles, pid: Option<u32>) -> u64 {
        let now = Instant::now();
        // While there is nothing to sample no tick is due.
        if self.subjects.is_empty() {
            self.schedule = Schedule::new(now, self.schedule.period());
        }
        if let Some(pid) = pid {
            files.watch_network(pid);
        }
        let id = self.next_subject;
        self.next_subject += 1;
        let mut subject = Subject::new(id, files, self.origin, now, self.schedule.period());
        subject.read(now, Depth::Whole, &mut self.buffer);
        subject.census_if_due(now, &mut self.buffer);
        self.subjects.push(subject);
        id
    }

    /// A sampler's own subject, and the buffer to read it into.
    fn subject(&mut self, id: u64) -> (&mut Subject, &mut [u8]) {
        let subject = self.subjects.iter_mut().find(|subject| subject.id == id);
        let subject = subject.expect("a subject stays until its sampler is dropped");
        (subject, &mut self.buffer)
    }

    /// Reads every subject, if a tick is due; allocates nothing.
    fn tick(&mut self, now: Instant) {
        let Some(due) = self.schedule.take(now) else {
            return;
        };
        self.ticks += 1;
        let begun = Instant::now();
        for subject in &mut self.subjects {
            subject.kept.take(due);
            // Not all in the same tick: many containers would make that one long.
            let depth = match (self.ticks + subject.id) % self.whole_every {
                0 => Depth::Whole,
                _ => Depth::Tick,
            };
            // The last of many is read later than the first.
            subject.read(now + begun.elapsed(), depth, &mut self.buffer);
        }
    }

    /// One subject's census at most, so that the next tick is not late.
    fn census(&mut self, now: Instant) {
        let due = self
            .subjects
            .iter_mut()
            .min_by_key(|subject| subject.next_census);
        if let Some(subject) = due {
            subject.census_if_due(now, &mut self.buffer);
        }
    }
}

#[cfg(test)]
mod tests;
