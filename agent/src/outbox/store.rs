//! Unsent reports on disk, oldest first: `runs/<run>/unsent` beside the `runs/<run>/report.json` that it speaks of.
//!
//! A report counts as kept from the moment that both are there under their names. `unsent` is written first: a report
//! without it is one that the hub has, and an `unsent` whose report is not there was never kept.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conformance::run_request::sha256_hex;

use super::disk::Disk;
use super::entry::Entry;
use crate::hub::MAX_PART_BYTES;

/// Name of the file that says that the run's report is unsent.
pub(crate) const UNSENT: &str = "unsent";
/// Name of the report.
const REPORT: &str = "report.json";
/// Where an unusable `unsent` goes, so that a person can look at it.
const SET_ASIDE: &str = "unsent.torn";

/// What is to be kept of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct New<'a> {
    /// Id of the run.
    pub(super) run: &'a str,
    /// The text of `report.json`; `None` for a summary alone.
    pub(super) report: Option<&'a [u8]>,
    /// The summary's JSON.
    pub(super) summary: &'a str,
    /// What the report leaves out.
    pub(super) left_out: &'a [String],
}

/// One message of an unsent report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Which entry, and which message of it.
    pub(super) key: Key,
    /// The entry as it stands.
    pub(super) entry: Entry,
    /// The message's bytes.
    pub(super) body: Vec<u8>,
}

/// Which message of which entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) sequence: u64,
    pub(super) message: usize,
}

#[derive(Debug)]
struct Kept {
    entry: Entry,
    /// The report where the disk did not take it.
    in_memory: Option<Arc<[u8]>>,
}

/// The unsent reports.
#[derive(Debug)]
pub(super) struct Store {
    runs: PathBuf,
    disk: Disk,
    kept: Vec<Kept>,
    next_sequence: u64,
}

impl Store {
    /// Takes up what is unsent below `runs`. What is torn is set aside with a line in the log.
    pub(super) fn open(runs: &Path, disk: Disk) -> io::Result<Store> {
        disk.make_directory(runs)?;
        let mut entries = Vec::new();
        for directory in fs::read_dir(runs)? {
            let directory = directory?.path();
            match take_up(&directory) {
                Ok(Some(entry)) => entries.push(entry),
                Ok(None) => {}
                Err(Unusable::NeverKept) => {
                    tracing::info!(run = %directory.display(), "its report was being written when the probe ended");
                    told(disk.remove(&directory.join(UNSENT)), &directory);
                }
                Err(Unusable::Torn(why)) => {
                    tracing::error!(run = %directory.display(), why, "an unsent report is unusable: set aside, not sent");
                    let aside = disk.rename(&directory.join(UNSENT), &directory.join(SET_ASIDE));
                    told(aside, &directory);
                }
            }
        }
        entries.sort_by_key(|entry| entry.sequence);
        let next_sequence = entries.last().map_or(1, |last| last.sequence + 1);
        let kept = entries.into_iter().map(on_disk).collect();
        Ok(Store {
            runs: runs.to_owned(),
            disk,
            kept,
            next_sequence,
        })
    }

    /// Keeps a report behind all others. One of the same run that is kept already is sent from its beginning again.
    ///
    /// # Errors
    /// The disk does not take it; then nothing of it is kept.
    pub(super) fn put(&mut self, new: New<'_>) -> io::Result<()> {
        let mut entry = self.entry(new);
        let known = self.place_of(new.run);
        if let Some(known) = known {
            entry.sequence = self.kept[known].entry.sequence;
        }
        let directory = self.runs.join(new.run);
        self.disk.make_directory(&directory)?;
        let unsent = directory.join(UNSENT);
        self.disk.write_whole(&unsent, &entry.encode())?;
        let report = directory.join(REPORT);
        if let Some(bytes) = new.report
            && !is_there(&report, &entry)
            && let Err(error) = self.disk.write_whole(&report, bytes)
        {
            told(self.disk.remove(&unsent), &directory);
            self.kept.retain(|kept| kept.entry.run != new.run);
            return Err(error);
        }
        self.push(known, on_disk(entry));
        Ok(())
    }

    /// Keeps a report in memory alone, for a disk that takes nothing.
    pub(super) fn put_in_memory(&mut self, new: New<'_>) {
        let entry = self.entry(new);
        let known = self.place_of(new.run);
        let in_memory = Some(Arc::from(new.report.unwrap_or_default()));
        self.push(known, Kept { entry, in_memory });
    }

    /// The message to send next, oldest report first.
    ///
    /// # Errors
    /// The report cannot be read; [`Store::set_aside`] is for that.
    pub(super) fn next(&self) -> Result<Option<Message>, (u64, io::Error)> {
        let Some(kept) = self.kept.first() else {
            return Ok(None);
        };
        let entry = kept.entry.clone();
        let body = match (entry.next, &kept.in_memory) {
            (0, _) => entry.summary.clone().into_bytes(),
            (part, Some(bytes)) => bytes
                .chunks(MAX_PART_BYTES)
                .nth(part - 1)
                .unwrap_or_default()
                .to_vec(),
            (part, None) => self
                .part(&entry, part)
                .map_err(|error| (entry.sequence, error))?,
        };
        let key = Key {
            sequence: entry.sequence,
            message: entry.next,
        };
        Ok(Some(Message { key, entry, body }))
    }

