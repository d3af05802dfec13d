//! The durable outbox: a report that is in it reaches the hub at least once, whatever happens to power, network or engine.
//!
//! [`Outbox::put`] keeps a report, [`Outbox::send`] sends what is kept, oldest first, and forgets a message only when the
//! hub has acknowledged it. What is kept where, and what goes first for want of room: `docs/outbox.md`.

mod disk;
mod entry;
mod pace;
#[cfg(test)]
mod replay;
mod sending;
mod store;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conformance::report::{Report, Room, SUMMARY_SCHEMA};
use conformance::units::Bytes;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

pub use pace::{BURST, EVERY};
pub use sending::Sending;
pub(crate) use store::UNSENT;

use crate::hub::{Content, HubClient, HubError, Part, REPORT_OUTPUT};
use disk::Disk;
use pace::Pace;
use store::{Key, Message, New, Store};

/// Reports and summaries that wait take at most so much of the disk, unless told.
pub const DEFAULT_ROOM: Bytes = Bytes::mib(64);

/// The share of the room that only summaries may fill: one part of so many.
const FOR_SUMMARIES: u64 = 16;

/// The largest report that is held in memory where the disk takes none; there is one at a time.
const MOST_IN_MEMORY: usize = 1 << 20;

/// How an outbox is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most that may wait.
    pub room: Bytes,
    /// Whether messages keep to the pace of [`EVERY`] and [`BURST`].
    pub is_paced: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            room: DEFAULT_ROOM,
            is_paced: true,
        }
    }
}

/// What waits, as the reported property `conformance.outbox` has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Messages that the hub has not acknowledged.
    pub messages: usize,
    /// Bytes of the reports and summaries that they belong to.
    pub bytes: u64,
}

/// How a report was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What had to be left out, as JSON pointers into the report; `/` is the whole report, of which a summary is kept.
    pub left_out: Vec<String>,
    /// Whether it survives a restart.
    pub on_disk: bool,
}

/// A report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The state directory.
    #[error("open the outbox in {path}: {source}")]
    Open { path: String, source: io::Error },
    /// Too much waits.
    #[error("the outbox holds {bytes} bytes and takes no more until the hub has some of them")]
    Full { bytes: u64 },
    /// The report is no JSON.
    #[error("write the report: {0}")]
    Json(#[from] serde_json::Error),
}

/// A handle to the outbox; clones share it.
#[derive(Debug, Clone)]
pub struct Outbox {
    store: Arc<Mutex<Store>>,
    totals: Arc<watch::Sender<Totals>>,
    limits: Limits,
}

impl Outbox {
    /// Takes up what is unsent in the directory of runs.
    ///
    /// # Errors
    /// The directory can be neither read nor made.
    pub fn open(runs: &Path, limits: Limits) -> Result<Outbox, OutboxError> {
        Outbox::on(Disk::default(), runs, limits)
    }

    fn on(disk: Disk, runs: &Path, limits: Limits) -> Result<Outbox, OutboxError> {
        let store = Store::open(runs, disk).map_err(|source| OutboxError::Open {
            path: runs.display().to_string(),
            source,
        })?;
        let outbox = Outbox {
            totals: Arc::new(watch::Sender::new(totals(&store))),
            store: Arc::new(Mutex::new(store)),
            limits,
        };
        let found = outbox.totals();
        if found.messages > 0 {
            tracing::info!(
                messages = found.messages,
                bytes = found.bytes,
                "taken up from before"
            );
        }
        Ok(outbox)
    }

    /// Keeps a report, as much of it as there is room for, behind all others. When this returns it is on disk.
    ///
    /// # Errors
    /// Not even its summary fits the room. A disk that takes nothing is no error: the report is held in memory then.
    pub fn put(&self, report: &Report) -> Result<Stored, OutboxError> {
        let run = &report.run.id;
        for room in Room::ORDER {
            let reduced = report.reduced(room);
            let body = serde_json::to_vec(&reduced)?;
            let summary = serde_json::to_string(&reduced.summary())?;
            let new = New {
                run,
                report: Some(&body),
                summary: &summary,
                left_out: &reduced.left_out,
            };
            let share = self.limits.room.0 - self.limits.room.0 / FOR_SUMMARIES;
            if self.try_put(new, share)? {
                return Ok(stored(reduced.left_out, true));
            }
            tracing::warn!(run, ?room, bytes = body.len(), "no room for the report");
        }
        let left_out = vec!["/".to_owned()];
        let mut summary = report.summary();
        summary.left_out.clone_from(&left_out);
        let summary = serde_json::to_string(&summary)?;
        let new = New {
            run,
            report: None,
            summary: &summary,
            left_out: &left_out,
        };
        if self.try_put(new, self.limits.room.0)? {
            return Ok(stored(left_out, true));
        }
        let waiting = self.totals().bytes;
        if waiting + summary.len() as u64 > self.limits.room.0 {
            return Err(OutboxError::Full { bytes: waiting });
        }
        self.hold(report, new)
    }

