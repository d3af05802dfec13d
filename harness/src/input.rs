//! Files given on the command line: read whole, every mistake told together with its place.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use conformance::certificate::Certificate;
use conformance::offer::{self, Mistake, Offer};
use conformance::report::{Report, SCHEMA};

use crate::exit::Refused;
use crate::render::text::plain;

/// Largest file read: offers are kilobytes, reports of long runs a few megabytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The text of a file.
///
/// # Errors
/// [`Refused::BadInput`] naming the file, if it cannot be read or is no UTF-8 text.
pub fn text(path: &Path) -> Result<String, Refused> {
    let refused = |why: String| Refused::BadInput(format!("{}: {why}", path.display()));
    let size = fs::metadata(path)
        .map_err(|error| refused(error.to_string()))?
        .len();
    if size > LARGEST {
        return Err(refused(format!("{size} bytes; at most {LARGEST} are read")));
    }
    let bytes = fs::read(path).map_err(|error| refused(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        refused(format!(
            "not UTF-8 text: byte {} is no part of a character",
            error.utf8_error().valid_up_to()
        ))
    })
}

/// An offer file.
///
/// # Errors
/// [`Refused::BadInput`] with every mistake: pointer, line, what is wrong, and the mend.
pub fn offer(path: &Path) -> Result<offer::Read, Refused> {
    offer::read(&text(path)?).map_err(|mistakes| {
        let count = crate::render::words::number(mistakes.len(), "mistake");
        Refused::BadInput(format!(
            "{}: {count} in the offer file\n{}",
            path.display(),
            told(&mistakes)
        ))
    })
}

/// A stored `report.json`.
///
/// # Errors
/// [`Refused::BadInput`] with the place where it stops being a report this version reads.
pub fn report(path: &Path) -> Result<Report, Refused> {
    report_text(text(path)?.as_bytes())
        .map_err(|why| Refused::BadInput(format!("{}: {why}", path.display())))
}

/// What a stored `report.json` certifies for an offer.
///
/// # Errors
/// [`Refused::BadInput`] with every reason why it certifies nothing for it.
pub fn certificate(path: &Path, offer: &Offer) -> Result<Certificate, Refused> {
    Certificate::of(&report(path)?, offer).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(|one| plain(one)).collect();
        Refused::BadInput(format!(
            "{}: no certificate of this offer\n  {}",
            path.display(),
            mistakes.join("\n  ")
        ))
    })
}

/// The text of a `report.json`.
///
/// # Errors
/// In words, the place where it stops being a report this version reads.
pub fn report_text(text: &[u8]) -> Result<Report, String> {
    let value: serde_json::Value =
        serde_json::from_slice(text).map_err(|error| format!("not JSON: {error}"))?;
    match value.get("schema").and_then(serde_json::Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) => {
            return Err(format!(
                "/schema is `{}`; this version reads `{SCHEMA}`",
                plain(other)
            ));
        }
        None => {
            return Err(format!(
                "not a report: /schema is missing, `{SCHEMA}` was expected"
            ));
        }
    }
    serde_json::from_slice(text).map_err(|error| format!("not a whole report: {error}"))
}

/// One block per mistake: place, what is wrong, and the mend.
#[must_use]
pub fn told(mistakes: &[Mistake]) -> String {
    let mut out = String::new();
    for mistake in mistakes {
        let pointer = if mistake.pointer.is_empty() {
            "the whole file"
        } else {
            &mistake.pointer
        };
        let line = mistake
            .line
            .map_or_else(String::new, |line| format!(" (line {line})"));
        let _ = write!(
            out,
            "\n  {}{line}\n    {}\n    mend: {}\n",
            plain(pointer),
            plain(&mistake.message),
            plain(&mistake.mend)
        );
    }
    out
}