    /// The hub has `key`: it is forgotten, and so is the entry after its last message.
    ///
    /// # Errors
    /// The disk does not take it: after a restart it will be sent once more.
    pub(super) fn acknowledged(&mut self, key: Key) -> io::Result<()> {
        let Some(place) = self.place(key.sequence) else {
            return Ok(());
        };
        let kept = &mut self.kept[place];
        // An entry that was put again meanwhile starts over.
        if kept.entry.next != key.message {
            return Ok(());
        }
        kept.entry.next += 1;
        let is_on_disk = kept.in_memory.is_none();
        let entry = kept.entry.clone();
        let unsent = self.runs.join(&entry.run).join(UNSENT);
        if entry.messages() == 0 {
            self.kept.remove(place);
            if is_on_disk {
                return self.disk.remove(&unsent);
            }
        } else if is_on_disk {
            return self.disk.write_whole(&unsent, &entry.encode());
        }
        Ok(())
    }

    /// Takes an entry that can never be sent out of the order.
    pub(super) fn set_aside(&mut self, sequence: u64) {
        if let Some(place) = self.place(sequence) {
            let kept = self.kept.remove(place);
            let directory = self.runs.join(&kept.entry.run);
            if kept.in_memory.is_none() {
                let aside = self
                    .disk
                    .rename(&directory.join(UNSENT), &directory.join(SET_ASIDE));
                told(aside, &directory);
            }
        }
    }

    /// Messages without acknowledgement, and bytes of their reports and summaries.
    pub(super) fn totals(&self) -> (usize, u64) {
        let entries = || self.kept.iter().map(|kept| &kept.entry);
        (
            entries().map(Entry::messages).sum(),
            entries().map(Entry::size).sum(),
        )
    }

    /// Whether something of this run is kept.
    pub(super) fn holds(&self, run: &str) -> bool {
        self.place_of(run).is_some()
    }

    /// Whether a report is kept in memory.
    pub(super) fn has_in_memory(&self) -> bool {
        let has_report = |kept: &Kept| kept.in_memory.as_ref().is_some_and(|it| !it.is_empty());
        self.kept.iter().any(has_report)
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.kept.iter().map(|kept| kept.entry.clone()).collect()
    }

    #[cfg(test)]
    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    fn entry(&self, new: New<'_>) -> Entry {
        let report = new.report.unwrap_or_default();
        Entry {
            sequence: self.next_sequence,
            run: new.run.to_owned(),
            sha256: sha256_hex(report),
            bytes: report.len() as u64,
            parts: new
                .report
                .map_or(0, |report| report.len().div_ceil(MAX_PART_BYTES).max(1)),
            next: 0,
            left_out: new.left_out.to_vec(),
            summary: new.summary.to_owned(),
        }
    }

    fn push(&mut self, known: Option<usize>, kept: Kept) {
        match known {
            Some(known) => self.kept[known] = kept,
            None => {
                self.next_sequence += 1;
                self.kept.push(kept);
            }
        }
    }

    fn place(&self, sequence: u64) -> Option<usize> {
        let is_it = |kept: &Kept| kept.entry.sequence == sequence;
        self.kept.iter().position(is_it)
    }

    fn place_of(&self, run: &str) -> Option<usize> {
        self.kept.iter().position(|kept| kept.entry.run == run)
    }

    fn part(&self, entry: &Entry, part: usize) -> io::Result<Vec<u8>> {
        let from = (part - 1) * MAX_PART_BYTES;
        let rest = usize::try_from(entry.bytes).unwrap_or(usize::MAX) - from;
        let mut body = vec![0; rest.min(MAX_PART_BYTES)];
        let mut file = File::open(self.runs.join(&entry.run).join(REPORT))?;
        file.seek(SeekFrom::Start(from as u64))?;
        file.read_exact(&mut body)?;
        Ok(body)
    }
}

/// Why an `unsent` is not taken up.
#[derive(Debug)]
enum Unusable {
    /// Its report was never written whole.
    NeverKept,
    /// It or its report is not what was written.
    Torn(String),
}

/// The entry of one run's directory, if its report is unsent.
fn take_up(directory: &Path) -> Result<Option<Entry>, Unusable> {
    let unreadable = |error: io::Error| Unusable::Torn(error.to_string());
    let bytes = match fs::read(directory.join(UNSENT)) {
        Ok(bytes) => bytes,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let entry = Entry::decode(&bytes).map_err(Unusable::Torn)?;
    if entry.parts == 0 {
        return Ok(Some(entry));
    }
    match fs::read(directory.join(REPORT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Unusable::NeverKept),
        Err(error) => Err(unreadable(error)),
        Ok(report) if sha256_hex(&report) == entry.sha256 => Ok(Some(entry)),
        Ok(report) => Err(Unusable::Torn(format!(
            "{REPORT} of {} bytes is not the report that was kept",
            report.len()
        ))),
    }
}

/// There is no such file, or what should be a run's directory is none.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn on_disk(entry: Entry) -> Kept {
    Kept {
        entry,
        in_memory: None,
    }
}

fn is_there(report: &Path, entry: &Entry) -> bool {
    fs::read(report).is_ok_and(|bytes| sha256_hex(&bytes) == entry.sha256)
}

fn told(done: io::Result<()>, directory: &Path) {
    if let Err(error) = done {
        tracing::warn!(%error, run = %directory.display(), "the outbox could not be tidied");
    }
}

#[cfg(test)]
mod tests;
