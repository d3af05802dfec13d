//! Messages, subscriptions, twins and methods of a client that is in, and the rules it can break.

use std::time::Duration;

use serde_json::json;
use standin::hub::{DisconnectReason, HubEvent, Identity, InvokeError, MethodResult, Mode, Rule};

use crate::client::{Bench, Client, publish, read_publish, subscribe};
use crate::{EVENTS, PUBACK, end, rule};

/// Sends `bytes` as a logged-in client and wants the connection closed under `wanted`.
async fn closes(mode: Mode, bytes: &[u8], wanted: Rule) {
    let mut bench = Bench::new(mode, Identity::module("d1", "m1")).await;
    let mut client = bench.connected().await;
    client.send(bytes).await;
    assert_eq!(client.packet().await, None, "{wanted:?} closes");
    assert_eq!(rule(&mut bench).await, wanted);
    assert_eq!(end(&mut bench).await, DisconnectReason::Violation(wanted));
}

async fn subscribed(bench: &Bench, filters: &[&str]) -> Client {
    let mut client = bench.connected().await;
    client.send(&subscribe(filters)).await;
    let suback = client.packet().await.unwrap();
    assert!(suback[4..].iter().all(|code| *code == 1), "{suback:?}");
    client
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

/// Answers one method call with `status` and `body`, and gives what the caller got.
async fn answered(bench: &Bench, status: &str, body: &[u8]) -> Result<MethodResult, InvokeError> {
    let mut client = subscribed(bench, &["$iothub/methods/POST/#"]).await;
    let answering = async {
        let (topic, _) = read_publish(&client.packet().await.unwrap());
        let rid = topic.split_once("$rid=").unwrap().1;
        let answer = format!("$iothub/methods/res/{status}/?$rid={rid}");
        client.send(&publish(0, &answer, body)).await;
    };
    let payload = json!(null);
    let within = Duration::from_secs(20);
    let ((), result) = tokio::join!(
        answering,
        bench.hub.invoke(&bench.identity, "x", &payload, within)
    );
    result
}

#[tokio::test]
async fn a_method_answer_without_a_body_is_null_and_a_status_must_be_an_integer() {
    let mut bench = Bench::new(Mode::EdgeHub, Identity::module("d1", "m1")).await;
    let result = answered(&bench, "404", b"").await.unwrap();
    assert_eq!((result.status, result.payload), (404, json!(null)));
    let result = answered(&bench, "ok", b"{}").await.unwrap();
    assert_eq!((result.status, result.payload), (400_000, json!({})));
    assert_eq!(rule(&mut bench).await, Rule::MethodAnswer);
}

#[tokio::test]
async fn a_method_answer_that_is_not_json_or_too_large_is_no_answer() {
    for body in [&b"ok"[..], &[b' '; 131_073]] {
        let mut bench = Bench::module().await;
        let result = answered(&bench, "200", body).await;
        assert_eq!(result, Err(InvokeError::NoAnswer("x".to_owned())));
        assert_eq!(rule(&mut bench).await, Rule::MethodAnswer);
    }
}

#[tokio::test]
async fn a_broken_property_bag_closes_at_iot_hub() {
    closes(
        Mode::IotHub,
        &publish(0b010, &format!("{EVENTS}a=%zz"), b"x"),
        Rule::PropertyBag,
    )
    .await;
}

#[tokio::test]
async fn edge_hub_grants_inputs_and_shows_no_version_for_a_reported_patch() {
    let bench = Bench::new(Mode::EdgeHub, Identity::module("d1", "m1")).await;
    let mut client = subscribed(
        &bench,
        &["devices/d1/modules/m1/inputs/#", "$iothub/twin/res/#"],
    )
    .await;
    client
        .send(&publish(
            0,
            "$iothub/twin/PATCH/properties/reported/?$rid=1",
            b"{}",
        ))
        .await;
    assert_eq!(
        read_publish(&client.packet().await.unwrap()).0,
        "$iothub/twin/res/204/?$rid=1"
    );
}

#[tokio::test]
async fn a_device_has_topics_of_its_own() {
    let mut bench = Bench::new(Mode::IotHub, Identity::device("d1")).await;
    let mut client = subscribed(&bench, &["devices/d1/messages/devicebound/#"]).await;
    client
        .send(&publish(0b010, "devices/d1/messages/events/", b"x"))
        .await;
    assert_eq!(client.packet().await, Some(PUBACK.to_vec()));
    client.send(&publish(0b010, EVENTS, b"x")).await;
    assert_eq!(
        client.packet().await,
        None,
        "a module's topic is not the device's"
    );
    assert_eq!(rule(&mut bench).await, Rule::UnknownTopic);
}
