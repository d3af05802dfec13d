//! The lists that package managers leave in an image: which file is one, and the packages in it.
//!
//! Sources: `deb-control(5)` and dpkg's `status` file; Alpine's wiki, "Apk spec", installed database; npm's documentation,
//! "package.json"; Python packaging user guide, "Core metadata"; .NET's "runtime-configuration-file" for `.deps.json`;
//! cargo-auditable's README. They are read line by line where they are lines; JSON only as far as its names and versions go.

use conformance::observation::{Ecosystem, Package};
use serde::Deserialize;

/// Longest line that matters; the rest of a longer one is left.
const LONGEST_LINE: usize = 1_024;
/// Longest name and version that are kept.
const LONGEST_TEXT: usize = 214;
/// Largest list that is read as one piece of JSON.
pub(super) const LARGEST_JSON: usize = 2 << 20;
/// Most packages taken from one list: one more than are kept, which shows that there are more.
const MOST_PACKAGES: usize = super::finds::MOST_PACKAGES + 1;

/// What a file is by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Dpkg,
    Apk,
    Pip,
    Npm,
    Nuget,
    /// A database that is not read here.
    Rpm,
}

/// Which list a path is, if it is one. Paths have no slash before and no `.` or `..` in them.
pub(super) fn list_of(path: &str) -> Option<List> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    match path {
        "var/lib/dpkg/status" => return Some(List::Dpkg),
        "lib/apk/db/installed" | "usr/lib/apk/db/installed" => return Some(List::Apk),
        "var/lib/rpm/Packages"
        | "var/lib/rpm/Packages.db"
        | "var/lib/rpm/rpmdb.sqlite"
        | "usr/lib/sysimage/rpm/rpmdb.sqlite" => return Some(List::Rpm),
        _ => {}
    }
    if directory == "var/lib/dpkg/status.d" {
        return (!name.ends_with(".md5sums")).then_some(List::Dpkg);
    }
    let is_pip = (name == "METADATA" && directory.ends_with(".dist-info"))
        || (name == "PKG-INFO" && directory.ends_with(".egg-info"))
        || name.ends_with(".egg-info");
    if is_pip {
        return Some(List::Pip);
    }
    if name == "package.json" && npm_name(directory).is_some() {
        return Some(List::Npm);
    }
    name.ends_with(".deps.json").then_some(List::Nuget)
}

/// `@azure/core` of `usr/lib/node_modules/@azure/core`: a directory right below `node_modules`, or below a scope there.
fn npm_name(directory: &str) -> Option<&str> {
    let start = match directory.rfind("node_modules/") {
        Some(0) => 0,
        Some(at) if directory.as_bytes()[at - 1] == b'/' => at,
        Some(_) | None => return None,
    };
    let name = &directory[start + "node_modules/".len()..];
    let wanted = usize::from(name.starts_with('@'));
    (!name.starts_with('.') && name.matches('/').count() == wanted).then_some(name)
}

/// A list of lines, taken in as it comes.
#[derive(Debug)]
pub(super) struct Lines {
    list: List,
    line: Vec<u8>,
    name: String,
    version: String,
    gone: bool,
    ended: bool,
    packages: Vec<Package>,
}

impl Lines {
    pub(super) fn new(list: List) -> Lines {
        Lines {
            list,
            line: Vec::new(),
            name: String::new(),
            version: String::new(),
            gone: false,
            ended: false,
            packages: Vec::new(),
        }
    }

