//! Image references as people and engines write them, and what kind of promise a tag makes.
//!
//! The grammar is that of the `distribution/reference` package, which Docker and Moby use.

use std::fmt;
use std::str::FromStr;

/// An image reference, `contoso.azurecr.io/air-quality:1.0.1@sha256:…`, in its parts.
///
/// Nothing is filled in: a registry or tag that was not written is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Registry host, with its port where one is written: `contoso.azurecr.io`, `localhost:5000`.
    pub registry: Option<String>,
    /// Repository path inside the registry: `air-quality`, `library/redis`.
    pub repository: String,
    /// Tag.
    pub tag: Option<String>,
    /// Digest with its algorithm: `sha256:…`.
    pub digest: Option<String>,
}

impl FromStr for Reference {
    type Err = String;

    /// # Errors
    /// In words, which part of the text breaks which rule.
    fn from_str(text: &str) -> Result<Reference, String> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(check_digest(digest)?)),
            None => (text, None),
        };
        // A colon after the last slash starts a tag; one before it belongs to a port.
        let path_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[path_start..].split_once(':') {
            Some((last, tag)) => (&rest[..path_start + last.len()], Some(check_tag(tag)?)),
            None => (rest, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, path)) if is_registry(first) => (Some(check_registry(first)?), path),
            _ => (None, name),
        };
        Ok(Reference {
            registry,
            repository: check_repository(repository)?,
            tag,
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The first part of a name is a registry if it could be no repository: it has a dot, a port or a capital, or is `localhost`.
fn is_registry(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':'])
        || first.chars().any(|c| c.is_ascii_uppercase())
}

fn check_registry(registry: &str) -> Result<String, String> {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (registry, None),
    };
    let label_is_good = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let port_is_good = |port: &str| {
        !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit())
    };
    if host.split('.').all(label_is_good) && port.is_none_or(port_is_good) {
        Ok(registry.to_owned())
    } else {
        Err(format!("`{registry}` is no registry host"))
    }
}

fn check_repository(repository: &str) -> Result<String, String> {
    if repository.is_empty() {
        return Err("the repository is empty".to_owned());
    }
    if repository.len() > 255 {
        return Err(format!(
            "the repository has {} characters, more than 255",
            repository.len()
        ));
    }
    match repository.split('/').find(|part| !is_path_part(part)) {
        None => Ok(repository.to_owned()),
        Some("") => Err(format!("`{repository}` has an empty part between slashes")),
        Some(part) => Err(format!(
            "`{part}` is no part of a repository: lower-case letters and digits, joined by `.`, `_`, `__` or hyphens"
        )),
    }
}

/// Runs of lower-case letters and digits, joined by one dot, one or two underscores, or any number of hyphens.
fn is_path_part(part: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good_ends = part.starts_with(is_alphanumeric) && part.ends_with(is_alphanumeric);
    let good_joints = part
        .split(is_alphanumeric)
        .all(|joint| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|b| b == b'-'));
    good_ends && good_joints
}

fn check_tag(tag: &str) -> Result<String, String> {
    if is_tag(tag) {
        Ok(tag.to_owned())
    } else if tag.is_empty() {
        Err("the tag is empty".to_owned())
    } else {
        Err(format!(
            "`{tag}` is no tag: at most 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`"
        ))
    }
}

/// Whether a registry would accept the text as a tag.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn check_digest(digest: &str) -> Result<String, String> {
    let good = digest.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'_' | b'-'))
            && hex.len() >= 32
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
            && (algorithm != "sha256" || hex.len() == 64)
    });
    if good {
        Ok(digest.to_owned())
    } else {
        Err(format!(
            "`{digest}` is no digest such as sha256:… with 64 hexadecimal digits"
        ))
    }
}

/// What a tag promises to those who deploy it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagKind {
    /// `latest`: always the newest version.
    Latest,
    /// `X.Y.Z`: one version, never moved.
    Version(Version),
    /// `X` or `X.Y`: the newest version below it.
    Rolling,
    /// Anything else, versions with a prefix, a suffix or leading zeros included.
    Other,
}

