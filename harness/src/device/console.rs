//! The guest's console, read while it boots: the stages it tells of, and the ends it may come to.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

/// One thing that the console says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// A stage is reached, so many seconds after the guest's processor was switched on.
    Stage {
        /// Which.
        name: String,
        /// Seconds on the guest's clock.
        uptime: f64,
    },
    /// The boot cannot go on.
    Failed(String),
    /// The kernel gave up.
    Panic(String),
}

/// A console that grows.
#[derive(Debug)]
pub(super) struct Console {
    path: PathBuf,
    position: u64,
    rest: Vec<u8>,
}

impl Console {
    /// A console from its first byte.
    #[must_use]
    pub(super) fn new(path: PathBuf) -> Console {
        Console {
            path,
            position: 0,
            rest: Vec::new(),
        }
    }

    /// What it said since the last look. A log that is not there yet says nothing.
    #[must_use]
    pub(super) fn news(&mut self) -> Vec<Told> {
        let mut new = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.position))?;
            file.read_to_end(&mut new)
        });
        if read.is_err() {
            return Vec::new();
        }
        self.position += new.len() as u64;
        self.rest.extend_from_slice(&new);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let lines: Vec<u8> = self.rest.drain(..=end).collect();
        String::from_utf8_lossy(&lines)
            .lines()
            .filter_map(told)
            .collect()
    }
}

/// What one line of the console says, if it is for us.
fn told(line: &str) -> Option<Told> {
    let line = line.trim();
    if let Some((_, why)) = line.split_once("Kernel panic - ") {
        return Some(Told::Panic(why.to_owned()));
    }
    // The kernel's own words may stand before ours on the same line.
    let (_, ours) = line.split_once("edgeproof: ")?;
    if let Some(why) = ours.strip_prefix("failed: ") {
        return Some(Told::Failed(why.to_owned()));
    }
    let (name, uptime) = ours
        .strip_prefix("stage ")?
        .strip_suffix(" s)")?
        .split_once(" (")?;
    Some(Told::Stage {
        name: name.to_owned(),
        uptime: uptime.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_line_that_is_still_being_written_is_read_once_it_is_whole() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("serial.log");
        let mut console = Console::new(path.clone());
        assert_eq!(console.news(), []);
        let mut log = File::create(&path).unwrap();
        log.write_all(b"[    0.1] noise\r\nedgeproof: stage ker")
            .unwrap();
        assert_eq!(console.news(), []);
        log.write_all(b"nel (3.20 s)\r\n").unwrap();
        let kernel = Told::Stage {
            name: "kernel".to_owned(),
            uptime: 3.2,
        };
        assert_eq!(console.news(), [kernel]);
        assert_eq!(console.news(), []);
    }

    #[test]
    fn ends_are_told_from_noise() {
        assert_eq!(
            told("[    1.9] Kernel panic - not syncing: Fatal exception"),
            Some(Told::Panic("not syncing: Fatal exception".to_owned()))
        );
        assert_eq!(
            told("edgeproof: failed: the disk cannot be mounted"),
            Some(Told::Failed("the disk cannot be mounted".to_owned()))
        );
        for noise in [
            "",
            "insmod: no such device",
            "edgeproof: stage",
            "edgeproof: stage x (y s)",
        ] {
            assert_eq!(told(noise), None, "{noise}");
        }
    }
}
