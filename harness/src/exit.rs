//! Exit codes, the same for every command, and the error that chooses between them.

use thiserror::Error;

/// It could not be decided: trouble of engine, network, disk or the program itself.
pub const UNDECIDED: u8 = 2;
/// Wrong usage (`EX_USAGE` of `sysexits.h`).
pub const USAGE: u8 = 64;
/// Bad input (`EX_DATAERR` of `sysexits.h`).
pub const BAD_INPUT: u8 = 65;

/// An error that is the caller's to mend. Any other error ends with [`UNDECIDED`].
#[derive(Debug, Error)]
pub enum Refused {
    /// The command line asks for something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// A file given cannot be used as it is.
    #[error("{0}")]
    BadInput(String),
}

/// The exit code of a command that ended with an error.
#[must_use]
pub fn code_of(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Refused>() {
        Some(Refused::Usage(_)) => USAGE,
        Some(Refused::BadInput(_)) => BAD_INPUT,
        None => UNDECIDED,
    }
}

/// The error with its chain of causes, as printed once at the top.
#[must_use]
pub fn told(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        text.push_str("\n  because: ");
        text.push_str(&cause.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn context_around_a_refusal_keeps_its_exit_code() {
        let refused: anyhow::Result<()> =
            Err(Refused::BadInput("offer.json: no JSON".to_owned())).context("read the offer");
        assert_eq!(code_of(&refused.unwrap_err()), BAD_INPUT);
        assert_eq!(code_of(&anyhow::anyhow!("engine is gone")), UNDECIDED);
    }

    #[test]
    fn every_cause_is_told_once() {
        let error = anyhow::anyhow!("no such file")
            .context("open the journal")
            .context("certify");
        assert_eq!(
            told(&error),
            "error: certify\n  because: open the journal\n  because: no such file"
        );
    }
}
