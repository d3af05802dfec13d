//! What edgeHub saw, event by event, put together as the record keeps it. Pure; bounded, whatever a module does.

use conformance::observation::{
    EdgeBreach, EdgeConnection, EdgeEnd, EdgeTransport, EdgeUse, OutputUse,
};
use conformance::offer::Overlay;
use conformance::units::{Bytes, Millis};
use standin::hub::{DisconnectReason, HubEvent, Login, Rule, Transport};

/// Connections kept one by one; later ones are counted, and kept up to as many more where the client says something new of
/// itself: a client that forgets its ProductInfo later must not go unseen.
const CONNECTIONS: usize = 100;
/// Outputs kept by name; messages on further ones are counted under the last.
const OUTPUTS: usize = 100;
/// Names and filters kept.
const NAMES: usize = 100;
/// Characters kept of a text that the module wrote.
const LONGEST: usize = 400;

/// What a module subscribes to that wants changes of desired properties, over MQTT and over AMQP.
const CHANGES: [&str; 2] = [
    "$iothub/twin/PATCH/properties/desired/",
    "/notifications/twin/properties/desired",
];

/// When something was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// On the run's time line.
    pub(super) at: Millis,
    /// In seconds since the Unix epoch.
    pub(super) unix: u64,
}

/// Takes one event in; `dropped` says of a message that no default route takes it.
pub(super) fn take(seen: &mut EdgeUse, moment: Moment, event: HubEvent, dropped: bool) {
    let at = moment.at;
    match event {
        HubEvent::Connected(login) => connected(seen, moment, login),
        HubEvent::Introduced { client_type, .. } => {
            let newest = seen.connections.iter_mut().rev();
            let open = newest.into_iter().find(|one| one.ended.is_none());
            // The first word stands: a login that brought one is judged by it.
            if let Some(open) = open.filter(|one| one.client_type.is_none()) {
                open.client_type = Some(short(client_type));
            }
        }
        HubEvent::Disconnected { reason, .. } => {
            let open = seen.connections.iter_mut().rev();
            // The newest that is still open: edgeHub keeps one connection for an identity.
            if let Some(open) = open.into_iter().find(|one| one.ended.is_none()) {
                let reason = end_in_words(reason).to_owned();
                open.ended = Some(EdgeEnd { at, reason });
            }
        }
        HubEvent::HandshakeFailed { detail, .. } => breach(seen, at, "tls-handshake", detail),
        HubEvent::Violation { rule, detail, .. } => breach(seen, at, rule_in_words(rule), detail),
        HubEvent::Message {
            output, qos, body, ..
        } => {
            let one = on_output(seen, at, output);
            let length = Bytes(body.len() as u64);
            one.messages += 1;
            one.acknowledged += u64::from(qos);
            one.unrouted += u64::from(dropped);
            one.bytes = Bytes(one.bytes.0.saturating_add(length.0));
            one.largest = one.largest.max(length);
        }
        HubEvent::TwinRead { .. } => seen.twin.reads += 1,
        HubEvent::Reported { patch, .. } => {
            seen.twin.reported += 1;
            for name in patch.as_object().into_iter().flat_map(|patch| patch.keys()) {
                remember(&mut seen.twin.names, name);
            }
        }
        HubEvent::Subscribed { filter, .. } => {
            seen.twin.hears_changes |= CHANGES.iter().any(|one| filter.starts_with(one));
            remember(&mut seen.subscriptions, &filter);
        }
        HubEvent::MethodAnswered { .. } => {}
    }
}

/// Hides test values in everything that the module wrote.
pub(super) fn hide(seen: &mut EdgeUse, overlay: &Overlay) {
    let in_place = |text: &mut String| *text = overlay.hide(text);
    for connection in &mut seen.connections {
        let texts = [&mut connection.client_type, &mut connection.model_id];
        texts.into_iter().flatten().for_each(in_place);
        in_place(&mut connection.api_version);
    }
    for breach in &mut seen.breaches {
        in_place(&mut breach.detail);
    }
    let outputs = seen.outputs.iter_mut();
    outputs
        .filter_map(|one| one.output.as_mut())
        .for_each(in_place);
    seen.twin.names.iter_mut().for_each(in_place);
    seen.subscriptions.iter_mut().for_each(in_place);
}

