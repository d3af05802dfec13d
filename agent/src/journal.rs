//! The journal of a run on disk: one JSON line per event, synchronised before the event has any effect elsewhere.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use conformance::units::Millis;
use serde::{Deserialize, Serialize};

use crate::deaths;
use crate::events::RunEvent;
use crate::outbox::UNSENT;

/// Runs kept on disk; the oldest go first. One whose report is unsent stays beyond that: the outbox has its own bound.
const RUNS_KEPT: usize = 20;

/// A journal could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{action} {path}: {source}")]
pub struct JournalError {
    action: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

/// The open journal of one run.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

/// One line of the journal.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line {
    /// From the start of the run.
    pub at: Millis,
    /// What happened.
    pub event: RunEvent,
}

impl Journal {
    /// A new journal at `runs/<run>/journal.jsonl`, or the one that is there, to go on with; the oldest runs beyond twenty
    /// are removed first, unless their report is unsent.
    ///
    /// # Errors
    /// The directory or the file cannot be made.
    pub fn create(runs: &Path, run: &str) -> Result<Journal, JournalError> {
        let directory = runs.join(run);
        fs::create_dir_all(&directory).map_err(failed("create", &directory))?;
        forget_oldest(runs, &directory)?;
        let path = directory.join("journal.jsonl");
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed("open", &path))?;
        // What a power cut left of a line must not swallow the next one.
        if fs::read(&path).is_ok_and(|text| text.last().is_some_and(|&last| last != b'\n')) {
            file.write_all(b"\n").map_err(failed("write", &path))?;
        }
        Ok(Journal { path, file })
    }

    /// Appends one event and waits until it is on disk.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn write(&mut self, at: Millis, event: &RunEvent) -> Result<(), JournalError> {
        let line = Line {
            at,
            event: event.clone(),
        };
        let mut bytes = serde_json::to_vec(&line)
            .map_err(std::io::Error::from)
            .map_err(failed("write", &self.path))?;
        bytes.push(b'\n');
        let file = &mut self.file;
        let write = || file.write_all(&bytes).and_then(|()| file.sync_data());
        deaths::step(|| format!("journal: {}", event.label()), write)
            .map_err(failed("write", &self.path))
    }
}

/// Writes `bytes` to `path` whole or not at all: to a temporary name, synchronised, then renamed.
///
/// # Errors
/// The disk does not take it.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    let temporary = path.with_extension("part");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    let rename = || fs::rename(&temporary, path);
    deaths::step(|| format!("write {}", temporary.display()), write)
        .and_then(|()| deaths::step(|| format!("rename to {}", path.display()), rename))
        .map_err(failed("write", path))
}

fn failed<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> JournalError + 'a {
    move |source| JournalError {
        action,
        path: path.to_owned(),
        source,
    }
}

fn forget_oldest(runs: &Path, newest: &Path) -> Result<(), JournalError> {
    let entries = fs::read_dir(runs).map_err(failed("list", runs))?;
    let mut kept: Vec<(std::time::SystemTime, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    kept.sort();
    let surplus = kept.len().saturating_sub(RUNS_KEPT);
    kept.retain(|(_, path)| path != newest && !path.join(UNSENT).exists());
    for (_, path) in kept.into_iter().take(surplus) {
        fs::remove_dir_all(&path).map_err(failed("remove", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        write_whole(&path, b"old").unwrap();
        write_whole(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(!dir.path().join("report.part").exists());
    }

    #[test]
    fn half_a_line_does_not_swallow_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r/journal.jsonl");
        fs::create_dir_all(dir.path().join("r")).unwrap();
        fs::write(
            &path,
            "{\"at\":1,\"event\":{\"event\":\"canceled\"}}\n{\"at\":2,\"ev",
        )
        .unwrap();
        let mut journal = Journal::create(dir.path(), "r").unwrap();
        journal.write(Millis(3), &RunEvent::Canceled).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<bool> = text
            .lines()
            .map(|line| serde_json::from_str::<Line>(line).is_ok())
            .collect();
        assert_eq!(lines, [true, false, true]);
    }

    #[test]
    fn only_the_newest_runs_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..25 {
            Journal::create(dir.path(), &format!("run-{n}")).unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), RUNS_KEPT);
        assert!(dir.path().join("run-24").exists());
    }

    #[test]
    fn a_run_whose_report_is_unsent_is_not_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..25 {
            Journal::create(dir.path(), &format!("run-{n}")).unwrap();
            let unsent = dir.path().join(format!("run-{n}")).join(UNSENT);
            fs::write(unsent, "").unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 25);
        fs::remove_file(dir.path().join("run-7").join(UNSENT)).unwrap();
        Journal::create(dir.path(), "new").unwrap();
        assert!(dir.path().join("new").exists() && !dir.path().join("run-7").exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 25);
    }

    #[test]
    fn an_unwritable_place_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("runs"), "a file").unwrap();
        let error = Journal::create(&dir.path().join("runs"), "r").unwrap_err();
        assert!(error.to_string().contains("runs/r"), "{error}");
    }
}
