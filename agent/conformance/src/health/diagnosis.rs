//! The one cause of a start that failed, read out of the engine's words, the exit code and the last lines: pure.

use crate::observation::Cause;
use crate::units::Millis;

/// What is known of a start that did not become or stay healthy.
#[derive(Debug, Clone, Default)]
pub struct Failure<'a> {
    /// The engine's error on create or start.
    pub engine_error: Option<&'a str>,
    /// The exit code, if the main process ended.
    pub exit_code: Option<i64>,
    /// Processes were killed for memory.
    pub oom_killed: bool,
    /// The HEALTHCHECK failed as often as it may; the output of its last run, empty where it said nothing.
    pub healthcheck_failed: Option<&'a str>,
    /// The last lines of its output.
    pub last_lines: &'a [String],
    /// Names of settings whose default is an unreplaced `<PLACEHOLDER>`.
    pub placeholders: &'a [String],
    /// What was still missing.
    pub missing: &'a [String],
    /// Names that it asked for and for which nobody had an address.
    pub without_address: &'a [String],
    /// How long was waited.
    pub waited: Millis,
}

/// The one cause of a failed start, and what it says in words.
///
/// The engine's refusal comes first, then a kill for memory, then the exit, then what never came: each is only asked where
/// those before it are silent.
#[must_use]
pub fn diagnose(failure: &Failure<'_>) -> (Cause, String) {
    if let Some(error) = failure.engine_error {
        return (
            cause_of_engine_error(error),
            format!("the engine says: {}", error.trim()),
        );
    }
    if failure.oom_killed {
        return (
            Cause::OutOfMemory,
            format!("killed for memory after {}", failure.waited),
        );
    }
    let (cause, detail) = by_itself(failure);
    match failure.without_address {
        [] => (cause, detail),
        names => {
            let asked: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let detail = format!(
                "{detail}; it asked for {}, for which there was no address",
                asked.join(", ")
            );
            let cause = if may_be_unreachable(cause) && complains_of_a_name(failure) {
                Cause::Unreachable
            } else {
                cause
            };
            (cause, detail)
        }
    }
}

/// Causes that say no more than that it ended, or did not come.
const fn may_be_unreachable(cause: Cause) -> bool {
    matches!(cause, Cause::Crashed | Cause::NotReady | Cause::Unhealthy)
}

/// What C libraries and runtimes say of a name without an address (gai_strerror(3) of glibc and musl; Go's `net`, Node's `dns`,
/// .NET's sockets, Java's `InetAddress`), lower case.
const NO_ADDRESS: &[&str] = &[
    "name resolution",
    "name or service not known",
    "name does not resolve",
    "no address associated with hostname",
    "try again",
    "no such host",
    "server misbehaving",
    "eai_again",
    "enotfound",
    "getaddrinfo",
    "gaierror",
    "unknownhostexception",
    "failed to lookup address",
];

/// Whether its own words name one of the names, or tell of a name without an address.
fn complains_of_a_name(failure: &Failure<'_>) -> bool {
    let lines = failure.last_lines.iter().map(String::as_str);
    lines.chain(failure.healthcheck_failed).any(|line| {
        let line = line.to_lowercase();
        let mut names = failure.without_address.iter();
        names.any(|name| line.contains(name.as_str()))
            || NO_ADDRESS.iter().any(|words| line.contains(words))
    })
}

/// The cause as far as exit, check and what is missing tell it.
fn by_itself(failure: &Failure<'_>) -> (Cause, String) {
    match (failure.exit_code, failure.healthcheck_failed) {
        (Some(code), _) => {
            let cause = cause_of_exit(code, failure);
            (cause, exit_in_words(code, cause, failure))
        }
        (None, Some(said)) => (Cause::Unhealthy, check_in_words(said, failure)),
        (None, None) => (
            Cause::NotReady,
            format!(
                "still missing after {}: {}",
                failure.waited,
                failure.missing.join(", ")
            ),
        ),
    }
}

fn exit_in_words(code: i64, cause: Cause, failure: &Failure<'_>) -> String {
    let lines = failure.last_lines;
    let told = no_room_in(lines).filter(|_| cause == Cause::OutOfStorage);
    let said = match (told, lines.last()) {
        (Some(at), _) => format!("; it said: {}", lines[at].trim()),
        (None, Some(line)) => format!("; its last line: {line}"),
        (None, None) => String::new(),
    };
    format!(
        "exited with code {code} ({}) after {}{said}",
        exit_meaning(code),
        failure.waited
    )
}

fn check_in_words(said: &str, failure: &Failure<'_>) -> String {
    let said = match said.trim() {
        "" => String::new(),
        output => format!("; the check said: {output}"),
    };
    format!(
        "its HEALTHCHECK failed as often as it may, {} after the start{said}",
        failure.waited
    )
}

