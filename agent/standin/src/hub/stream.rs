//! The messages that came to the cloud, as the Event Hubs-compatible endpoint keeps them: in partitions, numbered, for a while. No I/O.
//!
//! A device's messages are in one partition and keep their order there. What is kept is bounded; the oldest go first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::event::HubEvent;
use super::identity::Identity;
use super::properties::Properties;

/// Partitions; a new IoT Hub has four.
pub(crate) const PARTITIONS: usize = 4;

/// Messages that a partition keeps.
const MESSAGES: usize = 4096;

/// Bytes of bodies and properties that a partition keeps.
const BYTES: usize = 32 * 1024 * 1024;

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    /// Its number in the partition, from 0.
    pub(crate) sequence: u64,
    /// Bytes that came to the partition before it.
    pub(crate) offset: u64,
    /// When it came, in milliseconds since the Unix epoch; never before the one before it.
    pub(crate) enqueued: u64,
    pub(crate) sender: Identity,
    pub(crate) properties: Properties,
    pub(crate) body: Bytes,
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// With what comes from now on.
    Latest,
    /// With the first message whose mark is at least this.
    From(Mark, u64),
}

/// By what a place in a partition is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Sequence,
    Offset,
    /// Milliseconds since the Unix epoch.
    Enqueued,
}

/// What a partition says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Number of the oldest message that is kept, or of the next where none is.
    pub(crate) first: u64,
    /// Number, offset and time of the newest message that ever came.
    pub(crate) last: Option<(u64, u64, u64)>,
    /// Nothing is kept.
    pub(crate) is_empty: bool,
}

#[derive(Debug, Default)]
struct Partition {
    kept: VecDeque<Arc<Kept>>,
    bytes: usize,
    /// Number and offset of the next message.
    next: (u64, u64),
    last: Option<(u64, u64, u64)>,
}

/// Every partition, behind one lock that is never held across an await.
#[derive(Debug)]
pub(crate) struct Stream {
    partitions: Mutex<[Partition; PARTITIONS]>,
    news: watch::Sender<()>,
    /// When it began, in milliseconds since the Unix epoch.
    pub(crate) made: u64,
}

impl Stream {
    pub(crate) fn new(made: u64) -> Self {
        Self {
            partitions: Mutex::default(),
            news: watch::Sender::default(),
            made,
        }
    }

    /// Ticks when a message came.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Keeps the message of an event, if it is one.
    pub(crate) fn take(&self, event: &HubEvent, now: u64) {
        if let HubEvent::Message {
            identity,
            properties,
            body,
            ..
        } = event
        {
            self.lock()[partition_of(identity)].keep(Kept {
                sequence: 0,
                offset: 0,
                enqueued: now,
                sender: identity.clone(),
                properties: properties.clone(),
                body: body.clone(),
            });
            self.news.send_replace(());
        }
    }

    /// The number with which a reader of a partition begins.
    pub(crate) fn begin(&self, partition: usize, start: Start) -> u64 {
        let partitions = self.lock();
        let Some(partition) = partitions.get(partition) else {
            return 0;
        };
        match start {
            Start::Latest => partition.next.0,
            Start::From(mark, least) => {
                let found = partition.kept.iter().find(|kept| kept.mark(mark) >= least);
                found.map_or(partition.next.0, |kept| kept.sequence)
            }
        }
    }

    /// The first message of a partition that is kept and has at least this number.
    pub(crate) fn next(&self, partition: usize, sequence: u64) -> Option<Arc<Kept>> {
        let partitions = self.lock();
        let kept = &partitions.get(partition)?.kept;
        let oldest = kept.front()?.sequence;
        let place = usize::try_from(sequence.saturating_sub(oldest)).ok()?;
        kept.get(place).cloned()
    }

