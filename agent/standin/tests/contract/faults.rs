//! What the hub does wrong on purpose, and that it is as before afterwards.

use std::time::{Duration, Instant};

use serde_json::json;
use standin::hub::{Hearing, Identity, Mode, TwinAnswers};
use tokio::net::TcpStream;

use crate::client::{Bench, Client, publish, read_publish, subscribe, tls};

const TWIN_GET: &str = "$iothub/twin/GET/?$rid=7";
const TWIN_ANSWERS: &str = "$iothub/twin/res/#";
const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/#";
const REFUSED: [u8; 4] = [0x20, 2, 0, 5];
const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];

async fn bench() -> Bench {
    Bench::new(Mode::EdgeHub, Identity::module("d1", "m1")).await
}

/// A client that hears the answers of its twin.
async fn hearing(bench: &Bench) -> Client {
    let mut client = bench.connected().await;
    client.send(&subscribe(&[TWIN_ANSWERS])).await;
    client.packet().await.unwrap();
    client
}

async fn asked(client: &mut Client) -> (String, String) {
    client.send(&publish(0, TWIN_GET, b"")).await;
    read_publish(&client.packet().await.unwrap())
}

#[tokio::test]
async fn a_login_is_refused_as_often_as_asked_and_then_taken() {
    let bench = bench().await;
    bench.hub.refuse_logins(1);
    let mut refused = bench.dial().await;
    refused.send(&bench.login().bytes()).await;
    assert_eq!(refused.packet().await, Some(REFUSED.to_vec()));
    assert_eq!(refused.packet().await, None);
    assert_eq!(bench.hub.refused_logins(), 1);
    assert!(!bench.hub.is_connected(&bench.identity));
    let mut taken = bench.dial().await;
    taken.send(&bench.login().bytes()).await;
    assert_eq!(taken.packet().await, Some(ACCEPTED.to_vec()));
    assert_eq!(bench.hub.refused_logins(), 1);
    assert!(bench.hub.is_connected(&bench.identity));
}

#[tokio::test]
async fn a_twin_that_is_late_holds_nothing_else_up() {
    let bench = bench().await;
    let mut client = hearing(&bench).await;
    bench
        .hub
        .answer_twin(TwinAnswers::Late(Duration::from_millis(400)));
    let sent = Instant::now();
    client.send(&publish(0, TWIN_GET, b"")).await;
    client.send(&[0xc0, 0]).await;
    assert_eq!(client.packet().await, Some(vec![0xd0, 0]), "the pong");
    let (topic, _) = read_publish(&client.packet().await.unwrap());
    assert!(topic.starts_with("$iothub/twin/res/200/"), "{topic}");
    assert!(
        sent.elapsed() >= Duration::from_millis(400),
        "{:?}",
        sent.elapsed()
    );
    assert_eq!(bench.hub.twin_requests_met(), 1);
}

#[tokio::test]
async fn a_busy_twin_answers_429_and_takes_nothing() {
    let bench = bench().await;
    let mut client = hearing(&bench).await;
    bench.hub.answer_twin(TwinAnswers::Busy);
    let (topic, body) = asked(&mut client).await;
    assert_eq!(topic, "$iothub/twin/res/429/?$rid=7");
    assert!(body.contains("errorCode"), "{body}");
    let report = "$iothub/twin/PATCH/properties/reported/?$rid=8";
    client.send(&publish(0, report, b"{\"a\": 1}")).await;
    let (topic, _) = read_publish(&client.packet().await.unwrap());
    assert!(topic.starts_with("$iothub/twin/res/429/"), "{topic}");
    assert!(bench.hub.twin(&bench.identity).unwrap().reported.is_empty());
    bench.hub.answer_twin(TwinAnswers::AtOnce);
    let (topic, _) = asked(&mut client).await;
    assert!(topic.starts_with("$iothub/twin/res/200/"), "{topic}");
    assert_eq!(bench.hub.twin_requests_met(), 2);
}

#[tokio::test]
async fn a_hub_that_vanished_comes_back_with_all_that_it_knew() {
    let bench = bench().await;
    let mut login = bench.login();
    login.clean_session = false;
    let mut client = bench.dial().await;
    client.send(&login.bytes()).await;
    client.packet().await.unwrap();
    client.send(&subscribe(&[DESIRED])).await;
    client.packet().await.unwrap();
    let address = bench.hub.address();
    bench.hub.vanish().await;
    assert_eq!(client.packet().await, None);
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!bench.hub.is_connected(&bench.identity));
    // A change that comes meanwhile is not lost: it is in the twin.
    let changed = bench.hub.set_desired(&bench.identity, &json!({"x": 1}));
    assert_eq!(changed.unwrap(), 2);
    bench.hub.reappear().await.unwrap();
    let mut again = bench.dial().await;
    again.send(&login.bytes()).await;
    let present = vec![0x20, 2, 1, 0];
    assert_eq!(again.packet().await, Some(present), "session present");
    assert!(bench.hub.hears(&bench.identity, Hearing::Desired));
    assert!(!bench.hub.hears(&bench.identity, Hearing::Methods));
    assert!(bench.hub.is_connected(&bench.identity));
}

#[tokio::test]
async fn a_hub_that_came_back_with_a_new_certificate_is_of_the_same_authority() {
    let bench = bench().await;
    let shown = async || {
        // The handshake trusts the authority of the beginning, and no other.
        let stream = tls(&bench.hub, bench.hub.address()).await;
        let certificates = stream.get_ref().1.peer_certificates().unwrap();
        certificates[0].to_vec()
    };
    let before = shown().await;
    assert_eq!(shown().await, before);
    bench.hub.renew_certificate().unwrap();
    assert_eq!(shown().await, before, "until the door is opened anew");
    bench.hub.vanish().await;
    bench.hub.reappear().await.unwrap();
    assert_ne!(shown().await, before);
}
