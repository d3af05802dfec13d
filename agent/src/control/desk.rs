//! Brings together what was decided, what is on disk and what the twin is told. It waits for nothing.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use conformance::offer;
use serde_json::Value;
use tokio::sync::watch;

use super::board::Board;
use super::book::{Book, Ending, Ticket};
use super::desire::{merge, wanted_of};
use super::document;
use super::methods::{self, Packed};
use super::offers::Offers;
use super::store::{Closed, Judged, Kept, Store};
use super::{Held, StoreError};
use crate::events::{Events, Progress, RunEvent};
use crate::hub::FromHub;
use crate::journal::Journal;
use crate::probe::Assignment;

/// What the run under way is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    GoOn,
    /// Somebody canceled it.
    Cancel,
    /// The probe ends.
    Stop,
}

/// The next thing to do.
#[derive(Debug)]
pub(super) enum Step {
    /// Hand over a report.
    Send { run: String, report: Vec<u8> },
    /// Carry out a run.
    Run(Box<Begun>),
}

/// A run that begins.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) assignment: Assignment,
    pub(super) events: Events,
    pub(super) order: watch::Receiver<Order>,
}

/// What came of a run.
#[derive(Debug)]
pub(super) enum Outcome {
    Judged(Box<conformance::report::Report>),
    Failed(String),
    Canceled,
    Stopped,
}

/// A report that was not handed over yet.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) run: String,
    pub(super) closed: Closed,
    /// Bytes of the report.
    pub(super) length: usize,
    /// Only where the disk may not have it.
    report: Option<Vec<u8>>,
}

/// The run under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) run: String,
    kept: Kept,
    pub(super) order: watch::Sender<Order>,
    pub(super) progress: watch::Receiver<Progress>,
}

/// Everything that the probe knows of its runs.
#[derive(Debug)]
pub struct Control {
    pub(super) book: Book,
    pub(super) store: Store,
    pub(super) offers: Offers,
    pub(super) under_way: Option<UnderWay>,
    pub(super) to_send: VecDeque<Parcel>,
    /// The run that ended last.
    pub(super) last: Option<(String, Closed)>,
    /// What is wrong with the desired property `conformance.run`.
    pub(super) mistakes: Vec<String>,
    /// What was handed over and has not reached the hub.
    pub(super) held: Held,
    /// The report that was asked for last.
    pub(super) packed: Option<Packed>,
    /// What of the desired properties is the probe's.
    pub(super) desired: Value,
    /// They have changed since they were considered.
    pub(super) undecided: bool,
    board: Arc<Board>,
}

impl Control {
    /// Reads the state directory, and settles what was interrupted: begun again, at most twice, or closed.
    ///
    /// # Errors
    /// The directory cannot be made or listed.
    pub fn open(state: &Path) -> Result<Control, StoreError> {
        let (store, found) = Store::open(state)?;
        let offers = Offers::open(state).map_err(|source| StoreError::Disk {
            action: "create",
            path: state.join("offers"),
            source,
        })?;
        let mut control = Control {
            book: Book::default(),
            store,
            offers,
            under_way: None,
            to_send: VecDeque::new(),
            last: None,
            mistakes: Vec::new(),
            held: Held::default(),
            packed: None,
            desired: Value::Null,
            undecided: false,
            board: Arc::new(Board::default()),
        };
        control.settle(found);
        Ok(control)
    }

    pub(super) fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Shows the twin how things stand.
    pub(super) fn show(&self) {
        self.board.show(document::reported(self));
    }

    /// Takes what the hub says; [`Control::decide`] must follow.
    pub(super) fn take(&mut self, event: FromHub) {
        match event {
            FromHub::Connected => tracing::info!("connected to the hub"),
            FromHub::Disconnected { why, retry_in } => {
                tracing::warn!(%why, ?retry_in, "no link to the hub");
            }
            FromHub::Twin { desired, .. } => {
                self.desired = wanted_of(desired);
                self.undecided = true;
            }
            FromHub::Desired { patch, .. } => {
                merge(&mut self.desired, wanted_of(patch));
                self.undecided = true;
            }
            FromHub::Method {
                name,
                payload,
                reply,
            } => {
                self.decide();
                let (status, body) = methods::answer(self, &name, &payload);
                if let Err(error) = reply.send(status, &body) {
                    tracing::warn!(%error, name, "method not answered");
                }
            }
        }
    }

    /// What to do next: reports first. None while a run is under way.
    pub(super) fn next(&mut self) -> Option<Step> {
        while let Some(parcel) = self.to_send.front() {
            let report = parcel.report.clone();
            if let Some(report) = report.or_else(|| self.store.report(&parcel.run)) {
                let run = parcel.run.clone();
                return Some(Step::Send { run, report });
            }
            self.to_send.pop_front();
        }
        while let Some(ticket) = self.book.begin() {
            match self.begin(&ticket) {
                Ok(begun) => return Some(Step::Run(Box::new(begun))),
                Err(error) => {
                    let closed = Closed {
                        ending: Ending::Failed,
                        source: ticket.source,
                        digest: ticket.digest,
                        offer_sha256: String::new(),
                        why: Some(format!("{error:#}")),
                        judged: None,
                        delivered: false,
                    };
                    self.end(ticket.run, closed);
                }
            }
        }
        None
    }

