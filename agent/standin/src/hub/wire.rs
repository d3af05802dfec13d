//! MQTT 3.1.1 in server role: bytes in, packets of our own out; the only file that knows the MQTT library.
//!
//! Rules kept for the library: automatic acknowledgement stays off (a QoS 1 publish with packet id 0
//! would make it panic), ids are checked here, and its events are passed on in the order given.

use std::time::Duration;

use bytes::Bytes;
use mqtt::common::Cursor;
use mqtt::connection::{ConnectionOptions, Event};
use mqtt::packet::{GenericPacketTrait, Packet, Qos, v3_1_1};
use mqtt::result_code::{ConnectReturnCode, MqttError, SubackReturnCode};
use mqtt_protocol_core::mqtt;

/// CONNECT as the hub needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connect {
    pub(crate) client_id: String,
    pub(crate) user_name: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) keep_alive: Duration,
    pub(crate) clean_session: bool,
    pub(crate) will: Option<Will>,
}

/// What the client left to be said when it vanishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) body: Bytes,
}

/// PUBLISH as the hub needs it; `id` is set and not zero exactly for QoS 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) topic: String,
    pub(crate) body: Bytes,
    pub(crate) id: Option<u16>,
    pub(crate) retain: bool,
    pub(crate) duplicate: bool,
}

/// One thing that the client's bytes meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inbound {
    Connect(Connect),
    Publish(Publication),
    QosTwo {
        topic: String,
    },
    Subscribe {
        id: u16,
        filters: Vec<String>,
        qos: Vec<u8>,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    Ping,
    Disconnect,
    /// Bytes that the library wants sent although the client's packet was refused.
    Answer(Vec<u8>),
    TooLarge,
    Malformed(String),
}

/// What the hub says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outbound {
    Accept {
        session_present: bool,
    },
    Refuse,
    Puback {
        id: u16,
    },
    /// Granted QoS per filter; `None` refuses it.
    Suback {
        id: u16,
        granted: Vec<Option<u8>>,
    },
    Unsuback {
        id: u16,
    },
    Pong,
    Publish {
        topic: String,
        body: Vec<u8>,
    },
}

/// One connection's protocol state.
pub(crate) struct Wire {
    connection: mqtt::Connection<mqtt::role::Server>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl Wire {
    /// A fresh connection that refuses packets over `largest` bytes before it reads their body.
    pub(crate) fn new(largest: u32) -> Self {
        let options = ConnectionOptions::new().maximum_packet_size_recv(largest);
        let mut connection = mqtt::Connection::with_options(mqtt::Version::V3_1_1, options);
        connection.set_auto_pub_response(false);
        connection.set_auto_ping_response(false);
        Self { connection }
    }

    /// Takes bytes up to the end of at most one packet; returns what it meant and how many were taken.
    ///
    /// One packet at a time, because a refused packet must not be followed by another one.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> (Vec<Inbound>, usize) {
        let mut cursor = Cursor::new(bytes);
        let events = self.connection.recv(&mut cursor);
        let taken = usize::try_from(cursor.position()).unwrap_or(bytes.len());
        (events.into_iter().filter_map(inbound).collect(), taken)
    }

    /// Encodes an answer; `None` means the protocol state does not allow it.
    pub(crate) fn encode(&mut self, outbound: Outbound) -> Option<Vec<u8>> {
        let packet = packet(outbound)?;
        let bytes: Vec<u8> = self
            .connection
            .send(packet)
            .into_iter()
            .filter_map(sent)
            .flatten()
            .collect();
        (!bytes.is_empty()).then_some(bytes)
    }
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "timers and closing are the connection's own business; the library's hints are not used"
)]
fn inbound(event: Event) -> Option<Inbound> {
    match event {
        Event::NotifyPacketReceived(packet) => Some(received(&packet)),
        Event::NotifyError(MqttError::PacketTooLarge) => Some(Inbound::TooLarge),
        Event::NotifyError(error) => Some(Inbound::Malformed(error.to_string())),
        event => sent(event).map(Inbound::Answer),
    }
}

