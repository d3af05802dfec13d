//! How much a container writes to its log: the growth of the engine's own file between two looks.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};
use conformance::observation::Output;
use conformance::units::{Bytes, Millis};
use rustix::fs::{SeekFrom, seek};
use serde_json::Value;

use super::Roots;

/// Longest stretch of a log whose lines are counted.
const MOST_COUNTED: u64 = 64 << 20;

/// A log file at one moment.
#[derive(Debug)]
pub struct LogMark {
    path: PathBuf,
    file: u64,
    length: u64,
}

impl LogMark {
    /// The log file as it stands. `log` is the host's path of it, as the engine names it.
    ///
    /// # Errors
    /// The engine keeps no file, or it cannot be read here.
    pub fn now(roots: &Roots, log: Option<&Path>) -> Result<LogMark, Unseen> {
        let unseen = |because: &str| Unseen::new(Reason::CannotMeasure, because);
        let log = log.ok_or_else(|| unseen("the engine names no log file of the container"))?;
        let path = roots.here(log).ok_or_else(|| {
            unseen("the log file is not below the engine's data root as mounted here")
        })?;
        let seen = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        Ok(LogMark {
            path,
            file: seen.ino(),
            length: seen.len(),
        })
    }

    /// What was written since, over `window`; `limit` is what the log options allow the files to grow to.
    ///
    /// # Errors
    /// The file was rotated meanwhile, or cannot be read.
    pub fn since(&self, window: Millis, limit: Option<Bytes>) -> Result<Output, Unseen> {
        let seen = fs::metadata(&self.path).map_err(|error| unreadable(&self.path, &error))?;
        if seen.ino() != self.file || seen.len() < self.length {
            let because = "the log was rotated within the window, so its growth was not seen";
            return Err(Unseen::new(Reason::CannotMeasure, because));
        }
        let grown = seen.len() - self.length;
        let lines = if grown <= MOST_COUNTED {
            let lines = lines(&self.path, self.length, grown);
            Some(lines.map_err(|error| unreadable(&self.path, &error))?)
        } else {
            None
        };
        Ok(Output {
            window,
            bytes: Bytes(grown),
            lines,
            limit,
        })
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Unseen {
    Unseen::new(
        Reason::CannotMeasure,
        format!("{} cannot be read: {error}", path.display()),
    )
}

fn lines(path: &Path, from: u64, length: u64) -> std::io::Result<u64> {
    let file = File::open(path)?;
    seek(&file, SeekFrom::Start(from))?;
    let mut left = file.take(length);
    let mut buffer = [0; 32 * 1024];
    let mut lines = 0;
    loop {
        let read = left.read(&mut buffer)?;
        if read == 0 {
            return Ok(lines);
        }
        lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}

/// What a container's log files may grow to together, by the engine's inspect; `None` without a limit.
///
/// Source: Docker documentation, "JSON File logging driver" (no limit unless `max-size` is set; `max-file` is 1 by default)
/// and "Local file logging driver" (20 MB in each of 5 files by default).
#[must_use]
pub fn log_limit(inspect: &Value) -> Option<Bytes> {
    let config = &inspect["HostConfig"]["LogConfig"];
    let (size, files) = match config["Type"].as_str()? {
        "json-file" => (None, 1),
        "local" => (Some(20_000_000), 5),
        _ => return None,
    };
    let option = |name: &str| config["Config"][name].as_str();
    let size = option("max-size").and_then(bytes).or(size)?;
    let files = option("max-file")
        .and_then(|text| text.parse().ok())
        .unwrap_or(files);
    Some(Bytes(size.saturating_mul(files)))
}

/// `10m`, `100k`, `1g`, `5000`: units are binary (moby, `go-units`, `RAMInBytes`). `-1` is no limit.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..]
        .trim_end_matches("ib")
        .trim_end_matches('b')
    {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn roots(root: &Path) -> Roots {
        Roots {
            proc: root.to_owned(),
            cgroup: root.to_owned(),
            data_root: Some(root.to_owned()),
            data_root_on_host: "/var/lib/docker".into(),
        }
    }

    #[test]
    fn growth_is_told_in_bytes_and_lines() {
        let tree = tempfile::tempdir().unwrap();
        let log = tree.path().join("a-json.log");
        fs::write(&log, "before\n").unwrap();
        let on_host = Path::new("/var/lib/docker/a-json.log");
        let mark = LogMark::now(&roots(tree.path()), Some(on_host)).unwrap();
        fs::write(&log, "before\none\ntwo\n").unwrap();
        let output = mark.since(Millis(1_000), None).unwrap();
        assert_eq!((output.bytes, output.lines), (Bytes(8), Some(2)));
        fs::write(&log, "").unwrap();
        assert!(
            mark.since(Millis(1_000), None)
                .unwrap_err()
                .because
                .contains("rotated")
        );
        assert!(LogMark::now(&roots(tree.path()), None).is_err());
    }

    #[test]
    fn a_limit_is_size_times_files() {
        let limit = |kind: &str, config: Value| {
            log_limit(&json!({"HostConfig": {"LogConfig": {"Type": kind, "Config": config}}}))
        };
        assert_eq!(limit("json-file", json!({})), None);
        assert_eq!(limit("json-file", json!({"max-size": "-1"})), None);
        let three = json!({"max-size": "10m", "max-file": "3"});
        assert_eq!(limit("json-file", three), Some(Bytes::mib(30)));
        assert_eq!(
            limit("json-file", json!({"max-size": "5kb"})),
            Some(Bytes(5120))
        );
        assert_eq!(limit("local", json!({})), Some(Bytes(100_000_000)));
        assert_eq!(limit("journald", json!({})), None);
        assert_eq!(log_limit(&json!({})), None);
    }
}
