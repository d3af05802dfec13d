//! One container under the sampling thread: its files, what was seen of them, and how punctually.

use std::sync::Arc;
use std::time::{Duration, Instant};

use conformance::observation::{Observed, Usage};
use tokio::sync::Notify;

use super::container::{ContainerFiles, Reading};
use super::recorder::Recorder;
use super::schedule::Punctuality;

/// A container that is sampled.
#[derive(Debug)]
pub(super) struct Subject {
    /// Which of the thread's subjects it is.
    pub(super) id: u64,
    pub(super) files: ContainerFiles,
    pub(super) recorder: Recorder,
    pub(super) kept: Punctuality,
    origin: Instant,
    /// Charge and CPU time when memory was last read by kind; `None` if it has to be read in any case.
    parts_of: Option<(u64, u64)>,
    /// When its processes are looked at next.
    pub(super) next_census: Instant,
    /// Who wants to be told at once of too many processes.
    pub(super) alarm: Option<Alarm>,
}

/// A bell that rings in every tick in which there are more processes and threads than `most`.
#[derive(Debug)]
pub(super) struct Alarm {
    pub(super) most: u64,
    pub(super) bell: Arc<Notify>,
}

/// Between two looks at the processes one by one.
const CENSUS_EVERY: Duration = Duration::from_secs(10);

/// How much a reading covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Usage and peaks; the rest when it is its turn.
    Tick,
    /// Everything.
    Whole,
}

impl Subject {
    pub(super) fn new(
        id: u64,
        files: ContainerFiles,
        origin: Instant,
        now: Instant,
        period: Duration,
    ) -> Subject {
        Subject {
            id,
            recorder: Recorder::new(
                now.saturating_duration_since(origin),
                period,
                files.from_birth,
            ),
            files,
            kept: Punctuality::new(),
            origin,
            parts_of: None,
            next_census: now,
            alarm: None,
        }
    }

    pub(super) fn read(&mut self, now: Instant, depth: Depth, buffer: &mut [u8]) {
        let at = now.saturating_duration_since(self.origin);
        let mut reading = self.files.read(buffer);
        // Nothing can be read any more: it ended, or was restarted and has new groups.
        if depth == Depth::Whole && reading == Reading::default() && self.files.renew() {
            self.recorder.renewed();
            reading = self.files.read(buffer);
        }
        self.recorder.take(at, &reading);
        if let Some(alarm) = &self.alarm
            && reading.pids.is_some_and(|pids| pids > alarm.most)
        {
            alarm.bell.notify_one();
        }
        // Whoever has not run since has taken nothing: an idle container's kinds of memory need no look in every tick.
        let moved = self.parts_of.is_none() || self.parts_of != reading.memory.zip(reading.cpu_ns);
        let wants_parts = depth == Depth::Whole || moved && self.recorder.is_high(&reading);
        if wants_parts && let Some(parts) = self.files.read_memory_parts(buffer) {
            self.recorder.take_parts(at, parts);
            self.parts_of = reading.memory.zip(reading.cpu_ns);
        }
        if depth == Depth::Whole {
            let slow = self.files.read_slow(buffer);
            self.recorder.take_slow(&slow);
        }
    }

    /// Looks at the processes one by one, if that is due. No part of a tick: it allocates, and takes longer.
    pub(super) fn census_if_due(&mut self, now: Instant, buffer: &mut [u8]) {
        if now >= self.next_census {
            self.census(now, buffer);
        }
    }

    fn census(&mut self, now: Instant, buffer: &mut [u8]) {
        self.next_census = now + CENSUS_EVERY;
        let fallback = self.files.memory_fallback();
        self.recorder
            .take_census(self.files.census(buffer), fallback);
    }

    pub(super) fn end_phase(&mut self, now: Instant, buffer: &mut [u8]) -> Usage {
        self.read(now, Depth::Whole, buffer);
        self.census(now, buffer);
        self.parts_of = None;
        let to = now.saturating_duration_since(self.origin);
        let mut usage = self
            .recorder
            .end_phase(to, self.kept.end_phase(), self.files.unseen());
        // A number that leaves something out is never told.
        if let Some(why) = self.files.uncounted() {
            usage.memory = Observed::Unseen(why.clone());
            usage.cpu = Observed::Unseen(why.clone());
            usage.pids_peak = Observed::Unseen(why);
        }
        usage
    }
}