/// Which words of an engine's error name which cause, lower case; the first row that fits decides.
///
/// Source: messages of moby's daemon and of runc, as seen on engines 20.10 and 26.1; `tests` below holds them whole.
const ENGINE_WORDS: &[(Cause, &[&str])] = &[
    (
        Cause::WrongArchitecture,
        &[
            "exec format error",
            "no matching manifest",
            "does not match the specified platform",
        ],
    ),
    (
        Cause::OutOfMemory,
        &["container init was oom-killed", "cannot allocate memory"],
    ),
    (
        Cause::OutOfStorage,
        &["disk quota exceeded", "no space left on device"],
    ),
    (
        Cause::PortInUse,
        &["port is already allocated", "address already in use"],
    ),
    (
        Cause::MissingDeviceOrBind,
        &[
            "bind source path does not exist",
            "error gathering device information",
            "not a device node",
            // A GPU or another accelerator that this device has no driver or runtime for.
            "could not select device driver",
            "unknown runtime specified",
            "unknown or invalid runtime name",
        ],
    ),
    (
        Cause::BadOption,
        &[
            "invalid",
            "conflicting options",
            "minimum memory limit",
            "range of cpus",
            "requested cpus are not available",
            "cannot specify",
            "error looking up logging plugin",
            "no log driver named",
            "unable to find user",
            "unknown capability",
            "unknown log opt",
            "unknown option",
            "unknown or unsupported",
        ],
    ),
    (
        Cause::MissingFileOrPermission,
        &[
            "no such file or directory",
            "executable file not found",
            "permission denied",
            "read-only file system",
        ],
    ),
    (Cause::BadOption, &["unknown "]),
];

fn cause_of_engine_error(error: &str) -> Cause {
    let lower = error.to_lowercase();
    if has_placeholder(error) {
        return Cause::UnresolvedPlaceholder;
    }
    let fits = |needles: &[&str]| needles.iter().any(|needle| lower.contains(needle));
    ENGINE_WORDS
        .iter()
        .find(|(_, needles)| fits(needles))
        .map_or(Cause::Engine, |(cause, _)| *cause)
}

fn cause_of_exit(code: i64, failure: &Failure<'_>) -> Cause {
    let says = |needle: &str| failure.last_lines.iter().any(|line| line.contains(needle));
    let named = failure.placeholders.iter().any(|name| says(name));
    let shown = failure.last_lines.iter().any(|line| has_placeholder(line));
    if named || (shown && !failure.placeholders.is_empty()) {
        Cause::UnresolvedPlaceholder
    } else if says("exec format error") || code == ILLEGAL_INSTRUCTION {
        Cause::WrongArchitecture
    } else if code == 0 {
        Cause::EndedByItself
    } else if no_room_in(failure.last_lines).is_some() {
        Cause::OutOfStorage
    } else if matches!(code, NOT_EXECUTABLE | NOT_FOUND)
        || MISSING_FILE.iter().any(|words| says(words))
    {
        Cause::MissingFileOrPermission
    } else {
        Cause::Crashed
    }
}

/// What C libraries and runtimes say of a file that is not there or may not be used (errno(3): ENOENT, EACCES, EROFS).
const MISSING_FILE: &[&str] = &[
    "No such file or directory",
    "no such file or directory",
    "Permission denied",
    "permission denied",
    "Read-only file system",
    "read-only file system",
];

/// What C libraries and runtimes say of a full disk and of a full quota (errno(3): ENOSPC, EDQUOT).
const NO_ROOM: &[&str] = &[
    "No space left on device",
    "no space left on device",
    "Disk quota exceeded",
    "disk quota exceeded",
];

/// Where the first of these lines stands that tells of a write for which there was no room.
pub(crate) fn no_room_in(lines: &[String]) -> Option<usize> {
    let tells = |line: &String| NO_ROOM.iter().any(|words| line.contains(words));
    lines.iter().position(tells)
}

const NOT_EXECUTABLE: i64 = 126;
const NOT_FOUND: i64 = 127;
/// 128 + SIGILL: code for a newer processor of the same family.
const ILLEGAL_INSTRUCTION: i64 = 132;

/// Whether a text shows an unreplaced `<PLACEHOLDER>`: capitals, digits, `_` and `-` between angle brackets.
fn has_placeholder(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    text.split('<').skip(1).any(|rest| {
        rest.split_once('>').is_some_and(|(name, _)| {
            name.len() > 1
                && name.chars().all(plain)
                && name.starts_with(|first: char| first.is_ascii_uppercase())
        })
    })
}

/// What an exit code usually says. Source: POSIX shell conventions, `signal(7)`.
const fn exit_meaning(code: i64) -> &'static str {
    match code {
        0 => "ended by itself",
        NOT_EXECUTABLE => "not executable",
        NOT_FOUND => "not found",
        ILLEGAL_INSTRUCTION => "illegal instruction",
        134 => "aborted",
        135 => "bus error",
        136 => "arithmetic error",
        137 => "killed",
        139 => "segmentation fault",
        143 => "terminated",
        _ => "its own error",
    }
}

#[cfg(test)]
mod tests;
