//! The local hub against a bare client over real sockets: what it grants, what it refuses, what it reports.
#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod client;

use std::time::Duration;

use client::{Bench, Client, publish, read_publish, subscribe, token, unix_now};
use serde_json::json;
use standin::hub::{DisconnectReason, HubEvent, Identity, InvokeError, Mode, Rule};

const EVENTS: &str = "devices/d1/modules/m1/messages/events/";
const PUBACK: [u8; 4] = [0x40, 2, 0, 1];

async fn rule(bench: &mut Bench) -> Rule {
    bench
        .until(|event| match event {
            HubEvent::Violation { rule, .. } => Some(*rule),
            _ => None,
        })
        .await
}

async fn end(bench: &mut Bench) -> DisconnectReason {
    bench
        .until(|event| match event {
            HubEvent::Disconnected { reason, .. } => Some(*reason),
            _ => None,
        })
        .await
}

/// Sends `bytes` as a logged-in client and wants the connection closed under `wanted`.
async fn closes(mode: Mode, bytes: &[u8], wanted: Rule) {
    let mut bench = Bench::new(mode, Identity::module("d1", "m1")).await;
    let mut client = bench.connected().await;
    client.send(bytes).await;
    assert_eq!(client.packet().await, None, "{wanted:?} closes");
    assert_eq!(rule(&mut bench).await, wanted);
    assert_eq!(end(&mut bench).await, DisconnectReason::Violation(wanted));
}

/// Logs in with a change and wants CONNACK 5 under `wanted`.
async fn refused(change: impl FnOnce(&mut client::LoginBytes, &Bench), wanted: Rule) {
    let mut bench = Bench::module().await;
    let mut login = bench.login();
    change(&mut login, &bench);
    let mut client = bench.dial().await;
    client.send(&login.bytes()).await;
    assert_eq!(
        client.packet().await,
        Some(vec![0x20, 2, 0, 5]),
        "{wanted:?}"
    );
    assert_eq!(client.packet().await, None);
    assert_eq!(rule(&mut bench).await, wanted);
}

async fn subscribed(bench: &Bench, filters: &[&str]) -> Client {
    let mut client = bench.connected().await;
    client.send(&subscribe(filters)).await;
    let suback = client.packet().await.unwrap();
    assert!(suback[4..].iter().all(|code| *code == 1), "{suback:?}");
    client
}

#[tokio::test]
async fn a_login_is_reported_with_what_the_client_said_of_itself() {
    let mut bench = Bench::module().await;
    let _client = bench.connected().await;
    let login = bench
        .until(|event| match event {
            HubEvent::Connected(login) => Some(login.clone()),
            _ => None,
        })
        .await;
    assert_eq!(login.identity.to_string(), "d1/m1");
    assert_eq!(
        login.client_type.as_deref(),
        Some("contoso.offer.plan bare")
    );
    assert_eq!(login.api_version, "2021-04-12");
    assert_eq!(login.tls_version, "TLSv1_3");
    assert_eq!(login.server_name.as_deref(), Some("localhost"));
    assert_eq!(login.keep_alive, Duration::from_secs(60));
    assert!((3590..=3600).contains(&(login.token_expiry - unix_now())));
}

#[tokio::test]
async fn logins_without_a_good_token_get_connack_five() {
    let resource = "edgeproof.local/devices/d1/modules/m1";
    refused(|l, _| l.password.clear(), Rule::NoPassword).await;
    refused(
        |l, _| l.password = token(resource, &[0; 32], unix_now() + 60),
        Rule::Token,
    )
    .await;
    refused(
        |l, bench| l.password = token(resource, &bench.credentials.key, unix_now() - 60),
        Rule::TokenExpired,
    )
    .await;
    refused(
        |l, bench| {
            l.password = token(
                "edgeproof.local/devices/d1",
                &bench.credentials.key,
                unix_now() + 60,
            )
        },
        Rule::Token,
    )
    .await;
}

#[tokio::test]
async fn logins_under_a_wrong_name_get_connack_five() {
    refused(|l, _| l.client_id = "d1".to_owned(), Rule::ClientId).await;
    refused(|l, _| l.client_id = "d1/M1".to_owned(), Rule::ClientId).await;
    refused(|l, _| l.user_name = "d1/m1".to_owned(), Rule::UserName).await;
    refused(
        |l, _| l.user_name = "other/d1/m1/?api-version=2021-04-12".to_owned(),
        Rule::UserName,
    )
    .await;
    refused(
        |l, _| l.user_name = "edgeproof.local/d1/m1/?api-version=x".to_owned(),
        Rule::ApiVersion,
    )
    .await;
    let stranger = |l: &mut client::LoginBytes, _: &Bench| {
        l.client_id = "d1/m2".to_owned();
        l.user_name = "edgeproof.local/d1/m2/?api-version=2021-04-12".to_owned();
    };
    refused(stranger, Rule::UnknownIdentity).await;
}

