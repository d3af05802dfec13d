//! The steady window as IoT Edge plays it: an exit is followed by a wait and a restart, until the restarts are used up.
//! The rule is the core's ([`conformance::care`]); this plays it and writes down what happened. Nothing is judged here.

use std::time::{Duration, Instant};

use conformance::care::{CareRule, Carer, Decision};
use conformance::measurement::growth::STORAGE_SERIES;
use conformance::observation::{
    Exit, Health, Kept, KeptEnd, Observed, Restart, Start, StorageUse, Usage,
};
use conformance::record::{Point, Series};
use conformance::units::{Bytes, Millis};
use engine::{EngineError, Inspect};
use tokio::time::sleep;

use crate::bench::Bench;
use crate::cold_start::{Alive, Trial, count_kills, named, sample};
use crate::edge;
use crate::steady::broken;
use crate::trials::defaults::{places, storage_in_use};
use crate::watch::{Awaited, Sight};

/// Looks at storage in one window: enough for a slope, few enough for constant memory.
const STORAGE_LOOKS: u32 = 60;
/// Storage is not walked more often than this, whatever the window.
const LEAST_LOOK: Duration = Duration::from_secs(10);

/// What the window came to.
#[derive(Debug)]
pub(crate) struct Window {
    /// What was used, over all lives.
    pub(crate) usage: Observed<Usage>,
    /// How the rule kept it.
    pub(crate) kept: Kept,
}

/// Everything that the loop carries.
struct Keeping<'a> {
    bench: &'a Bench<'a>,
    trial: &'a Trial<'a>,
    alive: &'a mut Alive,
    start: &'a mut Start,
    carer: Carer,
    began: Instant,
    restarts: Vec<Restart>,
    usage: Option<Usage>,
    storage: Vec<Point>,
}

/// Plays the steady window under the rule. How it held out is written into the start too.
///
/// # Errors
/// The engine is lost.
pub(crate) async fn keep(
    bench: &Bench<'_>,
    trial: &Trial<'_>,
    alive: &mut Alive,
    rule: CareRule,
    start: &mut Start,
) -> Result<Window, EngineError> {
    let gap = alive.sampler.as_ref().map(crate::sampler::Sampler::mark);
    let inspected = bench.engine.inspect(&alive.id).await?;
    let mut keeping = Keeping {
        bench,
        trial,
        start,
        carer: Carer::new(rule),
        began: Instant::now(),
        restarts: Vec::new(),
        usage: None,
        storage: Vec::new(),
        alive,
    };
    let end = keeping.play(&inspected).await?;
    keeping.take_usage(gap.as_ref());
    let window = keeping.finish(end);
    if let Some(breach) = alive.guard.breach().await {
        start.health = breach.health();
    }
    Ok(window)
}

