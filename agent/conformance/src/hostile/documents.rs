//! JSON documents: offer files, solutions, createOptions.

use damage::Target;

use crate::create_options::CreateOptions;
use crate::offer::import::{Choices, SolutionFile, import};
use crate::offer::read;

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    "0.1",
    "{\"a\":1}",
    "\"FILL IN\"",
    "${A}",
    "/",
    "~1",
    "é",
    "\n",
    "\"$comment\":",
    "\"createOptions01\":\"\",",
    "\"plan\":",
    "\"image\":",
    "\"env\":",
    "\"properties.desired.a.b\":",
];

/// Offer files, as `offer.json` has them.
#[must_use]
pub fn offers() -> Target {
    Target {
        seeds: vec![
            include_str!("../../../../tests/candidates/well-behaved/offer.json"),
            include_str!("../../../../tests/candidates/sdk-python/offer.json"),
            include_str!("../../../../tests/candidates/unresolved-placeholder/offer.json"),
        ],
        words: JSON,
        play: |text| match read(text) {
            Ok(one) => {
                let written = serde_json::to_string(&one.offer).unwrap();
                assert_eq!(read(&written).unwrap().offer, one.offer, "{text}");
                true
            }
            Err(mistakes) => {
                let lines = text.lines().count().max(1) + 1;
                assert!(!mistakes.is_empty(), "{text}");
                for mistake in mistakes {
                    assert!(
                        mistake.line.is_none_or(|line| line <= lines),
                        "{mistake}: {text}"
                    );
                    assert!(
                        !mistake.message.is_empty() && !mistake.mend.is_empty(),
                        "{text}"
                    );
                }
                false
            }
        },
    }
}

/// Files of an IoT Edge solution, to be imported.
#[must_use]
pub fn solutions() -> Target {
    Target {
        seeds: vec![
            include_str!("../../tests/data/solutions/deployment.json"),
            include_str!("../../tests/data/solutions/layer.json"),
            include_str!("../../tests/data/solutions/modules/AirFilter/module.json"),
        ],
        words: JSON,
        play: |text| {
            let file = SolutionFile {
                path: "a/m.json",
                text,
            };
            match import(&[file], &Choices::default()) {
                Ok(made) => {
                    assert_eq!(read(&made.text), Ok(made.read), "{text}");
                    true
                }
                Err(told) => {
                    assert!(!told.is_empty(), "{text}");
                    false
                }
            }
        },
    }
}

/// createOptions, as they stand in an offer.
#[must_use]
pub fn create_options() -> Target {
    Target {
        seeds: vec![
            r#"{"ExposedPorts": {"8080/tcp": {}}, "HostConfig": {"PortBindings": {"8080/tcp": [{"HostPort": "80"}]}}}"#,
            r#"{"Env": ["A=b"], "Cmd": "run", "Healthcheck": {"Test": ["CMD", "x"], "Interval": 30000000000}, "User": "1000"}"#,
            r#"{"HostConfig": {"Binds": ["/etc:/etc:ro", "data:/data"], "Privileged": true, "NetworkMode": "host",
                "Mounts": [{"Type": "bind", "Source": "/dev", "Target": "/dev", "BindOptions": {"NonRecursive": true}}],
                "CapAdd": ["NET_ADMIN"], "Devices": [{"PathOnHost": "/dev/i2c-1", "PathInContainer": "/dev/i2c-1", "CgroupPermissions": "rwm"}]}}"#,
            r#"{"HostConfig": {"DeviceRequests": [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}], "Runtime": "nvidia",
                "LogConfig": {"Type": "local", "Config": {"max-size": "5m"}}, "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}}"#,
            r#"{"NetworkingConfig": {"EndpointsConfig": {"host": {"IPAMConfig": {"IPv4Address": "10.0.0.2"}}}}, "Labels": {"a": "b"}}"#,
        ],
        words: &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            "null",
            "true",
            "1",
            "-1",
            "1.5",
            "1e99",
            "{}",
            "[]",
            "\"HostConfig\":{},",
            "\"hostconfig\":{},",
            "\"Binds\":[\"a:/b\"],",
            "\"Image\":\"x\",",
            "\"Memory\":1,",
            "\"Tmpfs\":{\"/var/run/iotedge/workload.sock\":\"\"},",
            "container:x",
            "/var/run/docker.sock",
            "é",
            "~/",
        ],
        play: |text| match CreateOptions::parse(text) {
            Ok(options) => {
                let again = CreateOptions::from_value(options.value().clone()).unwrap();
                assert_eq!(again.value(), options.value(), "{text}");
                assert!(again.odd_spellings().is_empty(), "{text}");
                assert_eq!(again.needs_elevation(), options.needs_elevation(), "{text}");
                let odd = options.at_odds_with_the_runtime();
                assert_eq!(again.at_odds_with_the_runtime(), odd, "{text}");
                true
            }
            Err(mistakes) => {
                assert!(!mistakes.is_empty(), "{text}");
                false
            }
        },
    }
}
