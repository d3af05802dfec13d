//! The allow-list, option by option.

use super::*;

fn check(text: &str, asks: &[(&str, Access)]) {
    let options = CreateOptions::parse(text).unwrap();
    let found = options.needs_elevation();
    let found: Vec<(&str, Access)> = found
        .iter()
        .map(|ask| (ask.pointer.as_str(), ask.access))
        .collect();
    assert_eq!(found, asks, "{text}");
}

#[test]
fn a_plain_container_asks_for_nothing() {
    check("{}", &[]);
    check(
        r#"{"ExposedPorts": {"80/tcp": {}}, "Labels": {"a": "b"}, "Volumes": {"/data": {}}, "WorkingDir": "/",
            "Healthcheck": {"Test": ["NONE"]}, "User": "1000", "NetworkingConfig": {"EndpointsConfig": {}},
            "HostConfig": {"ReadonlyRootfs": true, "CapDrop": ["ALL"], "CapAdd": ["cap_chown"], "Memory": 1,
            "PortBindings": {"80/tcp": [{"HostPort": "80"}]}, "SecurityOpt": ["no-new-privileges:true"],
            "Privileged": false, "PidMode": "", "IpcMode": "private", "NetworkMode": "default", "Devices": [],
            "Tmpfs": {"/t": ""}, "Mounts": [{"Type": "tmpfs", "Target": "/x"}, {"Type": "volume", "Target": "/v"}],
            "Sysctls": {"net.core.somaxconn": "1024"}, "OomScoreAdj": 500, "MaskedPaths": null}}"#,
        &[],
    );
}

#[test]
fn everything_that_reaches_for_the_host_is_named() {
    for (host, access) in [
        (r#""Privileged": true"#, Access::Privileged),
        (r#""privileged": true"#, Access::Privileged),
        (r#""NetworkMode": "host""#, Access::HostNamespace),
        (r#""PidMode": "container:x""#, Access::HostNamespace),
        (r#""IpcMode": "host""#, Access::HostNamespace),
        (r#""UTSMode": "host""#, Access::HostNamespace),
        (r#""UsernsMode": "host""#, Access::HostNamespace),
        (r#""CgroupnsMode": "host""#, Access::HostNamespace),
        (r#""Runtime": "nvidia""#, Access::Runtime),
        (r#""CgroupParent": "/x""#, Access::Runtime),
        (r#""OomKillDisable": true"#, Access::Runtime),
        (r#""OomScoreAdj": -500"#, Access::Runtime),
        (r#""VolumesFrom": ["edgeAgent"]"#, Access::Volume),
        (r#""LogConfig": {"Type": "syslog"}"#, Access::Logging),
        (r#""DeviceRequests": [{"Count": -1}]"#, Access::Device),
        (r#""DeviceCgroupRules": ["c 1:3 mr"]"#, Access::Device),
        (r#""MaskedPaths": []"#, Access::Confinement),
        (r#""NetworkMode": "azure-iot-edge""#, Access::Network),
        (r#""Surprise": 1"#, Access::Unknown),
    ] {
        let options = CreateOptions::parse(&format!(r#"{{"HostConfig": {{{host}}}}}"#)).unwrap();
        let asks = options.needs_elevation();
        let classes: Vec<Access> = asks.iter().map(|ask| ask.access).collect();
        assert_eq!(classes, [access], "{host}");
    }
}

#[test]
fn lists_are_asked_item_by_item() {
    check(
        r#"{"HostConfig": {"CapAdd": ["CHOWN", "NET_ADMIN", "cap_sys_admin"],
            "Binds": ["/var/run/docker.sock:/d.sock", "/etc:/e:ro", "data:/data", "/anonymous"],
            "SecurityOpt": ["no-new-privileges", "seccomp=unconfined"],
            "Mounts": [{"Type": "bind", "Source": "/", "Target": "/h"},
                {"Type": "volume", "Source": "v", "Target": "/v"},
                {"Type": "volume", "Target": "/v", "VolumeOptions":
                    {"DriverConfig": {"Name": "local", "Options": {"o": "bind", "device": "/etc"}}}}]}}"#,
        &[
            ("/HostConfig/CapAdd/1", Access::Capability),
            ("/HostConfig/CapAdd/2", Access::DangerousCapability),
            ("/HostConfig/Binds/0", Access::EngineSocket),
            ("/HostConfig/Binds/1", Access::HostBind),
            ("/HostConfig/Binds/2", Access::Volume),
            ("/HostConfig/SecurityOpt/1", Access::Confinement),
            ("/HostConfig/Mounts/0", Access::HostBind),
            ("/HostConfig/Mounts/1", Access::Volume),
            ("/HostConfig/Mounts/2", Access::HostBind),
        ],
    );
}

#[test]
fn labels_and_networks_of_others_are_not_for_the_taking() {
    check(
        r#"{"Labels": {"edgeproof.run": "x", "net.azure-devices.edge.owner": "y", "mine": "z"},
            "NetworkingConfig": {"EndpointsConfig": {"host": {}, "azure-iot-edge": {}}}, "Oops": 1}"#,
        &[
            ("/Labels/edgeproof.run", Access::Label),
            ("/Labels/net.azure-devices.edge.owner", Access::Label),
            (
                "/NetworkingConfig/EndpointsConfig/host",
                Access::HostNamespace,
            ),
            (
                "/NetworkingConfig/EndpointsConfig/azure-iot-edge",
                Access::Network,
            ),
            ("/Oops", Access::Unknown),
        ],
    );
}

#[test]
fn a_key_nobody_knows_inside_a_plain_option_is_told_too() {
    let options = CreateOptions::parse(r#"{"Healthcheck": {"Tests": []}}"#).unwrap();
    assert_eq!(options.unknown_keys()[0].pointer, "/Healthcheck/Tests");
}
