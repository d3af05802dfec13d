//! The queue of runs and what became of each: decisions without disk, clock or hub.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Runs that may wait.
pub const MOST_QUEUED: usize = 16;
/// Ended runs whose ids are remembered; the oldest go first.
const MOST_REMEMBERED: usize = 64;

/// Who asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The desired property `conformance.run`.
    Twin,
    /// The direct method `start`.
    Method,
}

/// A run that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub run: String,
    /// SHA-256 of what was asked for.
    pub digest: String,
    /// Who asked.
    pub source: Source,
    /// It had begun before the probe was started again: no newer desired run replaces it.
    pub begun: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With a report.
    Done,
    /// Without one.
    Failed,
    /// Somebody canceled it.
    Canceled,
}

impl Ending {
    /// The word for it in twin and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Ending::Done => "done",
            Ending::Failed => "failed",
            Ending::Canceled => "canceled",
        }
    }
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its id.
    pub run: String,
    /// SHA-256 of what was asked for.
    pub digest: String,
    /// How.
    pub ending: Ending,
}

/// What becomes of a run that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is on the list.
    Queued {
        /// How many come before it; 0: it starts now.
        position: usize,
        /// The queued desired run whose place it took, which will not run.
        instead_of: Option<String>,
    },
    /// The same was asked for before; nothing changes.
    Known,
    /// Another run has this id.
    OtherContent,
    /// [`MOST_QUEUED`] runs wait.
    Full,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits.
    Queued,
    /// It is under way.
    Running,
    /// It has ended.
    Ended(Ending),
}

/// Every run that the probe knows of.
#[derive(Debug, Clone, Default)]
pub struct Book {
    queue: VecDeque<Ticket>,
    running: Option<Ticket>,
    ended: VecDeque<Ended>,
    /// The desired run that was begun or canceled last. The twin holds it for ever, so it is never forgotten.
    wanted: Option<Ended>,
}

impl Book {
    /// What a restart finds. `interrupted` and `queued` are in the order in which they are to run.
    #[must_use]
    pub fn restored(
        ended: Vec<Ended>,
        wanted: Option<Ended>,
        interrupted: Vec<Ticket>,
        queued: Vec<Ticket>,
    ) -> Book {
        let mut book = Book {
            wanted,
            ..Book::default()
        };
        for one in ended {
            book.remember(one);
        }
        let begun = interrupted.into_iter().map(|ticket| Ticket {
            begun: true,
            ..ticket
        });
        book.queue.extend(begun.chain(queued));
        book
    }

    /// Takes on a run. A desired one takes the place of a queued desired one; the same run twice changes nothing.
    pub fn ask(&mut self, ticket: Ticket) -> Taken {
        if let Some(before) = self.digest_of(&ticket.run) {
            return if before == ticket.digest {
                Taken::Known
            } else {
                Taken::OtherContent
            };
        }
        let ahead = usize::from(self.running.is_some());
        if ticket.source == Source::Twin
            && let Some(at) = self.queue.iter().position(is_replaceable)
        {
            let old = std::mem::replace(&mut self.queue[at], ticket);
            return Taken::Queued {
                position: at + ahead,
                instead_of: Some(old.run),
            };
        }
        if self.queue.len() >= MOST_QUEUED {
            return Taken::Full;
        }
        self.queue.push_back(ticket);
        Taken::Queued {
            position: self.queue.len() - 1 + ahead,
            instead_of: None,
        }
    }

    /// Takes a queued desired run off the list unless it is `still` desired; its id.
    pub fn withdraw(&mut self, still: Option<&str>) -> Option<String> {
        let outdated =
            |ticket: &Ticket| is_replaceable(ticket) && Some(ticket.run.as_str()) != still;
        let at = self.queue.iter().position(outdated)?;
        self.queue.remove(at).map(|ticket| ticket.run)
    }

    /// The run to begin now: none while another is under way.
    pub fn begin(&mut self) -> Option<Ticket> {
        if self.running.is_some() {
            return None;
        }
        self.running = self.queue.pop_front();
        self.running.clone()
    }

    /// The run under way has ended.
    pub fn end(&mut self, ending: Ending) -> Option<Ended> {
        let ticket = self.running.take()?;
        Some(self.close(ticket, ending))
    }

    /// Takes a run off the list that waits; `None` if it does not.
    pub fn cancel_queued(&mut self, run: &str) -> Option<Ticket> {
        let at = self.queue.iter().position(|ticket| ticket.run == run)?;
        let ticket = self.queue.remove(at)?;
        self.close(ticket.clone(), Ending::Canceled);
        Some(ticket)
    }

    /// Where a run stands; `None` if nobody has heard of it.
    #[must_use]
    pub fn standing(&self, run: &str) -> Option<Standing> {
        if self.queue.iter().any(|ticket| ticket.run == run) {
            return Some(Standing::Queued);
        }
        if self.running.as_ref().is_some_and(|r| r.run == run) {
            return Some(Standing::Running);
        }
        let ended = self.ended.iter().chain(&self.wanted);
        let mut of_run = ended.filter(|ended| ended.run == run);
        of_run.next().map(|ended| Standing::Ended(ended.ending))
    }

    /// The run under way.
    #[must_use]
    pub fn running(&self) -> Option<&Ticket> {
        self.running.as_ref()
    }

    /// Ids of the runs that wait, in order.
    pub fn queue(&self) -> impl Iterator<Item = &str> {
        self.queue.iter().map(|ticket| ticket.run.as_str())
    }

    fn digest_of(&self, run: &str) -> Option<&str> {
        let waiting = self.queue.iter().chain(&self.running);
        let asked = waiting.map(|ticket| (&ticket.run, &ticket.digest));
        let over = self.ended.iter().chain(&self.wanted);
        let mut all = asked.chain(over.map(|ended| (&ended.run, &ended.digest)));
        all.find(|(id, _)| *id == run)
            .map(|(_, digest)| digest.as_str())
    }

    fn close(&mut self, ticket: Ticket, ending: Ending) -> Ended {
        let ended = Ended {
            run: ticket.run,
            digest: ticket.digest,
            ending,
        };
        if ticket.source == Source::Twin {
            self.wanted = Some(ended.clone());
        }
        self.remember(ended.clone());
        ended
    }

    fn remember(&mut self, ended: Ended) {
        if self.ended.len() == MOST_REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(ended);
    }
}

fn is_replaceable(ticket: &Ticket) -> bool {
    ticket.source == Source::Twin && !ticket.begun
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
