//! The calls on an engine that edgeproof makes, and no other: what is not on the list does not leave this program.
//!
//! Whoever may use the engine's socket owns the device, so the list is short and has a reason for each. Nothing on it
//! enters a container that runs, changes one, copies files in or out of it, commits, builds or pushes.
//! Source of the paths: Docker Engine API reference.

use std::fmt;

/// Who makes a call. The lab may make the probe's calls too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// The probe on a device.
    Probe,
    /// The harness in the lab: brings images, and holds the streams of its own relay.
    Lab,
}

/// One call.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// HTTP method.
    pub method: &'static str,
    /// Path: `*` stands for one name, `**` for an image's reference, which may have slashes.
    pub path: &'static str,
    /// The least of those who may make it.
    pub by: Caller,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

const fn probe(method: &'static str, path: &'static str) -> Call {
    Call {
        method,
        path,
        by: Caller::Probe,
    }
}

const fn lab(method: &'static str, path: &'static str) -> Call {
    Call {
        method,
        path,
        by: Caller::Lab,
    }
}

/// Every call.
pub const CALLS: [Call; 28] = [
    probe("GET", "/_ping"),
    probe("GET", "/version"),
    probe("GET", "/info"),
    probe("GET", "/events"),
    probe("GET", "/containers/json"),
    probe("POST", "/containers/create"),
    probe("GET", "/containers/*/json"),
    probe("GET", "/containers/*/logs"),
    probe("POST", "/containers/*/start"),
    probe("POST", "/containers/*/wait"),
    probe("POST", "/containers/*/stop"),
    lab("POST", "/containers/*/attach"),
    probe("DELETE", "/containers/*"),
    probe("GET", "/images/json"),
    probe("GET", "/images/**/json"),
    probe("POST", "/images/create"),
    lab("GET", "/images/**/get"),
    lab("POST", "/images/load"),
    probe("GET", "/networks"),
    probe("POST", "/networks/create"),
    probe("GET", "/networks/*"),
    probe("POST", "/networks/*/connect"),
    probe("POST", "/networks/*/disconnect"),
    probe("DELETE", "/networks/*"),
    probe("GET", "/volumes"),
    probe("POST", "/volumes/create"),
    probe("GET", "/volumes/*"),
    probe("DELETE", "/volumes/*"),
];

/// The entry of the list for a request's method and path, without its query.
#[must_use]
pub fn listed(method: &str, path: &str) -> Option<&'static Call> {
    CALLS
        .iter()
        .find(|call| call.method == method && fits(call.path, path))
}

/// What was stopped before it left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{method} {path}` is not on the list of engine calls")]
pub(crate) struct NotListed {
    method: String,
    path: String,
}

/// Lets a request through if it is on the list for `caller`.
pub(crate) fn allow(caller: Caller, method: &str, path: &str) -> Result<(), NotListed> {
    match listed(method, path) {
        Some(call) if call.by <= caller => Ok(()),
        Some(_) | None => Err(NotListed {
            method: method.to_owned(),
            path: path.to_owned(),
        }),
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => {
            let (many, after) = after
                .strip_prefix('*')
                .map_or((false, after), |after| (true, after));
            let name = path
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after));
            name.is_some_and(|name| match many {
                true => name.split('/').all(is_name),
                false => is_name(name),
            })
        }
    }
}

/// Whether a text can be one piece of a path: no slash, nothing encoded, not the directory above.
pub(crate) fn is_name(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:@".contains(&byte);
    !text.is_empty() && text != "." && text != ".." && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_the_list_passes_for_those_it_is_for() {
        for (method, path) in [
            ("GET", "/version"),
            ("GET", "/containers/3f2a/json"),
            ("DELETE", "/containers/edgeproof-lock"),
            ("GET", "/images/localhost:5000/a/b@sha256:00/json"),
        ] {
            assert_eq!(allow(Caller::Probe, method, path), Ok(()), "{path}");
        }
        for (method, path) in [
            ("POST", "/images/load"),
            ("GET", "/images/a/b:1/get"),
            ("POST", "/containers/3f/attach"),
        ] {
            assert_eq!(allow(Caller::Lab, method, path), Ok(()), "{path}");
            assert!(allow(Caller::Probe, method, path).is_err(), "{path}");
        }
    }

    #[test]
    fn nothing_else_passes_for_anybody() {
        for (method, path) in [
            ("POST", "/containers/3f2a/exec"),
            ("POST", "/exec/3f2a/start"),
            ("POST", "/containers/3f2a/update"),
            ("POST", "/containers/3f2a/kill"),
            ("PUT", "/containers/3f2a/archive"),
            ("GET", "/containers/3f2a/export"),
            ("DELETE", "/images/alpine"),
            ("POST", "/containers/prune"),
            ("POST", "/volumes/prune"),
            ("POST", "/build"),
            ("POST", "/commit"),
            ("GET", "/system/df"),
            ("POST", "/swarm/init"),
            ("GET", "/secrets"),
            ("PUT", "/version"),
            ("GET", "/containers//json"),
            ("GET", "/containers/../json"),
            ("GET", "/containers/a/b/json"),
            ("GET", "/containers/a%2Fb/json"),
            ("DELETE", "/containers/a%20b"),
            ("DELETE", "/volumes/../containers/a"),
            ("GET", "/images/a/../b/json"),
        ] {
            let stopped = allow(Caller::Lab, method, path).unwrap_err();
            assert_eq!(
                stopped.to_string(),
                format!("`{method} {path}` is not on the list of engine calls")
            );
        }
    }

    #[test]
    fn no_call_stands_twice_and_every_pattern_fits_itself_alone() {
        for (n, call) in CALLS.iter().enumerate() {
            let path = call.path.replace("**", "a/b").replace('*', "name");
            assert_eq!(listed(call.method, &path), Some(&CALLS[n]), "{call}");
        }
    }
}
