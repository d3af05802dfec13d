//! What each poke and fault does at edgeHub, and that it is taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use conformance::faults::{Fault, Step, UNKNOWN_INPUT, UNKNOWN_KEY, UNKNOWN_METHOD};
use conformance::finding::{Reason, Unseen};
use conformance::observation::FaultEnd;
use conformance::route::{Sink, Table};
use conformance::units::Millis;
use engine::EngineError;
use serde_json::{Map, Value, json};
use standin::hub::{Hearing, HubError, InvokeError, Properties, TwinAnswers};

use super::life::{Act, Life};

/// The input of the module itself that its default routes lead to, if there is one.
pub(super) fn own_input(routes: &BTreeMap<String, Value>, module: &str) -> Option<String> {
    let table = Table::read(routes).ok()?;
    let inputs = table
        .routes()
        .filter_map(|(_, compiled)| match &compiled.route.sink {
            Sink::Module {
                module: to, input, ..
            } if to == module => Some(input.clone()),
            Sink::Module { .. } | Sink::Upstream => None,
        });
    inputs.min()
}

impl Life<'_> {
    /// Does it, holds it as long as the step says, and takes it back.
    pub(super) async fn act(&mut self, step: Step) -> Result<Act, EngineError> {
        match step.fault {
            Fault::Desired => self.desired(step.hold).await,
            Fault::Method => Ok(self.method(step.hold).await),
            Fault::Input => self.input(step.hold).await,
            Fault::Cut => Ok(self.cut("its connection was cut without a word")),
            Fault::Token => self.token().await,
            Fault::SlowTwin => {
                let answers = TwinAnswers::Late(step.hold.into());
                let how = format!("{} late", step.hold);
                self.twin(answers, &how, step.hold).await
            }
            Fault::BusyTwin => self.twin(TwinAnswers::Busy, "with 429", step.hold).await,
            Fault::Certificate => self.certificate().await,
            Fault::Outage => self.outage(step.hold).await,
        }
    }

    async fn desired(&mut self, hold: Millis) -> Result<Act, EngineError> {
        if !self.hears(Hearing::Desired) {
            return Ok(Act::ended_as(FaultEnd::Unheard));
        }
        let before = self.follower.seen();
        if let Some(act) = self.patch(&json!({ UNKNOWN_KEY: "poke" })) {
            return Ok(act);
        }
        let set = Instant::now();
        self.hold(hold).await?;
        let held = Millis::from(set.elapsed());
        let after = self.follower.seen();
        let names: BTreeSet<String> = after.names.difference(&before.names).cloned().collect();
        let said = match (after.reported - before.reported, names.is_empty()) {
            (0, _) => "reported nothing on it".to_owned(),
            (n, true) => format!("reported {}", times(n)),
            (n, false) => {
                let names = Vec::from_iter(names).join(", ");
                format!("reported {}, new names {names}", times(n))
            }
        };
        if let Some(act) = self.patch(&json!({ UNKNOWN_KEY: null })) {
            return Ok(act);
        }
        Ok(Act {
            done: format!("`{UNKNOWN_KEY}` set, and taken away after {held}"),
            said,
            ..Act::default()
        })
    }

    async fn method(&mut self, within: Millis) -> Act {
        if !self.hears(Hearing::Methods) {
            return Act::ended_as(FaultEnd::Unheard);
        }
        let payload = json!({"poke": 1});
        let (hub, identity) = (self.hub(), self.identity());
        let answered = hub.invoke(identity, UNKNOWN_METHOD, &payload, within.into());
        let said = match answered.await {
            Ok(answer) => format!("answered with status {}", answer.status),
            Err(InvokeError::TimedOut { .. }) => format!("gave no answer within {within}"),
            Err(InvokeError::NoAnswer(_)) => "gave no answer that can be read".to_owned(),
            Err(
                error @ (InvokeError::UnknownIdentity(_)
                | InvokeError::Offline(_)
                | InvokeError::NotSubscribed(_)
                | InvokeError::TooLarge(_)),
            ) => error.to_string(),
        };
        Act {
            done: format!("`{UNKNOWN_METHOD}` called"),
            said,
            ..Act::default()
        }
    }

    async fn input(&mut self, hold: Millis) -> Result<Act, EngineError> {
        if !self.hears(Hearing::Inputs) {
            return Ok(Act::ended_as(FaultEnd::Unheard));
        }
        let own = self.stage.input.as_deref();
        let input = own.unwrap_or(UNKNOWN_INPUT);
        let mut properties = Properties::default();
        for (name, value) in [("$.ct", "application/json"), ("$.ce", "utf-8")] {
            let value = Some(value.to_owned());
            properties.system.insert(name.to_owned(), value);
        }
        let (hub, identity) = (self.hub(), self.identity());
        let message = (&properties, br#"{"poke": 1}"#.as_slice());
        if let Err(error) = hub.send_to_input(identity, input, identity, message) {
            let unseen = Unseen::new(Reason::Unstable, error.to_string());
            return Ok(Act::ended_as(FaultEnd::Unseen(unseen)));
        }
        self.hold(hold).await?;
        let known = if own.is_some() {
            "to which a default route leads"
        } else {
            "of which no default route tells"
        };
        Ok(Act {
            done: format!("a JSON message to `{input}`, {known}"),
            ..Act::default()
        })
    }

    /// Cuts the connection; the next login is awaited.
    fn cut(&self, done: &str) -> Act {
        let logins = self.follower.seen().logins;
        self.hub().disconnect(self.identity());
        Act {
            done: done.to_owned(),
            cut_after: Some(logins),
            ..Act::default()
        }
    }

    async fn token(&mut self) -> Result<Act, EngineError> {
        let refused = self.hub().refused_logins();
        self.hub().refuse_logins(1);
        let mut act = self.cut("its connection was cut, and its next login refused");
        let met = |life: &Life<'_>| life.hub().refused_logins() > refused;
        let (met, after) = self.until(met).await?;
        self.hub().refuse_logins(0);
        if met {
            act.said = format!("was refused after {}", Millis::from(after));
        } else if self.alive.watch.ended.is_none() {
            act.end = Some(FaultEnd::Missing {
                missing: vec!["a login".to_owned()],
                waited: after.into(),
            });
        }
        Ok(act)
    }

    async fn twin(
        &mut self,
        answers: TwinAnswers,
        how: &str,
        hold: Millis,
    ) -> Result<Act, EngineError> {
        let met = self.hub().twin_requests_met();
        self.hub().answer_twin(answers);
        let done = format!("its connection was cut, and for {hold} its twin answered {how}");
        let mut act = self.cut(&done);
        let logins = act.cut_after.unwrap_or_default();
        let back = |life: &Life<'_>| life.follower.seen().logins > logins;
        let (back, after) = self.until(back).await?;
        // A change of what it knows makes a module that hears it speak to its twin.
        let known = known_change(&self.stage.twin).filter(|_| back);
        if let Some(patch) = known.filter(|_| self.hears(Hearing::Desired)) {
            let patched = self.patch(&patch);
            act.end = patched.and_then(|patched| patched.end);
        }
        if back {
            self.hold(hold).await?;
        }
        self.hub().answer_twin(TwinAnswers::AtOnce);
        act.said = match self.hub().twin_requests_met() - met {
            0 => "asked nothing of its twin meanwhile".to_owned(),
            n => format!("asked its twin {} meanwhile", times(n)),
        };
        if !back && self.alive.watch.ended.is_none() {
            act.end = Some(FaultEnd::Missing {
                missing: vec!["its connection to edgeHub".to_owned()],
                waited: after.into(),
            });
        }
        Ok(act)
    }

    async fn certificate(&mut self) -> Result<Act, EngineError> {
        let logins = self.follower.seen().logins;
        if let Err(error) = self.hub().renew_certificate() {
            return Ok(unseen(&error));
        }
        self.hub().vanish().await;
        Ok(match self.hub().reappear().await {
            Err(error) => unseen(&error),
            Ok(()) => Act {
                done: "edgeHub was restarted with a new certificate of the same authority"
                    .to_owned(),
                cut_after: Some(logins),
                ..Act::default()
            },
        })
    }

    async fn outage(&mut self, hold: Millis) -> Result<Act, EngineError> {
        let logins = self.follower.seen().logins;
        self.hub().vanish().await;
        let held = self.hold(hold).await;
        let reappeared = self.hub().reappear().await;
        held?;
        Ok(match reappeared {
            Err(error) => unseen(&error),
            Ok(()) => Act {
                done: format!("edgeHub was gone for {hold}: every connection refused"),
                cut_after: Some(logins),
                ..Act::default()
            },
        })
    }

    /// Changes desired properties; what it came to, where the twin did not take it.
    fn patch(&self, patch: &Value) -> Option<Act> {
        let patched = self.hub().set_desired(self.identity(), patch);
        patched.err().map(|error| unseen(&error))
    }
}

