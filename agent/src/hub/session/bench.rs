//! A session and the hub's side of it, for tests: no network, no waiting.

use std::sync::Arc;

use mqtt_protocol_core::mqtt::packet::Packet;
use mqtt_protocol_core::mqtt::result_code::ConnectReturnCode::Accepted;
use mqtt_protocol_core::mqtt::result_code::SubackReturnCode;
use tokio::sync::oneshot;

use super::super::HubError;
use super::super::outbox::Message;
use super::super::peer::{Peer, connack, suback};
use super::*;

pub(super) const GRANTED: [SubackReturnCode; 3] = [SubackReturnCode::SuccessMaximumQos1; 3];

pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) peer: Peer,
    pub(super) results: mpsc::UnboundedReceiver<MethodResult>,
    pub(super) now: Instant,
}

pub(super) fn login() -> Login {
    Login {
        client_id: "d/m".into(),
        user_name: "h/d/m/?api-version=2021-04-12".into(),
        password: Some("token".into()),
        clock: "1970-01-01T00:00:00Z".into(),
        certificate: None,
    }
}

impl Bench {
    pub(super) fn new() -> Bench {
        let (sender, results) = mpsc::unbounded_channel();
        Bench {
            session: Session::new(sender),
            peer: Peer::new(),
            results,
            now: Instant::now(),
        }
    }

    /// A session that is connected and subscribed and whose twin has version 4.
    pub(super) fn ready() -> Bench {
        let mut bench = Bench::new();
        bench.link(connack(Accepted, false)).unwrap();
        bench.settle();
        bench
    }

    /// A new link up to and including CONNACK.
    pub(super) fn link(&mut self, connack: v3_1_1::Connack) -> Result<(), LinkError> {
        self.peer = Peer::new();
        self.session.begin(login(), self.now)?;
        self.sent();
        self.hear(connack)
    }

    /// SUBACK and twin; returns what was sent besides.
    pub(super) fn settle(&mut self) -> Vec<Packet> {
        let mut others = Vec::new();
        loop {
            self.session.pump(self.now).unwrap();
            let packets = self.sent();
            if packets.is_empty() {
                self.session.events.clear();
                return others;
            }
            for packet in packets {
                if let Packet::V3_1_1Subscribe(subscribe) = &packet {
                    self.hear(suback(subscribe.packet_id(), GRANTED)).unwrap();
                } else if let Some(request) = request_of(&packet, "twin/GET") {
                    self.answer(200, &request, r#"{"desired":{"$version":4}}"#);
                } else {
                    others.push(packet);
                }
            }
        }
    }

    /// What the session has to send, as packets.
    pub(super) fn sent(&mut self) -> Vec<Packet> {
        let bytes = self.sent_bytes();
        self.peer.read(&bytes)
    }

    pub(super) fn sent_bytes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        while !self.session.wire.is_empty() {
            runtime
                .block_on(self.session.wire.write(&mut bytes))
                .unwrap();
        }
        bytes
    }

    pub(super) fn hear(&mut self, packet: impl Into<Packet>) -> Result<(), LinkError> {
        let bytes = self.peer.write(packet);
        self.session.receive(&bytes, self.now)
    }

    pub(super) fn hear_message(&mut self, topic: &str, body: &str) {
        let bytes = self.peer.message(topic, body.as_bytes());
        self.session.receive(&bytes, self.now).unwrap();
    }

    pub(super) fn answer(&mut self, status: u16, request: &str, body: &str) {
        self.hear_message(&format!("$iothub/twin/res/{status}/?$rid={request}"), body);
    }

    pub(super) fn give(&mut self, text: &str) -> oneshot::Receiver<Result<(), HubError>> {
        let (done, answer) = oneshot::channel();
        let body = Arc::from(text.as_bytes());
        let topic = "devices/d/modules/m/messages/events/".to_owned();
        self.session.outbox.push(Message { topic, body, done });
        answer
    }

    /// Messages that leave now: text, packet id, duplicate flag.
    pub(super) fn messages(&mut self) -> Vec<(String, u16, bool)> {
        self.session.pump(self.now).unwrap();
        publishes(&self.sent())
    }
}

pub(super) fn publishes(packets: &[Packet]) -> Vec<(String, u16, bool)> {
    let mut found = Vec::new();
    for packet in packets {
        if let Packet::V3_1_1Publish(publish) = packet
            && publish.qos() == Qos::AtLeastOnce
        {
            let text = String::from_utf8(publish.payload().as_slice().to_vec()).unwrap();
            found.push((text, publish.packet_id().unwrap(), publish.dup()));
        }
    }
    found
}

pub(super) fn request_of(packet: &Packet, kind: &str) -> Option<String> {
    let Packet::V3_1_1Publish(publish) = packet else {
        return None;
    };
    let topic = publish.topic_name();
    topic
        .contains(kind)
        .then(|| topic.rsplit('=').next().unwrap().to_owned())
}
