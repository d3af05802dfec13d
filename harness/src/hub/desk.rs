//! Does at the hub what was typed, and takes back what lasts when its time is up.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json};
use standin::edge::EdgeRuntime;
use standin::hub::{HubError, Met, Properties, TwinAnswers};
use tokio::time::Instant;

use super::line::Line;
use super::typed::{COMMANDS, Lasting, Typed};

/// The SDKs' own time limit of a direct method.
const METHOD_WITHIN: Duration = Duration::from_secs(30);

/// Whoever types, with the hub before them.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    runtime: &'a EdgeRuntime,
    lasts: Cell<Option<InForce>>,
}

/// A fault that goes on.
#[derive(Debug, Clone, Copy)]
struct InForce {
    which: Lasting,
    since: Instant,
    /// Nothing where its end failed: it then goes on until somebody says `over`.
    until: Option<Instant>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(runtime: &'a EdgeRuntime) -> Desk<'a> {
        Desk {
            runtime,
            lasts: Cell::new(None),
        }
    }

    /// Does what was typed; what there is to say.
    pub(super) async fn obey(&self, text: &str) -> Vec<Line> {
        let verb = text.split(' ').next().unwrap_or_default();
        let done = match Typed::read(text) {
            _ if text.is_empty() => return Vec::new(),
            Ok(Typed::Help) => {
                let told = |(command, does)| json!({"command": command, "does": does});
                return COMMANDS.map(|one| Line::new("help", &told(one))).into();
            }
            Ok(typed) => self.done(typed).await,
            Err(why) => Err(why),
        };
        vec![match done {
            Ok(what) => Line::new(verb, &what),
            Err(why) => refused(text, &why),
        }]
    }

    /// When what lasts is over.
    pub(super) fn ends(&self) -> Option<Instant> {
        self.lasts.get().and_then(|lasts| lasts.until)
    }

    /// Takes back what lasts; nothing to say where somebody did already.
    pub(super) async fn time_is_up(&self) -> Option<Line> {
        let lasts = self.lasts.take()?;
        Some(match self.take_back(lasts).await {
            Ok(what) => Line::new("over", &what),
            Err(why) => refused("over", &why),
        })
    }

    async fn done(&self, typed: Typed) -> Result<Value, String> {
        let hub = self.runtime.hub();
        let identity = self.runtime.identity();
        match typed {
            Typed::Desired(patch) => {
                let version = hub.set_desired(identity, &patch);
                let version = version.map_err(|error| error.to_string())?;
                Ok(json!({"version": version}))
            }
            Typed::Method { name, payload } => {
                let answer = hub.invoke(identity, &name, &payload, METHOD_WITHIN).await;
                let answer = answer.map_err(|error| error.to_string())?;
                Ok(json!({"status": answer.status, "payload": answer.payload}))
            }
            Typed::Input { name, body } => {
                let message = (&Properties::default(), body.as_bytes());
                let sent = hub.send_to_input(identity, &name, identity, message);
                sent.map_err(|error| error.to_string())?;
                Ok(json!({"input": name, "bytes": body.len()}))
            }
            Typed::Twin => {
                let twin = hub.twin(identity).map_err(|error| error.to_string())?;
                Ok(json!({"desired": twin.desired, "reported": twin.reported}))
            }
            Typed::Cut if hub.disconnect(identity) => Ok(json!({})),
            Typed::Cut => Err("the module is not connected".to_owned()),
            Typed::Token(0) => {
                hub.refuse_logins(0);
                Ok(json!({"refuses": 0}))
            }
            Typed::Token(times) => {
                hub.refuse_logins(times);
                Ok(json!({"refuses": times, "cut": hub.disconnect(identity)}))
            }
            Typed::Certificate => self.certificate().await.map(|()| json!({})),
            Typed::Lasting(which, span) => self.begin(which, span).await,
            Typed::Over => {
                let refusing = hub.met().borrow().to_refuse;
                hub.refuse_logins(0);
                match self.lasts.take() {
                    Some(lasts) => self.take_back(lasts).await,
                    None if refusing > 0 => Ok(json!({"fault": "token", "unmet": refusing})),
                    None => Err("nothing lasts: edgeHub is whole".to_owned()),
                }
            }
            // Said by `obey`, which has lines to say.
            Typed::Help => Ok(json!({})),
        }
    }

    async fn certificate(&self) -> Result<(), String> {
        self.only_one()?;
        let hub = self.runtime.hub();
        hub.renew_certificate().map_err(|error| unable(&error))?;
        hub.vanish().await;
        let Err(error) = hub.reappear().await else {
            return Ok(());
        };
        // It is gone, as in an outage of which nobody knows the end.
        self.lasts.set(Some(InForce {
            which: Lasting::Outage,
            since: Instant::now(),
            until: None,
        }));
        Err(unable(&error))
    }

    async fn begin(&self, which: Lasting, span: Duration) -> Result<Value, String> {
        self.only_one()?;
        let hub = self.runtime.hub();
        let identity = self.runtime.identity();
        let cut = match which {
            Lasting::SlowTwin => {
                hub.answer_twin(TwinAnswers::Late(span));
                hub.disconnect(identity)
            }
            Lasting::BusyTwin => {
                hub.answer_twin(TwinAnswers::Busy);
                hub.disconnect(identity)
            }
            Lasting::Outage => {
                let connected = hub.is_connected(identity);
                hub.vanish().await;
                connected
            }
        };
        let since = Instant::now();
        self.lasts.set(Some(InForce {
            which,
            since,
            until: Some(since + span),
        }));
        Ok(json!({"for": seconds(span), "cut": cut}))
    }

    /// Two that last would leave nobody to say which of them a module did not bear.
    fn only_one(&self) -> Result<(), String> {
        let Some(lasts) = self.lasts.get() else {
            return Ok(());
        };
        let name = lasts.which.fault().name();
        Err(match lasts.until {
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                format!(
                    "`{name}` lasts for another {:.1} s; `over` ends it",
                    left.as_secs_f64()
                )
            }
            None => format!("`{name}` lasts; `over` ends it"),
        })
    }

