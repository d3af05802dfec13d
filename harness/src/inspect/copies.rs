//! Copies of unpacked layers for a scanner, in a directory that goes when they are no longer needed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;

/// Most bytes that are written.
const MOST_BYTES: u64 = 16 << 30;

/// Layers that wait to be scanned.
#[derive(Debug)]
pub(super) struct Waiting {
    directory: TempDir,
    left: u64,
    /// The name of each layer's file, or why it is not whole.
    pub(super) names: BTreeMap<String, Result<String, String>>,
}

impl Waiting {
    /// A directory for them.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn new() -> io::Result<Waiting> {
        let directory = tempfile::Builder::new()
            .prefix("edgeproof-scan-")
            .tempdir()?;
        fs::create_dir(directory.path().join("layers"))?;
        fs::create_dir(directory.path().join("work"))?;
        Ok(Waiting {
            directory,
            left: MOST_BYTES,
            names: BTreeMap::new(),
        })
    }

    /// The directory of the layers.
    pub(super) fn layers(&self) -> PathBuf {
        self.directory.path().join("layers")
    }

    /// A directory for the scanner's own files, which goes with the layers.
    pub(super) fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// A file for a layer that has none yet, and how much may go into it.
    pub(super) fn file(&mut self, digest: &str) -> Option<Copy> {
        if self.names.contains_key(digest) {
            return None;
        }
        // A digest is a manifest's text, so that it names no file here.
        let name = format!("layer-{}", self.names.len() + 1);
        let made = File::create_new(self.layers().join(&name));
        let (named, copy) = match made {
            Ok(file) => (Ok(name), Some(Copy::new(file, self.left))),
            Err(error) => (Err(error.to_string()), None),
        };
        self.names.insert(digest.to_owned(), named);
        copy
    }

    /// What became of the copy of a layer.
    pub(super) fn done(&mut self, digest: &str, copy: Copy) {
        self.left = self.left.saturating_sub(copy.written);
        if let Some(why) = copy.broken {
            self.names.insert(digest.to_owned(), Err(why));
        }
    }
}

/// A copy of what is unpacked. That it breaks is not the layer's fault.
#[derive(Debug)]
pub(super) struct Copy {
    file: File,
    left: u64,
    written: u64,
    broken: Option<String>,
}

impl Copy {
    fn new(file: File, left: u64) -> Copy {
        Copy {
            file,
            left,
            written: 0,
            broken: None,
        }
    }

    /// The next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.broken.is_some() {
            return;
        }
        let length = bytes.len() as u64;
        if length > self.left {
            self.broken = Some(format!("more than {MOST_BYTES} bytes are not scanned"));
        } else if let Err(error) = io::Write::write_all(&mut self.file, bytes) {
            self.broken = Some(format!("write it for the scanner: {error}"));
        } else {
            self.left -= length;
            self.written += length;
            return;
        }
        // What is not whole is not scanned, and takes no room.
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_copied_once_and_one_that_does_not_fit_is_told() {
        let mut waiting = Waiting::new().unwrap();
        waiting.left = 3;
        let mut copy = waiting.file("../sha256:a").unwrap();
        copy.take(b"abc");
        waiting.done("../sha256:a", copy);
        assert!(waiting.file("../sha256:a").is_none());
        let mut copy = waiting.file("sha256:b").unwrap();
        copy.take(b"d");
        waiting.done("sha256:b", copy);
        assert_eq!(waiting.names["../sha256:a"].as_deref(), Ok("layer-1"));
        assert!(waiting.names["sha256:b"].is_err());
        let written = fs::read(waiting.layers().join("layer-1")).unwrap();
        assert_eq!(written, b"abc");
    }
}
