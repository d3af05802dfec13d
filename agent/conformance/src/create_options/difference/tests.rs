//! Requested against effective, on recorded, made-up and random options.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::create_options::CreateOptions;

/// What an engine that takes everything as it is would show.
fn obedient(options: &Value) -> Value {
    let mut config = options.as_object().cloned().unwrap_or_default();
    let host = config.remove("HostConfig").unwrap_or(Value::Null);
    let networking = config.remove("NetworkingConfig").unwrap_or(Value::Null);
    json!({"Config": config, "HostConfig": host,
        "NetworkSettings": {"Networks": networking["EndpointsConfig"]}})
}

fn check(requested: &Value, inspect: &Value, expected: &[(&str, DifferenceKind)]) {
    let found = diff(requested, inspect);
    let found: Vec<(&str, DifferenceKind)> = found
        .iter()
        .map(|one| (one.pointer.as_str(), one.kind))
        .collect();
    assert_eq!(found, expected, "{requested}");
}

#[test]
fn a_recorded_engine_dropped_just_the_two_keys_it_does_not_know() {
    let requested = json!({"Image": "x", "Labels": {"edgeproof.run": "rec"}, "Volumes": {"/data": {}}, "Foo": 1,
        "ExposedPorts": {"8080": {}}, "HostConfig": {"Bar": 2, "Memory": 67_108_864, "CapAdd": ["CAP_NET_ADMIN"],
        "NanoCpus": 500_000_000, "PortBindings": {"8080/tcp": [{"HostPort": "18080"}]},
        "Binds": ["/tmp:/x:ro", "rec-vol:/vol"], "Mounts": [{"Type": "tmpfs", "Target": "/t/", "ReadOnly": false}],
        "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}], "Privileged": false, "PidsLimit": -1,
        "NetworkMode": "bridge", "RestartPolicy": {"Name": "no"}, "ShmSize": 0,
        "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/xnull"}]},
        "NetworkingConfig": {"EndpointsConfig": {"rec-net": {}}}});
    let inspect: Value = serde_json::from_str(include_str!(
        "../../../tests/data/inspect-engine-20.10.json"
    ))
    .unwrap();
    check(
        &requested,
        &inspect,
        &[
            ("/Foo", DifferenceKind::Dropped),
            ("/HostConfig/Bar", DifferenceKind::Dropped),
        ],
    );
}

#[test]
fn changed_and_missing_values_are_told_apart() {
    let requested = json!({"User": "7", "Cmd": "run", "Env": ["A=1", "B=2"], "Labels": {"a": "b"},
        "HostConfig": {"Memory": 1000, "OomKillDisable": true, "CapAdd": ["NET_ADMIN"],
            "Sysctls": {"net.x": "1"}, "Annotations": {"k": "v"}, "Ulimits": [{"Name": "nofile", "Soft": 5}],
            "PortBindings": {"80": [{"HostPort": "80"}]}},
        "NetworkingConfig": {"EndpointsConfig": {"n": {"Aliases": ["me"]}}}});
    let inspect = json!({"Config": {"User": "8", "Cmd": ["run"], "Env": ["A=1", "B=3", "PATH=/"], "Labels": {}},
        "HostConfig": {"Memory": 4096, "OomKillDisable": null, "CapAdd": null, "Sysctls": {"net.x": "2"},
            "Ulimits": [{"Name": "nofile", "Soft": 4, "Hard": 9}],
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "81"}]}},
        "NetworkSettings": {"Networks": {"n": {"Aliases": ["me", "0123"]}}}});
    check(
        &requested,
        &inspect,
        &[
            ("/User", DifferenceKind::Changed),
            ("/Env/1", DifferenceKind::Changed),
            ("/Labels/a", DifferenceKind::Dropped),
            ("/HostConfig/Memory", DifferenceKind::Changed),
            ("/HostConfig/OomKillDisable", DifferenceKind::Changed),
            ("/HostConfig/CapAdd/0", DifferenceKind::Dropped),
            ("/HostConfig/Sysctls/net.x", DifferenceKind::Changed),
            ("/HostConfig/Annotations", DifferenceKind::Dropped),
            ("/HostConfig/Ulimits/0/Soft", DifferenceKind::Changed),
            ("/HostConfig/PortBindings/80", DifferenceKind::Changed),
        ],
    );
}

#[test]
fn values_of_environment_variables_never_show() {
    let found = diff(
        &json!({"Env": ["KEY=secret-1"]}),
        &json!({"Config": {"Env": ["KEY=secret-2"]}}),
    );
    assert_eq!(found.len(), 1);
    assert!(!format!("{found:?}").contains("secret"));
}

/// Documents with keys that matter, in values the engine can read.
fn any_options() -> impl Strategy<Value = Value> {
    let texts = || prop::collection::vec("[a-zA-Z=/:._-]{0,8}", 0..4);
    let map = || prop::collection::btree_map("[a-z./]{1,6}", "[a-z]{0,4}", 0..3);
    let host = (
        any::<Option<i64>>(),
        any::<Option<bool>>(),
        texts(),
        texts(),
        map(),
        prop::option::of("[a-z:]{0,8}"),
    );
    let top = (
        texts(),
        map(),
        prop::option::of("[a-z]{0,4}"),
        texts(),
        map(),
    );
    (host, top).prop_map(|(host, top)| {
        let ports: Map<String, Value> =
            top.4.keys().map(|key| (key.clone(), json!({}))).collect();
        let bindings: Map<String, Value> = (top.4.iter())
            .map(|(key, port)| (key.clone(), json!([{"HostPort": port}])))
            .collect();
        json!({"Env": top.0, "Labels": top.1, "User": top.2, "Cmd": top.3, "ExposedPorts": ports, "Unknown": host.0,
            "HostConfig": {"Memory": host.0, "Privileged": host.1, "Binds": host.2, "CapAdd": host.3,
                "Sysctls": host.4, "NetworkMode": host.5, "PidsLimit": host.0, "PortBindings": bindings,
                "Surprise": host.4},
            "NetworkingConfig": {"EndpointsConfig": {"n": {"Aliases": top.0}}}})
    })
}

proptest! {
    #[test]
    fn options_do_not_differ_from_themselves(options in any_options()) {
        prop_assert_eq!(diff(&options, &obedient(&options)), vec![]);
    }

    #[test]
    fn an_empty_inspect_has_dropped_every_option_that_says_something(memory in 1_i64.., user in "[a-z]{1,4}") {
        let options = json!({"User": user, "HostConfig": {"Memory": memory}});
        let options = CreateOptions::from_value(options).unwrap();
        prop_assert_eq!(diff(options.value(), &json!({})).len(), 2);
    }
}
