//! How connections end, and what outlives them.

use serde_json::json;
use standin::hub::{DisconnectReason, HubEvent, Identity, Mode, Rule};

use crate::client::{Bench, Client, publish, read_publish, subscribe, token, unix_now};
use crate::{EVENTS, PUBACK, end, rule};

#[tokio::test]
async fn a_newer_connection_of_the_same_identity_wins() {
    let mut bench = Bench::module().await;
    let mut older = bench.connected().await;
    let mut newer = bench.connected().await;
    assert_eq!(older.packet().await, None);
    assert_eq!(end(&mut bench).await, DisconnectReason::TakenOver);
    newer.send(&[0xc0, 0]).await;
    assert_eq!(newer.packet().await, Some(vec![0xd0, 0]));
}

#[tokio::test]
async fn silence_for_one_and_a_half_keep_alives_ends_the_connection() {
    let mut bench = Bench::module().await;
    let mut login = bench.login();
    login.keep_alive = 1;
    let mut client = bench.dial().await;
    client.send(&login.bytes()).await;
    assert_eq!(client.packet().await, Some(vec![0x20, 2, 0, 0]));
    assert_eq!(client.packet().await, None);
    assert_eq!(end(&mut bench).await, DisconnectReason::KeepAlive);
}

#[tokio::test]
async fn a_connection_ends_with_its_token_at_iot_hub() {
    let mut bench = Bench::module().await;
    let mut login = bench.login();
    let expiry = unix_now() + 2;
    login.password = token(
        "edgeproof.local/devices/d1/modules/m1",
        &bench.credentials.key,
        expiry,
    );
    let mut client = bench.dial().await;
    client.send(&login.bytes()).await;
    assert_eq!(client.packet().await, Some(vec![0x20, 2, 0, 0]));
    assert_eq!(client.packet().await, None);
    assert_eq!(end(&mut bench).await, DisconnectReason::TokenExpired);
}

