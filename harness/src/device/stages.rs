//! How far a start has come, on standard error: a line that moves on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How stages are shown.
#[derive(Debug)]
pub(super) enum Stages {
    /// Not at all.
    Quiet,
    /// A line per stage.
    Lines,
    /// Lines above one that moves.
    Moving(ProgressBar),
}

impl Stages {
    /// A moving line if standard error is a terminal.
    #[must_use]
    pub(super) fn shown(quiet: bool) -> Stages {
        if quiet {
            return Stages::Quiet;
        }
        if !std::io::stderr().is_terminal() {
            return Stages::Lines;
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed}] {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Stages::Moving(bar)
    }

    /// Says what goes on from now.
    pub(super) fn say(&mut self, what: &str) {
        match self {
            Stages::Quiet => {}
            Stages::Lines => {
                // Nothing can be done about a standard error that is closed.
                let _ = writeln!(anstream::stderr(), "edgeproof: {what}");
            }
            Stages::Moving(bar) => {
                bar.reset_elapsed();
                bar.set_message(what.to_owned());
            }
        }
    }

    /// Says what has come about, and after how long.
    pub(super) fn done(&mut self, what: &str, after: Duration) {
        let line = format!("{:>7.1} s  {what}", after.as_secs_f64());
        match self {
            Stages::Quiet => {}
            Stages::Lines => {
                // Nothing can be done about a standard error that is closed.
                let _ = writeln!(anstream::stderr(), "edgeproof: {line}");
            }
            Stages::Moving(bar) => bar.println(line),
        }
    }

    /// Takes the moving line away.
    pub(super) fn finish(&mut self) {
        if let Stages::Moving(bar) = self {
            bar.finish_and_clear();
        }
    }
}
