//! One life of the module under faults: left alone first, then one step after the other until it does not come back.

use std::time::{Duration, Instant};

use conformance::faults::Step;
use conformance::finding::{Reason, Unseen};
use conformance::observation::{Exit, FaultEnd, FaultMemory, Flow, Observed, PlayedFault, Usage};
use conformance::units::{Bytes, Millis};
use engine::EngineError;
use standin::hub::{Hearing, Identity, LocalHub};

use super::Stage;
use super::before::{Now, not_as_before};
use super::follow::Follower;
use crate::bench::Bench;
use crate::cold_start::Alive;
use crate::sampler::Sampler;
use crate::watch::{Awaited, Sight};

/// How often it is looked whether all is as before.
const LOOK: Millis = Millis(200);
/// The watch before the first step is so many times as long, where no two messages came earlier.
const PATIENCE: u32 = 3;
/// Lines of its output kept of a module that ended.
const LAST_LINES: usize = 10;

/// A running module, and all that is known of how it is when it is left alone.
pub(super) struct Life<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) bench: &'a Bench<'a>,
    pub(super) alive: Alive,
    pub(super) follower: Follower,
    /// Its name on the time line.
    pub(super) phase: String,
    /// Since when.
    pub(super) from: Millis,
    /// What flowed before the first step.
    pub(super) before: Flow,
    /// Memory when it was last left alone.
    memory: Observed<Bytes>,
}

/// What a step did.
#[derive(Debug, Default)]
pub(super) struct Act {
    /// In words.
    pub(super) done: String,
    /// What the module answered or did meanwhile, in words.
    pub(super) said: String,
    /// Logins before it, where it cut the connection.
    pub(super) cut_after: Option<u64>,
    /// How it ended, where that is known already.
    pub(super) end: Option<FaultEnd>,
}

impl Act {
    pub(super) fn ended_as(end: FaultEnd) -> Act {
        Act {
            end: Some(end),
            ..Act::default()
        }
    }
}

