//! What the hub does wrong on purpose: logins that it refuses, twin requests that it answers late or not at all. Nothing, until
//! somebody asks for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

/// The faults in force, and how often each was met.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    to_refuse: u32,
    refused: u64,
    twin: TwinAnswers,
    twin_met: u64,
}

impl Faults {
    /// The next so many logins are refused, whatever their token says.
    pub(crate) fn refuse_logins(&self, times: u32) {
        self.lock().to_refuse = times;
    }

    /// Whether this login is one to refuse; it then is counted.
    pub(crate) fn refuses_login(&self) -> bool {
        let mut state = self.lock();
        let refuses = state.to_refuse > 0;
        state.to_refuse = state.to_refuse.saturating_sub(1);
        state.refused += u64::from(refuses);
        refuses
    }

    /// Logins refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.lock().refused
    }

    /// How twin requests are answered from now on.
    pub(crate) fn answer_twin(&self, answers: TwinAnswers) {
        self.lock().twin = answers;
    }

    /// How twin requests are answered now.
    pub(crate) fn twin(&self) -> TwinAnswers {
        self.lock().twin
    }

    /// The same for a request that has come; one that a fault meets is counted.
    pub(crate) fn meet_twin(&self) -> TwinAnswers {
        let mut state = self.lock();
        state.twin_met += u64::from(state.twin != TwinAnswers::AtOnce);
        state.twin
    }

    /// Twin requests so far that were answered late or with 429.
    pub(crate) fn twin_met(&self) -> u64 {
        self.lock().twin_met
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
