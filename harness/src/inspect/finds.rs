//! What the files of an image tell beside its programs: packages, notices, and lists that could not be read. Layers are laid one
//! upon the other, within a bound.

use std::collections::{BTreeMap, BTreeSet};

use conformance::observation::{Inventory, Package};

use super::lists;
use super::tree::Change;

/// Most packages of one image.
pub(super) const MOST_PACKAGES: usize = 20_000;
/// Most paths of each kind that are kept; what is more is counted.
const MOST_PATHS: usize = 2_000;
/// Most bytes of them.
const MOST_BYTES: usize = 1 << 20;
/// How many paths are told.
const TOLD: usize = 8;

/// What was found, by the path at which it stands.
#[derive(Debug, Default)]
pub(super) struct Finds {
    lists: BTreeMap<String, Vec<Package>>,
    unread: BTreeMap<String, String>,
    notices: Paths,
    unlisted: Paths,
    packages: usize,
    full: bool,
}

/// Paths within a bound.
#[derive(Debug, Default)]
struct Paths {
    kept: BTreeSet<String>,
    bytes: usize,
    more: u64,
}

impl Paths {
    fn add(&mut self, path: String) {
        if self.kept.len() >= MOST_PATHS || self.bytes > MOST_BYTES {
            self.more += 1;
        } else {
            self.bytes += path.len();
            self.kept.insert(path);
        }
    }

    fn count(&self) -> u64 {
        self.kept.len() as u64 + self.more
    }

    fn lay(&mut self, upper: Paths, change: &Change) {
        self.kept.retain(|path| !change.covers(path));
        self.more += upper.more;
        for path in upper.kept {
            self.add(path);
        }
    }
}

impl Finds {
    /// The packages of one list, or why it could not be read.
    pub(super) fn list(&mut self, path: &str, read: Result<Vec<Package>, String>) {
        let room = MOST_PACKAGES - self.packages.min(MOST_PACKAGES);
        match read {
            Ok(mut packages) => {
                if packages.len() > room {
                    packages.truncate(room);
                    self.full = true;
                }
                self.packages += packages.len();
                if !packages.is_empty() {
                    self.lists.insert(path.to_owned(), packages);
                }
            }
            Err(why) if self.unread.len() < MOST_PATHS => {
                self.unread.insert(path.to_owned(), why);
            }
            Err(_) => self.full = true,
        }
    }

    /// A program that says nothing of what is linked into it.
    pub(super) fn unlisted_program(&mut self, path: &str) {
        self.unlisted.add(path.to_owned());
    }

    /// A file or a link, by its name alone.
    pub(super) fn named(&mut self, path: &str) {
        if is_notice(path) {
            self.notices.add(path.to_owned());
        }
    }

    /// A second name of a file. The list that it is was read under its first name, in the same layer, or was not read.
    pub(super) fn hard_link(&mut self, path: &str, target: Option<&str>) {
        self.named(path);
        if lists::list_of(path).is_none() {
            return;
        }
        let read = target.and_then(|target| self.lists.get(target)).cloned();
        self.list(
            path,
            read.ok_or_else(|| {
                "it is a hard link to a file that was not read as a list in this layer".to_owned()
            }),
        );
    }

    /// Lays a layer over what there is.
    pub(super) fn lay(&mut self, upper: Finds, change: &Change) {
        self.lists.retain(|path, _| !change.covers(path));
        self.unread.retain(|path, _| !change.covers(path));
        self.packages = self.lists.values().map(Vec::len).sum();
        self.notices.lay(upper.notices, change);
        self.unlisted.lay(upper.unlisted, change);
        self.full |= upper.full;
        for (path, packages) in upper.lists {
            self.list(&path, Ok(packages));
        }
        for (path, why) in upper.unread {
            self.list(&path, Err(why));
        }
    }

    /// Everything, in the words of the observation. At most `room` packages are told.
    pub(super) fn inventory(self, room: usize) -> Inventory {
        let mut packages: Vec<Package> = self.lists.into_values().flatten().collect();
        packages.sort();
        packages.dedup();
        let full = self.full || packages.len() > room;
        packages.truncate(room);
        let mut unread: Vec<String> = self
            .unread
            .iter()
            .take(TOLD)
            .map(|(path, why)| format!("/{path}: {why}"))
            .collect();
        if let Some(more @ 1..) = self.unread.len().checked_sub(TOLD) {
            unread.push(format!("and {more} more"));
        }
        if full {
            unread.push(format!(
                "there are more than the {} packages that are kept",
                packages.len()
            ));
        }
        let notice_paths = self.notices.kept.iter().take(TOLD);
        Inventory {
            notices: self.notices.count(),
            notice_paths: notice_paths.map(|path| format!("/{path}")).collect(),
            unlisted_programs: self.unlisted.count(),
            packages,
            unread,
        }
    }
}

