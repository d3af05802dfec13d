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

/// The same for the same path. Two paths with one sum would hide a program, and that is told as a program that is not there.
fn sum_of(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

impl Change {
    /// An entry that is neither a program nor a link hides one of that name below.
    pub(super) fn hide(&mut self, path: &str) {
        self.hidden.push(sum_of(path));
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
                || self.hidden.binary_search(&sum_of(path)).is_ok()
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
        let is_hidden = |path: &str| hidden.binary_search(&sum_of(path)).is_ok();
        self.nodes.retain(|path, _| {
            let parents = path.match_indices('/').map(|(end, _)| &path[..end]);
            !parents.chain([path.as_str()]).any(is_hidden)
        });
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
        if command.contains('/') {
            let whole = if command.starts_with('/') {
                command.to_owned()
            } else {
                format!("{directory}/{command}")
            };
            return self.resolve(&whole);
        }
        path.unwrap_or(PATH)
            .split(':')
            .find_map(|place| self.resolve(&format!("{place}/{command}")))
    }

    /// Follows links in every part of a path.
    fn resolve(&self, path: &str) -> Option<(String, &Head)> {
        let mut ahead: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut behind: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    behind.pop();
                    continue;
                }
                _ => behind.push(part),
            }
            let here = behind.join("/");
            match self.nodes.get(&here) {
                Some(Node::Link(target)) => {
                    links += 1;
                    if links > MOST_LINKS || ahead.len() > 1_000 {
                        return None;
                    }
                    behind.pop();
                    if target.starts_with('/') {
                        behind.clear();
                    }
                    ahead.extend(target.rsplit('/').map(str::to_owned));
                }
                Some(Node::Program(head)) if ahead.iter().all(String::is_empty) => {
                    return Some((format!("/{here}"), head));
                }
                Some(Node::Program(_)) => return None,
                None => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn program(name: &str) -> Node {
        Node::Program(Head::Elf(name.to_owned()))
    }

    fn layer(nodes: &[(&str, Node)], whiteouts: &[&str]) -> Change {
        let mut change = Change::default();
        for (path, node) in nodes {
            change.put((*path).to_owned(), node.clone());
        }
        for path in whiteouts {
            assert!(change.whiteout(path), "{path}");
        }
        change
    }

    fn found(tree: &Tree, command: &str) -> Option<(String, String)> {
        tree.find(command, "/app", None)
            .map(|(path, head)| match head {
                Head::Elf(name) => (path, name.clone()),
                Head::Script(_) | Head::Other => (path, "other".to_owned()),
            })
    }

    #[test]
    fn a_command_is_found_by_path_by_directory_and_through_links() {
        let mut tree = Tree::default();
        tree.lay(layer(
            &[
                ("bin", Node::Link("usr/bin".to_owned())),
                ("usr/bin/busybox", program("amd64")),
                ("usr/bin/sh", Node::Link("/bin/busybox".to_owned())),
                ("app/run", Node::Link("../opt/run".to_owned())),
                ("opt/run", program("arm")),
            ],
            &[],
        ));
        let wanted = |path: &str, name: &str| Some((path.to_owned(), name.to_owned()));
        assert_eq!(found(&tree, "sh"), wanted("/usr/bin/busybox", "amd64"));
        assert_eq!(found(&tree, "/bin/sh"), wanted("/usr/bin/busybox", "amd64"));
        assert_eq!(found(&tree, "./run"), wanted("/opt/run", "arm"));
        assert_eq!(found(&tree, "/opt/run/x"), None);
        assert_eq!(found(&tree, "nothing"), None);
    }

    #[test]
    fn an_upper_layer_replaces_hides_and_removes() {
        let base = || {
            layer(
                &[
                    ("a/x", program("amd64")),
                    ("a/y", program("amd64")),
                    ("b", program("amd64")),
                ],
                &[],
            )
        };
        let after = |upper: Change| {
            let mut tree = Tree::default();
            tree.lay(base());
            tree.lay(upper);
            ["/a/x", "/a/y", "/b"].map(|path| found(&tree, path).map(|(_, name)| name))
        };
        let one = |name: &str| Some(name.to_owned());
        assert_eq!(
            after(layer(&[("b", program("arm"))], &["a/.wh.x"])),
            [None, one("amd64"), one("arm")]
        );
        // What the same layer brings stays, wherever the mark stands.
        assert_eq!(
            after(layer(&[("a/y", program("arm"))], &["a/.wh..wh..opq"])),
            [None, one("arm"), one("amd64")]
        );
        assert_eq!(after(layer(&[], &[".wh.a"])), [None, None, one("amd64")]);
        let mut data = Change::default();
        data.hide("b");
        assert_eq!(after(data), [one("amd64"), one("amd64"), None]);
    }

    #[test]
    fn links_in_a_circle_lead_nowhere() {
        let mut tree = Tree::default();
        let link = |to: &str| Node::Link(to.to_owned());
        tree.lay(layer(
            &[("a", link("b")), ("b", link("a")), ("c", link("c/c/c"))],
            &[],
        ));
        assert_eq!((found(&tree, "/a"), found(&tree, "/c")), (None, None));
    }

    #[test]
    fn more_than_the_bound_is_told() {
        let mut change = Change::default();
        for n in 0..=MOST_NODES {
            change.put(format!("p{n}"), program("amd64"));
        }
        let mut tree = Tree::default();
        tree.lay(change);
        assert!(tree.is_full());
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic_or_climbs_out(path in "[a/.]{0,30}", target in "[a/.]{0,10}") {
            let mut tree = Tree::default();
            tree.lay(layer(&[("a", Node::Link(target)), ("a/a", program("arm"))], &[]));
            let _ = tree.find(&path, "/a", Some(&path));
            if let Some(plain) = plain(&path) {
                prop_assert!(plain.split('/').all(|part| part != ".." && part != "."));
            }
        }
    }
}
