//! What edgeHub saw, event by event, put together as the record keeps it. Pure; bounded, whatever a module does.

use conformance::observation::{
    EdgeBreach, EdgeConnection, EdgeEnd, EdgeTransport, EdgeUse, MethodUse, OutputUse,
};
use conformance::offer::Overlay;
use conformance::units::{Bytes, Millis};
use standin::hub::{DisconnectReason, HubEvent, Login, Rule, Transport};
use standin::plain::Knock;

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
            // The first word stands: a login that brought one is judged by it.
            if let Some(open) = newest_open(seen).filter(|one| one.client_type.is_none()) {
                open.client_type = Some(short(client_type));
            }
        }
        HubEvent::Disconnected { reason, .. } => {
            if let Some(open) = newest_open(seen) {
                let reason = end_in_words(reason).to_owned();
                open.ended = Some(EdgeEnd { at, reason });
            }
        }
        HubEvent::HandshakeFailed { detail, .. } => breach(seen, at, "tls-handshake", detail),
        HubEvent::Violation { rule, detail, .. } => breach(seen, at, rule_in_words(rule), detail),
        HubEvent::Message {
            output,
            qos,
            body,
            duplicate,
            ..
        } => {
            if let Some(open) = newest_open(seen) {
                open.first_message.get_or_insert(at);
            }
            let one = on_output(seen, at, output);
            let length = Bytes(body.len() as u64);
            one.last = Some(at);
            one.repeated += u64::from(duplicate);
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
            if let Some(open) = newest_open(seen) {
                open.subscribed.get_or_insert(at);
            }
        }
        HubEvent::MethodAnswered { name, status, .. } => answered(seen, name, status),
    }
}

/// The newest connection that is still open: edgeHub keeps one for an identity.
fn newest_open(seen: &mut EdgeUse) -> Option<&mut EdgeConnection> {
    let mut newest = seen.connections.iter_mut().rev();
    newest.find(|one| one.ended.is_none())
}

fn answered(seen: &mut EdgeUse, name: String, status: i64) {
    let name = short(name);
    let known = seen.methods.iter_mut().find(|one| one.name == name);
    if let Some(one) = known {
        one.answers += 1;
        one.status = status;
    } else if seen.methods.len() < NAMES {
        seen.methods.push(MethodUse {
            name,
            answers: 1,
            status,
        });
    }
}

/// Takes in who knocked at a port of a protocol without TLS.
pub(super) fn knock(seen: &mut EdgeUse, at: Millis, knock: &Knock) {
    let detail = format!(
        "a connection to port {}, {} without TLS, where edgeHub does not listen",
        knock.port, knock.protocol
    );
    breach(seen, at, rule_in_words(Rule::PlainText), detail);
    if let Some(told) = seen
        .breaches
        .iter_mut()
        .find(|one| one.rule == "plain-text")
    {
        told.times += knock.times.saturating_sub(1);
        told.at = told.at.min(at);
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
    let methods = seen.methods.iter_mut();
    methods.map(|one| &mut one.name).for_each(in_place);
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
        suite: login.tls_suite,
        api_version: short(login.api_version),
        client_type,
        model_id: login.model_id.map(short),
        token_life: login
            .token_expiry
            .map(|end| end.saturating_sub(moment.unix)),
        token_expiry: login.token_expiry,
        keep_alive: login.keep_alive.into(),
        resumed: login.session_present,
        subscribed: None,
        first_message: None,
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
        Rule::Certificate => "certificate",
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
mod tests;
