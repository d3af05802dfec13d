//! What the hub does with a publish of a logged-in client: telemetry, twin requests, method answers.

use serde_json::{Value, json};

use super::event::{DisconnectReason, HubEvent, Rule};
use super::faults::TwinAnswers;
use super::identity::Identity;
use super::limits::{self, Mode};
use super::properties::{self, Properties};
use super::registry::Answer;
use super::session::{Call, Client, Reaction, Shared};
use super::topics::{self, Publish};
use super::twin_limits::{self, TwinError};
use super::wire::{Outbound, Publication, Will};

/// Status that edgeHub gives to a method answer whose own status is no integer.
const STATUS_NOT_AN_INTEGER: i64 = 400_000;

/// Status of a twin request that comes while too many others do.
pub(crate) const TOO_MANY_REQUESTS: u16 = 429;

/// Application property that edgeHub and IoT Hub add to a message with the retain flag.
const RETAIN: &str = "mqtt-retain";

/// Application property and value that mark a will.
const WILL: (&str, &str) = ("iothub-MessageType", "Will");

/// Reacts to one publish. A QoS 1 message is acknowledged after its event was handed out; a twin
/// request is acknowledged first, since its own answer says how it went.
pub(crate) fn receive(
    client: &mut Client,
    shared: &Shared,
    publication: Publication,
) -> Vec<Reaction> {
    let ack = publication
        .id
        .map(|id| Reaction::Send(Outbound::Puback { id }));
    let topic = publication.topic.clone();
    let mut reactions = match topics::publish(&client.identity, &topic) {
        Some(Publish::Event { bag }) => message(client, shared, &publication, bag),
        Some(Publish::TwinGet { rid }) => {
            let busy = twin_busy(client, shared, rid);
            let answer = busy.unwrap_or_else(|| twin_get(client, shared, rid));
            return acknowledged(ack, answer);
        }
        Some(Publish::TwinReported { rid }) => {
            let busy = twin_busy(client, shared, rid);
            let answer =
                busy.unwrap_or_else(|| twin_reported(client, shared, rid, &publication.body));
            return acknowledged(ack, answer);
        }
        Some(Publish::MethodAnswer { status, rid }) => {
            method_answer(client, shared, (status, rid), &publication.body)
        }
        None => {
            let detail = format!("publish to `{topic}`, which is outside the topic table");
            refused(client, shared, Rule::UnknownTopic, detail)
        }
    };
    let closes = reactions
        .iter()
        .any(|reaction| matches!(reaction, Reaction::Close(_)));
    if !closes {
        reactions.extend(ack);
    }
    reactions
}

/// The message that a will becomes; `None` when it was for another topic.
pub(crate) fn will(identity: &Identity, will: &Will) -> Option<HubEvent> {
    let Some(Publish::Event { bag }) = topics::publish(identity, &will.topic) else {
        return None;
    };
    let mut properties = properties::decode(bag).ok()?;
    properties
        .application
        .insert(WILL.0.to_owned(), Some(WILL.1.to_owned()));
    Some(HubEvent::Message {
        identity: identity.clone(),
        output: properties.output(),
        properties,
        qos: 0,
        duplicate: false,
        body: will.body.clone(),
    })
}

fn acknowledged(ack: Option<Reaction>, reactions: Vec<Reaction>) -> Vec<Reaction> {
    ack.into_iter().chain(reactions).collect()
}

/// IoT Hub drops the connection over these; edgeHub logs, drops the message and goes on.
fn refused(client: &Client, shared: &Shared, rule: Rule, detail: String) -> Vec<Reaction> {
    let mut reactions = vec![noted(client, rule, detail)];
    if shared.mode == Mode::IotHub {
        reactions.push(Reaction::Close(DisconnectReason::Violation(rule)));
    }
    reactions
}

fn noted(client: &Client, rule: Rule, detail: String) -> Reaction {
    Reaction::Emit(HubEvent::Violation {
        identity: Some(client.identity.clone()),
        rule,
        detail,
    })
}

fn message(
    client: &Client,
    shared: &Shared,
    publication: &Publication,
    bag: &str,
) -> Vec<Reaction> {
    let mut properties: Properties = match properties::decode(bag) {
        Ok(properties) => properties,
        Err(error) => return refused(client, shared, Rule::PropertyBag, error.to_string()),
    };
    let size = publication.body.len() + properties.size();
    if size > limits::MESSAGE {
        let detail = format!("message of {size} bytes; the limit is {}", limits::MESSAGE);
        return refused(client, shared, Rule::TooLarge, detail);
    }
    if publication.retain {
        properties
            .application
            .insert(RETAIN.to_owned(), Some("true".to_owned()));
    }
    vec![Reaction::Emit(HubEvent::Message {
        identity: client.identity.clone(),
        output: properties.output(),
        properties,
        qos: u8::from(publication.id.is_some()),
        duplicate: publication.duplicate,
        body: publication.body.clone(),
    })]
}

