//! An event of the hub as one line: a kind and its facts. Pure.

use std::time::Duration;

use serde_json::{Map, Value, json};
use standin::hub::{HubEvent, Transport};

use crate::cli::HubFormat;
use crate::render::text::plain;

/// Characters of a body shown to people.
const SHOWN: usize = 200;

/// One line of output.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    kind: String,
    facts: Map<String, Value>,
}

impl Line {
    /// `facts` is an object.
    pub(super) fn new(kind: &str, facts: &Value) -> Line {
        Line {
            kind: kind.to_owned(),
            facts: facts.as_object().cloned().unwrap_or_default(),
        }
    }

    /// What the hub saw, in the words of its reader.
    pub(super) fn of(event: HubEvent) -> Line {
        let (kind, facts) = match event {
            HubEvent::Connected(login) => (
                "connected",
                json!({
                    "over": match login.transport {
                        Transport::Mqtt => "MQTT",
                        Transport::MqttWebSocket => "MQTT over WebSocket",
                        Transport::Amqp => "AMQP",
                        Transport::AmqpWebSocket => "AMQP over WebSocket",
                    },
                    "client": login.client_type,
                    "model": login.model_id,
                    "tls": login.tls_version,
                    "suite": login.tls_suite,
                    "serverName": login.server_name,
                    "apiVersion": login.api_version,
                    "tokenExpires": login.token_expiry,
                    "keepAlive": login.keep_alive.as_secs(),
                }),
            ),
            HubEvent::Introduced { client_type, .. } => {
                ("introduced", json!({"client": client_type}))
            }
            HubEvent::Disconnected { reason, .. } => {
                ("disconnected", json!({"reason": format!("{reason:?}")}))
            }
            HubEvent::HandshakeFailed { detail, .. } => {
                ("handshake-failed", json!({"why": detail}))
            }
            HubEvent::Message {
                output,
                properties,
                qos,
                body,
                ..
            } => (
                "message",
                json!({
                    "output": output,
                    "qos": qos,
                    "system": properties.system,
                    "properties": properties.application,
                    "body": serde_json::from_slice(&body)
                        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body))),
                }),
            ),
            HubEvent::TwinRead { .. } => ("twin-read", json!({})),
            HubEvent::Reported { patch, version, .. } => {
                ("reported", json!({"version": version, "patch": patch}))
            }
            HubEvent::MethodAnswered { name, status, .. } => {
                ("method-answered", json!({"name": name, "status": status}))
            }
            HubEvent::Subscribed { filter, .. } => ("subscribed", json!({"filter": filter})),
            HubEvent::Violation { rule, detail, .. } => (
                "violation",
                json!({"rule": format!("{rule:?}"), "detail": detail}),
            ),
        };
        Line::new(kind, &facts)
    }

    pub(super) fn print(&self, format: HubFormat, at: Duration) -> String {
        let seconds = at.as_secs_f64();
        match format {
            HubFormat::Json => {
                let mut object = Map::new();
                object.insert("at".to_owned(), json!((seconds * 1000.0).round() / 1000.0));
                object.insert("event".to_owned(), json!(self.kind));
                object.extend(self.facts.clone());
                Value::Object(object).to_string()
            }
            HubFormat::Text => {
                let facts = self.facts.iter().filter(|(_, value)| !is_nothing(value));
                let facts: String = facts
                    .map(|(name, value)| format!("  {name} {}", shown(value)))
                    .collect();
                format!("{seconds:9.3} s  {:16}{facts}", self.kind)
            }
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

/// A text without its quotes, anything else as JSON; what a module wrote cannot move the terminal's cursor.
fn shown(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let text = plain(&text);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use standin::hub::{Identity, Rule};

    #[test]
    fn a_line_is_for_people_or_for_programs() {
        let line = Line::of(HubEvent::Violation {
            identity: Some(Identity::module("d", "m")),
            rule: Rule::QosTwo,
            detail: "QoS 2 on `a\u{1b}[2J`".to_owned(),
        });
        let at = Duration::from_millis(1500);
        let text = line.print(HubFormat::Text, at);
        assert!(text.starts_with("    1.500 s  violation"), "{text}");
        assert!(text.contains("rule QosTwo"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let json: Value = serde_json::from_str(&line.print(HubFormat::Json, at)).unwrap();
        assert_eq!(json["at"], 1.5);
        assert_eq!(json["event"], "violation");
    }

    #[test]
    fn what_is_not_there_is_not_shown_to_people() {
        let line = Line::new(
            "connected",
            &json!({"model": null, "system": {}, "over": "MQTT"}),
        );
        assert_eq!(
            line.print(HubFormat::Text, Duration::ZERO),
            "    0.000 s  connected         over MQTT"
        );
    }
}
