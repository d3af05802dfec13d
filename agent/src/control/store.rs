//! Runs on disk: those that wait, the one that was begun, and how each ended. Every file is written whole or not at all.
//!
//! `queue/<run>.json` waits; `runs/<run>/request.json` was begun and has not ended; `runs/<run>/ended.json` has.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use conformance::report::{Counts, Report};
use conformance::run_request::RunRequest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::book::{Ending, Source};
use super::request::Accepted;
use crate::deaths;
use crate::events::RunEvent;
use crate::journal::{JournalError, Line, write_whole};

/// Something of a run cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk.
    #[error(transparent)]
    Write(#[from] JournalError),
    /// The disk, too.
    #[error("{action} {}: {source}", path.display())]
    Disk {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    /// A file that was not written by this program.
    #[error("read {}: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: serde_json::Error,
    },
}

/// A run that waits or was begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    /// Who asked for it.
    pub(super) source: Source,
    /// Place among those that wait: smaller ones come first.
    pub(super) order: u64,
    /// How often it was begun.
    pub(super) begun: u32,
    /// The probe was asked to stop: the beginning before does not count as one that the run brought to its end.
    pub(super) stopped: bool,
    /// SHA-256 of the request.
    pub(super) digest: String,
    /// What was asked for.
    pub(super) request: RunRequest,
    /// Text of the offer.
    pub(super) offer: String,
}

/// How a run ended. The offer is not kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Closed {
    pub(super) ending: Ending,
    pub(super) source: Source,
    /// SHA-256 of the request.
    pub(super) digest: String,
    /// SHA-256 of the offer.
    pub(super) offer_sha256: String,
    /// Why there is no report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// What the report says in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) judged: Option<Judged>,
    /// The report was handed over.
    #[serde(default)]
    pub(super) delivered: bool,
}

/// A report in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Judged {
    pub(super) verdict: String,
    pub(super) headline: String,
    pub(super) counts: Counts,
}

impl Judged {
    pub(super) fn of(report: &Report) -> Judged {
        Judged {
            verdict: report.verdict.word().to_owned(),
            headline: report.headline(),
            counts: report.counts,
        }
    }
}

/// What a start of the probe finds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Ended runs, the oldest first.
    pub(super) ended: Vec<(String, Closed)>,
    /// Runs that were begun and have not ended.
    pub(super) begun: Vec<Kept>,
    /// Runs that wait, in order.
    pub(super) queued: Vec<Kept>,
    /// The desired run that ended last.
    pub(super) wanted: Option<(String, Closed)>,
}

/// The probe's state directory.
#[derive(Debug)]
pub(super) struct Store {
    state: PathBuf,
    next_order: u64,
}

impl Store {
    /// Makes the directories and reads what is there. What cannot be read is logged and left alone.
    pub(super) fn open(state: &Path) -> Result<(Store, Found), StoreError> {
        let mut store = Store {
            state: state.to_owned(),
            next_order: 0,
        };
        for directory in [store.queue(), store.runs()] {
            fs::create_dir_all(&directory).map_err(disk("create", &directory))?;
        }
        let found = store.look()?;
        let highest = found.queued.iter().map(|kept| kept.order).max();
        store.next_order = highest.map_or(0, |order| order + 1);
        Ok((store, found))
    }

    /// Keeps a run that waits.
    pub(super) fn queue_up(
        &mut self,
        accepted: &Accepted,
        source: Source,
    ) -> Result<(), StoreError> {
        let kept = Kept {
            source,
            order: self.next_order,
            begun: 0,
            stopped: false,
            digest: accepted.digest.clone(),
            request: accepted.request.clone(),
            offer: accepted.offer.clone(),
        };
        write(&self.queued(&kept.request.id), &kept)?;
        self.next_order += 1;
        Ok(())
    }

    /// Forgets a run that waits.
    pub(super) fn unqueue(&self, run: &str) -> Result<(), StoreError> {
        remove(&self.queued(run))
    }

    /// Marks a run as begun, once more if it was before, and gives it back.
    pub(super) fn begin(&self, run: &str) -> Result<Kept, StoreError> {
        let open = self.of(run, "request.json");
        let mut kept: Kept = match read(&open)? {
            Some(kept) => kept,
            None => found(&self.queued(run))?,
        };
        kept.begun += u32::from(!kept.stopped);
        kept.stopped = false;
        self.keep_open(&kept)?;
        self.unqueue(run)?;
        Ok(kept)
    }

    /// Marks a run under way as stopped with the probe.
    pub(super) fn stop(&self, run: &str) -> Result<(), StoreError> {
        let mut kept: Kept = found(&self.of(run, "request.json"))?;
        kept.stopped = true;
        self.keep_open(&kept)
    }

    /// Keeps a report; it is on disk before anything says that the run has ended.
    pub(super) fn keep_report(&self, run: &str, report: &[u8]) -> Result<(), StoreError> {
        Ok(write_whole(&self.of(run, "report.json"), report)?)
    }

