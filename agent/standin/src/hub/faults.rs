//! What the hub does wrong on purpose: logins that it refuses, twin requests that it answers late or not at all. Nothing, until
//! somebody asks for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How twin requests are answered, reading and reporting alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TwinAnswers {
    /// As a healthy hub does.
    #[default]
    AtOnce,
    /// Rightly, but so much later.
    Late(Duration),
    /// With status 429, as IoT Hub does when it throttles.
    Busy,
}

/// How often a client met what is done wrong on purpose, since the hub began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Met {
    /// Logins that were refused.
    pub refused: u64,
    /// Logins that are still to be refused.
    pub to_refuse: u32,
    /// Twin requests that were answered late.
    pub late: u64,
    /// Twin requests that were answered with 429.
    pub busy: u64,
}

/// The faults in force, and how often each was met.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    twin: Mutex<TwinAnswers>,
    met: watch::Sender<Met>,
}

impl Faults {
    /// The next so many logins are refused, whatever their token says.
    pub(crate) fn refuse_logins(&self, times: u32) {
        self.met.send_modify(|met| met.to_refuse = times);
    }

    /// Whether this login is one to refuse; it then is counted.
    pub(crate) fn refuses_login(&self) -> bool {
        self.met.send_if_modified(|met| {
            let refuses = met.to_refuse > 0;
            met.to_refuse = met.to_refuse.saturating_sub(1);
            met.refused += u64::from(refuses);
            refuses
        })
    }

    /// How twin requests are answered from now on.
    pub(crate) fn answer_twin(&self, answers: TwinAnswers) {
        *self.lock() = answers;
    }

    /// How twin requests are answered now.
    pub(crate) fn twin(&self) -> TwinAnswers {
        *self.lock()
    }

    /// The same for a request that has come; one that a fault meets is counted.
    pub(crate) fn meet_twin(&self) -> TwinAnswers {
        let answers = self.twin();
        match answers {
            TwinAnswers::AtOnce => {}
            TwinAnswers::Late(_) => self.met.send_modify(|met| met.late += 1),
            TwinAnswers::Busy => self.met.send_modify(|met| met.busy += 1),
        }
        answers
    }

    /// What was met so far, and whatever is from now on.
    pub(crate) fn met(&self) -> watch::Receiver<Met> {
        self.met.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, TwinAnswers> {
        self.twin.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
