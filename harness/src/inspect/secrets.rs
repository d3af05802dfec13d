//! Well-known kinds of secrets in files while they go by, also across the borders of pieces. No secret itself is kept.
//!
//! Sources: RFC 7468 for keys in PEM; Azure's documentation of connection strings; the token formats as AWS, GitHub, GitLab,
//! Slack, npm and Stripe document them. Only what has a form of its own is looked for: no entropy, no names.

use std::collections::BTreeSet;

use conformance::observation::{FileSecret, Secrets};

/// How much behind the beginning of a secret is looked at.
const AHEAD: usize = 512;
/// How much of one file is looked at.
const MOST_OF_A_FILE: u64 = 64 << 20;
/// Most places told of one image, by file and kind.
const MOST_PLACES: usize = 50;

/// A kind of secret: how it begins, what it is called, and whether what follows is one.
struct Kind {
    start: &'static str,
    look: &'static str,
    follows: fn(&[u8]) -> bool,
}

const fn kind(start: &'static str, look: &'static str, follows: fn(&[u8]) -> bool) -> Kind {
    Kind {
        start,
        look,
        follows,
    }
}

const CONNECTION: &str = "a connection string with its key";
const GITHUB: &str = "an access token of GitHub";
const SLACK: &str = "an access token of Slack";

const KINDS: [Kind; 17] = [
    kind("-----BEGIN ", "a private key", private_key),
    kind("SharedAccessKey=", CONNECTION, azure_key),
    kind("AccountKey=", CONNECTION, azure_key),
    kind("AKIA", "an access key of AWS", |rest| {
        token(rest, 16, 16, upper)
    }),
    kind("ghp_", GITHUB, |rest| token(rest, 36, 36, word)),
    kind("gho_", GITHUB, |rest| token(rest, 36, 36, word)),
    kind("ghu_", GITHUB, |rest| token(rest, 36, 36, word)),
    kind("ghs_", GITHUB, |rest| token(rest, 36, 36, word)),
    kind("github_pat_", GITHUB, |rest| {
        token(rest, 50, 100, word_or_line)
    }),
    kind("glpat-", "an access token of GitLab", |rest| {
        token(rest, 20, 30, word_or_dash)
    }),
    kind("xoxb-", SLACK, |rest| token(rest, 24, 200, word_or_dash)),
    kind("xoxp-", SLACK, |rest| token(rest, 24, 200, word_or_dash)),
    kind("xoxa-", SLACK, |rest| token(rest, 24, 200, word_or_dash)),
    kind("npm_", "an access token of npm", |rest| {
        token(rest, 36, 36, word)
    }),
    kind("AIza", "an access key of Google", |rest| {
        token(rest, 35, 35, word_or_dash)
    }),
    kind("sk_live_", "a secret key of Stripe", |rest| {
        token(rest, 24, 200, word)
    }),
    kind("dckr_pat_", "an access token of Docker", |rest| {
        token(rest, 27, 40, word_or_dash)
    }),
];

/// Keys that everybody has: of the emulators of Azure Storage and Cosmos DB, by their beginnings. Source: their documentation.
const KNOWN_KEYS: [&[u8]; 2] = [b"Eby8vdM02xNOcqFl", b"C2y6yDjf5/R+ob0N"];

