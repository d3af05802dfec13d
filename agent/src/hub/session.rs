//! One MQTT session as a machine without I/O: bytes, times and requests in, bytes and events out.
//!
//! Each link gets a fresh protocol object. The one of the last link may hold half a packet that
//! the cut left behind, and its store forgets everything when the hub knows no session; what must
//! survive lives in [`Outbox`] and [`Requests`] instead.

mod incoming;

use std::collections::VecDeque;
use std::time::Duration;

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event, TimerKind};
use mqtt_protocol_core::mqtt::packet::v3_1_1;
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Qos};
use mqtt_protocol_core::mqtt::result_code::MqttError;
use mqtt_protocol_core::mqtt::{Connection, Version, role};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::desired::Desired;
use super::error::LinkError;
use super::limits::MAX_MESSAGE_BYTES;
use super::method::MethodResult;
use super::outbox::Outbox;
use super::requests::Requests;
use super::topics;
use super::wire::Wire;
use super::{FromHub, HubError};

/// Keep-alive in seconds. Below the four minutes after which the cloud's load balancers forget an
/// idle connection, and short enough that a dead link is known within 90 s.
const KEEP_ALIVE: u16 = 60;

/// How long a ping may stay unanswered while nothing of ours is leaving either.
const PING_PATIENCE: Duration = Duration::from_secs(30);

/// How long CONNACK and SUBACK may take; edgeHub may have to ask its hub first.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(30);

/// How long a message may stay unacknowledged on a link that otherwise works: the operation
/// timeout of the C# SDK. Then a new link is better than more waiting.
const ACK_PATIENCE: Duration = Duration::from_secs(240);

/// Events that may wait for the application before no more is read from the hub.
const MAX_EVENTS: usize = 16;

/// Bytes that may wait for the network before the next message is copied behind them.
const MAX_WAITING_BYTES: usize = 16 * 1024;

/// What a CONNECT says.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) client_id: String,
    pub(super) user_name: String,
    /// A token; none where a certificate logs in.
    pub(super) password: Option<String>,
    /// The device's time when the password was made, for the case that it is refused.
    pub(super) clock: String,
    /// Thumbprint of the certificate that was shown, for the same case.
    pub(super) certificate: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Down,
    Connecting { by: Instant },
    Subscribing { by: Instant },
    Ready { since: Instant },
    Leaving,
}

/// The client's side of the session, across links.
pub(super) struct Session {
    mqtt: Connection<role::Client>,
    phase: Phase,
    pub(super) wire: Wire,
    pub(super) outbox: Outbox,
    pub(super) requests: Requests,
    desired: Desired,
    /// What the application has yet to hear.
    pub(super) events: VecDeque<FromHub>,
    results: mpsc::UnboundedSender<MethodResult>,
    /// Counts links, so that a method's result never goes to a later one.
    link: u64,
    clock: String,
    certificate: Option<String>,
    holding: bool,
    ping_at: Option<Instant>,
    pong_by: Option<Instant>,
}

impl Session {
    /// A session without a link; results of methods come back over `results`.
    pub(super) fn new(results: mpsc::UnboundedSender<MethodResult>) -> Session {
        Session {
            mqtt: fresh(),
            phase: Phase::Down,
            wire: Wire::default(),
            outbox: Outbox::default(),
            requests: Requests::new(),
            desired: Desired::default(),
            events: VecDeque::new(),
            results,
            link: 0,
            clock: String::new(),
            certificate: None,
            holding: false,
            ping_at: None,
            pong_by: None,
        }
    }

    /// A new link exists: say who we are.
    pub(super) fn begin(&mut self, login: Login, now: Instant) -> Result<(), LinkError> {
        self.mqtt = fresh();
        self.wire = Wire::default();
        self.desired.reset();
        self.link += 1;
        self.clock = login.clock;
        self.certificate = login.certificate;
        self.holding = false;
        let connect = v3_1_1::Connect::builder()
            .client_id(login.client_id)
            .and_then(|packet| packet.user_name(login.user_name))
            .and_then(|packet| match login.password {
                Some(password) => packet.password(password.into_bytes()),
                None => Ok(packet),
            })
            .and_then(|packet| packet.clean_session(false).keep_alive(KEEP_ALIVE).build())
            .map_err(protocol)?;
        let by = now + HANDSHAKE_PATIENCE;
        self.phase = Phase::Connecting { by };
        let events = self.mqtt.checked_send(connect);
        self.obey(events, now)
    }

