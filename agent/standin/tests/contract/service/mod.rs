//! IoT Hub's service API over real sockets: what it does to identities, twins and connected clients, and what it refuses.

pub(crate) mod client;
mod deployments;

use std::time::Duration;

use serde_json::{Value, json};
use standin::hub::{DisconnectReason, Identity, Policy};

use crate::client::{Bench, Client, publish, read_publish, subscribe};
use client::{ask, bench, raw, reply};

const METHODS: &str = "$iothub/methods/POST/#";
const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/#";

async fn get(bench: &Bench, path: &str) -> Value {
    let reply = ask(&bench.hub, &format!("GET {path}"), "", &Value::Null).await;
    assert_eq!(reply.status, 200, "{path}: {reply:?}");
    reply.body
}

async fn listening(bench: &Bench, filter: &str) -> Client {
    let mut client = bench.connected().await;
    client.send(&subscribe(&[filter])).await;
    client.packet().await.expect("it is granted");
    client
}

#[tokio::test]
async fn a_patch_over_rest_reaches_a_connected_module_and_a_stale_etag_nobody() {
    let bench = bench().await;
    let mut client = listening(&bench, DESIRED).await;
    let twin = get(&bench, "/twins/d1/modules/m1").await;
    assert_eq!(twin["connectionState"], "Connected");
    let etag = format!("If-Match: \"{}\"\r\n", twin["etag"].as_str().unwrap());
    let patch = json!({"tags": {"site": "a"}, "properties": {"desired": {"x": 1}}});
    let changed = ask(&bench.hub, "PATCH /twins/d1/modules/m1", &etag, &patch).await;
    assert_eq!(
        (changed.status, &changed.body["tags"]),
        (200, &json!({"site": "a"}))
    );
    let quoted = format!("\"{}\"", changed.body["etag"].as_str().unwrap());
    assert_eq!(changed.header("etag"), Some(quoted.as_str()));
    let (topic, body) = read_publish(&client.packet().await.unwrap());
    assert_eq!(topic, format!("{}?$version=2", DESIRED.replace('#', "")));
    assert_eq!(body, r#"{"x":1,"$version":2}"#);

    let stale = ask(&bench.hub, "PATCH /twins/d1/modules/m1", &etag, &patch).await;
    assert_eq!((stale.status, stale.error()), (412, "PreconditionFailed"));
    let whole = json!({"properties": {"desired": {"y": 2, "$version": 7}}});
    let put = ask(
        &bench.hub,
        "PUT /twins/d1/modules/m1",
        "If-Match: \"*\"\r\n",
        &whole,
    )
    .await;
    assert_eq!(
        put.body["properties"]["desired"],
        json!({"y": 2, "$version": 3})
    );
    let (_, body) = read_publish(&client.packet().await.unwrap());
    assert_eq!(body, r#"{"y":2,"x":null,"$version":3}"#);
    let mqtt = bench.hub.twin(&bench.identity).unwrap();
    assert_eq!(Value::Object(mqtt.desired), json!({"y": 2}));

    let refused = json!({"properties": {"desired": {"a.b": 1}}});
    let refused = ask(&bench.hub, "PATCH /twins/d1/modules/m1", "", &refused).await;
    assert_eq!((refused.status, refused.error()), (400, "ArgumentInvalid"));
    let unknown = ask(&bench.hub, "GET /twins/d1/modules/m2", "", &Value::Null).await;
    assert_eq!((unknown.status, unknown.error()), (404, "ModuleNotFound"));
}

#[tokio::test]
async fn a_method_waits_for_the_module_and_gives_its_answer() {
    let bench = bench().await;
    let call = json!({"methodName": "status", "payload": {"n": 1}, "connectTimeoutInSeconds": 20});
    let calling = ask(&bench.hub, "POST /twins/d1/modules/m1/methods", "", &call);
    let answering = async {
        let mut client = listening(&bench, METHODS).await;
        let (topic, body) = read_publish(&client.packet().await.unwrap());
        assert_eq!(
            (topic.as_str(), body.as_str()),
            ("$iothub/methods/POST/status/?$rid=1", r#"{"n":1}"#)
        );
        let answer = publish(0, "$iothub/methods/res/202/?$rid=1", br#"{"ok":true}"#);
        client.send(&answer).await;
        client
    };
    let (reply, _client) = tokio::join!(calling, answering);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, json!({"status": 202, "payload": {"ok": true}}));
}

#[tokio::test]
async fn a_method_that_reaches_nobody_or_is_not_answered_says_which() {
    let bench = bench().await;
    let inner = |body: &Value| -> Value {
        serde_json::from_str(body["Message"].as_str().unwrap()).unwrap()
    };
    let call = json!({"methodName": "x", "responseTimeoutInSeconds": 5});
    let offline = ask(&bench.hub, "POST /twins/d1/modules/m1/methods", "", &call).await;
    assert_eq!(
        (offline.status, offline.header("iothub-errorcode")),
        (404, Some("DeviceNotOnline"))
    );
    assert_eq!(inner(&offline.body)["errorCode"], 404_103);
    // As `az` sends its defaults.
    let texts =
        json!({"methodName": "x", "responseTimeoutInSeconds": "5", "connectTimeoutInSeconds": "0"});
    let texts = ask(&bench.hub, "POST /twins/d1/modules/m1/methods", "", &texts).await;
    assert_eq!(texts.status, 404, "{texts:?}");
    let unknown = ask(&bench.hub, "POST /twins/d9/methods", "", &call).await;
    assert_eq!((unknown.status, unknown.error()), (404, "DeviceNotFound"));
    let _deaf = listening(&bench, METHODS).await;
    let began = tokio::time::Instant::now();
    let late = ask(&bench.hub, "POST /twins/d1/modules/m1/methods", "", &call).await;
    assert_eq!(
        (late.status, &inner(&late.body)["errorCode"]),
        (504, &json!(504_101))
    );
    assert!(began.elapsed() >= Duration::from_secs(5));
    for (call, place) in [
        (json!({"methodName": ""}), "/methodName"),
        (
            json!({"methodName": "x", "responseTimeoutInSeconds": 1}),
            "/responseTimeoutInSeconds",
        ),
        (
            json!({"methodName": "x", "responseTimeoutInSeconds": "301"}),
            "/responseTimeoutInSeconds",
        ),
        (
            json!({"methodName": "x", "connectTimeoutInSeconds": 301}),
            "/connectTimeoutInSeconds",
        ),
    ] {
        let refused = ask(&bench.hub, "POST /twins/d1/modules/m1/methods", "", &call).await;
        assert_eq!((refused.status, refused.error()), (400, "ArgumentInvalid"));
        assert!(
            refused.body["Message"].as_str().unwrap().contains(place),
            "{call}"
        );
    }
    let large = json!({"methodName": "x", "payload": "x".repeat(140_000)});
    let large = ask(&bench.hub, "POST /twins/d1/modules/m1/methods", "", &large).await;
    assert_eq!(large.status, 413);
}

#[tokio::test]
async fn a_query_goes_page_by_page() {
    let bench = bench().await;
    for n in 0..5 {
        let id = format!("p{n}");
        let path = format!("PUT /devices/{id}");
        assert_eq!(
            ask(&bench.hub, &path, "", &json!({"deviceId": id}))
                .await
                .status,
            200
        );
        let patch = json!({"tags": {"n": n}});
        assert_eq!(
            ask(&bench.hub, &format!("PATCH /twins/{id}"), "", &patch)
                .await
                .status,
            200
        );
    }
    let query = json!({"query": "SELECT * FROM devices WHERE tags.n >= 1"});
    let (mut seen, mut pages, mut continuation) = (Vec::new(), 0, String::new());
    loop {
        let headers = format!("x-ms-max-item-count: 3\r\n{continuation}");
        let page = ask(&bench.hub, "POST /devices/query", &headers, &query).await;
        assert_eq!(
            (page.status, page.header("x-ms-item-type")),
            (200, Some("Twin"))
        );
        let items = page.body.as_array().unwrap();
        seen.extend(
            items
                .iter()
                .map(|twin| twin["deviceId"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match page.header("x-ms-continuation") {
            None => break,
            Some(token) => continuation = format!("x-ms-continuation: {token}\r\n"),
        }
    }
    assert_eq!((seen.join(" ").as_str(), pages), ("p1 p2 p3 p4", 2));
    let other = json!({"query": "SELECT * FROM devices"});
    let foreign = ask(&bench.hub, "POST /devices/query", &continuation, &other).await;
    assert_eq!((foreign.status, foreign.error()), (400, "ArgumentInvalid"));
    let modules = json!({"query": "SELECT * FROM devices.modules WHERE moduleId = 'm1'"});
    let modules = ask(&bench.hub, "POST /devices/query", "", &modules).await;
    assert_eq!(modules.body.as_array().unwrap().len(), 1);
    let wrong = json!({"query": "SELECT deviceId FROM devices"});
    let wrong = ask(&bench.hub, "POST /devices/query", "", &wrong).await;
    assert!(
        wrong.body["Message"]
            .as_str()
            .unwrap()
            .contains("at character 8"),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn identities_are_made_with_keys_that_log_in_and_end_with_their_connections() {
    let mut bench = bench().await;
    let modules = get(&bench, "/devices/d1/modules").await;
    let ids: Vec<_> = modules
        .as_array()
        .unwrap()
        .iter()
        .map(|module| &module["moduleId"])
        .collect();
    assert_eq!(ids, ["$edgeAgent", "$edgeHub", "m1"]);
    let lonely = json!({"deviceId": "d9", "moduleId": "m1"});
    let lonely = ask(&bench.hub, "PUT /devices/d9/modules/m1", "", &lonely).await;
    assert_eq!((lonely.status, lonely.error()), (404, "DeviceNotFound"));
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [9; 32]);
    let keys = json!({"type": "sas", "symmetricKey": {"primaryKey": key, "secondaryKey": key}});
    let body = json!({"deviceId": "d1", "moduleId": "m1", "authentication": keys});
    let exists = ask(&bench.hub, "PUT /devices/d1/modules/m1", "", &body).await;
    assert_eq!(
        (exists.status, exists.error()),
        (409, "ModuleAlreadyExistsOnDevice")
    );

    let before = get(&bench, "/devices/d1/modules/m1").await;
    let _client = bench.connected().await;
    let updated = ask(
        &bench.hub,
        "PUT /devices/d1/modules/m1",
        "If-Match: *\r\n",
        &body,
    )
    .await;
    assert_eq!(updated.status, 200);
    assert_eq!(updated.body["generationId"], before["generationId"]);
    assert_ne!(updated.body["etag"], before["etag"]);
    assert_eq!(crate::end(&mut bench).await, DisconnectReason::Requested);
    bench.credentials.key = [9; 32];
    let _client = bench.connected().await;
    let stale = format!("If-Match: \"{}\"\r\n", before["etag"].as_str().unwrap());
    let stale = ask(
        &bench.hub,
        "DELETE /devices/d1/modules/m1",
        &stale,
        &Value::Null,
    )
    .await;
    assert_eq!((stale.status, stale.error()), (412, "PreconditionFailed"));
    let gone = ask(
        &bench.hub,
        "DELETE /devices/d1",
        "If-Match: *\r\n",
        &Value::Null,
    )
    .await;
    assert_eq!((gone.status, gone.body), (204, Value::Null));
    assert_eq!(crate::end(&mut bench).await, DisconnectReason::Requested);
    assert!(bench.hub.twin(&Identity::module("d1", "m1")).is_err());
    let wrong =
        json!({"deviceId": "other", "status": "disabled", "authentication": {"type": "none"}});
    let wrong = ask(&bench.hub, "PUT /devices/d3", "", &wrong).await;
    for place in ["/deviceId", "/status", "/authentication/type"] {
        assert!(
            wrong.body["Message"].as_str().unwrap().contains(place),
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn who_may_not_is_told_in_the_hubs_form() {
    let bench = bench().await;
    let plain =
        b"GET /devices?api-version=2021-04-12 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let refused = reply(&bench.hub, plain).await;
    assert_eq!(
        (refused.status, refused.error()),
        (401, "IotHubUnauthorizedAccess")
    );
    let tracked = refused.body["ExceptionMessage"].as_str().unwrap();
    assert!(tracked.starts_with("Tracking ID:"), "{tracked}");
    let plain = b"GET /devices?api-version=new HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let refused = reply(&bench.hub, plain).await;
    assert_eq!(
        (refused.status, refused.error()),
        (400, "InvalidProtocolVersion")
    );
    let string = bench
        .hub
        .service_connection_string(Policy::Service)
        .unwrap();
    let port = bench.hub.service_address().unwrap().port();
    assert!(string.starts_with(&format!(
        "HostName=localhost:{port};SharedAccessKeyName=service;"
    )));
}

#[tokio::test]
async fn a_hub_that_throttles_says_when_to_come_again() {
    let bench = bench().await;
    bench.hub.throttle_service(2, Duration::from_secs(7));
    for _ in 0..2 {
        let busy = ask(&bench.hub, "GET /twins/d1", "", &Value::Null).await;
        assert_eq!((busy.status, busy.error()), (429, "ThrottlingException"));
        assert_eq!(busy.header("retry-after"), Some("7"));
    }
    get(&bench, "/twins/d1").await;
}

#[tokio::test]
async fn what_is_too_large_or_no_http_is_turned_away_and_the_hub_goes_on() {
    let bench = bench().await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
    let headers: String = (0..100).map(|n| format!("x{n}: 1\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\n{headers}\r\n");
    let large = format!(
        "PUT /devices/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n{}",
        "x".repeat(1_100_000)
    );
    for (bytes, wanted) in [
        (long.as_bytes(), Some("431")),
        (many.as_bytes(), Some("431")),
        (large.as_bytes(), Some("413")),
        (b"\x10\x20not http at all\r\n\r\n", Some("400")),
        (
            b"PUT /devices/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            Some("400"),
        ),
    ] {
        let answer = raw(&bench.hub, bytes).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(answer.split(' ').nth(1), wanted, "{answer}");
    }
    get(&bench, "/devices/d1").await;
}
