//! The Event Hubs-compatible endpoint spoken to with hand-written bytes: who is let in, what is refused, what credit lets out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;
use standin::hub::{HubConfig, Identity, LocalHub, Mode, OtherPorts, Policy};

use super::frames::{
    ATTACH, Amqp, DETACH, HEARS, SENDS, Seen, TRANSFER, application, attach, attach_with_filter,
    credit, data, described, properties, text,
};
use crate::client::{Bench, HUB, unix_now};

const PARTITION: &str = "edgeproof/ConsumerGroups/$Default/Partitions/";

async fn bench(mode: Mode) -> Bench {
    let free = "127.0.0.1:0".parse().unwrap();
    let hub = LocalHub::start(HubConfig {
        listen: free,
        also: OtherPorts {
            amqp: Some(free),
            events: Some(free),
            ..OtherPorts::default()
        },
        host_name: HUB.to_owned(),
        names: vec!["localhost".to_owned()],
        mode,
    });
    Bench::of(hub.await.unwrap(), Identity::module("d1", "m1"))
}

/// A token as a reader makes it: the key signs as text.
fn signed(hub: &LocalHub, policy: Policy, path: &str, end: u64) -> String {
    let string = hub.events_connection_string(policy).unwrap();
    let field = |name: &str| {
        let mut parts = string.split(';').filter_map(|part| part.split_once('='));
        parts.find(|(key, _)| *key == name).unwrap().1
    };
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let resource = encode(&format!("sb://localhost/{path}"));
    let mut mac = Hmac::<Sha256>::new_from_slice(field("SharedAccessKey").as_bytes()).unwrap();
    mac.update(format!("{resource}\n{end}").as_bytes());
    let signature = encode(&STANDARD.encode(mac.finalize().into_bytes()));
    let policy = field("SharedAccessKeyName");
    format!("SharedAccessSignature sr={resource}&sig={signature}&se={end}&skn={policy}")
}

/// A reader that has put a token; the answer to it.
async fn reader(hub: &LocalHub, token: &str) -> (Amqp, Seen) {
    let mut client = Amqp::opened_at(hub, hub.events_address().unwrap()).await;
    let answer = client.put_token(token).await;
    (client, answer)
}

async fn welcome(bench: &Bench, path: &str) -> Amqp {
    let token = signed(&bench.hub, Policy::Service, path, unix_now() + 3600);
    let (client, answer) = reader(&bench.hub, &token).await;
    assert!(
        answer.holds(b"status-code\x71\x00\x00\x00\xca"),
        "{answer:?}"
    );
    client
}

/// Sends messages as module m1 over AMQP.
async fn send(bench: &Bench, bodies: &[&[u8]]) {
    let mut module = Amqp::with_token(bench).await;
    let events = "/devices/d1/modules/m1/messages/events";
    module.send(&attach(2, SENDS, events, &[])).await;
    module.until(ATTACH).await;
    for body in bodies {
        let message = [application(&[("run", "monday")]), data(body)].concat();
        module.transfer(2, &message).await;
        module.until(super::DISPOSITION).await;
    }
}

