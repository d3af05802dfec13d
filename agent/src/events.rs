//! What happens in a run, as events: journal, reporter and log consume the same ones.

use std::sync::Mutex;
use std::time::Instant;

use conformance::report::Report;
use conformance::units::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::journal::Journal;

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum RunEvent {
    /// The run was taken on.
    Started { run: String, offer_sha256: String },
    /// Another run holds the engine.
    Waiting { why: String },
    /// A phase began.
    Phase { name: String, percent: u8 },
    /// One more start than the profile asks for, and why.
    Repeated { why: String },
    /// Something was created on the engine: the name to look for after a power cut.
    Creating { what: String, name: String },
    /// A fact was seen; it is on disk from now on.
    Observed { what: String, fact: Value },
    /// Something that a verdict may miss later, and why.
    Trouble { what: String, why: String },
    /// The run is judged.
    Judged { verdict: String, headline: String },
    /// Everything of the run is gone from the engine.
    CleanedUp { removed: usize },
    /// The run ended without a report.
    Failed { why: String },
    /// Somebody canceled it.
    Canceled,
    /// The probe ended in this phase: asked to, or a start found the run so. It begins again.
    Interrupted { phase: String },
}

impl RunEvent {
    /// What it is, in a few words.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            RunEvent::Started { .. } => "started".to_owned(),
            RunEvent::Waiting { .. } => "waiting".to_owned(),
            RunEvent::Phase { name, .. } => format!("phase {name}"),
            RunEvent::Repeated { .. } => "repeated".to_owned(),
            RunEvent::Creating { what, .. } => format!("creating {what}"),
            RunEvent::Observed { what, .. } => format!("observed {what}"),
            RunEvent::Trouble { what, .. } => format!("trouble {what}"),
            RunEvent::Judged { .. } => "judged".to_owned(),
            RunEvent::CleanedUp { .. } => "cleaned-up".to_owned(),
            RunEvent::Failed { .. } => "failed".to_owned(),
            RunEvent::Canceled => "canceled".to_owned(),
            RunEvent::Interrupted { .. } => "interrupted".to_owned(),
        }
    }
}

/// Where a run stands, for people who watch: the newest value wins.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// `idle`, `waiting`, `running`, `done`, `failed`, `canceled`, `interrupted`.
    pub state: &'static str,
    /// Id of the run.
    pub run: String,
    /// What is going on.
    pub phase: String,
    /// 0 to 100, by the profile's own times.
    pub percent: u8,
}

/// Takes events in and hands them to the journal, the log and whoever watches.
#[derive(Debug)]
pub struct Events {
    origin: Instant,
    journal: Mutex<Option<Journal>>,
    progress: watch::Sender<Progress>,
}

impl Events {
    /// Events of one run, counted from `origin`.
    #[must_use]
    pub fn new(origin: Instant, journal: Option<Journal>) -> Events {
        Events {
            origin,
            journal: Mutex::new(journal),
            progress: watch::Sender::new(Progress {
                state: "idle",
                ..Progress::default()
            }),
        }
    }

    /// Follows where the run stands.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Time since the start of the run.
    pub fn now(&self) -> Millis {
        self.origin.elapsed().into()
    }

    /// The moment that the run counts from.
    pub fn origin(&self) -> Instant {
        self.origin
    }

    /// Writes the event to disk first, then tells everyone.
    pub fn emit(&self, event: RunEvent) {
        let at = self.now();
        if let Ok(mut journal) = self.journal.lock()
            && let Some(open) = journal.as_mut()
            && let Err(error) = open.write(at, &event)
        {
            tracing::warn!(%error, "journal given up for this run");
            *journal = None;
        }
        tracing::info!(at = at.0, event = %serde_json::to_string(&event).unwrap_or_default());
        self.progress
            .send_modify(|progress| progress.follow(&event));
    }

    /// Records a fact, so that it survives whatever happens next.
    pub fn observed(&self, what: &str, fact: &impl Serialize) {
        let fact = serde_json::to_value(fact).unwrap_or(Value::Null);
        self.emit(RunEvent::Observed {
            what: what.to_owned(),
            fact,
        });
    }

    /// Enters a phase.
    pub fn phase(&self, name: impl Into<String>, percent: u8) {
        self.emit(RunEvent::Phase {
            name: name.into(),
            percent,
        });
    }

    /// Records the judgement.
    pub fn judged(&self, report: &Report) {
        self.emit(RunEvent::Judged {
            verdict: report.verdict.word().to_owned(),
            headline: report.headline(),
        });
    }
}

impl Progress {
    fn follow(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started { run, .. } => {
                *self = Progress {
                    state: "running",
                    run: run.clone(),
                    phase: "starting".to_owned(),
                    percent: 0,
                };
            }
            RunEvent::Waiting { why } => {
                self.state = "waiting";
                self.phase.clone_from(why);
            }
            RunEvent::Phase { name, percent } => {
                self.state = "running";
                self.phase.clone_from(name);
                self.percent = *percent;
            }
            RunEvent::Judged { verdict, .. } => {
                self.phase.clone_from(verdict);
                self.percent = 100;
            }
            RunEvent::CleanedUp { .. } => self.state = "done",
            RunEvent::Failed { why } => {
                self.state = "failed";
                self.phase.clone_from(why);
            }
            RunEvent::Canceled => self.state = "canceled",
            RunEvent::Interrupted { phase } => {
                self.state = "interrupted";
                self.phase.clone_from(phase);
            }
            RunEvent::Repeated { .. }
            | RunEvent::Creating { .. }
            | RunEvent::Observed { .. }
            | RunEvent::Trouble { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_follows_the_events() {
        let events = Events::new(Instant::now(), None);
        let watch = events.watch();
        events.emit(RunEvent::Started {
            run: "r1".to_owned(),
            offer_sha256: String::new(),
        });
        events.phase("start 1", 20);
        events.emit(RunEvent::Trouble {
            what: "sampler".to_owned(),
            why: "late".to_owned(),
        });
        let seen = watch.borrow().clone();
        assert_eq!(
            seen,
            Progress {
                state: "running",
                run: "r1".to_owned(),
                phase: "start 1".to_owned(),
                percent: 20
            }
        );
    }

    #[test]
    fn what_was_observed_is_on_disk_before_anyone_hears_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::create(dir.path(), "r1").unwrap();
        let events = Events::new(Instant::now(), Some(journal));
        events.observed("stop", &serde_json::json!({"code": 0}));
        let text = std::fs::read_to_string(dir.path().join("r1/journal.jsonl")).unwrap();
        let line: Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(
            line["event"],
            serde_json::json!({"event": "observed", "what": "stop", "fact": {"code": 0}})
        );
    }
}