/// Whether a file is a notice or a licence by its name: Debian's `copyright`, `LICENSE`, `ThirdPartyNotices.txt`.
fn is_notice(path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name == "copyright" {
        return directory.starts_with("usr/share/doc/");
    }
    let name = name.to_ascii_uppercase();
    let (stem, extension) = name.split_once('.').unwrap_or((&name, ""));
    let is_text = ["", "TXT", "MD", "RST", "HTML", "HTM", "PDF"]
        .iter()
        .any(|known| extension.rsplit('.').next() == Some(known));
    let starts = [
        "LICENSE",
        "LICENCE",
        "COPYING",
        "THIRD-PARTY",
        "THIRD_PARTY",
        "THIRDPARTY",
    ];
    is_text && (stem.contains("NOTICE") || starts.iter().any(|start| stem.starts_with(start)))
}

#[cfg(test)]
mod tests {
    use conformance::observation::Ecosystem;

    use super::*;
    use crate::inspect::tree::Node;

    fn package(name: &str) -> Package {
        Package {
            ecosystem: Ecosystem::Npm,
            name: name.to_owned(),
            version: "1".to_owned(),
        }
    }

    fn with(path: &str, names: &[&str]) -> Finds {
        let mut finds = Finds::default();
        finds.list(path, Ok(names.iter().map(|name| package(name)).collect()));
        finds
    }

    fn names(finds: Finds) -> Vec<String> {
        let packages = finds.inventory(MOST_PACKAGES).packages;
        packages.into_iter().map(|one| one.name).collect()
    }

    /// What is left of a package and a notice after a layer was laid over them.
    fn after(change: impl FnOnce(&mut Change)) -> (Vec<String>, u64) {
        let mut finds = with("app/node_modules/a/package.json", &["a"]);
        finds.named("app/LICENSE");
        let mut upper = Change::default();
        change(&mut upper);
        upper.settle();
        finds.lay(Finds::default(), &upper);
        let notices = finds.notices.count();
        (names(finds), notices)
    }

    #[test]
    fn an_upper_layer_replaces_hides_and_removes_lists_and_notices() {
        let a = || vec!["a".to_owned()];
        assert_eq!(after(|_| {}), (a(), 1));
        assert_eq!(after(|upper| upper.hide("app/LICENSE")), (a(), 0));
        assert_eq!(
            after(|upper| assert!(upper.whiteout("app/node_modules/.wh.a"))),
            (vec![], 1)
        );
        assert_eq!(
            after(|upper| assert!(upper.whiteout("app/.wh..wh..opq"))),
            (vec![], 0)
        );
        assert_eq!(
            after(|upper| upper.put("app".to_owned(), Node::Link("elsewhere".to_owned()))),
            (vec![], 0)
        );
        assert_eq!(after(|upper| assert!(upper.whiteout(".wh.ap"))), (a(), 1));
        let mut finds = with("var/lib/dpkg/status", &["a", "b"]);
        let mut upper = Change::default();
        upper.hide("var/lib/dpkg/status");
        upper.settle();
        finds.lay(with("var/lib/dpkg/status", &["b", "c"]), &upper);
        assert_eq!(names(finds), ["b", "c"]);
    }

    #[test]
    fn more_packages_than_are_kept_are_told() {
        let many: Vec<Package> = (0..MOST_PACKAGES)
            .map(|n| package(&n.to_string()))
            .collect();
        let mut finds = with("a", &["a"]);
        finds.list("b", Ok(many));
        let inventory = finds.inventory(MOST_PACKAGES);
        assert_eq!(inventory.packages.len(), MOST_PACKAGES);
        assert!(inventory.unread[0].starts_with("there are more"));
    }

    #[test]
    fn notices_are_known_by_their_names() {
        for path in [
            "usr/share/doc/libc6/copyright",
            "LICENSE",
            "app/LICENSE.md",
            "app/ThirdPartyNotices.txt",
            "app/THIRD-PARTY-LICENSES",
            "x/NOTICE",
            "licenses.html",
        ] {
            assert!(is_notice(path), "{path}");
        }
        for path in [
            "copyright",
            "app/license.js",
            "app/notice.py",
            "app/data",
            "usr/share/doc/a/README",
        ] {
            assert!(!is_notice(path), "{path}");
        }
    }
}