fn connected(seen: &mut EdgeUse, moment: Moment, login: Login) {
    seen.logins += 1;
    let client_type = login.client_type.map(short);
    let kept = seen.connections.len();
    let is_known = || {
        let mut known = seen.connections.iter();
        known.any(|one| one.client_type == client_type)
    };
    if kept >= 2 * CONNECTIONS || (kept >= CONNECTIONS && is_known()) {
        return;
    }
    seen.connections.push(EdgeConnection {
        at: moment.at,
        transport: match login.transport {
            Transport::Mqtt => EdgeTransport::Mqtt,
            Transport::MqttWebSocket => EdgeTransport::MqttWebSocket,
            Transport::Amqp => EdgeTransport::Amqp,
            Transport::AmqpWebSocket => EdgeTransport::AmqpWebSocket,
        },
        server_name: login.server_name.map(short),
        tls: login.tls_version,
        api_version: short(login.api_version),
        client_type,
        model_id: login.model_id.map(short),
        token_life: Some(login.token_expiry.saturating_sub(moment.unix)),
        keep_alive: login.keep_alive.into(),
        ended: None,
    });
}

/// The output of this name; once there are too many, the last one stands for all others.
fn on_output(seen: &mut EdgeUse, at: Millis, output: Option<String>) -> &mut OutputUse {
    let output = output.map(short);
    let known = seen.outputs.iter().position(|one| one.output == output);
    let place = known.unwrap_or_else(|| {
        if seen.outputs.len() < OUTPUTS {
            seen.outputs.push(OutputUse {
                output,
                first: at,
                ..OutputUse::default()
            });
        }
        seen.outputs.len() - 1
    });
    &mut seen.outputs[place]
}

fn breach(seen: &mut EdgeUse, at: Millis, rule: &str, detail: String) {
    match seen.breaches.iter_mut().find(|one| one.rule == rule) {
        Some(known) => known.times += 1,
        None => seen.breaches.push(EdgeBreach {
            at,
            rule: rule.to_owned(),
            detail: short(detail),
            times: 1,
        }),
    }
}

fn remember(names: &mut Vec<String>, name: &str) {
    if names.len() < NAMES && !names.iter().any(|known| known == name) {
        names.push(short(name.to_owned()));
    }
}

fn short(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

const fn end_in_words(reason: DisconnectReason) -> &'static str {
    match reason {
        DisconnectReason::Goodbye => "goodbye",
        DisconnectReason::Lost => "lost",
        DisconnectReason::KeepAlive => "keep-alive",
        DisconnectReason::TokenExpired => "token-expired",
        DisconnectReason::TakenOver => "taken-over",
        DisconnectReason::Violation(_) => "violation",
        DisconnectReason::Requested => "requested",
        DisconnectReason::Stalled => "stalled",
    }
}