/// `PRIVATE KEY-----` behind the name of an algorithm, and then base64: a header alone is program text.
fn private_key(rest: &[u8]) -> bool {
    let label = run(rest, |b| {
        b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' '
    });
    let dashes = &rest[label.len()..];
    if !(label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK"))
        || !dashes.starts_with(b"-----")
    {
        return false;
    }
    let mut body = &dashes[5..];
    let mut letters = Vec::new();
    while let Some((byte, behind)) = body.split_first() {
        // Line ends may be written out, as in JSON.
        if byte.is_ascii_whitespace() {
            body = behind;
        } else if body.starts_with(b"\\n") || body.starts_with(b"\\r") {
            body = &body[2..];
        } else if base64(*byte) {
            letters.push(*byte);
            body = behind;
        } else if *byte == b':' {
            // A header such as `Proc-Type: 4,ENCRYPTED` ends with its line.
            letters.clear();
            body = &body[run(body, |b| b != b'\n').len()..];
        } else if *byte == b'-' && letters.len() < 12 {
            body = behind;
        } else {
            break;
        }
    }
    letters.len() >= 60 && is_mixed(&letters)
}

/// A key in base64 as Azure hands it out: 32 or 64 bytes.
fn azure_key(rest: &[u8]) -> bool {
    let value = run(rest, |b| base64(b) || b == b'=');
    let letters = run(value, base64);
    (40..=100).contains(&value.len())
        && is_mixed(letters)
        && !KNOWN_KEYS.iter().any(|known| value.starts_with(known))
        && !is_placeholder(value)
}

/// A token of so many letters, which end there.
fn token(rest: &[u8], least: usize, most: usize, letter: fn(u8) -> bool) -> bool {
    let value = run(rest, letter);
    let distinct: BTreeSet<&u8> = value.iter().collect();
    (least..=most).contains(&value.len()) && distinct.len() >= 8 && !is_placeholder(value)
}

fn upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn word_or_line(byte: u8) -> bool {
    word(byte) || byte == b'_'
}

fn word_or_dash(byte: u8) -> bool {
    word_or_line(byte) || byte == b'-'
}

fn base64(byte: u8) -> bool {
    word(byte) || byte == b'+' || byte == b'/'
}

fn run(bytes: &[u8], letter: impl Fn(u8) -> bool) -> &[u8] {
    let end = bytes.iter().position(|byte| !letter(*byte));
    &bytes[..end.unwrap_or(bytes.len())]
}

/// Upper and lower case, digits, and not the same few over and over.
fn is_mixed(letters: &[u8]) -> bool {
    let has = |test: fn(&u8) -> bool| letters.iter().any(test);
    let distinct: BTreeSet<&u8> = letters.iter().collect();
    distinct.len() >= 12
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

/// Words that stand in documentation in a secret's place.
fn is_placeholder(value: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    [
        "example",
        "placeholder",
        "changeme",
        "your",
        "xxxx",
        "1234567890",
        "sample",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

/// Whether a path is one of documentation, tests or examples, of a package or of the image's own.
fn is_for_show(path: &str) -> bool {
    const SHOWN: [&str; 12] = [
        "doc",
        "docs",
        "test",
        "tests",
        "__tests__",
        "testing",
        "testdata",
        "test-data",
        "fixtures",
        "example",
        "examples",
        "samples",
    ];
    path.rsplit('/')
        .skip(1)
        .any(|part| SHOWN.contains(&part.to_ascii_lowercase().as_str()))
}

/// Looks at files one after another.
#[derive(Debug)]
pub(super) struct Scanner {
    first: [bool; 256],
    window: Vec<u8>,
    /// Where in the window nothing was looked at yet.
    at: usize,
    length: u64,
    looks: BTreeSet<&'static str>,
}

impl Scanner {
    pub(super) fn new() -> Scanner {
        let mut first = [false; 256];
        for kind in &KINDS {
            first[usize::from(kind.start.as_bytes()[0])] = true;
        }
        Scanner {
            first,
            window: Vec::new(),
            at: 0,
            length: 0,
            looks: BTreeSet::new(),
        }
    }

    /// The next bytes of the file.
    pub(super) fn take(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        if self.length > MOST_OF_A_FILE {
            return;
        }
        self.window.extend_from_slice(piece);
        let until = self.window.len().saturating_sub(AHEAD);
        self.look(until);
        // One byte before stays, for what must not stand before a token.
        let gone = self.at.saturating_sub(1);
        self.window.drain(..gone);
        self.at -= gone;
    }

    /// The file's end: what was found goes to `places`.
    pub(super) fn end(&mut self, path: &str, places: &mut Places) {
        self.look(self.window.len());
        places.files += 1;
        places.cut += u64::from(self.length > MOST_OF_A_FILE);
        for look in std::mem::take(&mut self.looks) {
            places.add(FileSecret {
                path: format!("/{path}"),
                layer: String::new(),
                look: look.to_owned(),
                for_show: is_for_show(path),
            });
        }
        self.window.clear();
        self.at = 0;
        self.length = 0;
    }

    /// Looks at every beginning before `until`.
    fn look(&mut self, until: usize) {
        while self.at < until {
            let next = self.window[self.at..until]
                .iter()
                .position(|byte| self.first[usize::from(*byte)]);
            let Some(next) = next else {
                self.at = until;
                return;
            };
            self.at += next;
            let rest = &self.window[self.at..self.window.len().min(self.at + AHEAD)];
            let before = self.at.checked_sub(1).map(|before| self.window[before]);
            for kind in &KINDS {
                let Some(behind) = rest.strip_prefix(kind.start.as_bytes()) else {
                    continue;
                };
                let stands_alone = !before.is_some_and(word_or_line);
                if stands_alone && (kind.follows)(behind) {
                    self.looks.insert(kind.look);
                }
            }
            self.at += 1;
        }
    }
}

/// Where something was found, within a bound.
#[derive(Debug, Default)]
pub(super) struct Places {
    found: Vec<FileSecret>,
    more: u64,
    files: u64,
    cut: u64,
}

impl Places {
    fn add(&mut self, place: FileSecret) {
        // What is for show must not hide what is not.
        if self.found.len() < MOST_PLACES {
            self.found.push(place);
            return;
        }
        self.more += 1;
        let shown = self.found.iter_mut().find(|one| one.for_show);
        if let (false, Some(shown)) = (place.for_show, shown) {
            *shown = place;
        }
    }

    /// Takes in what was found in a layer.
    pub(super) fn lay(&mut self, upper: Places, layer: &str) {
        self.more += upper.more;
        self.files += upper.files;
        self.cut += upper.cut;
        for place in upper.found {
            self.add(FileSecret {
                layer: layer.to_owned(),
                ..place
            });
        }
    }

    /// Everything, in the words of the observation; what the config's variables hold is not in it yet.
    pub(super) fn secrets(self) -> Secrets {
        let mut in_files = self.found;
        in_files.sort();
        Secrets {
            in_files,
            in_env: Vec::new(),
            more: self.more,
            files: self.files,
            cut: self.cut,
        }
    }
}

#[cfg(test)]
mod tests;
