//! The ledger of tags: which digest each tag was seen to lead to, and when. A file of lines that only grows and can be shared.
//!
//! A line is one sighting as JSON. Lines are written whole and synced; what a crash left of a line is closed off by the next
//! writer and never counts. Two ledgers put one behind the other are a ledger.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use conformance::observation::Sighting;
use thiserror::Error;

/// Longest line read. A digest, a tag of 128 characters and a repository of 255 take less than half of it.
const LONGEST_LINE: u64 = 2048;
/// Largest ledger read.
const LARGEST: u64 = 256 << 20;
/// How long another writer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A ledger that cannot be used.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The file cannot be opened, read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The ledger.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another writer holds it.
    #[error("{}: another program held it for {} s", path.display(), PATIENCE.as_secs())]
    Held {
        /// The ledger.
        path: PathBuf,
    },
    /// It is no ledger.
    #[error("{}: {why}", path.display())]
    NoLedger {
        /// What was named.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// An open ledger, held against other writers until it is dropped.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    sightings: Vec<Sighting>,
    /// Lines that are no sightings, by number: what a crash left, or somebody's editor.
    broken: Vec<u64>,
    /// Whether the last line has no end.
    open_line: bool,
    /// Whether the first line begins as a sighting does.
    begins_well: bool,
}

impl Ledger {
    /// Opens a ledger, or begins one, and reads what it knows of one repository.
    ///
    /// # Errors
    /// It cannot be opened or is held, or it is a file of another kind.
    pub fn open(path: &Path, repository: &str) -> Result<Ledger, LedgerError> {
        let failed = |source| LedgerError::File {
            path: path.to_owned(),
            source,
        };
        let is_new = !path.exists();
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(failed)?;
        hold(&file, path)?;
        if is_new {
            sync_directory(path).map_err(failed)?;
        }
        let size = file.metadata().map_err(failed)?.len();
        if size > LARGEST {
            return Err(LedgerError::NoLedger {
                path: path.to_owned(),
                why: format!("it has {size} bytes; at most {LARGEST} are read"),
            });
        }
        let mut ledger = Ledger {
            path: path.to_owned(),
            file,
            sightings: Vec::new(),
            broken: Vec::new(),
            open_line: false,
            begins_well: false,
        };
        let lines = ledger.read(repository).map_err(failed)?;
        // Nobody's notes or keys are to be written into.
        let torn = lines == 1 && ledger.open_line && ledger.begins_well;
        if lines > 0 && ledger.broken.len() as u64 == lines && !torn {
            return Err(LedgerError::NoLedger {
                path: path.to_owned(),
                why: format!("none of its {lines} lines is a sighting; name another file"),
            });
        }
        Ok(ledger)
    }

    /// What it knew of the repository when it was opened, in the order of its lines.
    #[must_use]
    pub fn sightings(&self) -> &[Sighting] {
        &self.sightings
    }

    /// Numbers of lines that do not count.
    #[must_use]
    pub fn broken(&self) -> &[u64] {
        &self.broken
    }

    /// Adds what is new: a tag that was never seen, or that leads elsewhere than when it was seen last.
    ///
    /// # Errors
    /// It cannot be written; what was written by then counts.
    pub fn add(&mut self, seen: &[Sighting]) -> Result<usize, LedgerError> {
        let mut last: BTreeMap<(&str, &str), &Sighting> = BTreeMap::new();
        for one in &self.sightings {
            let key = (one.repository.as_str(), one.tag.as_str());
            let newer = last.get(&key).is_none_or(|known| known.on <= one.on);
            if newer {
                last.insert(key, one);
            }
        }
        let fresh: Vec<&Sighting> = seen
            .iter()
            .filter(|one| {
                let known = last.get(&(one.repository.as_str(), one.tag.as_str()));
                known.is_none_or(|known| known.digest != one.digest)
            })
            .collect();
        if fresh.is_empty() {
            return Ok(0);
        }
        let mut text = String::new();
        if self.open_line {
            text.push('\n');
        }
        for one in &fresh {
            text.push_str(&serde_json::to_string(one).expect("a sighting is four texts"));
            text.push('\n');
        }
        let written = self
            .file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.sync_all());
        written.map_err(|source| LedgerError::File {
            path: self.path.clone(),
            source,
        })?;
        self.open_line = false;
        Ok(fresh.len())
    }

    /// Reads every line with a bound on each; answers how many there are.
    fn read(&mut self, repository: &str) -> io::Result<u64> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            if reader
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)?
                == 0
            {
                return Ok(number);
            }
            number += 1;
            if number == 1 {
                self.begins_well = line.first() == Some(&b'{');
            }
            self.open_line = line.last() != Some(&b'\n');
            if self.open_line && line.len() as u64 == LONGEST_LINE {
                skip_line(&mut reader)?;
                self.open_line = false;
                self.broken.push(number);
                continue;
            }
            let text = line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            match serde_json::from_slice::<Sighting>(text) {
                Ok(one) if one.repository == repository => self.sightings.push(one),
                Ok(_) => {}
                Err(_) => self.broken.push(number),
            }
        }
    }
}

