//! What the hub does wrong on purpose, over AMQP.

use std::time::{Duration, Instant};

use standin::hub::{Mode, TwinAnswers};

use crate::amqp::frames::{
    ATTACH, Amqp, DETACH, HEARS, SENDS, TRANSFER, annotations, attach, credit, data, properties,
};
use crate::amqp::{MODULE, bench};
use crate::client::{HUB, token, unix_now};

/// A client with both links of its twin.
async fn at_its_twin(bench: &crate::client::Bench) -> Amqp {
    let mut client = Amqp::with_token(bench).await;
    let twin = format!("{MODULE}/twin");
    client.send(&attach(2, SENDS, &twin, &[])).await;
    client.send(&attach(3, HEARS, &twin, &[])).await;
    client.send(&credit(3, 10)).await;
    client
}

fn asking(operation: &str, body: &str) -> Vec<u8> {
    let request = [
        annotations(&[("operation", operation)]),
        properties("", "id-7"),
        data(body.as_bytes()),
    ];
    request.concat()
}

fn status(number: u16) -> Vec<u8> {
    [&b"status\x71\x00\x00"[..], &number.to_be_bytes()].concat()
}

#[tokio::test]
async fn a_good_token_is_refused_as_often_as_asked_and_then_taken() {
    let bench = bench(Mode::EdgeHub).await;
    bench.hub.refuse_logins(1);
    let good = token(
        &format!("{HUB}{MODULE}"),
        &bench.credentials.key,
        unix_now() + 3600,
    );
    let mut client = Amqp::opened(&bench.hub).await;
    let answer = client.put_token(&good).await;
    assert!(
        answer.holds(b"status-code\x71\x00\x00\x01\x91"),
        "{answer:?}"
    );
    let twin = format!("{MODULE}/twin");
    client.send(&attach(2, SENDS, &twin, &[])).await;
    client.until(ATTACH).await;
    client.until(DETACH).await;
    assert_eq!(bench.hub.refused_logins(), 1);
    assert!(!bench.hub.is_connected(&bench.identity));
    let _taken = at_its_twin(&bench).await.until(ATTACH).await;
    assert!(bench.hub.is_connected(&bench.identity));
}

#[tokio::test]
async fn a_late_twin_answers_late_and_a_busy_one_takes_nothing() {
    let bench = bench(Mode::EdgeHub).await;
    let mut client = at_its_twin(&bench).await;
    let late = Duration::from_millis(400);
    bench.hub.answer_twin(TwinAnswers::Late(late));
    let asked = Instant::now();
    client.transfer(2, &asking("GET", " ")).await;
    let answer = client.until(TRANSFER).await;
    assert!(answer.holds(&status(200)), "{answer:?}");
    assert!(asked.elapsed() >= late, "{:?}", asked.elapsed());
    bench.hub.answer_twin(TwinAnswers::Busy);
    client.transfer(2, &asking("PATCH", r#"{"a": 1}"#)).await;
    let answer = client.until(TRANSFER).await;
    assert!(answer.holds(&status(429)), "{answer:?}");
    assert!(bench.hub.twin(&bench.identity).unwrap().reported.is_empty());
    bench.hub.answer_twin(TwinAnswers::AtOnce);
    client.transfer(2, &asking("PATCH", r#"{"a": 1}"#)).await;
    assert!(client.until(TRANSFER).await.holds(&status(204)));
    assert_eq!(bench.hub.twin_requests_met(), 2);
}
