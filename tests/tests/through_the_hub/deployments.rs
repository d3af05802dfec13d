//! `deploy`: as a layer and on one device, there and away again.

use std::time::{Duration, SystemTime};

use conformance::run_request::RunRequest;
use harness::service::{ConnectionString, Match, Service, connection_string, request};
use serde_json::{Value, json};
use standin::hub::{Identity, Policy};

use super::{DEVICE, IMAGE, Lab, base};

fn client(lab: &Lab) -> Service {
    let string: ConnectionString = connection_string::read(&lab.string).unwrap();
    let authority = lab.hub.trust_bundle_pem().as_bytes();
    Service::new(string, Some(authority)).unwrap()
}

/// Gives the device its base as a lab would, by applying a content.
async fn give_base(lab: &Lab) {
    lab.hub
        .register(&Identity::module(DEVICE, "temperature"))
        .unwrap();
    let (agent, hub) = base();
    let content = json!({"modulesContent": {
        "$edgeAgent": {"properties.desired": agent},
        "$edgeHub": {"properties.desired": hub},
    }});
    client(lab)
        .carry_out(&request::apply_content(DEVICE, content))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_gets_the_probe_beside_all_that_it_has_and_loses_it_again() {
    let lab = Lab::start().await;
    give_base(&lab).await;
    let before = (lab.desired("$edgeAgent"), lab.desired("$edgeHub"));
    let offer = support::offer_of("well-behaved").display().to_string();
    let run = ["deploy", &offer, "--run", "monday"];
    let there = ["--device", DEVICE, "--image", IMAGE];

    let looked = lab.edgeproof(&[&run[..], &there].concat()).await;
    assert_eq!(looked.exit, 0, "{looked:?}");
    let body: Value = serde_json::from_str(&looked.out).unwrap();
    assert_eq!(
        lab.desired("$edgeAgent"),
        before.0,
        "a look changed something"
    );

    let applied = lab
        .edgeproof(&[&run[..], &there, &["--apply"]].concat())
        .await;
    assert_eq!(applied.exit, 0, "{applied:?}");
    let (agent, hub) = (lab.desired("$edgeAgent"), lab.desired("$edgeHub"));
    let sent = &body["modulesContent"];
    assert_eq!(agent, sent["$edgeAgent"]["properties.desired"]);
    assert_eq!(hub, sent["$edgeHub"]["properties.desired"]);
    assert_eq!(
        agent["modules"]["temperature"],
        before.0["modules"]["temperature"]
    );
    assert_eq!(agent["modules"]["edgeproof"]["settings"]["image"], IMAGE);
    assert_eq!(hub["routes"]["all"], before.1["routes"]["all"]);
    let wanted = lab.desired("edgeproof")["conformance"]["run"].clone();
    let wanted: RunRequest = serde_json::from_value(wanted).unwrap();
    assert_eq!(wanted.id, "monday");
    assert_eq!(
        wanted.offer_text().unwrap(),
        std::fs::read_to_string(offer).unwrap()
    );

    let away = ["deploy", "--remove", "--device", DEVICE];
    let removed = lab.edgeproof(&[&away[..], &["--apply"]].concat()).await;
    assert_eq!(removed.exit, 0, "{removed:?}");
    assert_eq!((lab.desired("$edgeAgent"), lab.desired("$edgeHub")), before);
    let again = lab.edgeproof(&away).await;
    assert_eq!(again.exit, 2, "{again:?}");
    assert!(again.err.contains("neither a module"), "{}", again.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_unknown_or_has_no_base_is_told() {
    let lab = Lab::start().await;
    let on = |device| ["deploy", "--image", IMAGE, "--device", device, "--apply"];
    let unknown = lab.edgeproof(&on("nobody")).await;
    assert_eq!(unknown.exit, 2, "{unknown:?}");
    assert!(
        unknown.err.contains("$edgeAgent on device nobody"),
        "{}",
        unknown.err
    );
    lab.hub
        .register(&Identity::module(DEVICE, "temperature"))
        .unwrap();
    let bare = lab.edgeproof(&on(DEVICE)).await;
    assert_eq!(bare.exit, 2, "{bare:?}");
    assert!(bare.err.contains("base deployment"), "{}", bare.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_comes_above_the_base_and_goes_again() {
    let lab = Lab::start().await;
    lab.hub
        .register(&Identity::module(DEVICE, "temperature"))
        .unwrap();
    let (agent, hub) = base();
    let whole = json!({
        "id": "base", "schemaVersion": "2.0", "contentType": "assignment", "priority": 1,
        "targetCondition": format!("deviceId = '{DEVICE}'"),
        "content": {"modulesContent": {
            "$edgeAgent": {"properties.desired": agent},
            "$edgeHub": {"properties.desired": hub},
        }},
    });
    let put = request::put_configuration("base", whole, Match::New);
    client(&lab).carry_out(&put).await.unwrap();
    let before = lab.desired("$edgeAgent");

    let condition = format!("deviceId = '{DEVICE}'");
    let deploy = ["deploy", "--image", IMAGE, "--apply", "--target-condition"];
    // A throttled hub is waited for.
    lab.hub
        .throttle_service(2, std::time::Duration::from_secs(1));
    let created = lab.edgeproof(&[&deploy[..], &[&condition]].concat()).await;
    assert_eq!(created.exit, 0, "{created:?}");
    assert!(created.out.contains(": created"), "{}", created.out);
    let agent = lab.desired("$edgeAgent");
    assert_eq!(agent["modules"]["edgeproof"]["settings"]["image"], IMAGE);
    assert_eq!(
        agent["modules"]["temperature"],
        before["modules"]["temperature"]
    );
    assert!(lab.desired("$edgeHub")["routes"]["edgeproofReport"].is_string());

    let higher = [&deploy[..], &[&condition, "--priority", "20"]].concat();
    let changed = lab.edgeproof(&higher).await;
    assert_eq!(changed.exit, 0, "{changed:?}");
    assert!(changed.out.contains(": changed"), "{}", changed.out);
    let stored = client(&lab).configuration("edgeproof").await.unwrap();
    assert_eq!(stored.unwrap().body["priority"], 20);

    let other = ["deploy", "--image", "lab.example/other:1", "--apply"];
    let other = lab.edgeproof(&other).await;
    assert_eq!(other.exit, 64, "{other:?}");
    assert!(other.err.contains("another content"), "{}", other.err);
    let wrong = ["deploy", "--id", "b", "--image", IMAGE, "--apply"];
    let wrong = [&wrong[..], &["--target-condition", "deviceId === 'a'"]].concat();
    let wrong = lab.edgeproof(&wrong).await;
    assert_eq!(wrong.exit, 64, "{wrong:?}");
    assert!(wrong.err.contains("the hub says"), "{}", wrong.err);

    let remove = ["deploy", "--remove", "--apply"];
    let removed = lab.edgeproof(&remove).await;
    assert_eq!(removed.exit, 0, "{removed:?}");
    assert_eq!(lab.desired("$edgeAgent"), before);
    let again = lab.edgeproof(&remove).await;
    assert_eq!(again.exit, 0, "{again:?}");
    assert!(again.out.contains("is not there"), "{}", again.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_the_right_is_told_with_call_status_and_the_hub_s_words() {
    let lab = Lab::start().await;
    let string = lab.hub.service_connection_string(Policy::Service).unwrap();
    let arguments = ["deploy", "--image", IMAGE, "--apply"];
    let refused = lab.with_string(&string, &arguments).await;
    assert_eq!(refused.exit, 2, "{refused:?}");
    assert!(
        refused
            .err
            .contains("deployment edgeproof: the hub answers 401 ("),
        "{}",
        refused.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_refused_for_its_time_tells_how_far_the_clock_is_off() {
    let lab = Lab::start().await;
    let behind = client(&lab).with_clock(|| SystemTime::now() - Duration::from_secs(7_200));
    let refused = behind.query("SELECT * FROM devices").await.unwrap_err();
    assert_eq!(refused.status(), Some(401));
    let words = refused.to_string();
    // A second may go by between the two clocks.
    let told = ["7199", "7200", "7201"].map(|far| format!("clock is {far} s behind the hub's"));
    assert!(told.iter().any(|told| words.contains(told)), "{words}");
    // Another mistake is not blamed on a clock that is right.
    let string = lab
        .string
        .replace("SharedAccessKey=", "SharedAccessKey=AAAA");
    let wrong = connection_string::read(&string).unwrap();
    let authority = lab.hub.trust_bundle_pem().as_bytes();
    let wrong = Service::new(wrong, Some(authority)).unwrap();
    let refused = wrong.query("SELECT * FROM devices").await.unwrap_err();
    assert_eq!(refused.status(), Some(401));
    assert!(!refused.to_string().contains("clock is"), "{refused}");
}
