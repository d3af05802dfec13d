//! What the reported property `conformance` says: the newest wins, one change at a time, at most one a second, and a
//! run's end is never passed over.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::hub::HubClient;

/// Reported properties change at most this often; IoT Hub counts every update.
pub const EVERY: Duration = Duration::from_secs(1);
/// Ends that wait for the hub; the oldest goes first. The reports go by message, whatever happens to these.
const MOST_ENDS: usize = 16;

/// What waits to be reported.
#[derive(Debug, Default)]
pub struct Board {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    ends: VecDeque<Value>,
    newest: Option<Value>,
    last: Value,
}

impl Board {
    /// Shows how things stand; what was to be shown before and was not is passed over.
    pub fn show(&self, now: Value) {
        let mut waiting = self.lock();
        if waiting.last != now {
            waiting.last = now.clone();
            waiting.newest = Some(now);
            self.more.notify_one();
        }
    }

    /// Shows the end of a run: it is reported whatever comes after it.
    pub fn show_end(&self, end: Value) {
        let mut waiting = self.lock();
        waiting.last = end.clone();
        waiting.newest = None;
        if waiting.ends.len() == MOST_ENDS {
            waiting.ends.pop_front();
        }
        waiting.ends.push_back(end);
        self.more.notify_one();
    }

    /// Reports for ever.
    pub async fn publish(&self, client: &HubClient) -> Infallible {
        loop {
            match self.take() {
                Some(value) => {
                    report(client, value).await;
                    sleep(EVERY).await;
                }
                None => self.more.notified().await,
            }
        }
    }

    /// Reports what is left, without a pause.
    pub async fn finish(&self, client: &HubClient) {
        while let Some(value) = self.take() {
            report(client, value).await;
        }
    }

    fn take(&self) -> Option<Value> {
        let mut waiting = self.lock();
        let end = waiting.ends.pop_front();
        end.or_else(|| waiting.newest.take())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A refusal is logged, for the report goes by message.
async fn report(client: &HubClient, conformance: Value) {
    let changed = client.report(&json!({"conformance": conformance})).await;
    if let Err(error) = changed {
        tracing::warn!(%error, "reported properties not taken");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(board: &Board) -> Vec<Value> {
        std::iter::from_fn(|| board.take()).collect()
    }

    #[test]
    fn the_newest_wins_and_no_end_is_passed_over() {
        let board = Board::default();
        board.show(json!(1));
        board.show(json!(2));
        board.show_end(json!("end of a"));
        board.show(json!(3));
        board.show_end(json!("end of b"));
        board.show(json!(4));
        board.show(json!(5));
        assert_eq!(
            taken(&board),
            [json!("end of a"), json!("end of b"), json!(5)]
        );
    }

    #[test]
    fn the_same_is_not_reported_twice() {
        let board = Board::default();
        board.show(json!(1));
        assert_eq!(taken(&board), [json!(1)]);
        board.show(json!(1));
        assert_eq!(taken(&board), [] as [Value; 0]);
        board.show_end(json!(2));
        board.show(json!(2));
        assert_eq!(taken(&board), [json!(2)]);
    }

    #[test]
    fn ends_that_nobody_takes_are_bounded_and_the_last_is_kept() {
        let board = Board::default();
        for n in 0..100 {
            board.show_end(json!(n));
        }
        let all = taken(&board);
        assert_eq!((all.len(), all.last()), (MOST_ENDS, Some(&json!(99))));
    }
}