fn sent(event: Event) -> Option<Vec<u8>> {
    if let Event::RequestSendPacket { packet, .. } = event {
        return Some(packet.to_continuous_buffer());
    }
    None
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the library's enum also has MQTT 5 and client-bound packets, which never get here"
)]
fn received(packet: &Packet) -> Inbound {
    match packet {
        Packet::V3_1_1Connect(connect) => Inbound::Connect(connection_request(connect)),
        Packet::V3_1_1Publish(publish) => publication(publish),
        Packet::V3_1_1Subscribe(subscribe) => subscription(subscribe),
        Packet::V3_1_1Unsubscribe(unsubscribe) => match unsubscribe.packet_id() {
            0 => Inbound::Malformed("UNSUBSCRIBE with packet id 0".to_owned()),
            id => Inbound::Unsubscribe {
                id,
                filters: unsubscribe
                    .entries()
                    .iter()
                    .map(|f| f.as_str().to_owned())
                    .collect(),
            },
        },
        Packet::V3_1_1Pingreq(_) => Inbound::Ping,
        Packet::V3_1_1Disconnect(_) => Inbound::Disconnect,
        other => Inbound::Malformed(format!("unexpected {}", other.packet_type())),
    }
}

fn connection_request(connect: &v3_1_1::Connect) -> Connect {
    let will = connect.will_topic().map(|topic| Will {
        topic: topic.to_owned(),
        body: Bytes::copy_from_slice(connect.will_payload().unwrap_or_default()),
    });
    Connect {
        client_id: connect.client_id().to_owned(),
        user_name: connect.user_name().map(str::to_owned),
        password: connect.password().map(<[u8]>::to_vec),
        keep_alive: Duration::from_secs(connect.keep_alive().into()),
        clean_session: connect.clean_session(),
        will,
    }
}

fn publication(publish: &v3_1_1::Publish) -> Inbound {
    let id = match (publish.qos(), publish.packet_id()) {
        (Qos::AtMostOnce, _) => None,
        (Qos::AtLeastOnce, None | Some(0)) => {
            return Inbound::Malformed("PUBLISH with packet id 0".to_owned());
        }
        (Qos::AtLeastOnce, Some(id)) => Some(id),
        (Qos::ExactlyOnce, _) => {
            return Inbound::QosTwo {
                topic: publish.topic_name().to_owned(),
            };
        }
    };
    Inbound::Publish(Publication {
        topic: publish.topic_name().to_owned(),
        body: Bytes::copy_from_slice(publish.payload().as_slice()),
        id,
        retain: publish.retain(),
        duplicate: publish.dup(),
    })
}

fn subscription(subscribe: &v3_1_1::Subscribe) -> Inbound {
    let entries = subscribe.entries();
    match subscribe.packet_id() {
        0 => Inbound::Malformed("SUBSCRIBE with packet id 0".to_owned()),
        _ if entries.is_empty() => Inbound::Malformed("SUBSCRIBE without a filter".to_owned()),
        id => Inbound::Subscribe {
            id,
            filters: entries
                .iter()
                .map(|e| e.topic_filter().to_owned())
                .collect(),
            qos: entries.iter().map(|e| e.sub_opts().qos() as u8).collect(),
        },
    }
}

fn packet(outbound: Outbound) -> Option<Packet> {
    Some(match outbound {
        Outbound::Accept { session_present } => {
            connack(ConnectReturnCode::Accepted, session_present)?
        }
        Outbound::Refuse => connack(ConnectReturnCode::NotAuthorized, false)?,
        Outbound::Puback { id } => v3_1_1::Puback::builder().packet_id(id).build().ok()?.into(),
        Outbound::Suback { id, granted } => v3_1_1::Suback::builder()
            .packet_id(id)
            .return_codes(granted.into_iter().map(granted_code).collect())
            .build()
            .ok()?
            .into(),
        Outbound::Unsuback { id } => v3_1_1::Unsuback::builder()
            .packet_id(id)
            .build()
            .ok()?
            .into(),
        Outbound::Pong => v3_1_1::Pingresp::builder().build().ok()?.into(),
        Outbound::Publish { topic, body } => v3_1_1::Publish::builder()
            .topic_name(topic)
            .ok()?
            .qos(Qos::AtMostOnce)
            .payload(body)
            .build()
            .ok()?
            .into(),
    })
}

fn connack(code: ConnectReturnCode, session_present: bool) -> Option<Packet> {
    let connack = v3_1_1::Connack::builder()
        .return_code(code)
        .session_present(session_present)
        .build();
    connack.ok().map(Into::into)
}