#[tokio::test]
async fn a_message_is_reported_with_its_properties_and_then_acknowledged() {
    let mut bench = Bench::module().await;
    let mut client = bench.connected().await;
    let topic = format!("{EVENTS}%24.on=report&$.ct=application%2Fjson&run=r%201&part=1");
    client.send(&publish(0b011, &topic, b"{}")).await;
    assert_eq!(client.packet().await, Some(PUBACK.to_vec()));
    let (output, properties, body) = bench
        .until(|event| match event {
            HubEvent::Message {
                output,
                properties,
                body,
                qos: 1,
                ..
            } => Some((output.clone(), properties.clone(), body.clone())),
            _ => None,
        })
        .await;
    assert_eq!(output.as_deref(), Some("report"));
    assert_eq!(
        properties.system["$.ct"].as_deref(),
        Some("application/json")
    );
    assert_eq!(properties.application["run"].as_deref(), Some("r 1"));
    assert_eq!(
        properties.application["mqtt-retain"].as_deref(),
        Some("true")
    );
    assert_eq!(&body[..], b"{}");
}

#[tokio::test]
async fn packets_that_break_the_protocol_close_the_connection() {
    closes(Mode::IotHub, &publish(0b100, EVENTS, b"x"), Rule::QosTwo).await;
    closes(Mode::EdgeHub, &publish(0b100, EVENTS, b"x"), Rule::QosTwo).await;
    let mut zero = publish(0b010, "t", b"");
    zero[6] = 0;
    closes(Mode::IotHub, &zero, Rule::Malformed).await;
    closes(Mode::IotHub, &[0xf0, 0], Rule::Malformed).await;
    closes(Mode::IotHub, &[0x10, 0], Rule::Malformed).await;
}

#[tokio::test]
async fn a_message_over_the_limit_closes_and_one_at_the_limit_passes() {
    closes(
        Mode::IotHub,
        &publish(0b010, EVENTS, &vec![0; 262_145]),
        Rule::TooLarge,
    )
    .await;
    closes(
        Mode::IotHub,
        &publish(0b010, EVENTS, &vec![0; 400_000]),
        Rule::TooLarge,
    )
    .await;
    closes(
        Mode::EdgeHub,
        &publish(0b010, EVENTS, &vec![0; 262_144]),
        Rule::TooLarge,
    )
    .await;
    let bench = Bench::module().await;
    let mut client = bench.connected().await;
    client
        .send(&publish(0b010, EVENTS, &vec![0; 262_144]))
        .await;
    assert_eq!(client.packet().await, Some(PUBACK.to_vec()));
}

#[tokio::test]
async fn an_unknown_topic_closes_at_iot_hub_and_is_acknowledged_at_edge_hub() {
    for topic in [
        "home/temperature",
        "devices/d1/messages/events/",
        "$iothub/twin/GET/?$rid=",
    ] {
        closes(
            Mode::IotHub,
            &publish(0b010, topic, b"x"),
            Rule::UnknownTopic,
        )
        .await;
    }
    let mut bench = Bench::new(Mode::EdgeHub, Identity::module("d1", "m1")).await;
    let mut client = bench.connected().await;
    client.send(&publish(0b010, "home/temperature", b"x")).await;
    assert_eq!(client.packet().await, Some(PUBACK.to_vec()));
    assert_eq!(rule(&mut bench).await, Rule::UnknownTopic);
}

#[tokio::test]
async fn the_first_packet_must_be_connect() {
    let mut bench = Bench::module().await;
    let mut client = bench.dial().await;
    client.send(&publish(0, EVENTS, b"x")).await;
    assert_eq!(client.packet().await, None);
    assert_eq!(rule(&mut bench).await, Rule::ConnectFirst);
}

#[tokio::test]
async fn a_second_connect_closes() {
    let mut bench = Bench::module().await;
    let mut client = bench.connected().await;
    client.send(&bench.login().bytes()).await;
    assert_eq!(client.packet().await, None);
    assert_eq!(rule(&mut bench).await, Rule::Malformed);
}

#[tokio::test]
async fn mqtt_five_gets_connack_one() {
    let mut bench = Bench::module().await;
    let mut bytes = bench.login().bytes();
    let level = bytes.windows(4).position(|w| w == b"MQTT").unwrap() + 4;
    bytes[level] = 5;
    let mut client = bench.dial().await;
    client.send(&bytes).await;
    assert_eq!(client.packet().await, Some(vec![0x20, 2, 0, 1]));
    assert_eq!(client.packet().await, None);
    assert_eq!(rule(&mut bench).await, Rule::Malformed);
}

