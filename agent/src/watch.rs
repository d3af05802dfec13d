//! Watches one container through the engine's events: until it is healthy, and as long as it stays so.

mod looks;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use conformance::health::{Expectation, HEALTHCHECK, Signs};
use conformance::observation::Exit;
use conformance::units::Millis;
use engine::{Engine, EngineError, EngineEvent, EventKind, HealthStatus, Inspect};
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{sleep, timeout};

use self::looks::Looks;
use crate::sampler::{Roots, oom};

/// How often declared ports are asked for while a start is awaited; a look at the kernel's tables is not always due.
const PORT_LOOK: Duration = Duration::from_millis(100);

/// How long after an exit by SIGKILL the engine may say that it was for memory.
const LATE_WORD: Duration = Duration::from_secs(3);
/// Characters of a HEALTHCHECK's output kept with a start.
const LONGEST_OUTPUT: usize = 400;
/// Exit code of a process that was killed.
pub(crate) const KILLED: i64 = 137;

/// What waiting came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// Healthy, so long after the start.
    Healthy(Millis),
    /// The main process ended; the code, where the engine's event tells it.
    Ended(Option<i64>),
    /// Not healthy within the budget; what was missing.
    Overdue(Vec<String>),
}

/// Where a container's signs are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    /// The device's kernel files.
    pub(crate) roots: &'a Roots,
    /// The main process on the host.
    pub(crate) pid: Option<u32>,
    /// What the module declares.
    pub(crate) expectation: &'a Expectation,
}

/// Watches one container through the engine's events.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Container id.
    pub(crate) id: String,
    /// When it was made ready, just before the start call.
    pub(crate) began: Instant,
    /// Processes killed for memory so far.
    pub(crate) oom_kills: u64,
    /// The device's count of such kills when the container was made.
    pub(crate) device_kills: Option<u64>,
    /// How the main process ended, if it did.
    pub(crate) ended: Option<Exit>,
    engine: Engine,
    events: Receiver<EngineEvent>,
    /// The engine ended its events since it was last asked what became of the container.
    interrupted: bool,
    healthcheck_healthy: bool,
    looks: Looks,
}

impl Watch {
    pub(crate) fn new(
        engine: &Engine,
        id: String,
        events: Receiver<EngineEvent>,
        device_kills: Option<u64>,
    ) -> Watch {
        Watch {
            id,
            began: Instant::now(),
            engine: engine.clone(),
            events,
            interrupted: false,
            healthcheck_healthy: false,
            looks: Looks::default(),
            oom_kills: 0,
            device_kills,
            ended: None,
        }
    }

    /// The same container is about to be started again.
    pub(crate) fn begin_again(&mut self) {
        self.began = Instant::now();
        self.healthcheck_healthy = false;
        self.ended = None;
    }

    /// Waits until nothing is missing, the module ends, or the budget is over.
    ///
    /// # Errors
    /// The engine is lost, or was restarted and ended the module.
    pub(crate) async fn until_healthy(
        &mut self,
        seen_by: &Sight<'_>,
        budget: Millis,
        running: &Inspect,
    ) -> Result<Awaited, EngineError> {
        let awaited = self.awaited(seen_by, budget, running).await?;
        if !matches!(awaited, Awaited::Healthy(_)) {
            self.vouch().await?;
        }
        Ok(awaited)
    }

