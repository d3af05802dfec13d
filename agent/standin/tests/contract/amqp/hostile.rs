//! Clients that speak AMQP badly, or not at all: each is named and sent away, and the hub goes on.

use standin::hub::{DisconnectReason, Identity, Mode, Rule};

use super::frames::{
    ATTACH, Amqp, CLOSE, DETACH, DISPOSITION, HEADER, HEARS, NULL, OPEN, SENDS, annotations,
    attach, begin, data, described, frame, list, map, open, performative, properties, symbol,
    transfer,
};
use super::{MODULE, bench};
use crate::client::Bench;
use crate::{end, rule};

/// What an opened connection says; the rule under which it ends.
async fn ends_under(bench: &mut Bench, said: &[u8]) -> Rule {
    let mut client = Amqp::opened(&bench.hub).await;
    client.send(said).await;
    let broken = rule(bench).await;
    while client.seen().await.is_some() {}
    broken
}

#[tokio::test]
async fn other_protocols_are_answered_with_what_is_served() {
    let mut bench = bench(Mode::EdgeHub).await;
    for (header, wanted) in [
        (b"AMQP\x00\x00\x09\x01", Rule::UnservedProtocol),
        (b"AMQP\x02\x01\x00\x00", Rule::UnservedProtocol),
        (b"GET / HT", Rule::Malformed),
    ] {
        let mut client = Amqp::dial(&bench.hub).await;
        client.send(header).await;
        let answer = client.header().await;
        assert_eq!(answer.as_ref(), Some(b"AMQP\x03\x01\x00\x00"));
        assert!(client.header().await.is_none());
        assert_eq!(rule(&mut bench).await, wanted);
    }
}

#[tokio::test]
async fn frames_that_are_none_end_the_connection() {
    let mut bench = bench(Mode::EdgeHub).await;
    let deep = (0..2000).fold(NULL.to_vec(), |inner, _| list(&[inner]));
    let deep = map(&[symbol("a"), deep]);
    let fields: Vec<Vec<u8>> = (0..9).map(|_| NULL.to_vec()).chain([deep]).collect();
    let claims = |code: u8| [&[code, 0xff, 0xff, 0xff, 0xf0][..], NULL].concat();
    for (what, said, wanted) in [
        ("larger than any frame", vec![0xff; 8], Rule::TooLarge),
        ("smaller than its header", vec![0, 0, 0, 4], Rule::Malformed),
        ("no value", frame(0, &[0x4f]), Rule::Malformed),
        ("no performative", frame(0, NULL), Rule::Malformed),
        (
            "unknown performative",
            performative(0x7f, &[], &[]),
            Rule::Malformed,
        ),
        ("a second open", open(None), Rule::Malformed),
        (
            "a layer of its own",
            frame(1, &described(0x41, &list(&[]))),
            Rule::Malformed,
        ),
        (
            "values without end",
            performative(0x12, &fields, &[]),
            Rule::Malformed,
        ),
        (
            "a text of four billion",
            frame(0, &claims(0xb1)),
            Rule::Malformed,
        ),
        (
            "a list of four billion",
            frame(0, &claims(0xd0)),
            Rule::Malformed,
        ),
        ("a session twice", begin(), Rule::Malformed),
        (
            "a transfer to nowhere",
            transfer(9, 1, false, &[]),
            Rule::Malformed,
        ),
        (
            "a handle beyond the limit",
            attach(40, SENDS, "$cbs", &[]),
            Rule::Malformed,
        ),
    ] {
        assert_eq!(ends_under(&mut bench, &said).await, wanted, "{what}");
    }
}

#[tokio::test]
async fn an_open_comes_first_and_asks_for_no_hurry() {
    let mut bench = bench(Mode::EdgeHub).await;
    let mut client = Amqp::dial(&bench.hub).await;
    client.send(&[&HEADER[..], &begin()].concat()).await;
    assert_eq!(rule(&mut bench).await, Rule::ConnectFirst);
    let mut client = Amqp::dial(&bench.hub).await;
    client.send(&[&HEADER[..], &open(Some(100))].concat()).await;
    client.header().await.unwrap();
    assert_eq!(client.seen().await.unwrap().code, OPEN);
    assert_eq!(client.seen().await.unwrap().code, CLOSE);
    assert_eq!(rule(&mut bench).await, Rule::Malformed);
}