fn skip_line(reader: &mut BufReader<&File>) -> io::Result<()> {
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(());
        }
        let end = piece.iter().position(|b| *b == b'\n');
        let used = end.map_or(piece.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// Waits for other writers, with an end.
fn hold(file: &File, path: &Path) -> Result<(), LedgerError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                thread::sleep(Duration::from_millis(20))
            }
            Err(TryLockError::WouldBlock) => {
                return Err(LedgerError::Held {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(LedgerError::File {
                    path: path.to_owned(),
                    source,
                });
            }
        }
    }
}

/// A new file is there after a power cut only if its directory was written too.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AIR: &str = "contoso.azurecr.io/air";

    fn sighting(tag: &str, digest: &str, on: &str) -> Sighting {
        Sighting {
            repository: AIR.to_owned(),
            tag: tag.to_owned(),
            digest: format!("sha256:{digest}"),
            on: on.to_owned(),
        }
    }

    fn written(sightings: &[Sighting]) -> String {
        let line = |one: &Sighting| serde_json::to_string(one).unwrap() + "\n";
        sightings.iter().map(line).collect()
    }

    #[test]
    fn a_tag_is_written_once_and_again_only_when_it_moves() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tags.jsonl");
        let first = sighting("1.0.0", "a", "2026-11-01T00:00:00Z");
        let again = sighting("1.0.0", "a", "2026-11-02T00:00:00Z");
        let moved = sighting("1.0.0", "b", "2026-11-03T00:00:00Z");
        for (seen, added, known) in [(&first, 1, 0), (&again, 0, 1), (&moved, 1, 1)] {
            let mut ledger = Ledger::open(&path, AIR).unwrap();
            assert_eq!(ledger.sightings().len(), known);
            assert_eq!(ledger.add(std::slice::from_ref(seen)).unwrap(), added);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), written(&[first, moved]));
        assert!(
            Ledger::open(&path, "other/air")
                .unwrap()
                .sightings()
                .is_empty()
        );
    }

    #[test]
    fn a_ledger_cut_at_any_byte_keeps_every_whole_line_and_takes_new_ones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tags.jsonl");
        let lines = [
            sighting("1.0.0", "a", "1"),
            sighting("1.0.1", "b", "2"),
            sighting("1.0.2", "c", "3"),
        ];
        let text = written(&lines);
        let new = sighting("2.0.0", "d", "4");
        for cut in 0..=text.len() {
            fs::write(&path, &text[..cut]).unwrap();
            // A line counts when it is whole; the line feed alone may be missing.
            let whole = lines
                .iter()
                .enumerate()
                .filter(|(n, _)| written(&lines[..=*n]).len() - 1 <= cut)
                .count();
            let mut ledger = Ledger::open(&path, AIR).unwrap();
            assert_eq!(ledger.sightings(), &lines[..whole], "cut at {cut}");
            assert_eq!(ledger.add(std::slice::from_ref(&new)).unwrap(), 1);
            drop(ledger);
            let ledger = Ledger::open(&path, AIR).unwrap();
            let known: Vec<&Sighting> = ledger.sightings().iter().collect();
            let wanted: Vec<&Sighting> = lines[..whole].iter().chain([&new]).collect();
            assert_eq!(known, wanted, "cut at {cut}");
            assert!(ledger.broken().len() <= 1);
        }
    }

    #[test]
    fn a_file_of_another_kind_is_not_written_into() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notes.txt");
        for notes in ["milk\nbread\n", "milk"] {
            fs::write(&path, notes).unwrap();
            let told = Ledger::open(&path, AIR).unwrap_err().to_string();
            assert!(told.contains("is a sighting"), "{told}");
            assert_eq!(fs::read_to_string(&path).unwrap(), notes);
        }
    }

    #[test]
    fn writers_at_the_same_time_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tags.jsonl");
        thread::scope(|scope| {
            for n in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    let mut ledger = Ledger::open(path, AIR).unwrap();
                    ledger
                        .add(&[sighting(&format!("1.0.{n}"), "a", "1")])
                        .unwrap();
                });
            }
        });
        let ledger = Ledger::open(&path, AIR).unwrap();
        assert_eq!((ledger.sightings().len(), ledger.broken().len()), (8, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_stands_between_lines_the_whole_ones_count(noise in "[^\n]{0,40}", long in any::<bool>()) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("tags.jsonl");
            let lines = [sighting("1.0.0", "a", "1"), sighting("1.0.1", "b", "2")];
            let noise = if long { noise + &"x".repeat(5000) } else { noise };
            fs::write(&path, format!("{}{noise}\n{}", written(&lines[..1]), written(&lines[1..]))).unwrap();
            let ledger = Ledger::open(&path, AIR).unwrap();
            prop_assert_eq!(ledger.sightings(), &lines[..]);
        }
    }
}
