//! What the session does with each packet from the hub.

use mqtt_protocol_core::mqtt::packet::v3_1_1;
use mqtt_protocol_core::mqtt::packet::{Packet, Qos, SubEntry, SubOpts};
use mqtt_protocol_core::mqtt::result_code::{ConnectReturnCode, MqttError};
use serde_json::Value;
use tokio::time::Instant;

use super::super::FromHub;
use super::super::desired::Step;
use super::super::error::LinkError;
use super::super::limits::{MAX_DESIRED_BYTES, MAX_METHOD_PAYLOAD_BYTES};
use super::super::method::MethodReply;
use super::super::topics::{self, Incoming};
use super::{HANDSHAKE_PATIENCE, Phase, Session, malformed, protocol};

/// Filters in the order of the SUBSCRIBE packet. Desired changes with QoS 1; answers and method
/// calls with QoS 0, since one that arrives on a later link is of no use to anybody.
const SUBSCRIPTIONS: [(&str, Qos); 3] = [
    (topics::TWIN_ANSWERS, Qos::AtMostOnce),
    (topics::DESIRED_CHANGES, Qos::AtLeastOnce),
    (topics::METHOD_CALLS, Qos::AtMostOnce),
];

impl Session {
    pub(super) fn take(&mut self, packet: Packet, now: Instant) -> Result<(), LinkError> {
        if let Packet::V3_1_1Connack(connack) = packet {
            self.connected(&connack, now)
        } else if let Packet::V3_1_1Suback(suback) = packet {
            self.subscribed(&suback, now)
        } else if let Packet::V3_1_1Puback(puback) = packet {
            self.outbox.acknowledged(puback.packet_id());
            Ok(())
        } else if let Packet::V3_1_1Publish(publish) = packet {
            self.published(&publish, now)
        } else {
            // PINGRESP has already been dealt with; the rest answers nothing that we send.
            Ok(())
        }
    }

    fn connected(&mut self, connack: &v3_1_1::Connack, now: Instant) -> Result<(), LinkError> {
        if !matches!(self.phase, Phase::Connecting { .. }) {
            return Err(malformed("a second CONNACK"));
        }
        accepted(
            connack.return_code(),
            (&self.clock, self.certificate.as_deref()),
        )?;
        if connack.session_present() {
            // What the hub may still know goes out again under its old id; nothing else may
            // take that id.
            for id in self.outbox.packets() {
                self.mqtt.register_packet_id(id).map_err(protocol)?;
            }
        } else {
            self.outbox.session_lost();
        }
        let by = now + HANDSHAKE_PATIENCE;
        self.phase = Phase::Subscribing { by };
        let id = self.mqtt.acquire_packet_id().map_err(protocol)?;
        let entries: Result<Vec<_>, MqttError> = SUBSCRIPTIONS
            .into_iter()
            .map(|(filter, qos)| SubEntry::new(filter, SubOpts::new().set_qos(qos)))
            .collect();
        let subscribe = entries
            .and_then(|entries| {
                let packet = v3_1_1::Subscribe::builder().packet_id(id);
                packet.entries(entries).build()
            })
            .map_err(protocol)?;
        let events = self.mqtt.checked_send(subscribe);
        self.obey(events, now)
    }

    fn subscribed(&mut self, suback: &v3_1_1::Suback, now: Instant) -> Result<(), LinkError> {
        let codes = suback.return_codes();
        if codes.len() != SUBSCRIPTIONS.len() || !matches!(self.phase, Phase::Subscribing { .. }) {
            return Err(malformed("a SUBACK that fits no SUBSCRIBE"));
        }
        if let Some(index) = codes.iter().position(|code| code.is_failure()) {
            let filter = SUBSCRIPTIONS[index].0;
            return Err(LinkError::Subscription { filter });
        }
        self.phase = Phase::Ready { since: now };
        self.events.push_back(FromHub::Connected);
        self.requests.want_twin(now);
        Ok(())
    }

