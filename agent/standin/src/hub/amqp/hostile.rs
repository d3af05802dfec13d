//! Damaged AMQP conversations: nothing panics, and no client makes the hub hold or say more than its bounds.
//! `scripts/fuzz.sh` plays ten million of them. No product has this module.

#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is how a promise is found broken"
)]

use std::sync::Arc;

use damage::Dice;

use super::address::Role;
use super::conversation::{Conversation, Step};
use super::frame::{self, Layer, code};
use super::link::MESSAGE;
use super::message::{Body, Message};
use super::value::Value;
use crate::hub::entrance::Transport;
use crate::hub::event::{DisconnectReason, HubEvent};
#[cfg(test)]
use crate::hub::hostile::QUICK;
use crate::hub::hostile::{TOKEN, conversation};
use crate::hub::identity::Identity;
use crate::hub::limits::Mode;
use crate::hub::registry::Registry;
use crate::hub::session::{Shared, TlsFacts};

const MODULE: &str = "/devices/d1/modules/m1";

fn amqp(code: u64, fields: Vec<Value>, payload: &[u8]) -> Vec<u8> {
    frame::encode(Layer::Amqp, 0, code, fields, payload)
}

fn attach(handle: u32, role: Role, address: &str) -> Vec<u8> {
    let end = || Value::composite(0x28, vec![Value::text(address)]);
    let mut fields = vec![Value::Null; 14];
    fields[0] = Value::text(&format!("link-{handle}"));
    fields[1] = Value::Uint(handle);
    fields[2] = Value::Bool(role == Role::Receiver);
    (fields[5], fields[6]) = (end(), end());
    fields[13] = Value::Map(vec![(
        Value::symbol("com.microsoft:client-version"),
        Value::text("sdk a.b.c"),
    )]);
    amqp(code::ATTACH, fields, &[])
}

fn transfer(handle: u32, message: &Message) -> Vec<u8> {
    let fields = vec![
        Value::Uint(handle),
        Value::Uint(handle),
        Value::Binary(vec![1].into()),
        Value::Uint(0),
    ];
    amqp(code::TRANSFER, fields, &message.bytes())
}

fn flow(handle: u32) -> Vec<u8> {
    let numbers = [0, 2000, 0, 2000, handle, 0, 50];
    amqp(code::FLOW, numbers.map(Value::Uint).to_vec(), &[])
}

/// A login that is let in, and frames of every kind that a client may send after it.
fn corpus() -> (Vec<u8>, Vec<Vec<u8>>) {
    let uint = Value::Uint;
    let mut token = Message::new(b"");
    token.body = Body::Value(Value::text(TOKEN));
    token.application = Value::Map(vec![
        (Value::text("operation"), Value::text("put-token")),
        (
            Value::text("type"),
            Value::text("servicebus.windows.net:sastoken"),
        ),
        (
            Value::text("name"),
            Value::text("h.azure-devices.net/devices/d1/modules/m1"),
        ),
    ]);
    let twin = format!("{MODULE}/twin");
    let events = format!("{MODULE}/messages/events");
    let login = [
        b"AMQP\x00\x01\x00\x00".to_vec(),
        amqp(code::OPEN, vec![Value::text("me")], &[]),
        amqp(
            code::BEGIN,
            vec![Value::Null, uint(0), uint(2000), uint(2000)],
            &[],
        ),
        attach(0, Role::Sender, "$cbs"),
        attach(1, Role::Receiver, "$cbs"),
        flow(1),
        transfer(0, &token),
        attach(2, Role::Sender, &twin),
        attach(3, Role::Receiver, &twin),
        flow(3),
        attach(4, Role::Sender, &events),
    ]
    .concat();
    let mut request = Message::new(b" ").correlated(Value::text("7"));
    let operation = |name: &str| Value::Map(vec![(Value::symbol("operation"), Value::text(name))]);
    request.annotations = operation("GET");
    let mut patch = Message::new(br#"{"a": {"b": [1, null]}}"#).correlated(Value::Ulong(1));
    patch.annotations = operation("PATCH");
    let frames = vec![
        transfer(2, &request),
        transfer(2, &patch),
        transfer(4, &Message::new(b"{\"t\": 21.5}")),
        transfer(4, &Message::new(&[0xff; 300])),
        attach(5, Role::Receiver, &events),
        attach(6, Role::Receiver, &format!("{MODULE}/methods/devicebound")),
        attach(7, Role::Sender, "/nowhere"),
        flow(3),
        amqp(code::DISPOSITION, vec![Value::Bool(true), uint(0)], &[]),
        amqp(code::DETACH, vec![uint(4), Value::Bool(true)], &[]),
        amqp(code::END, Vec::new(), &[]),
        amqp(code::CLOSE, Vec::new(), &[]),
        frame::sign_of_life(),
    ];
    (login, frames)
}

/// Plays one conversation as a connection does; how many bytes came back, and whether the client got in.
fn play(dice: &mut Dice, shared: &Arc<Shared>, bytes: &[u8]) -> (usize, bool) {
    let tls = TlsFacts {
        version: String::new(),
        suite: String::new(),
        server_name: None,
        shown: None,
        transport: Transport::Amqp,
    };
    let mut talk = Conversation::new(Arc::clone(shared), tls);
    let (mut said, mut is_in, mut is_over) = (0, false, false);
    let mut rest = bytes;
    while !rest.is_empty() {
        // As the network cuts them.
        let (chunk, later) = rest.split_at(1 + dice.below(rest.len().min(64)));
        rest = later;
        talk.feed(chunk);
        while let Some(steps) = talk.react(0) {
            let held: usize = talk.sessions.values().map(super::link::Session::held).sum();
            assert!(held <= 3 * MESSAGE, "{held} bytes are held");
            for step in steps {
                assert!(!is_over, "nothing follows the end");
                match step {
                    Step::Send(bytes) => said += bytes.len(),
                    Step::Emit(HubEvent::Connected(_)) => is_in = true,
                    Step::Close(_) => is_over = true,
                    Step::Emit(_)
                    | Step::Later(..)
                    | Step::Open(_)
                    | Step::LoggedIn(_)
                    | Step::TokenLife(_) => {}
                }
            }
        }
    }
    let _told = talk.end(DisconnectReason::Lost);
    (said, is_in)
}

/// Plays so many conversations of AMQP, tells the caller after each, and answers how many clients got in. The same seed plays
/// the same ones.
///
/// # Panics
/// A promise is broken, or the damage kept nearly everybody out.
pub fn campaign(conversations: u64, seed: u64, after: &mut dyn FnMut()) -> u64 {
    let key = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let shared = |mode| {
        let registry = Registry::default();
        registry.register(&Identity::module("d1", "m1"), key, "g".to_owned());
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
    let (login, frames) = corpus();
    let mut dice = Dice::new(seed);
    let mut entered: u64 = 0;
    for number in 0..conversations {
        let bytes = conversation(&mut dice, &login, &frames);
        let hub = &hubs[usize::from(number % 2 == 1)];
        let (said, is_in) = play(&mut dice, hub, &bytes);
        // The whole twin, of 32 KB a half, for every request is the most there is.
        let most = 4096 + bytes.len() / 20 * 70_000;
        assert!(said <= most, "{said} bytes of answer to {bytes:02x?}");
        entered += u64::from(is_in);
        after();
    }
    // Else the damage kept everybody out, and nothing behind the door was tried.
    assert!(entered > conversations / 10, "only {entered} got in");
    entered
}

#[test]
fn damaged_conversations_are_answered_or_ended() {
    campaign(QUICK, 0x5eed, &mut || {});
}