    /// The link is gone. What was on it goes out again on the next.
    pub(super) fn end(&mut self, now: Instant) {
        self.phase = Phase::Down;
        self.wire = Wire::default();
        self.outbox.link_lost();
        self.requests.link_lost(now);
        self.ping_at = None;
        self.pong_by = None;
    }

    /// No new message or report leaves until the next link.
    pub(super) fn hold(&mut self) {
        self.holding = true;
    }

    /// Says goodbye; the link may be closed once [`Session::wire`] is empty.
    pub(super) fn leave(&mut self, now: Instant) -> Result<(), LinkError> {
        self.phase = Phase::Leaving;
        let events = self.mqtt.checked_send(v3_1_1::Disconnect::new());
        self.obey(events, now)
    }

    /// Since when the link has been usable; `None` while it is not.
    pub(super) fn ready_since(&self) -> Option<Instant> {
        match self.phase {
            Phase::Ready { since } => Some(since),
            Phase::Down | Phase::Connecting { .. } | Phase::Subscribing { .. } | Phase::Leaving => {
                None
            }
        }
    }

    /// Nothing sent on this link waits for its acknowledgement.
    pub(super) fn is_quiet(&self) -> bool {
        self.outbox.in_flight() == 0 && !self.requests.report_asked()
    }

    /// Nothing at all waits to be sent or acknowledged.
    pub(super) fn is_done(&self) -> bool {
        self.outbox.is_empty() && self.requests.waiting_reports() == 0
    }

    /// Whether more should be read; not while the application is behind, nor while the hub does not take our answers.
    pub(super) fn wants_input(&self) -> bool {
        self.events.len() < MAX_EVENTS && !self.wire.is_crowded()
    }

    /// Takes what came from the hub.
    pub(super) fn receive(&mut self, bytes: &[u8], now: Instant) -> Result<(), LinkError> {
        let mut cursor = Cursor::new(bytes);
        let length = bytes.len() as u64;
        while cursor.position() < length {
            let before = cursor.position();
            let events = self.mqtt.recv(&mut cursor);
            self.obey(events, now)?;
            if cursor.position() == before {
                return Err(malformed("a packet that cannot be read"));
            }
        }
        Ok(())
    }

    /// Bytes left for the hub: a slow uplink is not a dead one.
    pub(super) fn progressed(&mut self, now: Instant) {
        if let Some(by) = &mut self.pong_by {
            *by = now + PING_PATIENCE;
        }
    }

