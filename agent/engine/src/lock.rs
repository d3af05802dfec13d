//! One measuring run per engine: whoever creates the container of the fixed name has the engine, until it is removed.
//!
//! The container is never started. A holder whose owner is dead is pushed aside; else the wait follows the engine's
//! events, and looks at the owner again every few seconds.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout};

use crate::client::Engine;
use crate::error::EngineError;
use crate::events::{EngineEvent, Watch};
use crate::inspect::Inspect;
use crate::owner::Liveness;
use crate::stamp::{LABEL_OWNER, LABEL_RUN, Role, Stamp};

/// Name of the container that is the lock.
pub const LOCK_NAME: &str = "edgeproof-lock";

/// A holder may die without an event that names the lock.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// The engine, to this run alone. It must be released; a lock that is only dropped stays until its owner is dead.
#[derive(Debug)]
#[must_use = "a lock that is only dropped stays on the engine"]
pub struct Lock {
    engine: Engine,
    id: String,
}

impl Lock {
    /// Gives the engine free.
    ///
    /// # Errors
    /// If the engine cannot remove the container.
    pub async fn release(self) -> Result<(), EngineError> {
        self.engine.remove(&self.id).await
    }
}

impl Engine {
    /// Takes the engine for one run; waits at most `wait` for another one to end, and says so through `on_wait`.
    ///
    /// `image` must be in the engine's store. See [`Engine::with_proc_root`] for holders that are processes.
    ///
    /// # Errors
    /// [`EngineError::Busy`] if the time is over.
    pub async fn lock(
        &self,
        stamp: Stamp,
        image: &str,
        wait: Duration,
        mut on_wait: impl FnMut(String),
    ) -> Result<Lock, EngineError> {
        let until = Instant::now() + wait;
        let stamp = stamp.with_role(Role::Lock);
        let body = json!({
            "Image": image,
            "Cmd": ["noop"],
            "NetworkDisabled": true,
            "HostConfig": {"NetworkMode": "none"},
        });
        loop {
            // Subscribed before the attempt, so that an end between attempt and wait is not missed.
            let mut ends = self.watch(Watch::DestroyOf(LOCK_NAME), Timestamp::now());
            match self.create(LOCK_NAME, &body, &stamp).await {
                Ok(created) => {
                    return Ok(Lock {
                        engine: self.clone(),
                        id: created.id,
                    });
                }
                Err(error) if error.status() == Some(409) => {}
                Err(error) => return Err(error),
            }
            let Some(holder) = self.find(LOCK_NAME).await? else {
                continue;
            };
            if self.push_aside(&holder, &stamp).await? {
                continue;
            }
            on_wait(name_of(&holder));
            self.wait_for_end(&holder, &stamp, until, &mut ends).await?;
        }
    }

    /// Waits until the holder may be gone: an event, or its owner is found dead.
    async fn wait_for_end(
        &self,
        holder: &Inspect,
        mine: &Stamp,
        until: Instant,
        ends: &mut Receiver<EngineEvent>,
    ) -> Result<(), EngineError> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(EngineError::Busy {
                    holder: name_of(holder),
                });
            }
            match timeout(left.min(LOOK_AGAIN), ends.recv()).await {
                Ok(Some(_ended)) => return Ok(()),
                Ok(None) => return Err(EngineError::EventsLost),
                Err(_nothing_yet) => {
                    if self.push_aside(holder, mine).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Removes the holder if its owner is dead; answers whether it did. By id: a new holder has another one.
    ///
    /// A run takes its lock once: one that is there already, of the same run and owner, was taken before the owner was
    /// started again, or was still being created then.
    async fn push_aside(&self, holder: &Inspect, mine: &Stamp) -> Result<bool, EngineError> {
        let Ok(stamp) = Stamp::read(&holder.labels) else {
            return Ok(false);
        };
        let is_mine = (&stamp.run, &stamp.owner) == (&mine.run, &mine.owner);
        let owner = self.owner_liveness(&stamp.owner, &holder.id, holder.created);
        if !is_mine && owner.await? != Liveness::Dead {
            return Ok(false);
        }
        tracing::info!(holder = name_of(holder), "removed the lock of a dead owner");
        self.remove(&holder.id).await?;
        Ok(true)
    }
}

/// `run r-1, owner container:…`.
fn name_of(holder: &Inspect) -> String {
    let label = |key: &str| holder.labels.get(key).map_or("unknown", String::as_str);
    format!("run {}, owner {}", label(LABEL_RUN), label(LABEL_OWNER))
}