    pub(crate) fn facts(&self, partition: usize) -> Option<Facts> {
        let partitions = self.lock();
        let partition = partitions.get(partition)?;
        let first = partition.kept.front().map(|kept| kept.sequence);
        Some(Facts {
            first: first.unwrap_or(partition.next.0),
            last: partition.last,
            is_empty: first.is_none(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, [Partition; PARTITIONS]> {
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partition {
    /// Keeps a message under the next number; the oldest go where there is no room.
    fn keep(&mut self, message: Kept) {
        let (sequence, offset) = self.next;
        let size = message.size();
        let enqueued = self.last.map_or(0, |(.., enqueued)| enqueued);
        let enqueued = message.enqueued.max(enqueued);
        self.last = Some((sequence, offset, enqueued));
        self.next = (sequence + 1, offset + size as u64);
        self.bytes += size;
        self.kept.push_back(Arc::new(Kept {
            sequence,
            offset,
            enqueued,
            ..message
        }));
        while self.kept.len() > MESSAGES || self.bytes > BYTES {
            let Some(gone) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= gone.size();
        }
    }
}

impl Kept {
    /// Bytes that it counts for; never none, so that no two messages of a partition have one offset.
    fn size(&self) -> usize {
        self.body.len() + self.properties.size() + 1
    }

    fn mark(&self, mark: Mark) -> u64 {
        match mark {
            Mark::Sequence => self.sequence,
            Mark::Offset => self.offset,
            Mark::Enqueued => self.enqueued,
        }
    }
}

/// The partition of a sender's device.
fn partition_of(identity: &Identity) -> usize {
    let (Identity::Device { device } | Identity::Module { device, .. }) = identity;
    usize::from(Sha256::digest(device.as_bytes())[0]) % PARTITIONS
}

/// Name of the event hub that a hub's messages are in: the hub's name without its domain.
pub(crate) fn entity(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}

pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(device: &str, body: &[u8]) -> HubEvent {
        HubEvent::Message {
            identity: Identity::module(device, "probe"),
            output: None,
            properties: Properties::default(),
            qos: 1,
            duplicate: false,
            body: Bytes::copy_from_slice(body),
        }
    }

    fn of(device: &str) -> usize {
        partition_of(&Identity::device(device))
    }

    #[test]
    fn a_device_s_messages_are_numbered_in_one_partition() {
        let stream = Stream::new(0);
        for (n, now) in [(0_u8, 100), (1, 300), (2, 200)] {
            stream.take(&message("d", &[n; 9]), now);
        }
        let all: Vec<_> = (0..4).filter_map(|n| stream.next(of("d"), n)).collect();
        let seen: Vec<_> = all
            .iter()
            .map(|kept| (kept.sequence, kept.offset, kept.enqueued, kept.body[0]))
            .collect();
        // A clock that goes back does not take the order with it.
        assert_eq!(seen, [(0, 0, 100, 0), (1, 10, 300, 1), (2, 20, 300, 2)]);
        let others = (0..PARTITIONS).filter(|n| *n != of("d"));
        for other in others {
            assert_eq!(stream.facts(other).map(|facts| facts.is_empty), Some(true));
        }
        assert_eq!(stream.facts(PARTITIONS), None);
    }

    #[test]
    fn a_reader_begins_where_it_asks_to() {
        let stream = Stream::new(0);
        for now in [100, 200, 300] {
            stream.take(&message("d", &[0; 9]), now);
        }
        let begin = |start| stream.begin(of("d"), start);
        assert_eq!(begin(Start::Latest), 3);
        assert_eq!(begin(Start::From(Mark::Offset, 0)), 0);
        assert_eq!(begin(Start::From(Mark::Offset, 11)), 2);
        assert_eq!(begin(Start::From(Mark::Sequence, 1)), 1);
        assert_eq!(begin(Start::From(Mark::Enqueued, 150)), 1);
        assert_eq!(begin(Start::From(Mark::Enqueued, 301)), 3);
    }

    #[test]
    fn the_oldest_go_and_a_reader_that_was_there_goes_on_with_the_oldest_that_is_left() {
        let stream = Stream::new(0);
        let body = vec![0; 1024 * 1024 - 1];
        for now in 0..40 {
            stream.take(&message("d", &body), now);
        }
        let facts = stream.facts(of("d")).unwrap();
        assert_eq!((facts.first, facts.last.unwrap().0), (8, 39));
        assert_eq!(stream.begin(of("d"), Start::From(Mark::Offset, 5)), 8);
        assert_eq!(stream.next(of("d"), 5).unwrap().sequence, 8);
        assert_eq!(stream.next(of("d"), 40), None);
        for now in 0..=MESSAGES as u64 {
            stream.take(&message("d", b""), now);
        }
        let facts = stream.facts(of("d")).unwrap();
        assert_eq!(facts.first, 40 + 1);
    }
}
