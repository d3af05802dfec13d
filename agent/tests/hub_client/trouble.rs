//! Cut links, restarted hubs, refusals: what the client does and what it says.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use agent::hub::{Content, HubClient, HubSettings, Identity, LinkError};
use serde_json::json;
use standin::hub::Mode;
use tokio::time::timeout;

use crate::bench::{
    Bench, PATIENCE, connected, edge_identity, ignore, message, module, settings, why_not,
};

#[tokio::test]
async fn links_cut_while_sending_lose_nothing() {
    let mut bench = Bench::new(Mode::IotHub).await;
    let (client, events) = HubClient::connect(bench.settings());
    ignore(events);
    let sending = tokio::spawn(async move {
        let mut all = Vec::new();
        for number in 0..40 {
            let client = client.clone();
            let mut body = format!("{number} ").into_bytes();
            body.resize(20_000, b'x');
            all.push(tokio::spawn(async move {
                client.send("report", &[], Content::JSON, body).await
            }));
        }
        for one in all {
            one.await.unwrap().unwrap();
        }
        client.close().await
    });
    let mut arrived = BTreeSet::new();
    let mut cuts = 0;
    while arrived.len() < 40 {
        let (_, body) = bench.see(message).await;
        let text = String::from_utf8(body).unwrap();
        let number: u32 = text.split(' ').next().unwrap().parse().unwrap();
        arrived.insert(number);
        if cuts < 3 && arrived.len() > 10 * (cuts + 1) && bench.hub.disconnect(&module()) {
            cuts += 1;
        }
    }
    assert_eq!(cuts, 3);
    timeout(PATIENCE, sending).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_restarted_hub_gets_what_was_sent_while_it_was_gone() {
    let mut first = Bench::new(Mode::EdgeHub).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let workload = first.workload(&socket).await;
    let address = first.hub.address();
    let (client, mut events) = HubClient::connect(settings(edge_identity(&socket), address.port()));
    connected(&mut events).await;
    client
        .send("report", &[], Content::JSON, b"before".to_vec())
        .await
        .unwrap();
    first.see(message).await;

    drop(workload);
    first.hub.shutdown().await;
    let (why, _) = why_not(&mut events).await;
    assert!(
        matches!(why, LinkError::ClosedByHub | LinkError::Io { .. }),
        "{why}"
    );
    let sender = client.clone();
    let waiting = tokio::spawn(async move {
        sender
            .send("report", &[], Content::JSON, b"meanwhile".to_vec())
            .await
    });

    // A new authority and a new key, as after a new Edge CA: both are fetched with each link.
    let mut second = Bench::at(address, Mode::EdgeHub).await;
    let _workload = second.workload(&socket).await;
    ignore(events);
    timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(second.see(message).await.1, b"meanwhile");
    assert_eq!(client.report(&json!({"a": 1})).await, Ok(None));
}

#[tokio::test]
async fn a_wrong_key_is_named_and_each_pause_has_a_length() {
    let bench = Bench::new(Mode::IotHub).await;
    let good = &bench.credentials.connection_string;
    let (head, _) = good.split_once("SharedAccessKey=").unwrap();
    let wrong = format!("{head}SharedAccessKey=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let identity = Identity::from_connection_string(&wrong).unwrap();
    let settings = HubSettings {
        identity,
        ..bench.settings()
    };
    let (_client, mut events) = HubClient::connect(settings);
    for _ in 0..2 {
        let (why, retry_in) = why_not(&mut events).await;
        assert!(
            matches!(why, LinkError::Credentials { code: 5, .. }),
            "{why}"
        );
        assert!(why.to_string().contains("wrong key"), "{why}");
        assert!(retry_in >= Duration::from_millis(500), "{retry_in:?}");
    }
}

#[tokio::test]
async fn a_board_without_a_clock_reads_that_its_clock_is_not_set() {
    let bench = Bench::new(Mode::IotHub).await;
    let settings = HubSettings {
        now: || SystemTime::UNIX_EPOCH + Duration::from_secs(100),
        ..bench.settings()
    };
    let (_client, mut events) = HubClient::connect(settings);
    let text = why_not(&mut events).await.0.to_string();
    assert!(
        text.contains("1970-01-01T00:01:40Z") && text.contains("clock is not set"),
        "{text}"
    );
}

#[tokio::test]
async fn a_hub_of_another_authority_is_not_trusted() {
    let bench = Bench::new(Mode::IotHub).await;
    let other = Bench::new(Mode::IotHub).await;
    let mut settings = bench.settings();
    settings.ca_pem = Some(other.hub.trust_bundle_pem().to_owned());
    let (_client, mut events) = HubClient::connect(settings);
    let (why, _) = why_not(&mut events).await;
    assert!(matches!(why, LinkError::Tls { .. }), "{why}");
}

#[tokio::test]
async fn nobody_listening_is_named_with_host_and_port() {
    let bench = Bench::new(Mode::IotHub).await;
    let settings = bench.settings();
    let port = settings.port;
    bench.hub.shutdown().await;
    let (_client, mut events) = HubClient::connect(settings);
    let text = why_not(&mut events).await.0.to_string();
    assert!(
        text.starts_with(&format!("connect to 127.0.0.1:{port}: ")),
        "{text}"
    );
}

#[tokio::test]
async fn a_refused_signature_is_told_in_the_runtimes_words() {
    let bench = Bench::new(Mode::EdgeHub).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let other = standin::hub::Identity::module("d1", "other");
    bench.hub.register(&other).unwrap();
    let speaks_for = bench.hub.workload_identity(&other).unwrap();
    let _server = standin::workload::serve(&socket, speaks_for).await.unwrap();
    let settings = settings(edge_identity(&socket), bench.hub.address().port());
    let (_client, mut events) = HubClient::connect(settings);
    let text = why_not(&mut events).await.0.to_string();
    assert!(
        text.contains("/modules/probe/genid/1/sign: status 403"),
        "{text}"
    );
}
