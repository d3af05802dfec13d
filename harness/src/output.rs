//! Standard output: results only, in colour only where a terminal wants it (`NO_COLOR` is honoured).

use std::io::{self, Write as _};

use anyhow::Context as _;

/// Prints a result; adds the line feed where it has none. A reader that closed the pipe has seen enough.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write to standard output"),
    }
}

/// Tells people what happens, on standard error.
pub fn note(text: &str) {
    // Nothing can be done about a standard error that is closed.
    let _ = writeln!(anstream::stderr(), "edgeproof: {text}");
}
