//! The hub's side for tests: the protocol crate in its server role, and a hub over any stream
//! that does as its script says.

use std::sync::{Arc, Mutex};

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::Event;
use mqtt_protocol_core::mqtt::packet::v3_1_1;
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Packet, Qos};
use mqtt_protocol_core::mqtt::result_code::{ConnectReturnCode, SubackReturnCode};
use mqtt_protocol_core::mqtt::{Connection, Version, role};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Reads and writes packets as a server does.
pub(super) struct Peer {
    mqtt: Connection<role::Server>,
}

impl Peer {
    pub(super) fn new() -> Peer {
        Peer {
            mqtt: Connection::new(Version::V3_1_1),
        }
    }

    /// The packets in `bytes`.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Packet> {
        let mut cursor = Cursor::new(bytes);
        let mut packets = Vec::new();
        while cursor.position() < bytes.len() as u64 {
            for event in self.mqtt.recv(&mut cursor) {
                if let Event::NotifyPacketReceived(packet) = event {
                    packets.push(packet);
                } else if let Event::NotifyError(error) = event {
                    panic!("the client broke the protocol: {error}");
                }
            }
        }
        packets
    }

    /// The bytes of `packet`.
    pub(super) fn write(&mut self, packet: impl Into<Packet>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for event in self.mqtt.send(packet.into()) {
            if let Event::RequestSendPacket { packet, .. } = event {
                bytes.extend(packet.to_continuous_buffer());
            } else if let Event::NotifyError(error) = event {
                panic!("the test broke the protocol: {error}");
            }
        }
        bytes
    }

    /// The bytes of a message with QoS 0.
    pub(super) fn message(&mut self, topic: &str, body: &[u8]) -> Vec<u8> {
        let publish = v3_1_1::Publish::builder().topic_name(topic).unwrap();
        let publish = publish.qos(Qos::AtMostOnce).payload(body).build().unwrap();
        self.write(publish)
    }
}

pub(super) fn connack(code: ConnectReturnCode, session_present: bool) -> v3_1_1::Connack {
    v3_1_1::Connack::builder()
        .return_code(code)
        .session_present(session_present)
        .build()
        .unwrap()
}

pub(super) fn suback(id: u16, codes: [SubackReturnCode; 3]) -> v3_1_1::Suback {
    v3_1_1::Suback::builder()
        .packet_id(id)
        .return_codes(codes.to_vec())
        .build()
        .unwrap()
}

pub(super) fn puback(id: u16) -> v3_1_1::Puback {
    v3_1_1::Puback::builder().packet_id(id).build().unwrap()
}

/// What a scripted hub does on one link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script {
    pub(super) code: ConnectReturnCode,
    pub(super) session_present: bool,
    /// Acknowledge messages.
    pub(super) acknowledge: Acknowledge,
}

/// What a scripted hub does with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acknowledge {
    All,
    None,
    /// Take this many, acknowledge all of them but the last, and cut the link.
    CutAfter(usize),
}

/// What a scripted hub has seen, over all links.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) connects: usize,
    pub(super) disconnects: usize,
    /// Bodies of messages with whether they were marked as duplicates.
    pub(super) messages: Vec<(Vec<u8>, bool)>,
    pub(super) reports: Vec<Vec<u8>>,
}

/// Serves one link by `script` until it ends.
pub(super) async fn serve(mut stream: DuplexStream, script: Script, seen: Arc<Mutex<Seen>>) {
    let mut peer = Peer::new();
    let mut buffer = vec![0; 4096];
    let mut taken = 0;
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let mut answers = Vec::new();
        for packet in peer.read(&buffer[..count]) {
            if let Packet::V3_1_1Publish(publish) = &packet
                && publish.qos() == Qos::AtLeastOnce
            {
                taken += 1;
                let cut = script.acknowledge == Acknowledge::CutAfter(taken);
                let body = publish.payload().as_slice().to_vec();
                seen.lock().unwrap().messages.push((body, publish.dup()));
                if cut {
                    let _ = stream.write_all(&answers).await;
                    return;
                }
                if script.acknowledge != Acknowledge::None {
                    answers.extend(peer.write(puback(publish.packet_id().unwrap())));
                }
            } else {
                answers.extend(answer(&mut peer, &packet, script, &seen));
            }
        }
        if stream.write_all(&answers).await.is_err() {
            return;
        }
    }
}

fn answer(peer: &mut Peer, packet: &Packet, script: Script, seen: &Mutex<Seen>) -> Vec<u8> {
    let mut seen = seen.lock().unwrap();
    if let Packet::V3_1_1Connect(_) = packet {
        seen.connects += 1;
        return peer.write(connack(script.code, script.session_present));
    }
    if let Packet::V3_1_1Subscribe(subscribe) = packet {
        let granted = [SubackReturnCode::SuccessMaximumQos1; 3];
        return peer.write(suback(subscribe.packet_id(), granted));
    }
    if let Packet::V3_1_1Pingreq(_) = packet {
        return peer.write(v3_1_1::Pingresp::new());
    }
    if let Packet::V3_1_1Disconnect(_) = packet {
        seen.disconnects += 1;
    }
    let Packet::V3_1_1Publish(publish) = packet else {
        return Vec::new();
    };
    let topic = publish.topic_name();
    let request = topic.rsplit('=').next().unwrap();
    if topic.contains("GET") {
        let twin = br#"{"desired":{"$version":1},"reported":{"$version":1}}"#;
        return peer.message(&format!("$iothub/twin/res/200/?$rid={request}"), twin);
    }
    seen.reports.push(publish.payload().as_slice().to_vec());
    peer.message(
        &format!("$iothub/twin/res/204/?$rid={request}&$version=2"),
        b"",
    )
}