/// A version `X.Y.Z`; versions are ordered by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// X.
    pub major: u64,
    /// Y.
    pub minor: u64,
    /// Z.
    pub patch: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl TagKind {
    /// The kind of a tag, by its form alone.
    #[must_use]
    pub fn of(tag: &str) -> TagKind {
        if tag == "latest" {
            return TagKind::Latest;
        }
        let Some(numbers) = tag.split('.').map(number).collect::<Option<Vec<u64>>>() else {
            return TagKind::Other;
        };
        match numbers.as_slice() {
            [major, minor, patch] => TagKind::Version(Version {
                major: *major,
                minor: *minor,
                patch: *patch,
            }),
            [_] | [_, _] => TagKind::Rolling,
            _ => TagKind::Other,
        }
    }
}

/// A number without sign and leading zeros.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, registry: Option<&str>, repository: &str, tag: Option<&str>) {
        let read: Reference = text.parse().unwrap();
        assert_eq!(read.registry.as_deref(), registry, "{text}");
        assert_eq!(read.repository, repository, "{text}");
        assert_eq!(read.tag.as_deref(), tag, "{text}");
        assert_eq!(read.to_string(), text);
    }

    #[test]
    fn a_reference_is_read_in_its_parts() {
        check(
            "contoso.azurecr.io/air-quality:1.0.1",
            Some("contoso.azurecr.io"),
            "air-quality",
            Some("1.0.1"),
        );
        check(
            "localhost:5000/a/b__c",
            Some("localhost:5000"),
            "a/b__c",
            None,
        );
        check("redis", None, "redis", None);
        check("library/redis:7", None, "library/redis", Some("7"));
        check("redis:5000", None, "redis", Some("5000"));
        let pinned = format!("a.b/c:1@sha256:{}", "0f".repeat(32));
        let read: Reference = pinned.parse().unwrap();
        assert_eq!(read.digest.as_deref(), Some(&pinned[8..]));
        assert_eq!(read.to_string(), pinned);
    }

    #[test]
    fn a_text_that_no_engine_would_take_is_refused_with_its_reason() {
        for (text, part) in [
            ("", "empty"),
            ("a.b/", "empty"),
            ("a.b//c", "empty part"),
            ("a.b/Air", "`Air`"),
            ("a.b/c:", "tag is empty"),
            ("a.b/c:1 0", "`1 0`"),
            ("a.b/c@sha256:12", "digest"),
            ("a..b/c", "registry host"),
            ("a.b:x/c", "registry host"),
            ("https://a.b/c", "`//a.b"),
        ] {
            match text.parse::<Reference>() {
                Ok(read) => panic!("{text} was read as {read:?}"),
                Err(message) if text.starts_with("https") => assert!(!message.is_empty()),
                Err(message) => assert!(message.contains(part), "{text}: {message}"),
            }
        }
    }

    #[test]
    fn tags_are_told_apart_by_their_form() {
        let version = |major, minor, patch| {
            TagKind::Version(Version {
                major,
                minor,
                patch,
            })
        };
        for (tag, kind) in [
            ("latest", TagKind::Latest),
            ("1.0.1", version(1, 0, 1)),
            ("10.20.30", version(10, 20, 30)),
            ("1.0", TagKind::Rolling),
            ("2", TagKind::Rolling),
            ("v1.0.1", TagKind::Other),
            ("1.0.1-amd64", TagKind::Other),
            ("01.0.1", TagKind::Other),
            ("1.0.0.1", TagKind::Other),
            ("1..1", TagKind::Other),
            ("", TagKind::Other),
            ("99999999999999999999.0.0", TagKind::Other),
        ] {
            assert_eq!(TagKind::of(tag), kind, "{tag}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_and_what_is_read_is_written_back(text in "\\PC*") {
            if let Ok(read) = text.parse::<Reference>() {
                prop_assert_eq!(read.to_string(), text);
            }
            let _ = TagKind::of("x");
        }
    }
}