impl Keeping<'_> {
    async fn play(&mut self, inspected: &Inspect) -> Result<KeptEnd, EngineError> {
        loop {
            let exit = match self.live(inspected).await? {
                Life::Over => return Ok(KeptEnd::Healthy),
                Life::Unhealthy(missing) => return Ok(KeptEnd::Unhealthy { missing }),
                Life::Exited(exit) => exit,
            };
            self.start.exits.push(exit.clone());
            let wait = match self.carer.exited(exit.at) {
                Decision::GiveUp => return Ok(KeptEnd::GivenUp { exit }),
                Decision::Restart { after } => after,
            };
            if self.left() <= Duration::from(wait) {
                return Ok(KeptEnd::BackingOff { exit, wait });
            }
            sleep(wait.into()).await;
            if let Some(error) = self.restart(exit, wait).await? {
                return Ok(KeptEnd::Refused { error });
            }
        }
    }

    fn left(&self) -> Duration {
        Duration::from(self.trial.window).saturating_sub(self.began.elapsed())
    }

    /// Watches one life to its end or the window's. Storage is looked at in between.
    async fn live(&mut self, inspected: &Inspect) -> Result<Life, EngineError> {
        let each = LEAST_LOOK.max(Duration::from(self.trial.window) / STORAGE_LOOKS);
        loop {
            self.look_at_storage(inspected).await;
            if let Some(exit) = &self.alive.watch.ended {
                return Ok(Life::Exited(exit.clone()));
            }
            let seen_by = Sight {
                roots: self.bench.roots,
                pid: self.alive.pid,
                expectation: self.trial.expectation,
            };
            let span = self.left().min(each);
            let ended = self.alive.watch.stays(span.into(), &seen_by).await?;
            match (ended, self.alive.watch.ended.clone()) {
                (_, Some(exit)) => return Ok(Life::Exited(exit)),
                (Some(Awaited::Overdue(missing)), None) => return Ok(Life::Unhealthy(missing)),
                (Some(Awaited::Ended(_) | Awaited::Healthy(_)) | None, None) => {}
            }
            if self.left().is_zero() {
                return Ok(Life::Over);
            }
        }
    }

    /// Starts it again; the sampler opens its new cgroup. The engine's words, if it refuses.
    async fn restart(&mut self, exit: Exit, waited: Millis) -> Result<Option<String>, EngineError> {
        self.take_usage(None);
        count_kills(
            self.start,
            self.bench.roots,
            &self.alive.watch,
            self.alive.sampler.as_ref(),
        );
        if let Some(sampler) = self.alive.sampler.take() {
            let (_, series) = sampler.finish();
            let series = named(series, &self.life_name(), self.alive.limits);
            self.alive.earlier.extend(series);
        }
        self.alive.watch.begin_again();
        if let Err(error) = self.bench.engine.start(&self.alive.id).await {
            let words = error
                .engine_words()
                .map(|words| self.bench.overlay.hide(words));
            return words.map_or(Err(error), |words| Ok(Some(words)));
        }
        let running = self.bench.engine.inspect(&self.alive.id).await?;
        self.alive.pid = running.pid;
        if let Some(pid) = running.pid {
            edge::follow(self.bench, pid);
        }
        self.alive.sampler = sample(self.bench, &running).ok();
        let seen_by = Sight {
            roots: self.bench.roots,
            pid: running.pid,
            expectation: self.trial.expectation,
        };
        let budget = self.trial.budget.min(self.left().into());
        let awaited = self
            .alive
            .watch
            .until_healthy(&seen_by, budget, &running)
            .await?;
        let healthy = match awaited {
            Awaited::Healthy(after) => Some(after),
            Awaited::Ended(_) | Awaited::Overdue(_) => None,
        };
        self.restarts.push(Restart {
            exit,
            waited,
            healthy,
        });
        self.bench.events.observed("restart", &self.restarts.last());
        Ok(None)
    }

    /// `start 3` for the first life, then `restart 1` and so on.
    fn life_name(&self) -> String {
        match self.restarts.len() {
            0 => self.alive.phase.clone(),
            n => format!("restart {n}"),
        }
    }

    /// Adds what this life used to the window's; `before` is what came between the start's own watch and the window.
    fn take_usage(&mut self, before: Option<&Usage>) {
        let Some(sampler) = &self.alive.sampler else {
            return;
        };
        let now = sampler.mark();
        let whole = match &mut self.usage {
            Some(whole) => {
                whole.absorb(&now);
                whole
            }
            None => self.usage.insert(now),
        };
        if let Some(before) = before {
            whole.absorb(before);
        }
    }

    async fn look_at_storage(&mut self, inspected: &Inspect) {
        let at = self.bench.events.now();
        let places = places(self.bench, inspected);
        let used = storage_in_use(self.bench, places, Bytes(0)).await;
        if let Some(bytes) = used.seen().and_then(written) {
            self.storage.push(Point {
                at,
                min: bytes,
                mean: bytes,
                max: bytes,
            });
        }
    }

    fn finish(self, end: KeptEnd) -> Window {
        let window = self.began.elapsed().into();
        self.alive.phase = self.life_name();
        count_kills(
            self.start,
            self.bench.roots,
            &self.alive.watch,
            self.alive.sampler.as_ref(),
        );
        if let Some(health) = health_at(&end) {
            self.start.health = health;
        }
        if !self.storage.is_empty() {
            self.alive.earlier.push(Series {
                name: STORAGE_SERIES.to_owned(),
                unit: "bytes".to_owned(),
                phase: "steady".to_owned(),
                limit: None,
                points: self.storage,
            });
        }
        let unseen = || {
            Observed::unseen(
                conformance::finding::Reason::CannotMeasure,
                "its cgroup could not be opened",
            )
        };
        Window {
            usage: self.usage.map_or_else(unseen, Observed::Seen),
            kept: Kept {
                window,
                restarts: self.restarts,
                end,
            },
        }
    }
}

/// How a life ended.
enum Life {
    /// The window was over first.
    Over,
    /// It runs, and this is missing.
    Unhealthy(Vec<String>),
    /// Its main process ended.
    Exited(Exit),
}

/// Everything that a module wrote, where all of it was seen.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn written(used: &StorageUse) -> Option<f64> {
    let parts = [&used.writable, &used.volumes, &used.logs];
    let sum = parts.into_iter().try_fold(Bytes(0), |sum, part| {
        Some(sum.saturating_add(*part.seen()?))
    })?;
    Some(sum.0 as f64)
}

/// The start's health, where it did not end well.
fn health_at(end: &KeptEnd) -> Option<Health> {
    match end {
        KeptEnd::Healthy => None,
        KeptEnd::Unhealthy { missing } => Some(broken(&Awaited::Overdue(missing.clone()), None)),
        KeptEnd::BackingOff { exit, .. } | KeptEnd::GivenUp { exit } => {
            Some(broken(&Awaited::Ended(Some(exit.code)), Some(exit)))
        }
        KeptEnd::Refused { error } => {
            let (cause, detail) = conformance::health::diagnose(&conformance::health::Failure {
                engine_error: Some(error),
                ..conformance::health::Failure::default()
            });
            Some(Health::Unhealthy {
                cause,
                detail: format!("{detail} when it was restarted"),
                missing: vec!["running".to_owned()],
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::finding::Reason;

    #[test]
    fn what_was_written_is_a_number_only_where_all_of_it_was_seen() {
        let seen = |bytes| Observed::Seen(Bytes(bytes));
        let mut used = StorageUse {
            image: Bytes(9),
            writable: seen(1),
            volumes: seen(2),
            logs: seen(4),
            inodes: Observed::default(),
            disk: Observed::default(),
            mounts: Vec::new(),
            method: String::new(),
        };
        assert_eq!(written(&used), Some(7.0));
        used.logs = Observed::unseen(Reason::CannotMeasure, "no file");
        assert_eq!(written(&used), None);
    }

    #[test]
    fn only_a_window_that_ends_healthy_leaves_the_start_healthy() {
        let exit = Exit {
            at: Millis(8_000),
            code: 4,
            oom_killed: false,
        };
        let ends = [
            KeptEnd::Unhealthy {
                missing: vec!["8080/tcp listening".to_owned()],
            },
            KeptEnd::BackingOff {
                exit: exit.clone(),
                wait: Millis(10_000),
            },
            KeptEnd::GivenUp { exit },
            KeptEnd::Refused {
                error: "port is already allocated".to_owned(),
            },
        ];
        assert!(health_at(&KeptEnd::Healthy).is_none());
        assert!(ends.iter().all(|end| health_at(end).is_some()));
    }
}