fn granted_code(granted: Option<u8>) -> SubackReturnCode {
    match granted {
        Some(0) => SubackReturnCode::SuccessMaximumQos0,
        Some(_) => SubackReturnCode::SuccessMaximumQos1,
        None => SubackReturnCode::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONNECT: &[u8] = &[
        0x10, 0x0f, 0, 4, b'M', b'Q', b'T', b'T', 4, 0, 0, 60, 0, 3, b'd', b'/', b'm',
    ];

    fn all(wire: &mut Wire, mut bytes: &[u8]) -> Vec<Inbound> {
        let mut seen = Vec::new();
        while !bytes.is_empty() {
            let (inbound, taken) = wire.feed(bytes);
            assert!(taken > 0, "bytes must be taken");
            seen.extend(inbound);
            bytes = &bytes[taken..];
        }
        seen
    }

    fn connected() -> Wire {
        let mut wire = Wire::new(300_000);
        assert!(matches!(all(&mut wire, CONNECT)[..], [Inbound::Connect(_)]));
        assert!(
            wire.encode(Outbound::Accept {
                session_present: false
            })
            .is_some()
        );
        wire
    }

    #[test]
    fn a_connect_may_arrive_byte_by_byte() {
        let mut wire = Wire::new(1000);
        let seen: Vec<Inbound> = CONNECT.iter().flat_map(|b| wire.feed(&[*b]).0).collect();
        let [Inbound::Connect(connect)] = &seen[..] else {
            panic!("{seen:?}");
        };
        assert_eq!(connect.client_id, "d/m");
        assert_eq!(connect.keep_alive, Duration::from_secs(60));
    }

    #[test]
    fn a_publish_with_packet_id_zero_is_malformed() {
        let seen = all(&mut connected(), &[0x32, 5, 0, 1, b't', 0, 0]);
        assert!(matches!(seen[..], [Inbound::Malformed(_)]), "{seen:?}");
    }

    #[test]
    fn qos_two_is_seen_as_such_even_with_packet_id_zero() {
        let seen = all(&mut connected(), &[0x34, 5, 0, 1, b't', 0, 0]);
        assert_eq!(
            seen,
            [Inbound::QosTwo {
                topic: "t".to_owned()
            }]
        );
    }

    #[test]
    fn a_packet_over_the_limit_is_refused_by_its_header() {
        let mut wire = Wire::new(1000);
        let seen = all(&mut wire, &[0x30, 0xff, 0xff, 0x7f]);
        assert!(matches!(seen[..], [Inbound::TooLarge]), "{seen:?}");
    }

    #[test]
    fn mqtt_five_is_answered_with_unacceptable_version() {
        let mut five = CONNECT.to_vec();
        five[8] = 5;
        let seen = all(&mut Wire::new(1000), &five);
        assert_eq!(seen[0], Inbound::Answer(vec![0x20, 2, 0, 1]));
        assert!(matches!(seen[1], Inbound::Malformed(_)));
    }

    #[test]
    fn answers_have_the_bytes_of_the_standard() {
        let mut wire = connected();
        assert_eq!(wire.encode(Outbound::Pong), Some(vec![0xd0, 0]));
        assert_eq!(
            wire.encode(Outbound::Puback { id: 258 }),
            Some(vec![0x40, 2, 1, 2])
        );
        let granted = vec![Some(1), None, Some(0)];
        assert_eq!(
            wire.encode(Outbound::Suback { id: 1, granted }),
            Some(vec![0x90, 5, 0, 1, 1, 0x80, 0])
        );
        let refused = Wire::new(1000).encode(Outbound::Refuse);
        assert_eq!(refused, None, "nobody asked to connect");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut fresh = Wire::new(1000);
            let mut up = connected();
            for wire in [&mut fresh, &mut up] {
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (seen, taken) = wire.feed(rest);
                    // What a connection does: a refused packet is the last one.
                    if seen.iter().any(|i| matches!(i, Inbound::Malformed(_) | Inbound::TooLarge | Inbound::QosTwo { .. })) {
                        break;
                    }
                    prop_assert!(taken > 0);
                    rest = &rest[taken..];
                }
            }
        }
    }
}
