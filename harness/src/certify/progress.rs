//! Where a run stands, on standard error: a bar on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

/// How progress is shown.
#[derive(Debug)]
pub(super) enum Progress {
    /// Not at all.
    Quiet,
    /// A line per phase.
    Lines { last: String },
    /// A bar that moves.
    Bar(ProgressBar),
}

impl Progress {
    /// A bar if standard error is a terminal, lines if not.
    #[must_use]
    pub(super) fn shown() -> Progress {
        if !std::io::stderr().is_terminal() {
            return Progress::Lines {
                last: String::new(),
            };
        }
        let bar = ProgressBar::new(100);
        if let Ok(style) = ProgressStyle::with_template(
            "{spinner} [{elapsed_precise}] {bar:30} {percent:>3} %  {msg}",
        ) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress::Bar(bar)
    }

    /// Says what is going on.
    pub(super) fn step(&mut self, what: &str) {
        match self {
            Progress::Quiet => {}
            Progress::Lines { last } => {
                if last != what {
                    what.clone_into(last);
                    // Nothing can be done about a standard error that is closed.
                    let _ = writeln!(anstream::stderr(), "edgeproof: {what}");
                }
            }
            Progress::Bar(bar) => bar.set_message(what.to_owned()),
        }
    }

    /// Follows the probe's reported property `conformance`.
    pub(super) fn follow(&mut self, conformance: &Value) {
        if let (Progress::Bar(bar), Some(percent)) = (&*self, conformance["progress"].as_u64()) {
            bar.set_position(percent);
        }
        if let Some(phase) = conformance["phase"].as_str() {
            self.step(phase);
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&mut self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