/// A change that changes nothing: the first default property with the value that it has.
fn known_change(twin: &Value) -> Option<Value> {
    let (name, value) = twin.as_object()?.iter().next()?;
    let mut patch = Map::new();
    patch.insert(name.clone(), value.clone());
    Some(Value::Object(patch))
}

fn unseen(error: &HubError) -> Act {
    let why = format!("edgeHub could not do its part: {error}");
    Act::ended_as(FaultEnd::Unseen(Unseen::new(Reason::Infrastructure, why)))
}

fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        _ => format!("{n} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_that_a_default_route_leads_to_is_the_modules_own() {
        let routes = |text: &str| BTreeMap::from([("r".to_owned(), json!(text))]);
        let to = |module: &str| {
            format!(r#"FROM /messages/* INTO BrokeredEndpoint("/modules/{module}/inputs/in1")"#)
        };
        assert_eq!(own_input(&routes(&to("m")), "m").as_deref(), Some("in1"));
        assert_eq!(own_input(&routes(&to("other")), "m"), None);
        assert_eq!(own_input(&routes("FROM /* INTO $upstream"), "m"), None);
        assert_eq!(own_input(&routes("nonsense"), "m"), None);
    }

    #[test]
    fn a_change_of_what_it_knows_leaves_it_as_it_is() {
        assert_eq!(
            known_change(&json!({"interval": 5, "b": 1})),
            Some(json!({"interval": 5}))
        );
        assert_eq!(known_change(&json!({})), None);
        assert_eq!(known_change(&Value::Null), None);
    }

    #[test]
    fn a_number_of_times_is_told_in_words() {
        assert_eq!((times(1).as_str(), times(3).as_str()), ("once", "3 times"));
    }
}
