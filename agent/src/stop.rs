//! The wish that the probe ends: SIGTERM or SIGINT, heard from the first moment on.
//!
//! In its container the probe is process 1, for which the kernel drops every signal without a handler (pid_namespaces(7)): an
//! engine that wants to stop a probe that has not got as far as listening would wait its ten seconds and kill it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Duration, Instant};

/// How long the end of the probe may take once it is asked for. An engine kills a container that is still there after ten
/// seconds.
pub const END_WITHIN: Duration = Duration::from_secs(9);

/// Hears SIGTERM and SIGINT.
#[derive(Debug)]
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
    since: Option<Instant>,
}

impl Stop {
    /// Listens from now on; what comes before [`Stop::asked`] is called is not lost.
    ///
    /// # Errors
    /// The kernel takes no handler.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn listen() -> io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            since: None,
        })
    }

    /// Waits until somebody asks; returns at once from then on.
    pub async fn asked(&mut self) {
        if self.since.is_some() {
            return;
        }
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        self.since = Some(Instant::now());
    }

    /// What is left of [`END_WITHIN`]; all of it where nobody has asked.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.since.map_or(END_WITHIN, |since| {
            END_WITHIN.saturating_sub(since.elapsed())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal as Number, getpid, kill_process};

    #[tokio::test]
    async fn a_signal_that_comes_before_anybody_waits_is_heard() {
        let mut stop = Stop::listen().unwrap();
        kill_process(getpid(), Number::TERM).unwrap();
        assert_eq!(stop.left(), END_WITHIN);
        stop.asked().await;
        stop.asked().await;
        assert!(stop.left() <= END_WITHIN);
    }
}