    fn published(&mut self, publish: &v3_1_1::Publish, now: Instant) -> Result<(), LinkError> {
        match (publish.qos(), publish.packet_id()) {
            (Qos::AtMostOnce, _) => {}
            (Qos::AtLeastOnce, Some(id)) if id != 0 => {
                let puback = v3_1_1::Puback::builder().packet_id(id).build();
                let events = self.mqtt.checked_send(puback.map_err(protocol)?);
                self.obey(events, now)?;
            }
            (Qos::AtLeastOnce | Qos::ExactlyOnce, _) => {
                return Err(malformed("a message with packet id 0 or QoS 2"));
            }
        }
        let body = publish.payload().as_slice();
        match topics::parse(publish.topic_name()) {
            Ok(Incoming::TwinAnswer {
                status,
                request,
                version,
            }) => {
                if self.requests.answer(&request, status, version, body, now) {
                    self.twin(body, now);
                }
            }
            Ok(Incoming::DesiredChange { version }) => self.desired_change(version, body, now),
            Ok(Incoming::MethodCall { name, request }) => self.method_call(name, request, body),
            Err(error) => tracing::warn!(%error, "ignoring a message from the hub"),
        }
        Ok(())
    }

    fn twin(&mut self, body: &[u8], now: Instant) {
        match self.desired.whole(body) {
            Ok(whole) => {
                self.events.push_back(FromHub::Twin {
                    desired: whole.desired,
                    reported: whole.reported,
                    version: whole.version,
                });
                for (version, patch) in whole.later {
                    self.events.push_back(FromHub::Desired { patch, version });
                }
                if whole.ask_again {
                    self.requests.want_twin(now);
                }
            }
            Err(reason) => {
                tracing::warn!(reason = reason.0, "the hub's twin cannot be read");
                self.requests.want_twin_later(now);
            }
        }
    }

    fn desired_change(&mut self, version: Option<u64>, body: &[u8], now: Instant) {
        // A patch that is no JSON, or too large to be read, has no version either, and leads to the whole twin.
        let body = Some(body).filter(|body| body.len() <= MAX_DESIRED_BYTES);
        let patch: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
        let version = version.filter(|_| patch.is_some());
        match self.desired.patch(version, patch.unwrap_or_default()) {
            Step::Deliver(version, patch) => {
                self.events.push_back(FromHub::Desired { patch, version });
            }
            Step::Ask => self.requests.want_twin(now),
            Step::Wait => {}
        }
    }

    fn method_call(&mut self, name: String, request: String, body: &[u8]) {
        let reply = MethodReply::new(self.link, request, self.results.clone());
        if body.len() > MAX_METHOD_PAYLOAD_BYTES {
            let (size, most) = (body.len(), MAX_METHOD_PAYLOAD_BYTES);
            return reply.refuse(400, &format!("payload of {size} bytes; at most {most}"));
        }
        let payload = if body.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_slice(body)
        };
        match payload {
            Ok(payload) => self.events.push_back(FromHub::Method {
                name,
                payload,
                reply,
            }),
            Err(error) => reply.refuse(400, &format!("payload is not JSON: {error}")),
        }
    }
}

fn accepted(
    code: ConnectReturnCode,
    (clock, certificate): (&str, Option<&str>),
) -> Result<(), LinkError> {
    let refused = |code, reason| Err(LinkError::Refused { code, reason });
    match code {
        ConnectReturnCode::Accepted => Ok(()),
        ConnectReturnCode::UnacceptableProtocolVersion => refused(1, "MQTT 3.1.1 not accepted"),
        ConnectReturnCode::IdentifierRejected => refused(2, "client id not accepted"),
        ConnectReturnCode::ServerUnavailable => Err(LinkError::Unavailable),
        ConnectReturnCode::BadUserNameOrPassword | ConnectReturnCode::NotAuthorized => {
            Err(LinkError::Credentials {
                certificate: certificate.map(str::to_owned),
                code: code as u8,
                clock: clock.to_owned(),
            })
        }
    }
}