    /// Whether something of this run waits.
    pub fn holds(&self, run: &str) -> bool {
        self.lock().holds(run)
    }

    /// What waits now.
    pub fn totals(&self) -> Totals {
        *self.totals.borrow()
    }

    /// What waits, and every change of it.
    pub fn watch(&self) -> watch::Receiver<Totals> {
        self.totals.subscribe()
    }

    /// Returns when nothing waits.
    pub async fn emptied(&self) {
        // The sender is ours: it cannot be gone.
        let _ = self.watch().wait_for(|totals| totals.messages == 0).await;
    }

    /// Sends what waits and what will be put, one message after another, until the client is closed.
    pub async fn send(&self, client: &HubClient) {
        let mut pace = Pace::new(self.limits.is_paced, Instant::now());
        let mut changes = self.watch();
        loop {
            changes.mark_unchanged();
            let Some(message) = self.next() else {
                if changes.changed().await.is_err() {
                    return;
                }
                continue;
            };
            sleep_until(pace.take(Instant::now())).await;
            let key = message.key;
            let (properties, body) = (properties(&message), message.body);
            let sent = client
                .send(REPORT_OUTPUT, &properties, Content::JSON, body)
                .await;
            match sent {
                Ok(()) => self.acknowledged(key),
                Err(HubError::Closed) => return,
                Err(error) => self.set_aside(key.sequence, &error.to_string()),
            }
        }
    }

    fn acknowledged(&self, key: Key) {
        let mut store = self.lock();
        if let Err(error) = store.acknowledged(key) {
            tracing::warn!(%error, ?key, "sent, but will be sent again after a restart");
        }
        self.tell(&store);
    }

    fn next(&self) -> Option<Message> {
        loop {
            let next = self.lock().next();
            match next {
                Ok(message) => return message,
                Err((sequence, error)) => self.set_aside(sequence, &error.to_string()),
            }
        }
    }

    fn set_aside(&self, sequence: u64, why: &str) {
        tracing::error!(
            why,
            sequence,
            "an unsent report can never be sent: set aside"
        );
        let mut store = self.lock();
        store.set_aside(sequence);
        self.tell(&store);
    }

    /// Keeps it unless that goes beyond `room`; false also when the disk does not take it.
    fn try_put(&self, new: New<'_>, room: u64) -> Result<bool, OutboxError> {
        let mut store = self.lock();
        let size = new.report.map_or(0, <[u8]>::len) + new.summary.len();
        if store.totals().1.saturating_add(size as u64) > room {
            return Ok(false);
        }
        let put = store.put(new);
        self.tell(&store);
        match put {
            Ok(()) => Ok(true),
            Err(error) => {
                tracing::warn!(%error, run = new.run, size, "the disk does not take the report");
                Ok(false)
            }
        }
    }

    /// Holds a report in memory, whole if it is small enough and the only one, else its summary.
    fn hold(&self, report: &Report, summary_alone: New<'_>) -> Result<Stored, OutboxError> {
        tracing::error!(
            run = report.run.id,
            "the disk takes nothing: the report is held in memory, and lost if the probe ends before the hub has it"
        );
        let mut store = self.lock();
        let body = serde_json::to_vec(report)?;
        if body.len() <= MOST_IN_MEMORY && !store.has_in_memory() {
            let summary = serde_json::to_string(&report.summary())?;
            store.put_in_memory(New {
                run: &report.run.id,
                report: Some(&body),
                summary: &summary,
                left_out: &report.left_out,
            });
            self.tell(&store);
            return Ok(stored(report.left_out.clone(), false));
        }
        let alone = New {
            report: None,
            ..summary_alone
        };
        store.put_in_memory(alone);
        self.tell(&store);
        Ok(stored(alone.left_out.to_vec(), false))
    }

    fn tell(&self, store: &Store) {
        self.totals.send_replace(totals(store));
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stored(left_out: Vec<String>, on_disk: bool) -> Stored {
    Stored { left_out, on_disk }
}

fn totals(store: &Store) -> Totals {
    let (messages, bytes) = store.totals();
    Totals { messages, bytes }
}

/// The application properties of a message: a summary has no `part`, so that it is never taken for one.
fn properties(message: &Message) -> Vec<(String, String)> {
    let entry = &message.entry;
    let mut properties = match message.key.message {
        0 => [("schema", SUMMARY_SCHEMA), ("run", &entry.run)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        part => Part {
            run: entry.run.clone(),
            part,
            parts: entry.parts,
            sha256: entry.sha256.clone(),
            body: Vec::new(),
        }
        .properties(),
    };
    if !entry.left_out.is_empty() {
        properties.push(("leftOut".to_owned(), entry.left_out.join(" ")));
    }
    properties
}

#[cfg(test)]
mod tests;