    async fn awaited(
        &mut self,
        seen_by: &Sight<'_>,
        budget: Millis,
        running: &Inspect,
    ) -> Result<Awaited, EngineError> {
        if !running.running && running.finished_at.is_some() {
            return Ok(self.end(Some(running.exit_code)));
        }
        self.healthcheck_healthy = running.health == Some(HealthStatus::Healthy);
        loop {
            let signs = self.signs(seen_by);
            let missing = seen_by.expectation.missing(&signs);
            let waited: Millis = self.began.elapsed().into();
            if missing.is_empty() {
                return Ok(Awaited::Healthy(waited));
            }
            if waited >= budget {
                return Ok(Awaited::Overdue(missing));
            }
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => if let Some(ended) = self.take(&event) { return Ok(ended) },
                    None => return Err(EngineError::EventsLost),
                },
                () = sleep(PORT_LOOK) => {}
            }
        }
    }

    /// Watches for `span`; `None` if the module stays healthy, its declared ports still listening at the end.
    ///
    /// # Errors
    /// As [`Watch::until_healthy`].
    pub(crate) async fn stays(
        &mut self,
        span: Millis,
        seen_by: &Sight<'_>,
    ) -> Result<Option<Awaited>, EngineError> {
        let ended = self.ended_within(span, seen_by).await?;
        if ended.is_some() || self.interrupted {
            self.vouch().await?;
        }
        Ok(ended)
    }

    async fn ended_within(
        &mut self,
        span: Millis,
        seen_by: &Sight<'_>,
    ) -> Result<Option<Awaited>, EngineError> {
        let ends = async {
            while let Some(event) = self.events.recv().await {
                if let Some(ended) = self.take(&event) {
                    return Ok(ended);
                }
                if event.container == self.id
                    && matches!(event.kind, EventKind::Health(HealthStatus::Unhealthy))
                {
                    return Ok(Awaited::Overdue(vec![HEALTHCHECK.to_owned()]));
                }
            }
            Err(EngineError::EventsLost)
        };
        if let Ok(ended) = timeout(span.into(), ends).await {
            return ended.map(Some);
        }
        let missing = seen_by.expectation.missing(&self.signs(seen_by));
        Ok((!missing.is_empty()).then_some(Awaited::Overdue(missing)))
    }

    /// Makes sure that what became of the container was not the engine's doing. An engine that ends, be it to start again, ends its
    /// containers first and tells so: only then do its events end, and its socket may take calls all the while, to be answered by the
    /// next engine (systemd.socket(5)).
    ///
    /// # Errors
    /// The engine is lost, or it was away and the container does not run any more.
    pub(crate) async fn vouch(&mut self) -> Result<(), EngineError> {
        self.engine.ping().await?;
        loop {
            match self.events.try_recv() {
                // What it tells of the container is known by now, or is looked at below.
                Ok(event) => drop(self.take(&event)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(EngineError::EventsLost),
            }
        }
        if self.interrupted {
            let seen = self.engine.find(&self.id).await?;
            if !seen.is_some_and(|seen| seen.running) {
                let container = self.id.clone();
                return Err(EngineError::Restarted { container });
            }
            self.interrupted = false;
        }
        Ok(())
    }

    /// Whether a process was killed for memory, also where the engine says so late: its word and the exit come by different
    /// ways, and an exit by SIGKILL may be told first. Waits only where the kernel killed somebody, or does not count.
    pub(crate) async fn oom_told(&mut self, roots: &Roots) -> bool {
        let quiet = self.device_kills.is_some() && self.device_kills == oom::device_kills(roots);
        if self.oom_kills == 0 && !quiet {
            let told = async {
                while self.oom_kills == 0
                    && let Some(event) = self.events.recv().await
                {
                    self.take(&event);
                }
            };
            // Without a word by then there is none.
            let _ = timeout(LATE_WORD, told).await;
        }
        self.oom_kills > 0
    }

    fn signs(&mut self, seen_by: &Sight<'_>) -> Signs {
        let running_for = self.began.elapsed().into();
        let listening = match seen_by.pid {
            Some(pid) if !seen_by.expectation.ports.is_empty() => {
                let ports = self.looks.listening(seen_by.roots, pid, running_for);
                ports.clone()
            }
            _ => BTreeSet::new(),
        };
        Signs {
            running: true,
            healthcheck_healthy: self.healthcheck_healthy,
            listening,
            running_for,
        }
    }

    /// Takes one event of this container in; something, if it ended.
    fn take(&mut self, event: &EngineEvent) -> Option<Awaited> {
        self.interrupted |= event.kind == EventKind::Interrupted;
        if event.container != self.id {
            return None;
        }
        match event.kind {
            EventKind::Died { code } => return Some(self.end(Some(code))),
            EventKind::OutOfMemory => self.oom_kills += 1,
            EventKind::Health(status) => self.healthcheck_healthy = status == HealthStatus::Healthy,
            EventKind::Started
            | EventKind::Destroyed
            | EventKind::Other
            | EventKind::Interrupted => {}
        }
        None
    }

    fn end(&mut self, code: Option<i64>) -> Awaited {
        self.ended = Some(Exit {
            at: self.began.elapsed().into(),
            code: code.unwrap_or(-1),
            oom_killed: self.oom_kills > 0,
        });
        Awaited::Ended(code)
    }
}

/// What a HEALTHCHECK that failed as often as it may said last.
///
/// Source: Docker Engine API, `ContainerInspect`, `State.Health.Log[].Output`; the engine keeps the first 4096 bytes.
pub(crate) fn failed_check(ended: &Inspect) -> Option<String> {
    let log = ended.raw["State"]["Health"]["Log"].as_array();
    let said = log.and_then(|log| log.last()?["Output"].as_str());
    (ended.health == Some(HealthStatus::Unhealthy)).then(|| {
        let said = said.unwrap_or_default().trim();
        said.chars().take(LONGEST_OUTPUT).collect()
    })
}