#[tokio::test]
async fn subscriptions_are_granted_at_most_qos_one_and_only_from_the_table() {
    let mut bench = Bench::module().await;
    let mut client = bench.connected().await;
    client
        .send(&subscribe(&[
            "$iothub/twin/res/#",
            "#",
            "devices/d1/modules/m1/inputs/#",
        ]))
        .await;
    assert_eq!(
        client.packet().await,
        Some(vec![0x90, 5, 0, 1, 1, 0x80, 0x80])
    );
    assert_eq!(rule(&mut bench).await, Rule::UnknownFilter);
    client.send(&[0xc0, 0]).await;
    assert_eq!(
        client.packet().await,
        Some(vec![0xd0, 0]),
        "the connection goes on"
    );
}

#[tokio::test]
async fn reported_properties_are_merged_validated_and_read_back() {
    let bench = Bench::module().await;
    bench
        .hub
        .set_desired(&bench.identity, &json!({"mode": "fast"}))
        .unwrap();
    let mut client = subscribed(&bench, &["$iothub/twin/res/#"]).await;
    let patch = "$iothub/twin/PATCH/properties/reported/?$rid=";
    client
        .send(&publish(0, &format!("{patch}1"), br#"{"a":{"b":1},"c":2}"#))
        .await;
    let answer = read_publish(&client.packet().await.unwrap());
    assert_eq!(
        answer,
        (
            "$iothub/twin/res/204/?$rid=1&$version=2".to_owned(),
            String::new()
        )
    );
    client
        .send(&publish(0, &format!("{patch}2"), br#"{"a.b":1}"#))
        .await;
    let (topic, body) = read_publish(&client.packet().await.unwrap());
    assert_eq!(topic, "$iothub/twin/res/400/?$rid=2");
    assert!(body.contains("a.b"), "{body}");
    client
        .send(&publish(0b010, &format!("{patch}3"), br#"{"c":null}"#))
        .await;
    assert_eq!(client.packet().await, Some(PUBACK.to_vec()));
    assert!(
        read_publish(&client.packet().await.unwrap())
            .0
            .starts_with("$iothub/twin/res/204/?$rid=3")
    );
    client
        .send(&publish(0, "$iothub/twin/GET/?$rid=4", b" "))
        .await;
    let (topic, body) = read_publish(&client.packet().await.unwrap());
    assert_eq!(topic, "$iothub/twin/res/200/?$rid=4");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&body).unwrap(),
        json!({"desired": {"mode": "fast", "$version": 2}, "reported": {"a": {"b": 1}, "$version": 3}})
    );
}

#[tokio::test]
async fn a_desired_change_reaches_the_subscribed_client() {
    let bench = Bench::module().await;
    let mut client = subscribed(&bench, &["$iothub/twin/PATCH/properties/desired/#"]).await;
    let version = bench
        .hub
        .set_desired(&bench.identity, &json!({"x": 1, "y": null}))
        .unwrap();
    let (topic, body) = read_publish(&client.packet().await.unwrap());
    assert_eq!(
        topic,
        format!("$iothub/twin/PATCH/properties/desired/?$version={version}")
    );
    assert_eq!(body, r#"{"x":1,"y":null,"$version":2}"#);
    assert!(
        bench
            .hub
            .set_desired(&bench.identity, &json!({"a b": 1}))
            .is_err()
    );
    assert_eq!(bench.hub.twin(&bench.identity).unwrap().desired_version, 2);
}

#[tokio::test]
async fn a_direct_method_goes_out_and_its_answer_comes_back() {
    let bench = Bench::module().await;
    let mut client = subscribed(&bench, &["$iothub/methods/POST/#"]).await;
    let answering = async {
        let (topic, body) = read_publish(&client.packet().await.unwrap());
        assert_eq!(
            (topic.as_str(), body.as_str()),
            ("$iothub/methods/POST/start/?$rid=1", r#"{"n":1}"#)
        );
        client
            .send(&publish(
                0,
                "$iothub/methods/res/202/?$rid=1",
                br#"{"ok":true}"#,
            ))
            .await;
    };
    let payload = json!({"n": 1});
    let calling = bench
        .hub
        .invoke(&bench.identity, "start", &payload, Duration::from_secs(20));
    let ((), result) = tokio::join!(answering, calling);
    let result = result.unwrap();
    assert_eq!((result.status, result.payload), (202, json!({"ok": true})));
}

#[tokio::test]
async fn a_method_without_a_listener_or_an_answer_says_so() {
    let bench = Bench::module().await;
    let short = Duration::from_millis(50);
    let call = || bench.hub.invoke(&bench.identity, "x", &json!(null), short);
    assert_eq!(
        call().await,
        Err(InvokeError::Offline(bench.identity.clone()))
    );
    let silent = bench.connected().await;
    assert_eq!(
        call().await,
        Err(InvokeError::NotSubscribed(bench.identity.clone()))
    );
    drop(silent);
    let _deaf = subscribed(&bench, &["$iothub/methods/POST/#"]).await;
    assert!(matches!(call().await, Err(InvokeError::TimedOut { .. })));
}

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