    /// When [`Session::tick`] is to be called at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Connecting { by } | Phase::Subscribing { by } => Some(by),
            Phase::Down | Phase::Ready { .. } | Phase::Leaving => None,
        };
        let requests = match (self.phase, self.holding) {
            (Phase::Ready { .. }, false) => self.requests.deadline(),
            _ => None,
        };
        let acknowledged = self.outbox.oldest().map(|sent| sent + ACK_PATIENCE);
        [phase, requests, acknowledged, self.ping_at, self.pong_by]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what time demands.
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), LinkError> {
        let late = |what, after| Err(LinkError::Timeout { what, after });
        match self.phase {
            Phase::Connecting { by } if by <= now => return late("CONNACK", HANDSHAKE_PATIENCE),
            Phase::Subscribing { by } if by <= now => return late("SUBACK", HANDSHAKE_PATIENCE),
            Phase::Down
            | Phase::Connecting { .. }
            | Phase::Subscribing { .. }
            | Phase::Ready { .. }
            | Phase::Leaving => {}
        }
        if self
            .outbox
            .oldest()
            .is_some_and(|sent| sent + ACK_PATIENCE <= now)
        {
            return late("acknowledgement of a message", ACK_PATIENCE);
        }
        if self.pong_by.is_some_and(|by| by <= now) {
            return late("answer to a ping", PING_PATIENCE);
        }
        if self.ping_at.is_some_and(|at| at <= now) {
            self.ping_at = None;
            let events = self.mqtt.notify_timer_fired(TimerKind::PingreqSend);
            self.obey(events, now)?;
        }
        if self.ready_since().is_some() {
            self.requests.tick(now);
        }
        Ok(())
    }

    /// Moves what may leave now to the wire.
    pub(super) fn pump(&mut self, now: Instant) -> Result<(), LinkError> {
        if self.ready_since().is_none() || self.holding {
            return Ok(());
        }
        while self.wire.waiting() < MAX_WAITING_BYTES {
            if let Some(ask) = self.requests.due(now) {
                self.publish_once(ask.topic, ask.body, now)?;
            } else if !self.publish_next(now)? {
                break;
            }
        }
        Ok(())
    }

    /// Sends a method's result, unless the call came over an earlier link.
    pub(super) fn reply(&mut self, result: MethodResult, now: Instant) -> Result<(), LinkError> {
        if result.link != self.link || self.ready_since().is_none() {
            return Ok(());
        }
        let topic = topics::method_result(result.status, &result.request);
        self.publish_once(topic, result.body, now)
    }

    fn publish_once(
        &mut self,
        topic: String,
        body: Vec<u8>,
        now: Instant,
    ) -> Result<(), LinkError> {
        let packet = v3_1_1::Publish::builder()
            .topic_name(topic)
            .and_then(|packet| packet.qos(Qos::AtMostOnce).payload(body).build())
            .map_err(protocol)?;
        let events = self.mqtt.checked_send(packet);
        self.obey(events, now)
    }

    /// Publishes the next message of the outbox; false if there is none.
    fn publish_next(&mut self, now: Instant) -> Result<bool, LinkError> {
        let Some(next) = self.outbox.next() else {
            return Ok(false);
        };
        let id = match next.packet {
            Some(id) => id,
            None => self.mqtt.acquire_packet_id().map_err(protocol)?,
        };
        let packet = v3_1_1::Publish::builder()
            .topic_name(next.topic)
            .and_then(|packet| {
                let packet = packet.qos(Qos::AtLeastOnce).packet_id(id);
                packet.dup(next.packet.is_some()).payload(next.body).build()
            });
        match packet {
            Ok(packet) => {
                self.outbox.sent(id, now);
                let events = self.mqtt.checked_send(packet);
                self.obey(events, now)?;
            }
            Err(error) => {
                let mistakes = vec![error.to_string()];
                self.outbox.refuse(HubError::Invalid {
                    what: "message",
                    mistakes,
                });
                let events = self.mqtt.release_packet_id(id);
                self.obey(events, now)?;
            }
        }
        Ok(true)
    }

    /// Does what the protocol object asks, in the order in which it asks.
    fn obey(&mut self, events: Vec<Event>, now: Instant) -> Result<(), LinkError> {
        let mut failure = None;
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    self.wire.push(packet.to_continuous_buffer());
                }
                Event::NotifyPacketReceived(packet) => self.take(packet, now)?,
                Event::RequestTimerReset { kind, duration_ms } => {
                    if kind == TimerKind::PingreqSend {
                        self.ping_at = Some(now + Duration::from_millis(duration_ms));
                    } else if kind == TimerKind::PingrespRecv {
                        self.pong_by = Some(now + Duration::from_millis(duration_ms));
                    }
                }
                Event::RequestTimerCancel(kind) => {
                    if kind == TimerKind::PingreqSend {
                        self.ping_at = None;
                    } else if kind == TimerKind::PingrespRecv {
                        self.pong_by = None;
                    }
                }
                Event::NotifyPacketIdReleased(_) => {}
                Event::NotifyError(error) => failure = Some(protocol(error)),
                Event::RequestClose if self.phase == Phase::Leaving => {}
                Event::RequestClose => {
                    failure.get_or_insert_with(|| malformed("the protocol demands a close"));
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

fn fresh() -> Connection<role::Client> {
    let limit = u32::try_from(MAX_MESSAGE_BYTES).expect("256 KiB fits 32 bits");
    let options = ConnectionOptions::new().maximum_packet_size_recv(limit);
    let mut mqtt = Connection::with_options(Version::V3_1_1, options);
    // Automatic answers panic on packet id 0 (version 0.7.9): we check and answer ourselves.
    mqtt.set_auto_pub_response(false);
    let patience = u64::try_from(PING_PATIENCE.as_millis()).expect("half a minute fits 64 bits");
    mqtt.set_pingresp_recv_timeout(patience);
    mqtt
}

fn protocol(error: MqttError) -> LinkError {
    malformed(&error.to_string())
}

fn malformed(reason: &str) -> LinkError {
    LinkError::Protocol {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod hostile_bytes;
#[cfg(test)]
mod tests;