    async fn take_back(&self, lasts: InForce) -> Result<Value, String> {
        let hub = self.runtime.hub();
        match lasts.which {
            Lasting::SlowTwin | Lasting::BusyTwin => hub.answer_twin(TwinAnswers::AtOnce),
            Lasting::Outage => {
                if let Err(error) = hub.reappear().await {
                    let until = None;
                    self.lasts.set(Some(InForce { until, ..lasts }));
                    return Err(unable(&error));
                }
            }
        }
        let lasted = seconds(lasts.since.elapsed());
        Ok(json!({"fault": lasts.which.fault().name(), "after": lasted}))
    }
}

/// What a client has met since the last look.
pub(super) fn met(before: Met, now: Met) -> Vec<Line> {
    let mut lines = Vec::new();
    let refused = now.refused - before.refused;
    if refused > 0 {
        let facts = json!({"times": refused, "left": now.to_refuse});
        lines.push(Line::new("login-refused", &facts));
    }
    for (kind, times) in [
        ("twin-late", now.late - before.late),
        ("twin-busy", now.busy - before.busy),
    ] {
        if times > 0 {
            lines.push(Line::new(kind, &json!({"times": times})));
        }
    }
    lines
}

fn refused(command: &str, why: &str) -> Line {
    Line::new("refused", &json!({"command": command, "why": why}))
}

fn unable(error: &HubError) -> String {
    format!("edgeHub could not do its part: {error}")
}

/// To the millisecond.
fn seconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_told_once_and_nothing_is_told_of_nothing() {
        let before = Met {
            refused: 1,
            to_refuse: 2,
            late: 4,
            busy: 0,
        };
        let now = Met {
            refused: 2,
            to_refuse: 1,
            busy: 3,
            ..before
        };
        let refused = json!({"times": 1, "left": 1});
        assert_eq!(
            met(before, now),
            [
                Line::new("login-refused", &refused),
                Line::new("twin-busy", &json!({"times": 3})),
            ]
        );
        let announced = Met {
            to_refuse: 9,
            ..now
        };
        assert_eq!(met(now, announced), []);
    }
}