/// edgeHub looks at tokens every five minutes: nothing ends with the token itself, and who comes with it again is refused.
#[tokio::test]
async fn at_edge_hub_a_connection_outlives_its_token_and_the_next_login_with_it_is_refused() {
    let mut bench = Bench::new(Mode::EdgeHub, Identity::module("d1", "m1")).await;
    let mut login = bench.login();
    // Two to four seconds away, and not at one of its looks.
    let expiry = unix_now() + 2;
    let expiry = expiry + u64::from(expiry.is_multiple_of(300));
    login.password = token(
        "edgeproof.local/devices/d1/modules/m1",
        &bench.credentials.key,
        expiry,
    );
    let mut client = bench.dial().await;
    client.send(&login.bytes()).await;
    assert_eq!(client.packet().await, Some(vec![0x20, 2, 0, 0]));
    let refused = loop {
        let mut again = bench.dial().await;
        again.send(&login.bytes()).await;
        match again.packet().await {
            Some(answer) if answer == [0x20, 2, 0, 5] => break unix_now(),
            answer => assert_eq!(answer, Some(vec![0x20, 2, 0, 0])),
        }
        client = again;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert!(refused >= expiry, "refused {} s early", expiry - refused);
    assert_eq!(rule(&mut bench).await, Rule::TokenExpired);
    client.send(&publish(0b010, EVENTS, b"still here")).await;
    assert_eq!(client.packet().await, Some(PUBACK.to_vec()));
}

#[tokio::test]
async fn a_session_that_is_not_clean_keeps_its_subscriptions() {
    let mut bench = Bench::module().await;
    let mut login = bench.login();
    login.clean_session = false;
    let mut first = bench.dial().await;
    first.send(&login.bytes()).await;
    assert_eq!(first.packet().await, Some(vec![0x20, 2, 0, 0]));
    first
        .send(&subscribe(&["$iothub/twin/PATCH/properties/desired/#"]))
        .await;
    first.packet().await.unwrap();
    assert!(bench.hub.disconnect(&bench.identity));
    assert_eq!(first.packet().await, None);
    assert_eq!(end(&mut bench).await, DisconnectReason::Requested);
    let mut second = bench.dial().await;
    second.send(&login.bytes()).await;
    assert_eq!(
        second.packet().await,
        Some(vec![0x20, 2, 1, 0]),
        "session present"
    );
    bench
        .hub
        .set_desired(&bench.identity, &json!({"x": 1}))
        .unwrap();
    assert!(
        read_publish(&second.packet().await.unwrap())
            .0
            .contains("desired")
    );
}

#[tokio::test]
async fn a_bad_client_does_not_disturb_a_good_one() {
    let bench = Bench::module().await;
    let mut good = bench.connected().await;
    for junk in [
        &[0xff; 64][..],
        &[b'G'; 100],
        &[0x10, 0xff, 0xff, 0xff, 0xff],
    ] {
        let mut bad = bench.dial().await;
        bad.send(junk).await;
        while bad.packet().await.is_some() {}
        good.send(&publish(0b010, EVENTS, b"still here")).await;
        assert_eq!(good.packet().await, Some(PUBACK.to_vec()));
    }
    let _mute = bench.dial().await;
    good.send(&[0xc0, 0]).await;
    assert_eq!(good.packet().await, Some(vec![0xd0, 0]));
}

#[tokio::test]
async fn goodbye_and_loss_are_told_apart() {
    let mut bench = Bench::module().await;
    let mut client = bench.connected().await;
    client.send(&[0xe0, 0]).await;
    assert_eq!(client.packet().await, None);
    assert_eq!(end(&mut bench).await, DisconnectReason::Goodbye);
    drop(bench.connected().await);
    assert_eq!(end(&mut bench).await, DisconnectReason::Lost);
}

#[tokio::test]
async fn after_shutdown_nobody_listens() {
    let bench = Bench::module().await;
    let mut client = bench.connected().await;
    let address = bench.hub.address();
    bench.hub.shutdown().await;
    assert_eq!(client.packet().await, None);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

async fn with_will(bench: &Bench, topic: &str) -> Client {
    let mut login = bench.login();
    login.will = Some((topic.to_owned(), "gone".to_owned()));
    let mut client = bench.dial().await;
    client.send(&login.bytes()).await;
    assert_eq!(client.packet().await, Some(vec![0x20, 2, 0, 0]));
    client
}

#[tokio::test]
async fn a_will_becomes_a_message_when_the_client_is_lost_and_only_then() {
    let mut bench = Bench::module().await;
    let mut polite = with_will(&bench, EVENTS).await;
    polite.send(&[0xe0, 0]).await;
    assert_eq!(end(&mut bench).await, DisconnectReason::Goodbye);
    drop(with_will(&bench, EVENTS).await);
    let mut seen = Vec::new();
    loop {
        match bench.events.recv().await.unwrap() {
            HubEvent::Message {
                properties, body, ..
            } => {
                let kind = properties.application["iothub-MessageType"].clone();
                assert_eq!((kind.as_deref(), &body[..]), (Some("Will"), &b"gone"[..]));
                seen.push("will");
            }
            HubEvent::Disconnected { reason, .. } => {
                assert_eq!(reason, DisconnectReason::Lost);
                break;
            }
            _ => {}
        }
    }
    assert_eq!(seen, ["will"]);
}

#[tokio::test]
async fn a_will_for_another_topic_is_reported() {
    let mut bench = Bench::module().await;
    let _client = with_will(&bench, "home/last-words").await;
    assert_eq!(rule(&mut bench).await, Rule::Will);
}

#[tokio::test]
async fn a_client_behind_a_full_queue_is_dropped_and_the_hub_goes_on() {
    let mut bench = Bench::module().await;
    let mut client = bench.connected().await;
    client
        .send(&subscribe(&["$iothub/twin/PATCH/properties/desired/#"]))
        .await;
    client.packet().await.unwrap();
    // It stops reading; changes fill its socket, then its queue.
    let text = "x".repeat(4000);
    let patch = json!({"a": text, "b": text, "c": text, "d": text, "e": text, "f": text});
    let reason = loop {
        bench.hub.set_desired(&bench.identity, &patch).unwrap();
        tokio::task::yield_now().await;
        if let Ok(HubEvent::Disconnected { reason, .. }) = bench.events.try_recv() {
            break reason;
        }
    };
    assert_eq!(reason, DisconnectReason::Stalled);
    drop(client);
    drop(bench.connected().await);
    assert_eq!(end(&mut bench).await, DisconnectReason::Lost);
}
