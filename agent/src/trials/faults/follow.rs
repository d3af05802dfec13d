//! What comes to edgeHub while faults are played, counted as it comes. No I/O of its own.

use std::collections::BTreeSet;

use standin::edge::EdgeRuntime;
use standin::hub::HubEvent;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Names of reported properties that are kept.
const NAMES: usize = 20;

/// What came so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Logins that were taken.
    pub(super) logins: u64,
    /// Messages.
    pub(super) messages: u64,
    /// Changes of reported properties.
    pub(super) reported: u64,
    /// Top-level names that were reported.
    pub(super) names: BTreeSet<String>,
    /// TLS handshakes that failed.
    pub(super) handshakes_failed: u64,
    /// edgeHub has nothing more to tell: whoever counts fell behind.
    pub(super) deaf: bool,
}

/// Counts from its making until it is dropped.
#[derive(Debug)]
pub(super) struct Follower {
    seen: watch::Receiver<Seen>,
    counting: JoinHandle<()>,
}

impl Follower {
    pub(super) fn of(runtime: &EdgeRuntime) -> Follower {
        let (sender, seen) = watch::channel(Seen::default());
        let counting = tokio::spawn(count(runtime.subscribe(), sender));
        Follower { seen, counting }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.counting.abort();
    }
}

async fn count(mut events: mpsc::Receiver<HubEvent>, seen: watch::Sender<Seen>) {
    while let Some(event) = events.recv().await {
        seen.send_modify(|seen| seen.take(&event));
    }
    seen.send_modify(|seen| seen.deaf = true);
}

impl Seen {
    fn take(&mut self, event: &HubEvent) {
        match event {
            HubEvent::Connected(_) => self.logins += 1,
            HubEvent::Message { .. } => self.messages += 1,
            HubEvent::HandshakeFailed { .. } => self.handshakes_failed += 1,
            HubEvent::Reported { patch, .. } => {
                self.reported += 1;
                let names = patch.as_object().into_iter().flat_map(|patch| patch.keys());
                let room = NAMES.saturating_sub(self.names.len());
                self.names.extend(names.take(room).cloned());
            }
            HubEvent::Introduced { .. }
            | HubEvent::Disconnected { .. }
            | HubEvent::TwinRead { .. }
            | HubEvent::MethodAnswered { .. }
            | HubEvent::Subscribed { .. }
            | HubEvent::Violation { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use standin::hub::Identity;

    use super::*;

    #[tokio::test]
    async fn what_comes_is_counted_and_the_end_of_the_stream_is_told() {
        let (sender, events) = mpsc::channel(4);
        let (counted, mut seen) = watch::channel(Seen::default());
        let counting = tokio::spawn(count(events, counted));
        let reported = |patch| HubEvent::Reported {
            identity: Identity::module("d", "m"),
            patch,
            version: 2,
        };
        for patch in [json!({"a": 1, "b": 2}), json!({"a": 3})] {
            sender.send(reported(patch)).await.unwrap();
        }
        drop(sender);
        counting.await.unwrap();
        let seen = seen.borrow_and_update().clone();
        assert_eq!(seen.reported, 2);
        assert_eq!(Vec::from_iter(seen.names), ["a", "b"]);
        assert!(seen.deaf);
    }
}
