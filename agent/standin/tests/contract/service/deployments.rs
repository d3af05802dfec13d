//! Deployments over the service API: content for one device, and configurations whole and in layers.

use serde_json::{Value, json};
use standin::hub::{Identity, LocalHub};

use super::client::{ask, bench};
use super::{DESIRED, get, listening};
use crate::client::read_publish;

fn desired(hub: &LocalHub, module: &str) -> Value {
    Value::Object(hub.twin(&Identity::module("d1", module)).unwrap().desired)
}

fn base(id: &str, priority: u64, image: &str) -> Value {
    json!({
        "id": id, "priority": priority, "targetCondition": "tags.probe = 'yes'", "labels": {"made": "test"},
        "content": {"modulesContent": {
            "$edgeAgent": {"properties.desired": {"schemaVersion": "1.1", "modules": {"a": {"image": image}}}},
            "$edgeHub": {"properties.desired": {"schemaVersion": "1.1", "routes": {}}},
        }},
    })
}

async fn put(hub: &LocalHub, headers: &str, body: &Value) -> (u16, Value) {
    let id = body["id"].as_str().unwrap();
    let reply = ask(hub, &format!("PUT /configurations/{id}"), headers, body).await;
    (reply.status, reply.body)
}

#[tokio::test]
async fn content_for_one_device_replaces_merges_and_leaves_alone() {
    let bench = bench().await;
    bench
        .hub
        .set_desired(&bench.identity, &json!({"keep": {"x": 1}}))
        .unwrap();
    let mut client = listening(&bench, DESIRED).await;
    let content = json!({"modulesContent": {
        "$edgeAgent": {"properties.desired": {"schemaVersion": "1.1", "modules": {}}},
        "m1": {"properties.desired.keep.y": 2},
        "new": {"properties.desired": {"z": 3}},
    }});
    let path = "POST /devices/d1/applyConfigurationContent";
    let applied = ask(&bench.hub, path, "", &content).await;
    assert_eq!((applied.status, applied.body), (204, Value::Null));
    assert_eq!(desired(&bench.hub, "m1"), json!({"keep": {"x": 1, "y": 2}}));
    assert_eq!(desired(&bench.hub, "new"), json!({"z": 3}));
    let (_, body) = read_publish(&client.packet().await.unwrap());
    assert_eq!(body, r#"{"keep":{"y":2},"$version":3}"#);

    // One module that does not fit keeps all of it out.
    let content = json!({"modulesContent": {
        "m1": {"properties.desired": {}}, "new": {"properties.desired": {"a b": 1}}}});
    let refused = ask(&bench.hub, path, "", &content).await;
    assert_eq!((refused.status, refused.error()), (400, "ArgumentInvalid"));
    assert_eq!(desired(&bench.hub, "m1"), json!({"keep": {"x": 1, "y": 2}}));
    let plain = json!({"deviceId": "plain"});
    assert_eq!(
        ask(&bench.hub, "PUT /devices/plain", "", &plain)
            .await
            .status,
        200
    );
    let path = "POST /devices/plain/applyConfigurationContent";
    assert_eq!(ask(&bench.hub, path, "", &content).await.status, 400);
}

#[tokio::test]
async fn the_deployment_of_the_highest_priority_holds_with_the_layers_above_it() {
    let bench = bench().await;
    let hub = &bench.hub;
    assert_eq!(put(hub, "", &base("low", 1, "one")).await.0, 201);
    assert_eq!(
        desired(hub, "$edgeAgent"),
        json!({}),
        "its condition takes nobody yet"
    );
    let tags = json!({"tags": {"probe": "yes"}});
    assert_eq!(ask(hub, "PATCH /twins/d1", "", &tags).await.status, 200);
    assert_eq!(
        desired(hub, "$edgeAgent")["modules"],
        json!({"a": {"image": "one"}})
    );
    assert_eq!(put(hub, "", &base("high", 5, "two")).await.0, 201);
    let layer = |id: &str, priority: u64| {
        json!({
            "id": id, "priority": priority, "targetCondition": "*",
            "content": {"modulesContent": {
                "$edgeAgent": {"properties.desired.modules.p": {"image": id}},
                "$edgeHub": {"properties.desired.routes.p": "FROM /* INTO $upstream"},
            }},
        })
    };
    assert_eq!(put(hub, "", &layer("above", 6)).await.0, 201);
    assert_eq!(put(hub, "", &layer("below", 2)).await.0, 201);
    let modules = json!({"a": {"image": "two"}, "p": {"image": "above"}});
    assert_eq!(desired(hub, "$edgeAgent")["modules"], modules);
    assert_eq!(
        desired(hub, "$edgeHub")["routes"],
        json!({"p": "FROM /* INTO $upstream"})
    );

    let agent = get(&bench, "/twins/d1/modules/%24edgeAgent").await;
    assert_eq!(
        agent["configurations"],
        json!({
        "above": {"status": "Applied"}, "below": {"status": "Targeted"},
        "high": {"status": "Applied"}, "low": {"status": "Targeted"}})
    );
    let query = json!({"query": "SELECT * FROM devices.modules WHERE configurations.[[high]].status = 'Applied'"});
    let found = ask(hub, "POST /devices/query", "", &query).await;
    assert_eq!(found.body[0]["moduleId"], "$edgeAgent");
    let low = get(&bench, "/configurations/low").await;
    assert_eq!(low["systemMetrics"]["results"]["targetedCount"], 1);
    assert_eq!(low["systemMetrics"]["results"]["appliedCount"], 0);

    // Without it the next lower one holds, and both layers are above that.
    let gone = ask(
        hub,
        "DELETE /configurations/high",
        "If-Match: *\r\n",
        &Value::Null,
    )
    .await;
    assert_eq!(gone.status, 204);
    let modules = json!({"a": {"image": "one"}, "p": {"image": "above"}});
    assert_eq!(desired(hub, "$edgeAgent")["modules"], modules);
    // With none left the device keeps what it has.
    for id in ["low", "above", "below"] {
        let path = format!("DELETE /configurations/{id}");
        assert_eq!(ask(hub, &path, "", &Value::Null).await.status, 204);
    }
    assert_eq!(desired(hub, "$edgeAgent")["modules"], modules);
}

#[tokio::test]
async fn a_configuration_changes_under_its_etag_and_never_its_content() {
    let bench = bench().await;
    let hub = &bench.hub;
    let (status, made) = put(hub, "", &base("c1", 1, "one")).await;
    assert_eq!((status, &made["labels"]), (201, &json!({"made": "test"})));
    assert_eq!(put(hub, "", &base("c1", 1, "one")).await.0, 409);
    let etag = format!("If-Match: \"{}\"\r\n", made["etag"].as_str().unwrap());
    let (status, changed) = put(hub, &etag, &base("c1", 9, "one")).await;
    assert_eq!((status, &changed["priority"]), (200, &json!(9)));
    assert_eq!(changed["createdTimeUtc"], made["createdTimeUtc"]);
    assert_eq!(put(hub, &etag, &base("c1", 9, "one")).await.0, 412);
    assert_eq!(
        put(hub, "If-Match: *\r\n", &base("c1", 9, "other")).await.0,
        400
    );
    let stale = ask(hub, "DELETE /configurations/c1", &etag, &Value::Null).await;
    assert_eq!((stale.status, stale.error()), (412, "PreconditionFailed"));
    assert_eq!(
        get(&bench, "/configurations")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let unknown = ask(hub, "GET /configurations/c2", "", &Value::Null).await;
    assert_eq!(
        (unknown.status, unknown.error()),
        (404, "ConfigurationNotFound")
    );
    let mut wrong = base("Upper", 1, "one");
    wrong["targetCondition"] = "tags.a LIKE 1".into();
    let (status, body) = put(hub, "", &wrong).await;
    let message = body["Message"].as_str().unwrap();
    assert!(
        status == 400 && message.contains("/id") && message.contains("at character 8"),
        "{message}"
    );
    let test = json!({"targetCondition": "tags.a", "customMetricQueries": {"m": "SELECT 1"}});
    let tested = ask(hub, "POST /configurations/testQueries", "", &test).await;
    assert!(
        tested.body["targetConditionError"]
            .as_str()
            .unwrap()
            .contains("a comparison")
    );
    assert!(
        tested.body["customMetricQueryErrors"]["m"]
            .as_str()
            .unwrap()
            .contains("`*`")
    );
}

#[tokio::test]
async fn the_agents_own_report_counts_for_the_deployment() {
    let bench = bench().await;
    let hub = &bench.hub;
    let mut everywhere = base("c1", 1, "one");
    everywhere["targetCondition"] = "*".into();
    assert_eq!(put(hub, "", &everywhere).await.0, 201);
    let agent = crate::client::Bench::of(bench.hub, Identity::module("d1", "$edgeAgent"));
    let mut client = listening(&agent, "$iothub/twin/res/#").await;
    for (code, succeeded, failed) in [(200, 1, 0), (500, 0, 1)] {
        let version = agent.hub.twin(&agent.identity).unwrap().desired_version;
        let report = json!({"lastDesiredVersion": version, "lastDesiredStatus": {"code": code}});
        let topic = "$iothub/twin/PATCH/properties/reported/?$rid=1";
        client
            .send(&crate::client::publish(
                0,
                topic,
                report.to_string().as_bytes(),
            ))
            .await;
        client.packet().await.expect("it is taken");
        let results = get(&agent, "/configurations/c1").await["systemMetrics"]["results"].clone();
        assert_eq!(results["appliedCount"], 1);
        assert_eq!(
            (
                &results["reportedSuccessfulCount"],
                &results["reportedFailedCount"]
            ),
            (&json!(succeeded), &json!(failed))
        );
    }
}
