//! AMQP at edgeHub's door: tokens, links, messages, twin and methods.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use standin::hub::{
    DisconnectReason, HubConfig, HubEvent, Identity, InvokeError, LocalHub, Mode, OtherPorts,
    Properties, Rule, Transport,
};

use crate::client::{Bench, HUB, token, unix_now};
use crate::{end, rule};

mod consumer;
mod faults;
mod frames;
mod hostile;

use frames::{
    ATTACH, Amqp, CLOSE, DETACH, DISPOSITION, HEARS, SENDS, TRANSFER, annotations, application,
    attach, credit, data, performative, properties,
};

const MODULE: &str = "/devices/d1/modules/m1";
const VERSION: &str = "com.microsoft:client-version";

pub(crate) async fn bench(mode: Mode) -> Bench {
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let hub = LocalHub::start(HubConfig {
        listen: free,
        also: OtherPorts {
            amqp: Some(free),
            ..OtherPorts::default()
        },
        host_name: HUB.to_owned(),
        names: vec!["localhost".to_owned()],
        mode,
    })
    .await
    .unwrap();
    Bench::of(hub, Identity::module("d1", "m1"))
}

async fn client_type(bench: &mut Bench) -> (Transport, Option<String>) {
    bench
        .until(|event| match event {
            HubEvent::Connected(login) => Some((login.transport, login.client_type.clone())),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_module_shows_itself_with_its_first_link_and_sends_on_it() {
    let mut bench = bench(Mode::EdgeHub).await;
    let mut client = Amqp::with_token(&bench).await;
    let told = [(VERSION, ".NET/1.42.0 contoso.offer.plan")];
    let events = format!("{MODULE}/messages/events");
    client.send(&attach(2, SENDS, &events, &told)).await;
    client.until(ATTACH).await;
    let wanted = Some(".NET/1.42.0 contoso.offer.plan".to_owned());
    assert_eq!(client_type(&mut bench).await, (Transport::Amqp, wanted));
    let message = [
        properties("m-1", ""),
        application(&[("iothub-outputname", "out"), ("run", "a b")]),
        data(b"{\"t\":21.5}"),
    ];
    client.transfer(2, &message.concat()).await;
    let settled = client.until(DISPOSITION).await;
    // Settled, and accepted: its descriptor is 0x24.
    assert!(settled.holds(&[0x41, 0x00, 0x53, 0x24]), "{settled:?}");
    let seen = bench.until(|event| match event {
        HubEvent::Message {
            output,
            properties,
            qos,
            body,
            ..
        } => Some((output.clone(), properties.clone(), *qos, body.clone())),
        _ => None,
    });
    let (output, properties, qos, body) = seen.await;
    assert_eq!((output.as_deref(), qos), (Some("out"), 1));
    assert_eq!(&body[..], b"{\"t\":21.5}");
    assert_eq!(properties.application["run"].as_deref(), Some("a b"));
    assert_eq!(properties.system["$.mid"].as_deref(), Some("m-1"));
    client.send(&performative(CLOSE, &[], &[])).await;
    client.until(CLOSE).await;
    assert_eq!(end(&mut bench).await, DisconnectReason::Goodbye);
}

#[tokio::test]
async fn a_client_may_say_with_a_later_link_what_it_is() {
    let mut bench = bench(Mode::EdgeHub).await;
    let mut client = Amqp::with_token(&bench).await;
    client
        .send(&attach(2, SENDS, &format!("{MODULE}/twin"), &[]))
        .await;
    assert_eq!(client_type(&mut bench).await, (Transport::Amqp, None));
    let told = [(VERSION, "sdk contoso.offer.plan")];
    let events = format!("{MODULE}/messages/events");
    client.send(&attach(3, SENDS, &events, &told)).await;
    let introduced = bench.until(|event| match event {
        HubEvent::Introduced { client_type, .. } => Some(client_type.clone()),
        _ => None,
    });
    assert_eq!(introduced.await, "sdk contoso.offer.plan");
}

#[tokio::test]
async fn twin_methods_and_inputs_go_over_their_links() {
    let mut bench = bench(Mode::EdgeHub).await;
    let mut client = Amqp::with_token(&bench).await;
    let (twin, methods) = (
        format!("{MODULE}/twin"),
        format!("{MODULE}/methods/deviceBound"),
    );
    for (handle, address) in [(2, &twin), (4, &methods)] {
        client.send(&attach(handle, SENDS, address, &[])).await;
        client.send(&attach(handle + 1, HEARS, address, &[])).await;
        client.send(&credit(handle + 1, 10)).await;
    }
    let inputs = format!("{MODULE}/messages/events");
    client.send(&attach(6, HEARS, &inputs, &[])).await;
    client.send(&credit(6, 10)).await;

    let ask = |operation: &str, body: &str| {
        let request = [
            annotations(&[("operation", operation)]),
            properties("", "id-7"),
            data(body.as_bytes()),
        ];
        request.concat()
    };
    client.transfer(2, &ask("GET", " ")).await;
    let answer = client.until(TRANSFER).await;
    assert!(answer.holds(b"id-7") && answer.holds(b"status\x71\x00\x00\x00\xc8"));
    assert!(answer.holds(br#"{"desired":{"$version":1},"reported":{"$version":1}}"#));
    client.transfer(2, &ask("PATCH", r#"{"a": 1}"#)).await;
    assert!(
        client
            .until(TRANSFER)
            .await
            .holds(b"status\x71\x00\x00\x00\xcc")
    );
    client.transfer(2, &ask("PATCH", r#"{"a.b": 1}"#)).await;
    assert!(
        client
            .until(TRANSFER)
            .await
            .holds(b"status\x71\x00\x00\x01\x90")
    );
    assert_eq!(rule(&mut bench).await, Rule::Reported);
    client.transfer(2, &ask("PUT", " ")).await;
    assert!(
        client
            .until(TRANSFER)
            .await
            .holds(b"status\x71\x00\x00\x00\xc8")
    );
    let asked = bench.until(|event| match event {
        HubEvent::Subscribed { filter, .. } if filter.starts_with("/notifications") => Some(()),
        _ => None,
    });
    asked.await;
    bench
        .hub
        .set_desired(&bench.identity, &json!({"b": 2}))
        .unwrap();
    let change = client.until(TRANSFER).await;
    assert!(change.holds(br#"{"b":2,"$version":2}"#) && !change.holds(b"status"));

    let payload = json!({"hard": true});
    let within = Duration::from_secs(20);
    let call = bench.hub.invoke(&bench.identity, "reset", &payload, within);
    let answer = async {
        let called = client.until(TRANSFER).await;
        assert!(called.holds(b"IoThub-methodname") && called.holds(b"reset"));
        assert!(called.holds(br#"{"hard":true}"#));
        let status = [frames::text("IoThub-status"), vec![0x54, 7]];
        let answer = [
            properties("", "00000000-0000-4000-8000-000000000001"),
            frames::described(0x74, &frames::map(&status)),
            data(b"[1]"),
        ];
        client.transfer(4, &answer.concat()).await;
    };
    let (result, ()) = tokio::join!(call, answer);
    let result = result.unwrap();
    assert_eq!((result.status, result.payload), (7, json!([1])));

    let from = Identity::module("d1", "sensor");
    let message = (&Properties::default(), &b"21.5"[..]);
    bench
        .hub
        .send_to_input(&bench.identity, "in1", &from, message)
        .unwrap();
    let input = client.until(TRANSFER).await;
    assert!(input.holds(b"x-opt-input-name") && input.holds(b"in1") && input.holds(b"21.5"));

    // Without its link nobody hears methods any more.
    let gone = performative(DETACH, &[frames::uint(5), frames::flag(true)], &[]);
    client.send(&gone).await;
    client.until(DETACH).await;
    let call = bench.hub.invoke(&bench.identity, "reset", &payload, within);
    assert!(matches!(call.await, Err(InvokeError::NotSubscribed(_))));
}

#[tokio::test]
async fn a_token_that_is_none_opens_no_link() {
    let resource = format!("{HUB}{MODULE}");
    for (mode, status) in [(Mode::EdgeHub, 200_u16), (Mode::IotHub, 401)] {
        let mut bench = bench(mode).await;
        let mut client = Amqp::opened(&bench.hub).await;
        let forged = token(&resource, &[1; 32], unix_now() + 3600);
        let answer = client.put_token(&forged).await;
        let wanted = [&b"status-code\x71\x00\x00"[..], &status.to_be_bytes()].concat();
        assert!(
            answer.holds(&wanted) && answer.holds(b"token-1"),
            "{answer:?}"
        );
        assert_eq!(rule(&mut bench).await, Rule::Token);
        client
            .send(&attach(2, SENDS, &format!("{MODULE}/twin"), &[]))
            .await;
        client.until(ATTACH).await;
        let refused = client.until(DETACH).await;
        assert!(refused.holds(b"amqp:unauthorized-access"), "{refused:?}");
        assert_eq!(rule(&mut bench).await, Rule::NoPassword);
    }
}

#[tokio::test]
async fn a_connection_ends_with_its_token_at_iot_hub_and_lives_on_with_a_newer_one() {
    let mut bench = bench(Mode::IotHub).await;
    let mut client = Amqp::opened(&bench.hub).await;
    let key = bench.credentials.key;
    let lasting = |seconds| token(&format!("{HUB}{MODULE}"), &key, unix_now() + seconds);
    client.put_token(&lasting(2)).await;
    client
        .send(&attach(2, SENDS, &format!("{MODULE}/twin"), &[]))
        .await;
    client.until(ATTACH).await;
    assert_eq!(client_type(&mut bench).await, (Transport::Amqp, None));
    while client.seen().await.is_some() {}
    assert_eq!(end(&mut bench).await, DisconnectReason::TokenExpired);
}

#[tokio::test]
async fn sasl_lets_in_whom_edge_hub_lets_in() {
    let mut bench = bench(Mode::EdgeHub).await;
    let password = token(
        &format!("{HUB}{MODULE}"),
        &bench.credentials.key,
        unix_now() + 3600,
    );
    let plain = |name: &str| format!("\0{name}\0{password}");
    for (mechanism, response, code) in [
        ("ANONYMOUS", String::new(), 0),
        ("MSSBCBS", String::new(), 0),
        ("PLAIN", plain("d1/modules/m1@sas.edgeproof"), 0),
        ("PLAIN", plain("d1/modules/m2@sas.edgeproof"), 1),
        ("EXTERNAL", String::new(), 1),
    ] {
        let mut client = Amqp::dial(&bench.hub).await;
        client.send(b"AMQP\x03\x01\x00\x00").await;
        assert_eq!(
            client.header().await.as_ref(),
            Some(b"AMQP\x03\x01\x00\x00")
        );
        let offered = client.seen().await.unwrap();
        assert!(
            offered.holds(b"ANONYMOUS") && offered.holds(b"MSSBCBS") && offered.holds(b"PLAIN")
        );
        let init = [
            frames::symbol(mechanism),
            frames::binary(response.as_bytes()),
        ];
        client
            .send(&frames::frame(
                1,
                &frames::described(0x41, &frames::list(&init)),
            ))
            .await;
        let outcome = client.seen().await.unwrap();
        assert!(
            outcome.holds(&[0x53, 0x44]) && outcome.holds(&[0x50, code]),
            "{mechanism}: {outcome:?}"
        );
        if code == 1 {
            assert!(client.seen().await.is_none());
            rule(&mut bench).await;
        }
        if response.contains("/m1@") {
            client
                .send(&[&frames::HEADER[..], &frames::open(None), &frames::begin()].concat())
                .await;
            client.header().await.unwrap();
            client
                .send(&attach(0, SENDS, &format!("{MODULE}/messages/events"), &[]))
                .await;
            assert_eq!(client_type(&mut bench).await, (Transport::Amqp, None));
        }
    }
}
