//! Every source file can be read in one sitting: one reason to exist, its tests included or in a file beside it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};

use support::repository;

const MOST_LINES: usize = 400;

/// Rust files below a directory, whatever was built aside.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && name != "target" && !name.as_encoded_bytes().starts_with(b".") {
            sources(&path, found);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_source_file_is_longer_than_one_can_read_at_once() {
    let mut files = Vec::new();
    sources(&repository(), &mut files);
    assert!(
        files.contains(&repository().join(file!())),
        "{}: this file was not found",
        file!()
    );
    let long: Vec<String> = files
        .iter()
        .map(|path| (path, fs::read_to_string(path).unwrap().lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{}: {lines} lines of {MOST_LINES}", path.display()))
        .collect();
    assert!(long.is_empty(), "split by meaning:\n{}", long.join("\n"));
}
