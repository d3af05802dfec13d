//! The engine's events about the containers of one run, in order and without gaps.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::client::Engine;
use crate::error::EngineError;
use crate::stamp::LABEL_RUN;

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// Id of the container.
    pub container: String,
    /// What.
    pub kind: EventKind,
}

/// What can happen to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// Its main process was started.
    Started,
    /// Its main process ended.
    Died {
        /// Exit code; 128 + signal when killed.
        code: i64,
    },
    /// The kernel killed a process of it for memory.
    OutOfMemory,
    /// Its HEALTHCHECK came to another result.
    Health(HealthStatus),
    /// It was removed.
    Destroyed,
    /// Anything else.
    Other,
    /// The engine ended its events, as one does that ends itself; it is of no container. What comes after it was told by an engine
    /// that went on or came back.
    Interrupted,
}

/// State of a container's HEALTHCHECK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthStatus {
    /// Within the start period, or no result yet.
    Starting,
    /// The check succeeds.
    Healthy,
    /// The check failed as often as it may.
    Unhealthy,
}

impl HealthStatus {
    /// Reads the engine's word. `none` and unknown words are no state.
    pub(crate) fn read(word: &str) -> Option<HealthStatus> {
        match word {
            "starting" => Some(HealthStatus::Starting),
            "healthy" => Some(HealthStatus::Healthy),
            "unhealthy" => Some(HealthStatus::Unhealthy),
            _ => None,
        }
    }
}

/// Which events to hand out.
#[derive(Debug, Clone)]
pub(crate) enum Watch {
    /// Those of containers with the label `edgeproof.run=RUN`.
    Run(String),
    /// The end of the container of this name.
    DestroyOf(&'static str),
}

impl Watch {
    fn filters(&self) -> HashMap<&'static str, Vec<String>> {
        let container = ("type", vec!["container".to_owned()]);
        match self {
            Watch::Run(run) => [container, ("label", vec![format!("{LABEL_RUN}={run}")])].into(),
            Watch::DestroyOf(name) => [
                container,
                ("container", vec![(*name).to_owned()]),
                ("event", vec!["destroy".to_owned()]),
            ]
            .into(),
        }
    }
}

impl Engine {
    /// Subscribes to the events of one run's containers, from this moment on: subscribe before creating the first.
    ///
    /// A broken subscription is told ([`EventKind::Interrupted`]) and taken up again where it broke; an engine that was not
    /// restarted keeps its last events for that. The receiver ends only when the engine is lost. Dropping it ends the subscription.
    ///
    /// # Errors
    /// If the engine does not answer.
    pub async fn events(&self, run: &str) -> Result<mpsc::Receiver<EngineEvent>, EngineError> {
        let since = Timestamp::now();
        self.ping().await?;
        Ok(self.watch(Watch::Run(run.to_owned()), since))
    }

    /// Hands out events since a moment, in a task of its own.
    pub(crate) fn watch(&self, watch: Watch, since: Timestamp) -> mpsc::Receiver<EngineEvent> {
        let (sender, receiver) = mpsc::channel(256);
        let engine = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                () = pump(&engine, &watch, since, &sender) => {}
            }
        });
        receiver
    }
}

/// A subscription that breaks again and again without an event in between is an engine that is lost.
const BREAKS_IN_A_ROW: u32 = 3;

/// Between two attempts to subscribe: an engine that restarts takes a moment.
const PAUSE: Duration = Duration::from_millis(500);

async fn pump(
    engine: &Engine,
    watch: &Watch,
    mut since: Timestamp,
    sender: &mpsc::Sender<EngineEvent>,
) {
    let doing = engine.doing("watch", "the engine's events".to_owned());
    let filters = watch.filters();
    let mut breaks = 0;
    while breaks < BREAKS_IN_A_ROW {
        let before = since;
        let options = EventsOptionsBuilder::default()
            .since(&engine_moment(since))
            .filters(&filters)
            .build();
        let mut stream = std::pin::pin!(engine.docker.events(Some(options)));
        while let Some(next) = stream.next().await {
            match next {
                Ok(message) => {
                    let Some(event) = read(&message) else {
                        continue;
                    };
                    since = after(event.at);
                    if sender.send(event).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::debug!(error = %doing.failed(error), "events broke off");
                    break;
                }
            }
        }
        let interrupted = EngineEvent {
            at: since,
            container: String::new(),
            kind: EventKind::Interrupted,
        };
        if sender.send(interrupted).await.is_err() {
            return;
        }
        // If it worked until now, the attempts count anew.
        breaks = if since > before { 0 } else { breaks + 1 };
        tokio::time::sleep(PAUSE).await;
    }
}

/// The engine takes seconds and nanoseconds since the epoch: `1700000000.000000001`.
fn engine_moment(at: Timestamp) -> String {
    format!("{}.{:09}", at.as_second(), at.subsec_nanosecond())
}

fn after(at: Timestamp) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_nanos(1))
        .unwrap_or(at)
}

/// An engine message as an event; `None` for messages that are not about a container.
fn read(message: &EventMessage) -> Option<EngineEvent> {
    let actor = message.actor.as_ref()?;
    let action = message.action.as_deref()?;
    let attribute = |key: &str| actor.attributes.as_ref()?.get(key).cloned();
    let kind = match action {
        "start" => EventKind::Started,
        "die" => EventKind::Died {
            code: attribute("exitCode")
                .and_then(|code| code.parse().ok())
                .unwrap_or(-1),
        },
        "oom" => EventKind::OutOfMemory,
        "destroy" => EventKind::Destroyed,
        other => other
            .strip_prefix("health_status: ")
            .and_then(HealthStatus::read)
            .map_or(EventKind::Other, EventKind::Health),
    };
    Some(EngineEvent {
        at: message
            .time_nano
            .and_then(|nanos| Timestamp::from_nanosecond(nanos.into()).ok())
            .or_else(|| Timestamp::from_second(message.time?).ok())?,
        container: actor.id.clone()?,
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, kind: &EventKind) {
        let message: EventMessage = serde_json::from_str(line).unwrap();
        assert_eq!(&read(&message).unwrap().kind, kind, "{line}");
    }

    #[test]
    fn recorded_events_become_kinds() {
        let kinds = [
            EventKind::Other,
            EventKind::Started,
            EventKind::Health(HealthStatus::Unhealthy),
            EventKind::OutOfMemory,
            EventKind::Died { code: 137 },
            EventKind::Destroyed,
        ];
        let lines: Vec<&str> = include_str!("../tests/data/events.jsonl").lines().collect();
        assert_eq!(lines.len(), kinds.len());
        for (line, kind) in lines.iter().zip(&kinds) {
            check(line, kind);
        }
    }

    #[test]
    fn a_moment_is_written_as_the_engine_reads_it() {
        let at = Timestamp::from_nanosecond(1_700_000_000_000_000_001).unwrap();
        assert_eq!(engine_moment(at), "1700000000.000000001");
        assert!(after(at) > at);
    }
}
