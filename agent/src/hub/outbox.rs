//! The messages that have been accepted for sending and are not yet acknowledged. Pure.
//!
//! It owns them across links: what an MQTT session store holds is lost when the hub answers that
//! it knows no session, so nothing here depends on one.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::HubError;

/// Messages in flight at a time. Four parts of a report keep a link with 200 ms of round trip
/// busy, and with the one in the channel they hold about 1 MB of the probe's memory.
pub(super) const WINDOW: usize = 4;

/// A message on its way.
#[derive(Debug)]
pub(super) struct Message {
    /// Topic with properties.
    pub(super) topic: String,
    /// Body, shared with the packet that carries it.
    pub(super) body: Arc<[u8]>,
    /// Told when the hub has acknowledged it.
    pub(super) done: oneshot::Sender<Result<(), HubError>>,
}

#[derive(Debug)]
struct Entry {
    message: Message,
    packet: Option<u16>,
    sent: Option<Instant>,
}

/// What to publish next.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) topic: String,
    pub(super) body: Arc<[u8]>,
    /// The id it was sent under before, in the same MQTT session: then it is a duplicate.
    pub(super) packet: Option<u16>,
}

/// Accepted, unacknowledged messages in the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: VecDeque<Entry>,
}

impl Outbox {
    pub(super) fn has_room(&self) -> bool {
        self.entries.len() < WINDOW
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Messages sent on this link and not acknowledged.
    pub(super) fn in_flight(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.sent.is_some())
            .count()
    }

    /// When the message sent longest ago on this link was sent.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|entry| entry.sent).min()
    }

    pub(super) fn push(&mut self, message: Message) {
        self.entries.push_back(Entry {
            message,
            packet: None,
            sent: None,
        });
    }

    /// The link is gone: everything is to be sent again.
    pub(super) fn link_lost(&mut self) {
        for entry in &mut self.entries {
            entry.sent = None;
        }
    }

    /// The hub knows no session: earlier packet ids mean nothing to it.
    pub(super) fn session_lost(&mut self) {
        for entry in &mut self.entries {
            entry.packet = None;
        }
    }

    /// Ids under which messages were sent in the MQTT session so far.
    pub(super) fn packets(&self) -> Vec<u16> {
        self.entries
            .iter()
            .filter_map(|entry| entry.packet)
            .collect()
    }

    /// The first message not yet sent on this link.
    pub(super) fn next(&self) -> Option<Next> {
        let entry = self.entries.iter().find(|entry| entry.sent.is_none())?;
        Some(Next {
            topic: entry.message.topic.clone(),
            body: Arc::clone(&entry.message.body),
            packet: entry.packet,
        })
    }

    /// The message that [`Outbox::next`] gave went out under `packet`.
    pub(super) fn sent(&mut self, packet: u16, now: Instant) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.sent.is_none()) {
            entry.packet = Some(packet);
            entry.sent = Some(now);
        }
    }

    /// The message that [`Outbox::next`] gave can never be sent.
    pub(super) fn refuse(&mut self, error: HubError) {
        if let Some(index) = self.entries.iter().position(|entry| entry.sent.is_none())
            && let Some(entry) = self.entries.remove(index)
        {
            // A caller that no longer waits has no use for the answer.
            let _ = entry.message.done.send(Err(error));
        }
    }

    /// The hub acknowledged `packet`.
    pub(super) fn acknowledged(&mut self, packet: u16) {
        let is_it = |entry: &Entry| entry.sent.is_some() && entry.packet == Some(packet);
        if let Some(index) = self.entries.iter().position(is_it)
            && let Some(entry) = self.entries.remove(index)
        {
            // A caller that no longer waits has no use for the answer.
            let _ = entry.message.done.send(Ok(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: u8) -> (Outbox, Vec<oneshot::Receiver<Result<(), HubError>>>) {
        let mut outbox = Outbox::default();
        let mut answers = Vec::new();
        for number in 0..count {
            let (done, answer) = oneshot::channel();
            outbox.push(Message {
                topic: format!("t{number}"),
                body: Arc::from([number]),
                done,
            });
            answers.push(answer);
        }
        (outbox, answers)
    }

    #[test]
    fn messages_leave_in_the_order_given_and_end_with_their_own_acknowledgement() {
        let (mut outbox, mut answers) = filled(2);
        let now = Instant::now();
        assert_eq!(outbox.next().unwrap().topic, "t0");
        outbox.sent(1, now);
        assert_eq!(outbox.next().unwrap().topic, "t1");
        outbox.sent(2, now);
        assert!(outbox.next().is_none());
        outbox.acknowledged(2);
        assert!(answers[1].try_recv().is_ok() && answers[0].try_recv().is_err());
        assert_eq!(outbox.len(), 1);
    }

    #[test]
    fn a_lost_link_sends_again_under_the_same_id_unless_the_session_is_lost_too() {
        let (mut outbox, _answers) = filled(1);
        outbox.sent(9, Instant::now());
        outbox.link_lost();
        assert_eq!(outbox.next().unwrap().packet, Some(9));
        outbox.session_lost();
        assert_eq!(outbox.next().unwrap().packet, None);
    }

    #[test]
    fn an_acknowledgement_from_before_the_link_was_lost_ends_nothing() {
        let (mut outbox, _answers) = filled(1);
        outbox.sent(9, Instant::now());
        outbox.link_lost();
        outbox.acknowledged(9);
        assert_eq!((outbox.len(), outbox.in_flight()), (1, 0));
    }

    #[test]
    fn the_window_bounds_what_is_taken() {
        let (outbox, _answers) = filled(4);
        assert!(!outbox.has_room());
        assert!(filled(3).0.has_room());
    }
}
