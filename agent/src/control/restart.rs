//! What a start of the probe makes of the runs that it finds in its state directory.

use conformance::report::Report;
use conformance::units::Millis;

use super::book::{Book, Ended, Ending, Ticket};
use super::desk::Control;
use super::document;
use super::store::{Closed, Found, Judged, Kept};
use crate::events::RunEvent;
use crate::journal::Journal;

/// How often a run is begun that never comes to its end: one that kills its device must not loop for ever.
const MOST_BEGUN: u32 = 3;

impl Control {
    /// Closes what can be closed, owes the reports that were not handed over, and puts the rest back on the list.
    pub(super) fn settle(&mut self, found: Found) {
        let mut ended = found.ended;
        let mut again = Vec::new();
        for kept in found.begun {
            let run = kept.request.id.clone();
            match self.settled(&kept) {
                Some(closed) => ended.push((run, closed)),
                None => again.push(kept),
            }
        }
        for (run, closed) in &ended {
            if closed.ending == Ending::Done && !closed.delivered {
                let length = self.store.report(run).map_or(0, |report| report.len());
                self.owe(run.clone(), closed.clone(), length);
            }
        }
        let over = ended.iter().map(|(run, closed)| remembered(run, closed));
        self.book = Book::restored(
            over.collect(),
            found.wanted.map(|(run, closed)| remembered(&run, &closed)),
            again.iter().map(ticket).collect(),
            found.queued.iter().map(ticket).collect(),
        );
        self.last = ended.pop();
        for kept in again {
            self.say_interrupted(&kept);
        }
    }

    /// The end of a run that was begun, if it has come to one.
    fn settled(&self, kept: &Kept) -> Option<Closed> {
        let run = &kept.request.id;
        let report = self.store.report(run);
        let report = report.and_then(|bytes| serde_json::from_slice::<Report>(&bytes).ok());
        let (ending, why, judged) = match report {
            Some(report) => (Ending::Done, None, Some(Judged::of(&report))),
            None if kept.begun < MOST_BEGUN || kept.stopped => return None,
            None => {
                let (phase, at) = self.store.last_phase(run);
                let why = format!(
                    "interrupted {} times, the last time in phase `{phase}`; it is not begun again",
                    kept.begun
                );
                self.write_down(run, at, &RunEvent::Interrupted { phase });
                self.write_down(run, at, &RunEvent::Failed { why: why.clone() });
                (Ending::Failed, Some(why), None)
            }
        };
        let closed = Closed {
            ending,
            source: kept.source,
            digest: kept.digest.clone(),
            offer_sha256: kept.request.offer_sha256.clone(),
            why,
            judged,
            delivered: false,
        };
        self.write_end(run, &closed);
        Some(closed)
    }

    fn say_interrupted(&self, kept: &Kept) {
        let run = &kept.request.id;
        let (phase, at) = self.store.last_phase(run);
        tracing::warn!(run, phase, begun = kept.begun, "interrupted; begun again");
        if !kept.stopped {
            let phase = phase.clone();
            self.write_down(run, at, &RunEvent::Interrupted { phase });
        }
        let words = document::interrupted(self, run, &phase);
        self.board().show_end(words);
    }

    fn write_down(&self, run: &str, at: Millis, event: &RunEvent) {
        let journal = Journal::create(&self.store.runs(), run);
        if let Err(error) = journal.and_then(|mut journal| journal.write(at, event)) {
            tracing::warn!(%error, run, "not in the journal");
        }
    }
}

fn ticket(kept: &Kept) -> Ticket {
    Ticket {
        run: kept.request.id.clone(),
        digest: kept.digest.clone(),
        source: kept.source,
        begun: false,
    }
}

fn remembered(run: &str, closed: &Closed) -> Ended {
    Ended {
        run: run.to_owned(),
        digest: closed.digest.clone(),
        ending: closed.ending,
    }
}
