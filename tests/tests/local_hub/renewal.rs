//! Official SDKs whose tokens end soon: each renews in time and comes again, and nothing is lost on the way.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use standin::hub::{HubEvent, Identity, Login, Mode};
use standin::workload;

use super::cloud::{Cloud, HUB};
use super::sdk::{self, Program};

/// Renewals to wait for; each takes three seconds.
const RENEWALS: usize = 2;
/// Life of a token in seconds, and where the test's clock may stand between two of them.
const LIFE: u64 = 123;

#[tokio::test]
async fn the_python_sdk_renews_its_token_and_loses_nothing() {
    renews("127.0.0.18", "python").await;
}

#[tokio::test]
async fn the_node_sdk_renews_its_token_and_loses_nothing() {
    renews("127.0.0.19", "node").await;
}

async fn renews(address: &str, sdk: &str) {
    let identity = Identity::module("device-1", "module-1");
    let mut cloud = Cloud::start(address, HUB, identity, Mode::EdgeHub).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let identity = cloud.hub.workload_identity(&cloud.identity).unwrap();
    let workload = workload::serve(&socket, identity).await.unwrap();
    let uri = format!("unix://{}", socket.display());
    let generation = cloud.credentials.generation_id.clone();
    let environment = super::edge_environment(address, &uri, &generation);
    let mut module: Program = match sdk {
        "node" => sdk::node_program("renewing.js", "", &environment).await,
        _ => sdk::python_program("renewing.py", "", &environment).await,
    };
    module.step("connected").await;

    let mut logins: Vec<Login> = Vec::new();
    let mut numbers = BTreeSet::new();
    let mut after_the_last = 0;
    while after_the_last < 3 {
        match cloud.until(|event| Some(event.clone())).await {
            HubEvent::Connected(login) => logins.push(login),
            HubEvent::Message { body, .. } => {
                numbers.insert(number(&body));
                after_the_last += usize::from(logins.len() > RENEWALS);
            }
            HubEvent::Violation { rule, detail, .. } => panic!("{rule:?}: {detail}"),
            _ => {}
        }
    }
    for pair in logins.windows(2) {
        let longer = pair[1].token_expiry.unwrap() - pair[0].token_expiry.unwrap();
        assert!((2..LIFE).contains(&longer), "{longer} s");
        assert!(pair[1].session_present, "the subscriptions are kept");
    }

    // The subscription of the first connection still brings changes.
    cloud.desired(&json!({"stop": true}));
    let sent = module.step_after("again", "stopped").await["sent"].as_u64();
    let sent = sent.unwrap();
    while u64::try_from(numbers.len()).unwrap() < sent {
        let body = cloud.until(|event| match event {
            HubEvent::Message { body, .. } => Some(body.clone()),
            _ => None,
        });
        numbers.insert(number(&body.await));
    }
    assert_eq!(numbers, (0..sent).collect());
    let signed = workload.requests();
    let signed = signed.iter().filter(|one| one.path.contains("/sign"));
    assert!(signed.count() >= logins.len(), "each token was signed for");
}

fn number(body: &[u8]) -> u64 {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["number"].as_u64().unwrap()
}
