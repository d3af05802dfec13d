//! Requests that are damaged in any way are answered, and change nothing that they have no right to.

use proptest::prelude::*;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::hub::registry::Registry;
use crate::hub::sas::tests::signed;

fn shared() -> Arc<Shared> {
    let shared = Shared {
        host: "h.azure-devices.net".to_owned(),
        names: vec!["localhost".to_owned()],
        mode: Mode::IotHub,
        registry: Registry::default(),
        service: Service::new().unwrap(),
    };
    identities::make_edge_device(&shared.registry, "d1").unwrap();
    Arc::new(shared)
}

fn request(shared: &Shared, method: &str, path: &str, body: &[u8]) -> Request {
    let key = shared.service.keys.of(Policy::IotHubOwner);
    let token = signed("h.azure-devices.net", "9", key);
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: "api-version=2021-04-12".to_owned(),
        authorization: Some(format!("{token}&skn=iothubowner")),
        if_match: None,
        max_items: None,
        continuation: None,
        now: 0,
        body: Bytes::copy_from_slice(body),
    }
}

fn answered(shared: &Arc<Shared>, request: &Request) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(answer(shared, request))
}

/// Paths of the API, with ids that are there, that are not, and that nobody would register.
const PATHS: [&str; 12] = [
    "/devices",
    "/devices/d1",
    "/devices/d2",
    "/devices/d1/modules",
    "/devices/d1/modules/m%20x",
    "/twins/d1",
    "/twins/d1/modules/$edgeAgent",
    "/twins/d1/methods",
    "/devices/query",
    "/devices/d1/applyConfigurationContent",
    "/configurations/c1",
    "/configurations/testQueries",
];