impl<'a> Life<'a> {
    pub(super) fn new(
        stage: &'a Stage<'a>,
        bench: &'a Bench<'a>,
        alive: Alive,
        follower: Follower,
    ) -> Life<'a> {
        Life {
            stage,
            bench,
            alive,
            follower,
            phase: String::new(),
            from: Millis(0),
            before: Flow::default(),
            memory: Observed::unseen(Reason::CannotMeasure, "its cgroup could not be opened"),
        }
    }

    pub(super) fn hub(&self) -> &'a LocalHub {
        self.stage.runtime.hub()
    }

    pub(super) fn identity(&self) -> &'a Identity {
        self.stage.runtime.identity()
    }

    pub(super) fn hears(&self, what: Hearing) -> bool {
        self.hub().hears(self.identity(), what)
    }

    /// Watches what flows before anything is done, until two messages came or there seem to be none.
    pub(super) async fn left_alone(&mut self) -> Result<Result<(), Unseen>, EngineError> {
        self.mark();
        let began = Instant::now();
        let at_first = self.follower.seen().messages;
        let calm = Duration::from(self.stage.plan.calm);
        let sent = |life: &Life<'_>| life.follower.seen().messages - at_first;
        while began.elapsed() < calm || (sent(self) < 2 && began.elapsed() < calm * PATIENCE) {
            self.hold(LOOK).await?;
            if self.alive.watch.ended.is_some() {
                let why = "the module ended before anything was done to it";
                return Ok(Err(Unseen::new(Reason::Unstable, why)));
            }
        }
        if !self.hub().is_connected(self.identity()) {
            let why = "the module was not at edgeHub when it was to begin";
            return Ok(Err(Unseen::new(Reason::Unstable, why)));
        }
        self.before = Flow {
            hears_changes: self.hears(Hearing::Desired),
            hears_methods: self.hears(Hearing::Methods),
            hears_inputs: self.hears(Hearing::Inputs),
            messages: sent(self),
            over: began.elapsed().into(),
        };
        self.memory = self.mark();
        Ok(Ok(()))
    }

    /// Plays one step and sees how it is borne.
    pub(super) async fn play(&mut self, step: Step) -> Result<PlayedFault, EngineError> {
        let at = self.bench.events.now();
        let began = Instant::now();
        let act = self.act(step).await?;
        let held = began.elapsed().into();
        let (end, meanwhile) = match act.end {
            Some(end) => (end, self.mark()),
            None => self.recover(began, act.cut_after).await?,
        };
        let after = match end {
            FaultEnd::Back { .. } => Some(self.mark()),
            FaultEnd::Missing { .. }
            | FaultEnd::Ended { .. }
            | FaultEnd::Unheard
            | FaultEnd::Unseen(_) => None,
        };
        let memory = memory(&self.memory, &meanwhile, after.as_ref());
        if let Some(after) = after {
            self.memory = after;
        }
        Ok(PlayedFault {
            fault: step.fault,
            at,
            held,
            done: act.done,
            said: self.bench.overlay.hide(&act.said),
            end,
            memory,
        })
    }

    /// Waits until all is as before and stays so, or the time allowed is over; and the memory until then.
    async fn recover(
        &mut self,
        began: Instant,
        cut_after: Option<u64>,
    ) -> Result<(FaultEnd, Observed<Bytes>), EngineError> {
        let over = Instant::now();
        let messages = self.follower.seen().messages;
        let budget = Duration::from(self.stage.plan.recovery);
        loop {
            let mut missing = self.signs(LOOK).await?;
            if let Some(ended) = self.ended(began).await {
                return Ok((ended, self.mark()));
            }
            missing.extend(self.not_as_before(cut_after, messages));
            let after = over.elapsed();
            if missing.is_empty() {
                let meanwhile = self.mark();
                missing = self.signs(self.stage.plan.calm).await?;
                if let Some(ended) = self.ended(began).await {
                    return Ok((ended, meanwhile));
                }
                missing.extend(self.not_as_before(cut_after, messages));
                if missing.is_empty() {
                    return Ok((
                        FaultEnd::Back {
                            after: after.into(),
                        },
                        meanwhile,
                    ));
                }
            }
            if self.follower.seen().deaf {
                let why = "not everything that came to edgeHub was followed: the probe fell behind";
                let unseen = Unseen::new(Reason::Tool, why);
                return Ok((FaultEnd::Unseen(unseen), self.mark()));
            }
            if over.elapsed() >= budget {
                let waited = over.elapsed().into();
                return Ok((FaultEnd::Missing { missing, waited }, self.mark()));
            }
        }
    }

    /// What flowed before and does not now.
    fn not_as_before(&self, cut_after: Option<u64>, messages: u64) -> Vec<String> {
        let now = Now {
            connected: self.hub().is_connected(self.identity()),
            hears: [Hearing::Desired, Hearing::Methods, Hearing::Inputs]
                .map(|what| self.hears(what)),
        };
        not_as_before(
            &self.before,
            &now,
            &self.follower.seen(),
            (cut_after, messages),
        )
    }

    /// Watches the container for a while; what it declares and does not show at the end.
    async fn signs(&mut self, span: Millis) -> Result<Vec<String>, EngineError> {
        let seen_by = Sight {
            roots: self.bench.roots,
            pid: self.alive.pid,
            expectation: &self.stage.expectation,
        };
        Ok(match self.alive.watch.stays(span, &seen_by).await? {
            Some(Awaited::Overdue(missing)) => missing,
            Some(Awaited::Ended(_) | Awaited::Healthy(_)) | None => Vec::new(),
        })
    }

    /// Watches the container for so long, or until it ends.
    pub(super) async fn hold(&mut self, span: Millis) -> Result<(), EngineError> {
        let until = Instant::now() + Duration::from(span);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.alive.watch.ended.is_some() {
                return Ok(());
            }
            self.signs(left.into()).await?;
        }
    }

    /// Watches until `reached`, the container's end, or the time allowed for coming back is over; whether it was reached, and
    /// after how long.
    pub(super) async fn until(
        &mut self,
        reached: impl Fn(&Life<'a>) -> bool,
    ) -> Result<(bool, Duration), EngineError> {
        let began = Instant::now();
        let budget = Duration::from(self.stage.plan.recovery);
        loop {
            if reached(self) {
                return Ok((true, began.elapsed()));
            }
            if self.alive.watch.ended.is_some() || began.elapsed() >= budget {
                return Ok((false, began.elapsed()));
            }
            self.hold(LOOK).await?;
        }
    }

    /// How its main process ended, if it did, with its last lines.
    async fn ended(&self, began: Instant) -> Option<FaultEnd> {
        let exit = self.alive.watch.ended.clone()?;
        let lines = self.bench.engine.last_lines(&self.alive.id, LAST_LINES);
        let lines = lines.await.unwrap_or_default().into_iter();
        let before = began.saturating_duration_since(self.alive.watch.began);
        Some(FaultEnd::Ended {
            exit: Exit {
                at: Millis(exit.at.0.saturating_sub(Millis::from(before).0)),
                ..exit
            },
            last_lines: lines.map(|line| self.bench.overlay.hide(&line)).collect(),
        })
    }

    /// Memory since the last mark.
    fn mark(&self) -> Observed<Bytes> {
        match self.alive.sampler.as_ref().map(Sampler::mark) {
            Some(usage) => nonreclaimable(&usage),
            None => Observed::unseen(Reason::CannotMeasure, "its cgroup could not be opened"),
        }
    }
}

fn nonreclaimable(usage: &Usage) -> Observed<Bytes> {
    match &usage.memory {
        Observed::Seen(memory) => Observed::Seen(memory.nonreclaimable_peak),
        Observed::Unseen(unseen) => Observed::Unseen(unseen.clone()),
    }
}

fn memory(
    before: &Observed<Bytes>,
    meanwhile: &Observed<Bytes>,
    after: Option<&Observed<Bytes>>,
) -> Observed<FaultMemory> {
    let seen = || -> Result<FaultMemory, Unseen> {
        Ok(FaultMemory {
            before: *before.get()?,
            meanwhile: *meanwhile.get()?,
            after: after.map(Observed::get).transpose()?.copied(),
        })
    };
    seen().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_not_seen_once_is_not_told() {
        let seen = |n| Observed::Seen(Bytes(n));
        let whole = memory(&seen(1), &seen(3), Some(&seen(2)));
        assert_eq!(whole.get().unwrap().after, Some(Bytes(2)));
        let unseen = Observed::unseen(Reason::CannotMeasure, "no controller");
        assert!(memory(&seen(1), &unseen, None).seen().is_none());
        assert!(memory(&seen(1), &seen(2), Some(&unseen)).seen().is_none());
    }
}