/// What a twin that is busy on purpose answers to any request.
fn twin_busy(client: &Client, shared: &Shared, rid: &str) -> Option<Vec<Reaction>> {
    if shared.registry.faults.meet_twin() != TwinAnswers::Busy {
        return None;
    }
    let body = json!({"errorCode": TOO_MANY_REQUESTS, "message": "too many requests"});
    let topic = topics::twin_response(TOO_MANY_REQUESTS, rid, None);
    let answer = twin_answer(client, shared, topic, body.to_string().into_bytes());
    Some(answer.into_iter().collect())
}

fn twin_get(client: &Client, shared: &Shared, rid: &str) -> Vec<Reaction> {
    let Some(twin) = shared.registry.twin(&client.identity) else {
        return Vec::new();
    };
    let event = Reaction::Emit(HubEvent::TwinRead {
        identity: client.identity.clone(),
    });
    let body = twin.document().to_string().into_bytes();
    let topic = topics::twin_response(200, rid, None);
    std::iter::once(event)
        .chain(twin_answer(client, shared, topic, body))
        .collect()
}

/// Merges reported properties; what to tell the subscribers, and the new version or the refusal.
pub(crate) fn reported(
    identity: &Identity,
    shared: &Shared,
    body: &[u8],
) -> (HubEvent, Result<u64, TwinError>) {
    let identity = identity.clone();
    let merged = twin_limits::parse(body).and_then(|patch| {
        let result = shared.registry.patch_reported(&identity, &patch);
        result
            .unwrap_or(Err(TwinError::NotAnObject))
            .map(|version| (patch, version))
    });
    match merged {
        Ok((patch, version)) => {
            let event = HubEvent::Reported {
                identity,
                patch,
                version,
            };
            (event, Ok(version))
        }
        Err(error) => {
            let event = HubEvent::Violation {
                identity: Some(identity),
                rule: Rule::Reported,
                detail: error.to_string(),
            };
            (event, Err(error))
        }
    }
}

fn twin_reported(client: &Client, shared: &Shared, rid: &str, body: &[u8]) -> Vec<Reaction> {
    let (event, merged) = reported(&client.identity, shared, body);
    let (topic, body) = match merged {
        Ok(version) => {
            let shown = (shared.mode == Mode::IotHub).then_some(version);
            (topics::twin_response(204, rid, shown), Vec::new())
        }
        Err(error) => {
            let body = json!({"errorCode": 400, "message": error.to_string()});
            (
                topics::twin_response(400, rid, None),
                body.to_string().into_bytes(),
            )
        }
    };
    std::iter::once(Reaction::Emit(event))
        .chain(twin_answer(client, shared, topic, body))
        .collect()
}

fn twin_answer(client: &Client, shared: &Shared, topic: String, body: Vec<u8>) -> Option<Reaction> {
    let answer = Outbound::Publish { topic, body };
    let answer = match shared.registry.faults.twin() {
        TwinAnswers::AtOnce | TwinAnswers::Busy => Reaction::Send(answer),
        TwinAnswers::Late(by) => Reaction::Later(by, answer),
    };
    client.hears_twin_answers(shared).then_some(answer)
}

fn method_answer(
    client: &mut Client,
    shared: &Shared,
    (status, rid): (&str, &str),
    body: &[u8],
) -> Vec<Reaction> {
    let Some(call) = client.calls.remove(rid) else {
        // Late: the caller has given up. The real hub drops such an answer as well.
        return Vec::new();
    };
    let events = answer_call(&client.identity, call, status, body);
    let breaks = |event: &HubEvent| matches!(event, HubEvent::Violation { .. });
    let closes = shared.mode == Mode::IotHub && events.iter().any(breaks);
    let close = closes.then(|| Reaction::Close(DisconnectReason::Violation(Rule::MethodAnswer)));
    events
        .into_iter()
        .map(Reaction::Emit)
        .chain(close)
        .collect()
}