const fn rule_in_words(rule: Rule) -> &'static str {
    match rule {
        Rule::Malformed => "malformed",
        Rule::ConnectFirst => "connect-first",
        Rule::UserName => "user-name",
        Rule::ApiVersion => "api-version",
        Rule::ClientId => "client-id",
        Rule::UnknownIdentity => "unknown-identity",
        Rule::NoPassword => "no-password",
        Rule::Token => "token",
        Rule::TokenExpired => "token-expired",
        Rule::QosTwo => "qos-two",
        Rule::TooLarge => "too-large",
        Rule::UnknownTopic => "unknown-topic",
        Rule::UnknownFilter => "unknown-filter",
        Rule::PropertyBag => "property-bag",
        Rule::Reported => "reported",
        Rule::MethodAnswer => "method-answer",
        Rule::Will => "will",
        Rule::PlainText => "plain-text",
        Rule::WebSocket => "web-socket",
        Rule::UnservedProtocol => "unserved-protocol",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use standin::hub::{Identity, Properties};

    use super::*;

    fn module() -> Identity {
        Identity::module("d", "m")
    }

    fn login(client_type: &str) -> HubEvent {
        HubEvent::Connected(Login {
            identity: module(),
            api_version: "2019-10-01".to_owned(),
            client_type: Some(client_type.to_owned()),
            model_id: None,
            transport: Transport::MqttWebSocket,
            tls_version: "TLSv1_2".to_owned(),
            tls_suite: String::new(),
            server_name: Some("gateway".to_owned()),
            token_expiry: 1_000_600,
            keep_alive: Duration::from_secs(60),
            clean_session: false,
            session_present: false,
        })
    }

    fn ended(reason: DisconnectReason) -> HubEvent {
        HubEvent::Disconnected {
            identity: module(),
            reason,
        }
    }

    fn sent(output: &str, body: &'static [u8]) -> HubEvent {
        HubEvent::Message {
            identity: module(),
            output: Some(output.to_owned()),
            properties: Properties::default(),
            qos: 1,
            duplicate: false,
            body: bytes::Bytes::from_static(body),
        }
    }

    fn seen(events: Vec<HubEvent>) -> EdgeUse {
        let mut seen = EdgeUse::default();
        for (second, event) in (1..).zip(events) {
            let moment = Moment {
                at: Millis(second * 1000),
                unix: 1_000_000,
            };
            take(&mut seen, moment, event, second % 2 == 0);
        }
        seen
    }

    #[test]
    fn a_conversation_is_kept_connection_by_connection_and_output_by_output() {
        let seen = seen(vec![
            login("sdk a.b.c"),
            sent("alarm", b"1234"),
            sent("alarm", b"12"),
            ended(DisconnectReason::Lost),
            login("sdk a.b.c"),
            HubEvent::Reported {
                identity: module(),
                patch: json!({"rate": 1}),
                version: 2,
            },
        ]);
        let ends: Vec<_> = seen.connections.iter().map(|one| &one.ended).collect();
        let lost = EdgeEnd {
            at: Millis(4000),
            reason: "lost".to_owned(),
        };
        assert_eq!(ends, [&Some(lost), &None]);
        assert_eq!(seen.connections[0].token_life, Some(600));
        assert_eq!(seen.connections[0].transport, EdgeTransport::MqttWebSocket);
        let alarm = &seen.outputs[0];
        // Of the events every second one is said to be dropped.
        assert_eq!(
            (alarm.messages, alarm.acknowledged, alarm.unrouted),
            (2, 2, 1)
        );
        assert_eq!((alarm.bytes, alarm.largest), (Bytes(6), Bytes(4)));
        assert_eq!(seen.twin.names, ["rate"]);
    }

    #[test]
    fn a_rule_that_is_broken_again_is_counted() {
        let broken = || HubEvent::Violation {
            identity: None,
            rule: Rule::QosTwo,
            detail: "QoS 2 on `x`".to_owned(),
        };
        let seen = seen(vec![broken(), broken()]);
        assert_eq!(seen.breaches.len(), 1);
        assert_eq!(
            (seen.breaches[0].times, seen.breaches[0].at),
            (2, Millis(1000))
        );
    }

    #[test]
    fn a_module_cannot_make_the_record_grow_without_end() {
        let events = (0..1000)
            .flat_map(|n| [login(&"x".repeat(9000)), sent(&format!("o{n}"), b"")])
            .collect();
        let seen = seen(events);
        assert_eq!(seen.logins, 1000);
        assert_eq!((seen.connections.len(), seen.outputs.len()), (100, 100));
        let sent: u64 = seen.outputs.iter().map(|one| one.messages).sum();
        assert_eq!(sent, 1000);
        let kept = seen.connections[0].client_type.as_ref().unwrap();
        assert_eq!(kept.chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_client_that_says_something_else_later_is_kept_too() {
        let mut events: Vec<HubEvent> = (0..150).map(|_| login("sdk a.b.c")).collect();
        events.push(login("sdk"));
        let seen = seen(events);
        assert_eq!((seen.logins, seen.connections.len()), (151, 101));
        let last = seen.connections.last().unwrap();
        assert_eq!(last.client_type.as_deref(), Some("sdk"));
    }

    #[test]
    fn what_a_client_says_after_its_login_counts_where_the_login_said_nothing() {
        let introduced = || HubEvent::Introduced {
            identity: module(),
            client_type: "late a.b.c".to_owned(),
        };
        let mut silent = login("");
        if let HubEvent::Connected(login) = &mut silent {
            login.client_type = None;
        }
        let seen = seen(vec![login("sdk"), introduced(), silent, introduced()]);
        let said = seen
            .connections
            .iter()
            .map(|one| one.client_type.as_deref());
        assert_eq!(said.collect::<Vec<_>>(), [Some("sdk"), Some("late a.b.c")]);
    }

    #[test]
    fn changes_are_heard_over_either_protocol() {
        for (filter, hears) in [
            ("$iothub/twin/PATCH/properties/desired/#", true),
            ("/notifications/twin/properties/desired", true),
            ("/devices/d/modules/m/methods/devicebound", false),
        ] {
            let subscribed = HubEvent::Subscribed {
                identity: module(),
                filter: filter.to_owned(),
            };
            let seen = seen(vec![subscribed]);
            assert_eq!(seen.twin.hears_changes, hears, "{filter}");
        }
    }

    #[test]
    fn a_test_value_that_the_module_tells_is_hidden() {
        let mut overlay = Overlay::default();
        let secret = "hunter-22".to_owned();
        overlay.env.insert("PASSWORD".to_owned(), secret);
        let mut seen = seen(vec![login("sdk hunter-22"), sent("hunter-22", b"")]);
        hide(&mut seen, &overlay);
        assert!(!format!("{seen:?}").contains("hunter-22"));
    }
}