    /// The report of a run, if there is one.
    pub(super) fn report(&self, run: &str) -> Option<Vec<u8>> {
        fs::read(self.of(run, "report.json")).ok()
    }

    /// Marks a run as ended, or its report as handed over, and forgets its offer.
    pub(super) fn close(&self, run: &str, closed: &Closed) -> Result<(), StoreError> {
        let path = self.of(run, "ended.json");
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(disk("create", directory))?;
        }
        if closed.source == Source::Twin {
            write(&self.state.join("wanted.json"), &(run, closed))?;
        }
        write(&path, closed)?;
        remove(&self.of(run, "request.json"))?;
        self.unqueue(run)
    }

    /// The phase in which the journal of a run breaks off, and when that was.
    pub(super) fn last_phase(&self, run: &str) -> (String, conformance::units::Millis) {
        let text = fs::read(self.of(run, "journal.jsonl")).unwrap_or_default();
        let mut at = conformance::units::Millis(0);
        let mut phase = "starting".to_owned();
        // A power cut may leave half a line behind.
        let lines = text.split(|byte| *byte == b'\n');
        for line in lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok()) {
            at = line.at;
            match line.event {
                RunEvent::Phase { name, .. } => phase = name,
                RunEvent::Waiting { .. } => phase = "waiting".to_owned(),
                RunEvent::Started { .. } => phase = "starting".to_owned(),
                RunEvent::Judged { .. } => phase = "report".to_owned(),
                RunEvent::Repeated { .. }
                | RunEvent::Creating { .. }
                | RunEvent::Observed { .. }
                | RunEvent::Trouble { .. }
                | RunEvent::CleanedUp { .. }
                | RunEvent::Interrupted { .. }
                | RunEvent::Canceled
                | RunEvent::Failed { .. } => {}
            }
        }
        (phase, at)
    }

    /// Where journals and reports are.
    pub(super) fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    fn queue(&self) -> PathBuf {
        self.state.join("queue")
    }

    fn queued(&self, run: &str) -> PathBuf {
        self.queue().join(format!("{run}.json"))
    }

    fn of(&self, run: &str, file: &str) -> PathBuf {
        self.runs().join(run).join(file)
    }

    fn keep_open(&self, kept: &Kept) -> Result<(), StoreError> {
        let path = self.of(&kept.request.id, "request.json");
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(disk("create", directory))?;
        }
        write(&path, kept)
    }

    fn look(&self) -> Result<Found, StoreError> {
        let mut found = Found {
            wanted: readable(&self.state.join("wanted.json")),
            ..Found::default()
        };
        let mut ended: Vec<(SystemTime, String, Closed)> = Vec::new();
        for path in list(&self.runs())? {
            let Some(run) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let file = path.join("ended.json");
            if let Some(closed) = readable(&file) {
                let when = fs::metadata(&file).and_then(|file| file.modified());
                ended.push((
                    when.unwrap_or(SystemTime::UNIX_EPOCH),
                    run.to_owned(),
                    closed,
                ));
                // The last thing that closing does may not have come about.
                remove(&path.join("request.json"))?;
            } else {
                found
                    .begun
                    .extend(readable::<Kept>(&path.join("request.json")));
            }
        }
        ended.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let ended = ended.into_iter().map(|(_, run, closed)| (run, closed));
        found.ended = ended.collect();
        for path in list(&self.queue())? {
            let Some(kept) = readable::<Kept>(&path) else {
                continue;
            };
            let run = &kept.request.id;
            let over = found.ended.iter().any(|(ended, _)| ended == run)
                || found.begun.iter().any(|begun| begun.request.id == *run);
            // The twin brings a desired run again, if it is still desired.
            if over || kept.source == Source::Twin {
                remove(&path)?;
            } else {
                found.queued.push(kept);
            }
        }
        found.queued.sort_by_key(|kept| kept.order);
        Ok(found)
    }
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = fs::read_dir(directory).map_err(disk("list", directory))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(value).map_err(|source| StoreError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok(write_whole(path, &bytes)?)
}

/// What a file holds; `None` if there is none.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(disk("read", path)(error)),
    };
    let value = serde_json::from_slice(&bytes).map_err(|source| StoreError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(value))
}

fn found<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    read(path)?.ok_or_else(|| disk("read", path)(ErrorKind::NotFound.into()))
}

fn readable<T: DeserializeOwned>(path: &Path) -> Option<T> {
    read(path).unwrap_or_else(|error| {
        tracing::warn!(%error, "left alone");
        None
    })
}

fn remove(path: &Path) -> Result<(), StoreError> {
    let removed = deaths::step(
        || format!("remove {}", path.display()),
        || fs::remove_file(path),
    );
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(disk("remove", path)(error)),
        _ => Ok(()),
    }
}

fn disk<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> StoreError + 'a {
    move |source| StoreError::Disk {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