#[tokio::test]
async fn a_client_that_asks_for_signs_of_life_gets_them() {
    let bench = bench(Mode::EdgeHub).await;
    let mut client = Amqp::dial(&bench.hub).await;
    client
        .send(&[&HEADER[..], &open(Some(5000))].concat())
        .await;
    client.header().await.unwrap();
    assert_eq!(client.seen().await.unwrap().code, OPEN);
    let sign = client.seen().await.unwrap();
    assert_eq!(sign.bytes, [2, 0, 0, 0]);
}

#[tokio::test]
async fn links_to_where_nothing_is_are_refused_and_the_connection_goes_on() {
    let mut bench = bench(Mode::EdgeHub).await;
    bench.hub.register(&Identity::module("d1", "m2")).unwrap();
    let mut client = Amqp::with_token(&bench).await;
    for (address, hears, wanted) in [
        ("$management", SENDS, Rule::UnknownTopic),
        ("/devices/d1/modules/m1/files", HEARS, Rule::UnknownFilter),
        (
            "/devices/d1/modules/m2/messages/events",
            SENDS,
            Rule::NoPassword,
        ),
    ] {
        client.send(&attach(7, hears, address, &[])).await;
        client.until(ATTACH).await;
        client.until(DETACH).await;
        assert_eq!(rule(&mut bench).await, wanted, "{address}");
    }
    client
        .send(&attach(8, SENDS, &format!("{MODULE}/messages/events"), &[]))
        .await;
    client.until(ATTACH).await;
    let other = "/devices/d1/modules/m2/messages/events";
    client.send(&attach(9, SENDS, other, &[])).await;
    assert_eq!(rule(&mut bench).await, Rule::ClientId);
}

#[tokio::test]
async fn messages_beyond_the_limit_are_rejected_and_those_beyond_all_bounds_end_it() {
    let mut bench = bench(Mode::EdgeHub).await;
    let mut client = Amqp::with_token(&bench).await;
    client
        .send(&attach(2, SENDS, &format!("{MODULE}/messages/events"), &[]))
        .await;
    client.until(ATTACH).await;
    let message = data(&vec![b'x'; 300_000]);
    let mut parts = message.chunks(60_000).peekable();
    while let Some(part) = parts.next() {
        client
            .send(&transfer(2, 9, parts.peek().is_some(), part))
            .await;
    }
    let rejected = client.until(DISPOSITION).await;
    assert!(
        rejected.holds(b"amqp:link:message-size-exceeded"),
        "{rejected:?}"
    );
    assert_eq!(rule(&mut bench).await, Rule::TooLarge);
    client.transfer(2, b"\x40").await;
    assert!(client.until(DISPOSITION).await.holds(b"amqp:decode-error"));
    assert_eq!(rule(&mut bench).await, Rule::Malformed);
    for _ in 0..20 {
        client.send(&transfer(2, 10, true, &[0; 60_000])).await;
    }
    assert_eq!(rule(&mut bench).await, Rule::TooLarge);
    assert_eq!(
        end(&mut bench).await,
        DisconnectReason::Violation(Rule::TooLarge)
    );
}

#[tokio::test]
async fn a_client_that_asks_and_never_listens_is_dropped() {
    let mut bench = bench(Mode::EdgeHub).await;
    let large =
        serde_json::json!({"a": "x".repeat(4000), "b": "x".repeat(4000), "c": "x".repeat(4000)});
    bench.hub.set_desired(&bench.identity, &large).unwrap();
    let mut client = Amqp::with_token(&bench).await;
    let twin = format!("{MODULE}/twin");
    client.send(&attach(2, SENDS, &twin, &[])).await;
    client.send(&attach(3, HEARS, &twin, &[])).await;
    let ask = [
        annotations(&[("operation", "GET")]),
        properties("", "1"),
        data(b" "),
    ]
    .concat();
    for _ in 0..1000 {
        client.transfer(2, &ask).await;
    }
    assert_eq!(end(&mut bench).await, DisconnectReason::Stalled);
}

#[tokio::test]
async fn requests_that_say_nothing_are_noted() {
    let mut bench = bench(Mode::EdgeHub).await;
    let mut client = Amqp::with_token(&bench).await;
    client.transfer(0, &data(b"no token")).await;
    let answer = client.until(super::TRANSFER).await;
    assert!(
        answer.holds(b"status-code\x71\x00\x00\x01\x90"),
        "{answer:?}"
    );
    assert_eq!(rule(&mut bench).await, Rule::Token);
    client
        .send(&attach(2, SENDS, &format!("{MODULE}/twin"), &[]))
        .await;
    client.transfer(2, &data(b"?")).await;
    assert_eq!(rule(&mut bench).await, Rule::UnknownTopic);
}