    fn begin(&mut self, ticket: &Ticket) -> anyhow::Result<Begun> {
        let kept = self.store.begin(&ticket.run)?;
        let request = &kept.request;
        let read = offer::read(&kept.offer).map_err(|mistakes| {
            let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("the offer has mistakes: {}", list.join("; "))
        })?;
        let assignment = Assignment {
            run: request.id.clone(),
            profile: request.profile().map_err(anyhow::Error::msg)?,
            scope: request.scope,
            offer: read.offer,
            options: request.options.clone(),
            started: jiff::Timestamp::now().to_string(),
        };
        let journal = Journal::create(&self.store.runs(), &request.id)?;
        let events = Events::new(Instant::now(), Some(journal));
        events.emit(RunEvent::Started {
            run: request.id.clone(),
            offer_sha256: request.offer_sha256.clone(),
        });
        let (order, ordered) = watch::channel(Order::GoOn);
        self.under_way = Some(UnderWay {
            run: request.id.clone(),
            kept,
            order,
            progress: events.watch(),
        });
        Ok(Begun {
            assignment,
            events,
            order: ordered,
        })
    }

    /// A run under way has ended, or the probe ends before it.
    pub(super) fn ended(&mut self, outcome: Outcome) {
        let Some(UnderWay { run, kept, .. }) = self.under_way.take() else {
            return;
        };
        let closed = |ending, why, judged| Closed {
            ending,
            source: kept.source,
            digest: kept.digest.clone(),
            offer_sha256: kept.request.offer_sha256.clone(),
            why,
            judged,
            delivered: false,
        };
        match outcome {
            Outcome::Judged(report) => {
                let judged = closed(Ending::Done, None, Some(Judged::of(&report)));
                match serde_json::to_vec(&report) {
                    Ok(bytes) => self.judged(run, judged, bytes),
                    Err(error) => {
                        self.end(run, closed(Ending::Failed, Some(error.to_string()), None))
                    }
                }
            }
            Outcome::Failed(why) => {
                tracing::error!(error = why, run, "run failed");
                self.end(run, closed(Ending::Failed, Some(why), None));
            }
            Outcome::Canceled => self.end(run, closed(Ending::Canceled, None, None)),
            Outcome::Stopped => {
                if let Err(error) = self.store.stop(&run) {
                    tracing::warn!(%error, run, "the stop counts as an interruption of the run");
                }
                let phase = self.store.last_phase(&run).0;
                self.board
                    .show_end(document::interrupted(self, &run, &phase));
            }
        }
    }

    /// A report is kept before anything says so. A disk that is full does not keep it from being handed over.
    fn judged(&mut self, run: String, closed: Closed, report: Vec<u8>) {
        let kept = self.store.keep_report(&run, &report);
        let kept = kept.and_then(|()| self.store.close(&run, &closed));
        if let Err(error) = &kept {
            tracing::error!(%error, run, "the report is in memory alone");
        }
        self.book.end(Ending::Done);
        self.to_send.push_back(Parcel {
            run,
            closed,
            length: report.len(),
            report: kept.is_err().then_some(report),
        });
        self.reconsider();
    }

    fn end(&mut self, run: String, closed: Closed) {
        self.write_end(&run, &closed);
        self.book.end(closed.ending);
        self.last = Some((run, closed));
        self.board.show_end(document::reported(self));
        self.reconsider();
    }

    /// The first report was handed over, or cannot be.
    pub(super) fn sent(&mut self, sent: anyhow::Result<()>) {
        let Some(mut parcel) = self.to_send.pop_front() else {
            return;
        };
        match sent {
            Ok(()) => {
                parcel.closed.delivered = true;
                self.write_end(&parcel.run, &parcel.closed);
            }
            Err(error) => {
                tracing::error!(error = %format!("{error:#}"), run = parcel.run, "report not handed over");
                parcel.closed.ending = Ending::Failed;
                parcel.closed.why = Some(format!(
                    "{error:#}; the next start of the probe tries again"
                ));
            }
        }
        self.last = Some((parcel.run, parcel.closed));
        self.board.show_end(document::reported(self));
    }

    pub(super) fn write_end(&self, run: &str, closed: &Closed) {
        if let Err(error) = self.store.close(run, closed) {
            tracing::error!(%error, run, "how the run ended is not on disk");
        }
    }

    pub(super) fn owe(&mut self, run: String, closed: Closed, length: usize) {
        self.to_send.push_back(Parcel {
            run,
            closed,
            length,
            report: None,
        });
    }

    /// Something about the run under way is new.
    pub(super) async fn progressed(&mut self) {
        let under_way = self.under_way.as_mut();
        let changed = match under_way {
            Some(under_way) => under_way.progress.changed().await.is_ok(),
            None => false,
        };
        if !changed {
            std::future::pending::<()>().await;
        }
    }

    /// The probe ends: that is on disk before the engine is cleaned, for which there may be no time.
    pub(super) fn stopping(&self) {
        let Some(UnderWay { run, order, .. }) = &self.under_way else {
            return;
        };
        if *order.borrow() == Order::Stop
            && let Err(error) = self.store.stop(run)
        {
            tracing::warn!(%error, run, "the stop counts as an interruption of the run");
        }
    }

    /// The run under way was told to end, and the engine did not let go of it in time.
    pub(super) fn abandoned(&mut self) {
        let order = self.under_way.as_ref().map(|run| *run.order.borrow());
        self.ended(match order {
            Some(Order::Cancel) => Outcome::Canceled,
            Some(Order::Stop | Order::GoOn) | None => Outcome::Stopped,
        });
    }

    /// Tells the run under way to end; whether there is one. One that was canceled stays so.
    pub(super) fn order(&self, order: Order) -> bool {
        let Some(under_way) = &self.under_way else {
            return false;
        };
        under_way.order.send_if_modified(|now| {
            let goes_on = *now == Order::GoOn;
            if goes_on {
                *now = order;
            }
            goes_on
        });
        true
    }
}
