//! Credit, windows and deliveries in pieces.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test picks the one frame it waits for"
)]

use super::super::frame::{Expected, Inbound, Wire};
use super::*;

fn performative(code: u64, fields: Vec<Value>) -> Performative {
    let mut wire = Wire::default();
    wire.feed(&frame::encode(Layer::Amqp, 0, code, fields, &[]));
    match wire.next(Expected::Frame) {
        Some(Inbound::Frame {
            performative: Some(one),
            ..
        }) => one,
        other => panic!("{other:?}"),
    }
}

/// A session whose client takes `window` transfers and has one link.
fn session(role: Role, window: u32) -> Session {
    let uint = Value::Uint;
    let begin = performative(code::BEGIN, vec![Value::Null, uint(5), uint(window)]);
    let mut session = Session::new(0, &begin);
    session.links.insert(1, Link::new(Kind::Inputs, role, true));
    session
}

fn credit(session: &mut Session, credit: u32) {
    let uint = Value::Uint;
    let fields = vec![
        uint(0),
        uint(10),
        uint(5),
        uint(10),
        uint(1),
        uint(0),
        uint(credit),
    ];
    session.flow(&performative(code::FLOW, fields));
}

fn transfer(
    session: &mut Session,
    more: bool,
    payload: &[u8],
) -> Result<Option<(u32, Delivery)>, TransferError> {
    let fields = vec![
        Value::Uint(1),
        Value::Uint(7),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Bool(more),
    ];
    session.transfer(&performative(code::TRANSFER, fields), payload)
}

#[test]
fn a_message_waits_for_credit_and_for_the_window() {
    let mut hears = session(Role::Receiver, 2);
    hears.send(1, vec![0; 100]);
    assert!(hears.pump(512).is_empty());
    credit(&mut hears, 1);
    assert_eq!(hears.pump(512).len(), 1);
    hears.send(1, vec![0; 100]);
    assert!(hears.pump(512).is_empty(), "the credit is used up");
    let mut narrow = session(Role::Receiver, 2);
    credit(&mut narrow, 5);
    narrow.remote_window = 1;
    narrow.send(1, vec![0; 800]);
    assert!(narrow.pump(512).is_empty(), "it takes two transfers");
    narrow.remote_window = 2;
    assert_eq!(narrow.pump(512).len(), 2);
    assert_eq!(narrow.held(), 0);
}

#[test]
fn a_client_that_drains_gets_what_waits_and_its_credit_back() {
    let mut hears = session(Role::Receiver, 10);
    hears.send(1, vec![0; 10]);
    let numbers = [0, 10, 5, 10, 1, 0, 3, 0].map(Value::Uint);
    let fields = [&numbers[..], &[Value::Bool(true)]].concat();
    hears.flow(&performative(code::FLOW, fields));
    let codes: Vec<u8> = hears.pump(512).iter().map(|frame| frame[10]).collect();
    assert_eq!(codes, [0x14, 0x13], "a transfer, then a flow");
    hears.send(1, vec![0; 10]);
    assert!(hears.pump(512).is_empty());
}

#[test]
fn a_delivery_may_come_in_pieces_but_not_without_end() {
    let mut tells = session(Role::Sender, 2);
    assert_eq!(transfer(&mut tells, true, b"ab"), Ok(None));
    let (handle, whole) = transfer(&mut tells, false, b"cd").unwrap().unwrap();
    assert_eq!(
        (handle, whole.bytes.as_slice(), whole.id),
        (1, &b"abcd"[..], 7)
    );
    let piece = vec![0; 60_000];
    let refused = (0..20).find_map(|_| transfer(&mut tells, true, &piece).err());
    assert_eq!(refused, Some(TransferError::TooLarge));
    assert!(tells.held() <= MESSAGE);
}

#[test]
fn a_sender_is_given_credit_before_it_runs_out() {
    let mut tells = session(Role::Sender, 2);
    assert_eq!(tells.renew().len(), 1);
    assert!(tells.renew().is_empty());
    let renewals: usize = (0..CREDIT)
        .map(|_| {
            transfer(&mut tells, false, b"").unwrap();
            tells.renew().len()
        })
        .sum();
    assert_eq!(renewals, 2);
}

#[test]
fn a_transfer_to_nowhere_is_none() {
    let mut hears = session(Role::Receiver, 2);
    assert_eq!(transfer(&mut hears, false, b""), Err(TransferError::NoLink));
}