    /// The next bytes of the file.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        if let Some(first) = parts.next() {
            self.lengthen(first);
        }
        for part in parts {
            self.line_ended();
            self.lengthen(part);
        }
    }

    /// The packages, once everything was taken in.
    pub(super) fn end(mut self) -> Vec<Package> {
        self.line_ended();
        self.package_ended();
        self.packages
    }

    fn lengthen(&mut self, bytes: &[u8]) {
        let room = LONGEST_LINE - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn line_ended(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            // What stands behind the first gap of a Python package is its description.
            self.package_ended();
            self.ended |= self.list == List::Pip;
        } else if !self.ended {
            self.field(text);
        }
        self.line = line;
        self.line.clear();
    }

    fn field(&mut self, line: &str) {
        let Some((key, value)) = line.split_once(':') else {
            return;
        };
        let value = value.trim();
        match (self.list, key) {
            (List::Dpkg, "Package") | (List::Apk, "P") | (List::Pip, "Name") => {
                self.name = shortened(value);
            }
            (List::Dpkg | List::Pip, "Version") | (List::Apk, "V") => {
                self.version = shortened(value);
            }
            // `deinstall ok config-files`: what is left of a package that was removed.
            (List::Dpkg, "Status") => self.gone = !value.ends_with(" installed"),
            _ => {}
        }
    }

    fn package_ended(&mut self) {
        let name = std::mem::take(&mut self.name);
        let version = std::mem::take(&mut self.version);
        let gone = std::mem::take(&mut self.gone);
        if name.is_empty() || gone || self.packages.len() >= MOST_PACKAGES {
            return;
        }
        let ecosystem = match self.list {
            List::Dpkg => Ecosystem::Dpkg,
            List::Apk => Ecosystem::Apk,
            List::Pip | List::Npm | List::Nuget | List::Rpm => Ecosystem::Pip,
        };
        self.packages.push(Package {
            ecosystem,
            name,
            version,
        });
    }
}

#[derive(Deserialize)]
struct PackageJson {
    name: Option<String>,
    version: Option<String>,
}

/// The package that a `package.json` below `node_modules` describes.
///
/// # Errors
/// It is no JSON of that form, in words.
pub(super) fn npm(path: &str, bytes: &[u8]) -> Result<Vec<Package>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let read: PackageJson = serde_json::from_slice(bytes).map_err(|error| told(&error))?;
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let name = read.name.as_deref().or(npm_name(directory));
    Ok(vec![Package {
        ecosystem: Ecosystem::Npm,
        name: shortened(name.unwrap_or_default()),
        version: shortened(read.version.as_deref().unwrap_or_default()),
    }])
}

#[derive(Deserialize)]
struct DepsJson {
    #[serde(default)]
    libraries: std::collections::BTreeMap<String, Library>,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type")]
    kind: String,
}

/// The packages beside a .NET program; the program itself is a project and none.
///
/// # Errors
/// It is no JSON of that form, in words.
pub(super) fn nuget(bytes: &[u8]) -> Result<Vec<Package>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let read: DepsJson = serde_json::from_slice(bytes).map_err(|error| told(&error))?;
    let packages = read
        .libraries
        .iter()
        .filter(|(_, library)| library.kind == "package");
    let packages = packages.map(|(key, _)| {
        let (name, version) = key.split_once('/').unwrap_or((key, ""));
        Package {
            ecosystem: Ecosystem::Nuget,
            name: shortened(name),
            version: shortened(version),
        }
    });
    Ok(packages.collect())
}

#[derive(Deserialize)]
struct Auditable {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    /// `build` for what only built it; what is linked says nothing.
    kind: Option<String>,
    /// Whether it is the program itself.
    #[serde(default)]
    root: bool,
}

/// The crates that are linked into a program, itself left aside.
///
/// # Errors
/// The list cannot be read, in words.
pub(super) fn cargo(program: &[u8]) -> Result<Vec<Package>, String> {
    let json = auditable_info::json_from_slice(program, LARGEST_JSON)
        .map_err(|error| format!("the list of cargo-auditable: {error}"))?;
    let read: Auditable = serde_json::from_str(&json).map_err(|error| told(&error))?;
    let linked = read
        .packages
        .iter()
        .filter(|one| !one.root && one.kind.as_deref() != Some("build"));
    let packages = linked.map(|one| Package {
        ecosystem: Ecosystem::Cargo,
        name: shortened(&one.name),
        version: shortened(&one.version),
    });
    Ok(packages.collect())
}

fn told(error: &serde_json::Error) -> String {
    format!("no JSON of its form: {error}")
}

fn shortened(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests;
