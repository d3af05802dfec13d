//! The programs and links of an image as its layers leave them, one upon the other, within a bound.
//!
//! Sources: OCI image specification 1.1, "Image Layer Filesystem Changeset", for whiteouts; `path_resolution(7)`.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::program::Head;

/// Most programs and links that are kept.
const MOST_NODES: usize = 60_000;
/// Most bytes of their names.
const MOST_BYTES: usize = 8 << 20;
/// Most links followed for one name.
const MOST_LINKS: usize = 40;
/// Longest name that a kernel takes. Source: `limits.h`, PATH_MAX.
const LONGEST_PATH: usize = 4096;
/// Longest variable that a program is given. Source: `execve(2)`, MAX_ARG_STRLEN.
const LONGEST_VARIABLE: usize = 128 << 10;
/// Most parts of paths walked for one command: what names more is nobody's program.
const MOST_STEPS: usize = 100_000;

/// Where programs are looked for when an image does not say. Source: moby, its documentation of images.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A path in an image that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A program, by its first bytes.
    Program(Head),
    /// A link to another path.
    Link(String),
}

/// What one layer changes.
#[derive(Debug, Default)]
pub(super) struct Change {
    nodes: BTreeMap<String, Node>,
    /// Paths that go with all below them.
    removed: Vec<String>,
    /// Other files, which hide what has their name below: sums of their paths, for an image has many of them.
    hidden: Vec<u64>,
    /// Directories of which everything below goes.
    emptied: Vec<String>,
    bytes: usize,
    full: bool,
}

/// Everything so far.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
    bytes: usize,
    full: bool,
}

