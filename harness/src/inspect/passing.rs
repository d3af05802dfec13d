//! A file of a layer while it goes by: its first bytes, the list of packages that it is or carries, and secrets in it. Nothing of it is held
//! but what a list needs, and that within a bound.

use std::io::{self, Read};

use super::finds::Finds;
use super::lists::{self, LARGEST_JSON, Lines, List};
use super::program::{self, HEAD, Head};
use super::secrets::{Places, Scanner};

/// Largest program in which a list of crates is looked up.
const LARGEST_PROGRAM: usize = 16 << 20;
/// The name of the section in which cargo-auditable leaves it. Source: its README.
const SECTION: &[u8] = b".dep-v0";

/// Reads files one after another.
#[derive(Debug)]
pub(super) struct Passing {
    piece: Vec<u8>,
    /// What is kept of a file that is read as a whole.
    whole: Vec<u8>,
    scanner: Scanner,
    /// What looks like a secret in the files so far.
    pub(super) places: Places,
}

impl Passing {
    pub(super) fn new() -> Passing {
        Passing {
            piece: vec![0; 64 << 10],
            whole: Vec::new(),
            scanner: Scanner::new(),
            places: Places::default(),
        }
    }

    /// Reads a file to its end; answers its first bytes' meaning where it is a program.
    ///
    /// # Errors
    /// The layer ends before the file does.
    pub(super) fn file(
        &mut self,
        path: &str,
        executable: bool,
        entry: &mut impl Read,
        finds: &mut Finds,
    ) -> io::Result<Option<Head>> {
        finds.named(path);
        let list = lists::list_of(path);
        let mut lines = list
            .filter(|list| matches!(list, List::Dpkg | List::Apk | List::Pip))
            .map(Lines::new);
        let mut head = None;
        let mut kept = Kept::of(list);
        self.whole.clear();
        let mut length = fill(entry, &mut self.piece)?;
        if executable {
            let first = program::read(&self.piece[..length.min(HEAD)]);
            if let (Head::Elf(_), None) = (&first, list) {
                kept = Kept::program();
            }
            head = Some(first);
        }
        while length > 0 {
            let piece = &self.piece[..length];
            if let Some(lines) = &mut lines {
                lines.take(piece);
            }
            kept.take(piece, &mut self.whole);
            self.scanner.take(piece);
            length = fill(entry, &mut self.piece)?;
        }
        self.scanner.end(path, &mut self.places);
        if let Some(lines) = lines {
            finds.list(path, Ok(lines.end()));
        } else if list == Some(List::Rpm) {
            finds.list(path, Err("databases of RPM are not read here".to_owned()));
        } else if kept.most > 0 {
            self.whole_file(path, list, &kept, finds);
        }
        // A large one must not be carried along.
        if self.whole.capacity() > 1 << 20 {
            self.whole = Vec::new();
        }
        Ok(head)
    }

    fn whole_file(&self, path: &str, list: Option<List>, kept: &Kept, finds: &mut Finds) {
        let too_large = || Err(format!("it has more than {} bytes", kept.most));
        let read = match list {
            Some(_) if kept.over => too_large(),
            Some(List::Npm) => lists::npm(path, &self.whole),
            Some(_) => lists::nuget(&self.whole),
            None if !kept.has_section => return finds.unlisted_program(path),
            None if kept.over => too_large(),
            None => lists::cargo(&self.whole),
        };
        finds.list(path, read);
    }
}

/// How much of a file is kept, and what was seen in the rest.
#[derive(Debug)]
struct Kept {
    most: usize,
    over: bool,
    /// The end of the last piece, in which the section's name may begin.
    tail: Vec<u8>,
    looks_for_section: bool,
    has_section: bool,
}

impl Kept {
    fn of(list: Option<List>) -> Kept {
        let most = match list {
            Some(List::Npm | List::Nuget) => LARGEST_JSON,
            Some(List::Dpkg | List::Apk | List::Pip | List::Rpm) | None => 0,
        };
        Kept {
            most,
            over: false,
            tail: Vec::new(),
            looks_for_section: false,
            has_section: false,
        }
    }

    fn program() -> Kept {
        Kept {
            most: LARGEST_PROGRAM,
            looks_for_section: true,
            ..Kept::of(None)
        }
    }

    fn take(&mut self, piece: &[u8], whole: &mut Vec<u8>) {
        if self.looks_for_section && !self.has_section {
            self.tail
                .extend_from_slice(&piece[..piece.len().min(SECTION.len())]);
            self.has_section = holds_section(&self.tail) || holds_section(piece);
            self.tail.clear();
            let start = piece.len().saturating_sub(SECTION.len() - 1);
            self.tail.extend_from_slice(&piece[start..]);
        }
        if whole.len() + piece.len() > self.most {
            self.over = self.most > 0;
            *whole = Vec::new();
        } else if !self.over {
            whole.extend_from_slice(piece);
        }
    }
}

fn holds_section(bytes: &[u8]) -> bool {
    bytes
        .windows(SECTION.len())
        .any(|window| window[0] == SECTION[0] && window == SECTION)
}

/// Reads until the piece is full or the file ends.
fn fill(entry: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < piece.len() {
        match entry.read(&mut piece[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests;