#[tokio::test]
async fn only_a_policy_with_service_connect_reads_and_only_with_a_token_that_lives() {
    let bench = bench(Mode::IotHub).await;
    let now = unix_now();
    let good = signed(&bench.hub, Policy::Service, "edgeproof", now + 60);
    let other = good.replace("localhost", "elsewhere");
    let broken = good.replace("se=", "se=1");
    for (token, why) in [
        (
            signed(&bench.hub, Policy::RegistryRead, "edgeproof", now + 60),
            "does not grant ServiceConnect",
        ),
        (
            signed(&bench.hub, Policy::Device, "edgeproof", now + 60),
            "does not grant ServiceConnect",
        ),
        (
            signed(&bench.hub, Policy::Service, "edgeproof", now - 5),
            "expired",
        ),
        (other, "not for this identity"),
        (broken, "signature"),
        ("secret".to_owned(), "no shared access signature"),
    ] {
        let (mut client, answer) = reader(&bench.hub, &token).await;
        assert!(
            answer.holds(b"status-code\x71\x00\x00\x01\x91") && answer.holds(why.as_bytes()),
            "{why}: {answer:?}"
        );
        let partition = format!("{PARTITION}0");
        client.send(&attach(2, HEARS, &partition, &[])).await;
        let refused = client.until(DETACH).await;
        assert!(refused.holds(b"amqp:unauthorized-access"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_token_opens_its_own_path_and_nothing_beside_it() {
    let bench = bench(Mode::IotHub).await;
    let mut client = welcome(&bench, &format!("{PARTITION}0")).await;
    client
        .send(&attach(2, HEARS, &format!("{PARTITION}1"), &[]))
        .await;
    let refused = client.until(DETACH).await;
    assert!(refused.holds(b"amqp:unauthorized-access"), "{refused:?}");
    client
        .send(&attach(2, HEARS, &format!("{PARTITION}0"), &[]))
        .await;
    assert!(client.until(ATTACH).await.holds(b"link-2"));
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_name_and_a_bad_filter_too() {
    let bench = bench(Mode::IotHub).await;
    let mut client = welcome(&bench, "edgeproof").await;
    for (hears, address) in [
        (HEARS, "edgeproof/ConsumerGroups/other/Partitions/0"),
        (HEARS, "edgeproof/ConsumerGroups/$Default/Partitions/9"),
        (HEARS, "/devices/d1/modules/m1/twin"),
        (SENDS, "/devices/d1/modules/m1/messages/events"),
        (SENDS, "edgeproof/ConsumerGroups/$Default/Partitions/0"),
        (SENDS, "edgeproof"),
    ] {
        client.send(&attach(2, hears, address, &[])).await;
        let refused = client.until(DETACH).await;
        assert!(refused.holds(b"amqp:not-found"), "{address}: {refused:?}");
    }
    let partition = format!("{PARTITION}0");
    client
        .send(&attach_with_filter(2, &partition, "a or b"))
        .await;
    let refused = client.until(DETACH).await;
    assert!(refused.holds(b"amqp:invalid-field"), "{refused:?}");
}

#[tokio::test]
async fn credit_lets_messages_out_one_by_one_and_the_rest_waits() {
    let bench = bench(Mode::IotHub).await;
    send(&bench, &[b"one", b"two", b"three"]).await;
    let mut client = welcome(&bench, "edgeproof").await;
    // The module's messages are in one of the partitions.
    for (handle, partition) in (2..).zip(0..4) {
        let address = format!("{PARTITION}{partition}");
        let from = "amqp.annotation.x-opt-offset > '-1'";
        client
            .send(&attach_with_filter(handle, &address, from))
            .await;
        client.send(&credit(handle, 2)).await;
    }
    let first = client.until(TRANSFER).await;
    assert!(
        first.holds(b"one") && first.holds(b"monday") && first.holds(b"Telemetry"),
        "{first:?}"
    );
    assert!(client.until(TRANSFER).await.holds(b"two"));
    // No credit is left: the answer to a question comes before the third message.
    client
        .send(
            &[
                attach(10, SENDS, "$management", &[]),
                attach(11, HEARS, "$management", &[]),
                credit(11, 10),
            ]
            .concat(),
        )
        .await;
    let question = |name: &str| {
        let asked = [
            ("operation", "READ"),
            ("type", "com.microsoft:eventhub"),
            ("name", name),
        ];
        let request = [
            properties("q-1", ""),
            application(&asked),
            described(0x77, &text("")),
        ];
        request.concat()
    };
    client.transfer(10, &question("edgeproof")).await;
    let answer = client.until(TRANSFER).await;
    assert!(
        answer.holds(b"partition_ids") && answer.holds(b"q-1"),
        "{answer:?}"
    );
    client.transfer(10, &question("another")).await;
    let answer = client.until(TRANSFER).await;
    assert!(
        answer.holds(b"status-code\x71\x00\x00\x01\x94"),
        "{answer:?}"
    );
    for handle in 2..6 {
        client.send(&credit(handle, 5)).await;
    }
    assert!(client.until(TRANSFER).await.holds(b"three"));
}

#[tokio::test]
async fn a_device_s_entrance_serves_no_reader_and_an_edge_hub_has_no_endpoint() {
    let bench = bench(Mode::IotHub).await;
    let mut client = Amqp::with_token(&bench).await;
    client
        .send(&attach(2, HEARS, &format!("{PARTITION}0"), &[]))
        .await;
    let refused = client.until(DETACH).await;
    assert!(refused.holds(b"amqp:not-found"), "{refused:?}");
    let edge = self::bench(Mode::EdgeHub).await;
    assert_eq!(edge.hub.events_address(), None);
    assert_eq!(edge.hub.events_connection_string(Policy::Service), None);
}