/// An entry's path without what says nothing: `./usr//bin/x` is `usr/bin/x`. Nothing where it climbs out of the image.
pub(super) fn plain(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A sum for every part of a path with what stands before it, the whole path's last: the same for the same path. Two paths with
/// one sum would hide a program, and that is told as a program that is not there.
fn sums_of(path: &str) -> impl Iterator<Item = u64> {
    let mut hasher = DefaultHasher::new();
    path.split('/').map(move |part| {
        part.hash(&mut hasher);
        hasher.finish()
    })
}

impl Change {
    /// An entry that is neither a program nor a link hides one of that name below.
    pub(super) fn hide(&mut self, path: &str) {
        self.hidden.extend(sums_of(path).last());
    }

    /// A program or link.
    pub(super) fn put(&mut self, path: String, node: Node) {
        let more = match &node {
            Node::Link(target) => path.len() + target.len(),
            Node::Program(_) => path.len(),
        };
        if self.has_room(&path) {
            self.bytes += more;
            self.nodes.insert(path, node);
        }
    }

    /// An empty file that says what is gone; whether the entry was one.
    pub(super) fn whiteout(&mut self, path: &str) -> bool {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(gone) = name.strip_prefix(".wh.") else {
            return false;
        };
        if self.has_room(path) {
            if name == ".wh..wh..opq" {
                self.emptied.push(directory.to_owned());
            } else if directory.is_empty() {
                self.removed.push(gone.to_owned());
            } else {
                self.removed.push(format!("{directory}/{gone}"));
            }
        }
        true
    }

    fn has_room(&mut self, path: &str) -> bool {
        let count = self.nodes.len() + self.removed.len() + self.emptied.len();
        self.bytes += path.len();
        if count >= MOST_NODES || self.bytes > MOST_BYTES {
            self.full = true;
        }
        !self.full
    }

    /// Brings it in order once everything is in it, for [`Change::covers`].
    pub(super) fn settle(&mut self) {
        self.hidden.sort_unstable();
        self.removed.sort_unstable();
        self.emptied.sort_unstable();
    }

    /// Whether a file of a lower layer at this path is no longer there, or another one.
    pub(super) fn covers(&self, path: &str) -> bool {
        let holds = |all: &[String], path: &str| {
            let found = all.binary_search_by(|one| one.as_str().cmp(path));
            found.is_ok()
        };
        let mut parents = path.match_indices('/').map(|(end, _)| &path[..end]);
        let replaced = |path: &str| {
            holds(&self.removed, path)
                || self.nodes.contains_key(path)
                || sums_of(path)
                    .last()
                    .is_some_and(|sum| self.hidden.binary_search(&sum).is_ok())
        };
        replaced(path)
            || holds(&self.emptied, "")
            || parents.any(|parent| replaced(parent) || holds(&self.emptied, parent))
    }

    /// The first bytes of a program of this layer, which a hard link may name.
    pub(super) fn node(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }
}

impl Tree {
    /// Lays a layer over what there is.
    pub(super) fn lay(&mut self, change: Change) {
        for directory in &change.emptied {
            self.remove_below(directory);
        }
        for path in &change.removed {
            self.nodes.remove(path);
            self.remove_below(path);
        }
        let mut hidden = change.hidden;
        hidden.sort_unstable();
        let is_hidden = |sum: u64| hidden.binary_search(&sum).is_ok();
        if !hidden.is_empty() {
            self.nodes.retain(|path, _| !sums_of(path).any(is_hidden));
        }
        self.full |= change.full;
        for (path, node) in change.nodes {
            if self.nodes.len() >= MOST_NODES || self.bytes > MOST_BYTES {
                self.full = true;
                return;
            }
            self.bytes += path.len();
            if let Node::Link(target) = &node {
                self.bytes += target.len();
            }
            self.nodes.insert(path, node);
        }
    }

    fn remove_below(&mut self, directory: &str) {
        if directory.is_empty() {
            self.nodes.clear();
            return;
        }
        let below = format!("{directory}/");
        let gone: Vec<String> = self
            .nodes
            .range(below.clone()..)
            .map(|(path, _)| path.clone())
            .take_while(|path| path.starts_with(&below))
            .collect();
        for path in gone {
            self.nodes.remove(&path);
        }
    }

    /// Whether there was more than is kept.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// The program that a command starts: its path and first bytes, links followed.
    pub(super) fn find(
        &self,
        command: &str,
        directory: &str,
        path: Option<&str>,
    ) -> Option<(String, &Head)> {
        let mut steps = MOST_STEPS;
        if command.contains('/') {
            let whole = if command.starts_with('/') {
                command.to_owned()
            } else {
                format!("{directory}/{command}")
            };
            return self.resolve(&whole, &mut steps);
        }
        let path = path.unwrap_or(PATH);
        if path.len() > LONGEST_VARIABLE || command.len() > LONGEST_PATH {
            return None;
        }
        path.split(':')
            .find_map(|place| self.resolve(&format!("{place}/{command}"), &mut steps))
    }

    /// Follows links in every part of a path.
    fn resolve(&self, path: &str, steps: &mut usize) -> Option<(String, &Head)> {
        if path.len() > LONGEST_PATH {
            return None;
        }
        let mut ahead: Vec<&str> = path.rsplit('/').collect();
        // A slash before every part.
        let mut here = String::new();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            *steps = steps.checked_sub(1)?;
            let before = here.len();
            match part {
                "" | "." => continue,
                ".." => {
                    here.truncate(here.rfind('/').unwrap_or(0));
                    continue;
                }
                part => {
                    here.push('/');
                    here.push_str(part);
                }
            }
            match self.nodes.get(&here[1..]) {
                Some(Node::Link(target)) => {
                    links += 1;
                    if links > MOST_LINKS || ahead.len() > 1_000 {
                        return None;
                    }
                    here.truncate(if target.starts_with('/') { 0 } else { before });
                    ahead.extend(target.rsplit('/'));
                }
                Some(Node::Program(head)) if ahead.iter().all(|part| part.is_empty()) => {
                    return Some((here, head));
                }
                Some(Node::Program(_)) => return None,
                None => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