/// Hands a direct method's answer to its caller; what to tell the subscribers, a breach last.
pub(crate) fn answer_call(
    identity: &Identity,
    call: Call,
    status: &str,
    body: &[u8],
) -> Vec<HubEvent> {
    let broken = |detail| HubEvent::Violation {
        identity: Some(identity.clone()),
        rule: Rule::MethodAnswer,
        detail,
    };
    let payload = match method_payload(body) {
        Ok(payload) => payload,
        Err(detail) => return vec![broken(detail)],
    };
    let parsed = status.parse::<i64>();
    let breach = parsed.is_err().then(|| {
        broken(format!(
            "method answer with the status `{status}`, which is no integer"
        ))
    });
    let status = parsed.unwrap_or(STATUS_NOT_AN_INTEGER);
    let answered = HubEvent::MethodAnswered {
        identity: identity.clone(),
        name: call.name,
        status,
    };
    // The caller may have stopped waiting; its answer then has nowhere to go.
    let _gone = call.answer.send(Answer { status, payload });
    std::iter::once(answered).chain(breach).collect()
}

fn method_payload(body: &[u8]) -> Result<Value, String> {
    if body.len() > limits::METHOD_PAYLOAD {
        return Err(format!(
            "method answer of {} bytes; the limit is {}",
            body.len(),
            limits::METHOD_PAYLOAD
        ));
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| format!("method answer is not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::entrance::Transport;
    use super::super::registry::Registry;
    use super::super::session::{Session, TlsFacts};
    use super::super::wire::{Connect, Inbound};
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use std::sync::Arc;
    use std::time::Duration;

    /// Computed for the key 00 01 … 1f, as in the tests of `sas`.
    const TOKEN: &str = "SharedAccessSignature sr=h.azure-devices.net%2Fdevices%2Fd1%2Fmodules%2Fm1&sig=vqA3ZHzuMwDjToRjN4jw9yEGqgXmG97O98jLNRZBvKE%3D&se=2000000000";

    fn logged_in(mode: Mode) -> Session {
        let shared = Shared {
            host: "h.azure-devices.net".to_owned(),
            names: Vec::new(),
            mode,
            registry: Registry::default(),
            #[cfg(feature = "hub")]
            service: crate::hub::service::Service::new().unwrap(),
        };
        let key = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let identity = Identity::module("d1", "m1");
        shared.registry.register(&identity, key, "g".to_owned());
        let tls = TlsFacts {
            version: String::new(),
            suite: String::new(),
            server_name: None,
            shown: None,
            transport: Transport::Mqtt,
        };
        let mut session = Session::new(Arc::new(shared), tls);
        let connect = Connect {
            client_id: "d1/m1".to_owned(),
            user_name: Some("h.azure-devices.net/d1/m1/?api-version=2019-10-01".to_owned()),
            password: Some(TOKEN.as_bytes().to_vec()),
            keep_alive: Duration::ZERO,
            clean_session: true,
            will: None,
        };
        let reactions = session.receive(Inbound::Connect(connect), 0);
        assert!(reactions.iter().any(|r| matches!(r, Reaction::Opened(_))));
        session
    }

    fn publication(topic: String, body: Vec<u8>) -> Inbound {
        Inbound::Publish(Publication {
            topic,
            body: Bytes::from(body),
            id: Some(1),
            retain: false,
            duplicate: false,
        })
    }

    fn topics() -> impl Strategy<Value = String> {
        let stems = prop::sample::select(vec![
            "",
            "devices/d1/modules/m1/messages/events/",
            "$iothub/twin/GET/?",
            "$iothub/twin/PATCH/properties/reported/?$rid=1",
            "$iothub/methods/res/",
        ]);
        (stems, any::<String>()).prop_map(|(stem, tail)| format!("{stem}{tail}"))
    }

    proptest! {
        /// At edgeHub nothing that can be read closes the connection, so every publish is acknowledged once.
        #[test]
        fn edge_hub_acknowledges_every_publish_once(topic in topics(), body in any::<Vec<u8>>()) {
            let reactions = logged_in(Mode::EdgeHub).receive(publication(topic, body), 0);
            let acks = reactions.iter().filter(|r| matches!(r, Reaction::Send(Outbound::Puback { id: 1 })));
            prop_assert_eq!(acks.count(), 1);
        }

        /// At IoT Hub a publish is either acknowledged or the end.
        #[test]
        fn iot_hub_acknowledges_or_closes(topic in topics(), body in any::<Vec<u8>>()) {
            let reactions = logged_in(Mode::IotHub).receive(publication(topic, body), 0);
            let acks = reactions.iter().filter(|r| matches!(r, Reaction::Send(Outbound::Puback { .. }))).count();
            let ends = reactions.iter().filter(|r| matches!(r, Reaction::Close(_))).count();
            prop_assert_eq!(acks + ends, 1);
        }
    }
}
