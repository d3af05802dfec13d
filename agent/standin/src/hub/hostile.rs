//! Damaged conversations against decoder and session: nothing panics, every byte is taken once, and no client makes the hub
//! answer more than a little for what it sent. `scripts/fuzz.sh` plays ten million of them. No product has this module.

#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is how a promise is found broken"
)]

use std::sync::Arc;

use damage::Dice;

use super::entrance::Transport;
use super::event::DisconnectReason;
use super::identity::Identity;
use super::limits::Mode;
use super::registry::Registry;
use super::session::{Reaction, Session, Shared, TlsFacts};
use super::wire::{Outbound, Wire};

pub use super::amqp::hostile::campaign as amqp;

/// Conversations of the quick run, which is part of every test run.
#[cfg(test)]
pub(super) const QUICK: u64 = 20_000;

/// A token for `d1/m1` of `h.azure-devices.net` under the key 00 01 … 1f, as in the tests of `sas`.
pub(super) const TOKEN: &str = "SharedAccessSignature sr=h.azure-devices.net%2Fdevices%2Fd1%2Fmodules%2Fm1&sig=vqA3ZHzuMwDjToRjN4jw9yEGqgXmG97O98jLNRZBvKE%3D&se=2000000000";

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    loop {
        let digit = u8::try_from(rest % 128).unwrap();
        rest /= 128;
        bytes.push(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

fn publish(flags: u8, topic: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = text(topic);
    if flags & 0b110 != 0 {
        bytes.extend([0, 7]);
    }
    bytes.extend(body);
    packet(0x30 | flags, &bytes)
}

/// A login that is let in, and packets of every kind that a client may send after it.
fn corpus() -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut connect = text("MQTT");
    connect.extend([4, 0xc0, 0, 60]);
    let user = "h.azure-devices.net/d1/m1/?api-version=2021-04-12&DeviceClientType=a.b.c%20sdk";
    for part in ["d1/m1", user, TOKEN] {
        connect.extend(text(part));
    }
    let events = "devices/d1/modules/m1/messages/events/";
    let reported = "$iothub/twin/PATCH/properties/reported/?$rid=2";
    let mut subscribe = vec![0, 9];
    for filter in [
        "$iothub/twin/res/#",
        "$iothub/methods/POST/#",
        "devices/d1/modules/m1/inputs/#",
    ] {
        subscribe.extend(text(filter));
        subscribe.push(1);
    }
    let mut unsubscribe = vec![0, 10];
    unsubscribe.extend(text("$iothub/twin/res/#"));
    let packets = vec![
        publish(0, &format!("{events}$.on=out&a=b%20c"), b"{\"t\": 21.5}"),
        publish(2, &format!("{events}$.ct=application%2Fjson"), &[0xff; 300]),
        publish(4, events, b"x"),
        publish(0x0b, events, b"again"),
        publish(2, "$iothub/twin/GET/?$rid=1", b" "),
        publish(2, reported, br#"{"a": {"b": [1, "x", null]}, "c": null}"#),
        publish(0, "$iothub/methods/res/200/?$rid=1", b"{}"),
        packet(0x82, &subscribe),
        packet(0xa2, &unsubscribe),
        vec![0xc0, 0],
        vec![0xe0, 0],
        vec![0x40, 2, 0, 7],
        vec![0x62, 2, 0, 7],
    ];
    (packet(0x10, &connect), packets)
}

/// One to six packets, damaged in up to eight places.
pub(super) fn conversation(dice: &mut Dice, login: &[u8], packets: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if dice.below(8) > 0 {
        bytes.extend(login);
    }
    for _ in 0..dice.below(6) {
        bytes.extend(&packets[dice.below(packets.len())]);
    }
    // Most damage goes behind the login, else nobody would ever get in.
    let from = if dice.below(4) > 0 {
        login.len().min(bytes.len())
    } else {
        0
    };
    for _ in 0..dice.below(9) {
        let room = bytes.len() - from;
        let at = from + if room > 0 { dice.below(room) } else { 0 };
        match dice.below(6) {
            0 if room > 0 => bytes[at] = dice.byte(),
            1 if room > 0 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes.insert(at, dice.byte()),
            3 if room > 0 => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            _ => {
                let end = (at + dice.below(40)).min(bytes.len());
                let piece = bytes[at.min(end)..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// Plays one conversation as a connection does; what came back, in bytes.
fn play(dice: &mut Dice, shared: &Arc<Shared>, bytes: &[u8]) -> usize {
    let tls = TlsFacts {
        version: String::new(),
        suite: String::new(),
        server_name: None,
        shown: None,
        transport: Transport::Mqtt,
    };
    let mut wire = Wire::new(shared.mode.packet());
    let mut session = Session::new(Arc::clone(shared), tls);
    let mut said = 0;
    let mut rest = bytes;
    'talk: while !rest.is_empty() {
        // As the network cuts them.
        let chunk = 1 + dice.below(rest.len().min(64));
        let (mut chunk, later) = rest.split_at(chunk);
        rest = later;
        while !chunk.is_empty() {
            let (packets, taken) = wire.feed(chunk);
            assert!(taken > 0 && taken <= chunk.len(), "bytes are taken once");
            chunk = &chunk[taken..];
            for packet in packets {
                for reaction in session.receive(packet, 0) {
                    match reaction {
                        Reaction::Send(outbound) => {
                            let is_answer = !matches!(outbound, Outbound::Refuse);
                            let bytes = wire.encode(outbound);
                            said += bytes.map_or(0, |bytes| bytes.len());
                            assert!(is_answer || said <= 4, "a refusal is the last word");
                        }
                        Reaction::Raw(bytes) => said += bytes.len(),
                        Reaction::Close(_) => break 'talk,
                        // Nothing is wrong on purpose here, so no answer is late.
                        Reaction::Emit(_) | Reaction::Opened(_) | Reaction::Later(..) => {}
                    }
                }
            }
        }
    }
    let _told = session.end(DisconnectReason::Lost);
    said
}

/// Plays so many conversations of MQTT, tells the caller after each, and answers how many were answered with more than the
/// word that lets a client in. The same seed plays the same ones.
///
/// # Panics
/// A promise is broken, or the damage kept nearly everybody out.
pub fn mqtt(conversations: u64, seed: u64, after: &mut dyn FnMut()) -> u64 {
    let key = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let identity = Identity::module("d1", "m1");
    let shared = |mode| {
        let registry = Registry::default();
        registry.register(&identity, key, "g".to_owned());
        Arc::new(Shared {
            host: "h.azure-devices.net".to_owned(),
            names: Vec::new(),
            mode,
            registry,
            #[cfg(feature = "hub")]
            service: crate::hub::service::Service::new().unwrap(),
        })
    };
    let hubs = [shared(Mode::EdgeHub), shared(Mode::IotHub)];
    let (login, packets) = corpus();
    let mut dice = Dice::new(seed);
    let mut answered: u64 = 0;
    for number in 0..conversations {
        let bytes = conversation(&mut dice, &login, &packets);
        let hub = &hubs[usize::from(number % 2 == 1)];
        let said = play(&mut dice, hub, &bytes);
        // The whole twin, of 32 KB a half, for every request of some thirty bytes is the most there is.
        let most = 4 + bytes.len() / 20 * 70_000;
        assert!(said <= most, "{said} bytes of answer to {bytes:02x?}");
        answered += u64::from(said > 4);
        after();
    }
    // Else the damage kept everybody out, and nothing behind the door was tried.
    assert!(
        answered > conversations / 10,
        "only {answered} got an answer"
    );
    answered
}

#[test]
fn damaged_conversations_are_answered_or_ended() {
    mqtt(QUICK, 0x5eed, &mut || {});
}