/// Members that bodies have, with values of every kind.
fn body() -> impl Strategy<Value = Value> {
    let member = prop::sample::select(vec![
        "deviceId",
        "moduleId",
        "capabilities",
        "iotEdge",
        "authentication",
        "symmetricKey",
        "primaryKey",
        "tags",
        "properties",
        "desired",
        "methodName",
        "payload",
        "responseTimeoutInSeconds",
        "connectTimeoutInSeconds",
        "query",
        "id",
        "content",
        "modulesContent",
        "$edgeAgent",
        "properties.desired",
        "targetCondition",
        "priority",
        "metrics",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "d1",
            "d2",
            "c1",
            "*",
            "tags.a = 1",
            "SELECT * FROM devices"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec((member.clone(), inner.clone()), 0..6).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

/// Bodies that do something at one path or another.
fn bodies() -> Vec<Value> {
    let edge = json!({"iotEdge": true});
    let agent = |name: &str| json!({"properties.desired": {"modules": {name: {}}}});
    let deployment = |id: &str, content: Value| {
        let priority = id.len();
        json!({"id": id, "targetCondition": "*", "priority": priority, "content": {"modulesContent": content}})
    };
    vec![
        json!({"deviceId": "d1", "capabilities": edge}),
        json!({"deviceId": "d2", "capabilities": edge}),
        json!({"deviceId": "d1", "moduleId": "m1"}),
        json!({"tags": {"a": 1}, "properties": {"desired": {"x": {"y": 1}}}}),
        json!({"tags": {"a": null}, "properties": {"desired": {"x": null}}}),
        json!({"modulesContent": {"m1": {"properties.desired.x": {"z": 2}}, "m2": {"properties.desired": {}}}}),
        deployment(
            "c1",
            json!({"$edgeAgent": agent("one"), "m3": {"properties.desired": {"n": 1}}}),
        ),
        deployment(
            "c2",
            json!({"$edgeAgent": {"properties.desired.modules.p": {}}, "m3": {"properties.desired.o": 2}}),
        ),
        json!({}),
    ]
}

proptest! {
    #[test]
    fn any_body_is_answered(
        method in prop::sample::select(vec!["GET", "PUT", "PATCH", "POST", "DELETE", "HEAD"]),
        path in prop::sample::select(PATHS.to_vec()),
        body in body(),
        if_match in prop::option::of("[\"*a-zA-Z0-9=]{0,8}"),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let shared = shared();
        let mut bytes = body.to_string().into_bytes();
        if let Some((place, byte)) = damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let mut request = request(&shared, method, path, &bytes);
        request.if_match = if_match;
        let answer = answered(&shared, &request);
        prop_assert!((200..500).contains(&answer.status), "{method} {path} {body}: {answer:?}");
    }

    #[test]
    fn any_order_of_requests_leaves_a_hub_that_answers(
        requests in prop::collection::vec((
            prop::sample::select(vec!["PUT", "PUT", "PATCH", "POST", "DELETE"]),
            prop::sample::select(vec![
                "/devices/d1", "/devices/d2", "/devices/d1/modules/m1", "/twins/d1", "/twins/d1/modules/$edgeAgent",
                "/configurations/c1", "/configurations/c2", "/devices/d1/applyConfigurationContent",
            ]),
            prop::sample::select(bodies()),
            prop::option::of(Just("*".to_owned())),
        ), 1..30),
    ) {
        let shared = shared();
        for (method, path, body, if_match) in requests {
            let mut request = request(&shared, method, path, body.to_string().as_bytes());
            request.if_match = if_match;
            let answer = answered(&shared, &request);
            prop_assert!((200..500).contains(&answer.status), "{method} {path} {body}: {answer:?}");
        }
        for (path, may_be_gone) in [
            ("/devices", false), ("/configurations", false), ("/devices/d1/modules", true), ("/twins/d1", true),
        ] {
            let answer = answered(&shared, &request(&shared, "GET", path, b""));
            prop_assert!(answer.status == 200 || (may_be_gone && answer.status == 404), "{path}: {answer:?}");
        }
        // A module is never without its device.
        for module in shared.registry.identities(|identity| !identities::is_device(identity)) {
            let Identity::Module { device, .. } = &module else { continue };
            prop_assert!(shared.registry.known(&Identity::device(device)).is_some(), "{module}");
        }
    }

    #[test]
    fn any_head_is_answered(
        method in "[A-Z]{1,7}",
        path in "(/(devices|twins|configurations|modules|[ -~]{0,8})){0,6}",
        query in "(api-version=)?[ -~]{0,20}",
        authorization in prop::option::of("(SharedAccessSignature )?[ -~]{0,60}"),
        continuation in prop::option::of("[ -~]{0,20}"),
    ) {
        let shared = shared();
        let mut request = request(&shared, &method, &path, b"{}");
        request.query = query;
        request.authorization = authorization;
        request.continuation = continuation;
        let answer = answered(&shared, &request);
        prop_assert!((400..500).contains(&answer.status), "{answer:?}");
    }
}

#[test]
fn a_policy_grants_what_it_is_for_and_no_more() {
    let shared = shared();
    let status = |policy: Policy, method: &str, path: &str| {
        let mut request = request(&shared, method, path, b"{}");
        let token = signed("h.azure-devices.net", "9", shared.service.keys.of(policy));
        request.authorization = Some(format!("{token}&skn={}", policy.name()));
        answered(&shared, &request).status
    };
    for (policy, read, write, twin) in [
        (Policy::IotHubOwner, 200, 400, 200),
        (Policy::Service, 401, 401, 200),
        (Policy::Device, 401, 401, 401),
        (Policy::RegistryRead, 200, 401, 401),
        (Policy::RegistryReadWrite, 200, 400, 401),
    ] {
        assert_eq!(status(policy, "GET", "/devices/d1"), read, "{policy:?}");
        assert_eq!(status(policy, "PUT", "/devices/d2"), write, "{policy:?}");
        assert_eq!(status(policy, "GET", "/twins/d1"), twin, "{policy:?}");
    }
}

#[test]
fn a_token_opens_what_it_is_for_until_it_ends() {
    let shared = shared();
    let why = |sr: &str, se: &str, policy: &str| {
        let mut request = request(&shared, "GET", "/twins/d1", b"");
        let token = signed(sr, se, shared.service.keys.of(Policy::IotHubOwner));
        request.authorization = Some(format!("{token}&skn={policy}"));
        request.now = 100;
        let answer = answered(&shared, &request);
        (answer.status, answer.body.unwrap()["Message"].to_string())
    };
    for sr in [
        "h.azure-devices.net",
        "LOCALHOST%3A8443",
        "localhost%2Ftwins",
        "localhost/twins/d1",
    ] {
        assert_eq!(why(sr, "101", "iothubowner").0, 200, "{sr}");
    }
    for (sr, se, policy, wanted) in [
        ("h.azure-devices.net", "100", "iothubowner", "expired"),
        (
            "other.azure-devices.net",
            "101",
            "iothubowner",
            "not for this",
        ),
        (
            "h.azure-devices.net%2Fdevices",
            "101",
            "iothubowner",
            "not for this",
        ),
        (
            "h.azure-devices.net%2Ftwins%2Fd2",
            "101",
            "iothubowner",
            "not for this",
        ),
        ("h.azure-devices.net", "101", "service", "signature"),
        ("h.azure-devices.net", "101", "owner", "no policy"),
        ("h.azure-devices.net", "x", "iothubowner", "`se`"),
    ] {
        let (status, message) = why(sr, se, policy);
        assert!(
            status == 401 && message.contains(wanted),
            "{sr} {policy}: {message}"
        );
        assert!(
            message.contains("ErrorCode:IotHubUnauthorizedAccess;"),
            "{message}"
        );
    }
}

#[test]
fn a_device_sees_to_its_own_modules_alone() {
    let shared = shared();
    identities::make_edge_device(&shared.registry, "d2").unwrap();
    let key = shared.registry.key(&Identity::device("d1")).unwrap();
    let status = |method: &str, path: &str, body: &[u8]| {
        let mut request = request(&shared, method, path, body);
        request.query = "api-version=2017-11-08-preview".to_owned();
        request.authorization = Some(signed("localhost:8443/devices/d1", "9", &key));
        request.if_match = (method == "DELETE").then(|| "*".to_owned());
        answered(&shared, &request).status
    };
    let module = br#"{"moduleId": "m1", "deviceId": "d1"}"#;
    assert_eq!(status("PUT", "/devices/d1/modules/m1", module), 200);
    assert_eq!(status("GET", "/devices/d1/modules", b""), 200);
    assert_eq!(status("GET", "/devices/d1/modules/$edgeAgent", b""), 200);
    assert_eq!(status("DELETE", "/devices/d1/modules/m1", b""), 204);
    assert_eq!(status("GET", "/devices/d2/modules", b""), 401);
    assert_eq!(status("GET", "/devices/d1", b""), 401);
    assert_eq!(status("GET", "/twins/d1", b""), 401);
}

/// What a client gets that sends these bytes and then nothing more, reading or not.
async fn served(shared: &Arc<Shared>, bytes: &[u8], reads: bool) -> (Vec<u8>, Duration) {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let shared = Arc::clone(shared);
    let began = tokio::time::Instant::now();
    let serving = tokio::spawn(async move { serve(&shared, server).await });
    let mut answer = Vec::new();
    client.write_all(bytes).await.unwrap();
    if reads {
        client.read_to_end(&mut answer).await.unwrap();
    }
    serving.await.unwrap();
    (answer, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_is_not_waited_for() {
    let shared = shared();
    let (answer, within) = served(&shared, b"GET /devices HTTP/1.1\r\nHost", true).await;
    assert!(within <= Duration::from_secs(31), "{within:?}");
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"));
    let half = b"PUT /devices/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";
    let (answer, within) = served(&shared, half, true).await;
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{answer:?}");
    assert!(within <= Duration::from_secs(60), "{within:?}");
    // Answers that nobody takes fill the pipe, and then the connection's time runs out.
    let deaf = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
    let (_, within) = served(&shared, &deaf, false).await;
    assert!(within <= Duration::from_secs(15 * 60 + 1), "{within:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_too_many_is_dropped() {
    let shared = shared();
    let taken = u32::try_from(CONNECTIONS).unwrap();
    let _taken = shared.service.places.acquire_many(taken).await.unwrap();
    let (answer, within) = served(&shared, b"GET / HTTP/1.1\r\n\r\n", true).await;
    assert!(answer.is_empty() && within.is_zero());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_answered_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        honest in any::<bool>(),
        place in any::<prop::sample::Index>(),
    ) {
        let mut bytes = bytes;
        if honest {
            let mut head = b"PATCH /twins/d1 HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            let place = place.index(head.len());
            head.splice(place..place, bytes.into_iter().take(4));
            bytes = head;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let shared = shared();
        let (answer, _) = runtime.unwrap().block_on(served(&shared, &bytes, true));
        prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
    }
}
