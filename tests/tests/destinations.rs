//! Where a module goes beside its edgeHub, through the whole main job: told by name and address, and held back on demand.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use support::expectation::Expected;
use support::under_way::UnderWay;
use support::{SHORT, certify, docker, nothing_is_left, offer_of, repository};

/// Ports of edgeHub and of protocols without TLS, and the port of name services.
const PORTS: [u16; 6] = [8883, 443, 5671, 1883, 5672, 53];

fn expected(candidate: &str) -> Expected {
    let path = repository().join(format!("tests/candidates/{candidate}/expected.json"));
    Expected::read(&path).unwrap()
}

/// The report of a fixture that is wrong as its `expected.json` says.
fn check(candidate: &str, more: &[&str]) -> Value {
    let out = tempfile::tempdir().unwrap();
    let custom = [&SHORT[..], &["--quiet"], more].concat();
    let certified = certify(&offer_of(candidate), out.path(), &custom).unwrap();
    let report = certified.report.expect(&certified.words);
    assert_eq!(
        Expected::seen(&report, certified.exit).unwrap(),
        expected(candidate),
        "{candidate}\n{}",
        certified.words
    );
    nothing_is_left().unwrap();
    report
}

fn said(report: &Value, id: &str) -> String {
    let mut findings = report["findings"].as_array().unwrap().iter();
    let finding = findings.find(|finding| finding["id"] == id).unwrap();
    format!("{} {}", finding["saw"], finding["reason"])
}

fn names(report: &Value) -> &Vec<Value> {
    let names = &report["observations"]["egress"]["seen"]["names"]["seen"]["asked"];
    names.as_array().unwrap()
}

/// Addresses of a run's probe, network by network.
fn addresses(run: &str) -> BTreeMap<String, IpAddr> {
    let filter = format!("label=edgeproof.run={run}");
    let probes = [
        "ps",
        "--quiet",
        "--filter",
        &filter,
        "--filter",
        "label=edgeproof.role=probe",
    ];
    let probe = docker(&probes).unwrap();
    let networks = docker(&[
        "inspect",
        "--format",
        "{{json .NetworkSettings.Networks}}",
        &probe,
    ]);
    let networks: BTreeMap<String, Value> = serde_json::from_str(&networks.unwrap()).unwrap();
    let address = |network: &Value| network["IPAddress"].as_str()?.parse().ok();
    let known = networks
        .iter()
        .filter_map(|(name, network)| Some((name.clone(), address(network)?)));
    known.collect()
}

/// The module calls its maker and is well without. Meanwhile a neighbour of the probe's on its other network knocks at every
/// port: nobody hears it, so it is not told as the module's.
#[test]
fn other_destinations_are_told_and_a_neighbour_is_not_heard() {
    let mut run = UnderWay::start("calls-home", &SHORT).unwrap();
    let probe = run.probe().unwrap();
    run.wait_until(&probe, "start 1").unwrap();
    let addresses = addresses(&probe.run);
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    for (network, address) in addresses {
        let is_open = |port: &u16| {
            let place = SocketAddr::new(address, *port);
            TcpStream::connect_timeout(&place, Duration::from_secs(2)).is_ok()
        };
        if network.ends_with("-net") {
            // Whoever is here is heard as the candidate, but for a caller of the name service who asks nothing.
            assert!(is_open(&53), "{network}");
        } else {
            let open: Vec<u16> = PORTS.into_iter().filter(is_open).collect();
            assert_eq!(open, [0_u16; 0], "{network}");
        }
    }
    let ended = run.end().unwrap();
    let report = run.report().unwrap_or_else(|| panic!("{}", run.words()));
    assert_eq!(
        Expected::seen(&report, ended.code()).unwrap(),
        expected("calls-home")
    );
    let home = names(&report)
        .iter()
        .find(|one| one["name"] == "home.contoso.test");
    let home = home.expect("the name that it asks for");
    assert!(home["times"].as_u64().unwrap() >= 2, "{home}");
    assert_ne!(home["answer"], "found", "nobody has that name");
    let remotes = &report["observations"]["egress"]["seen"]["remotes"]["seen"];
    let mut dialled = remotes["to"].as_array().unwrap().iter();
    let clock = dialled.find(|one| one["address"] == "192.0.2.7");
    let clock = clock.expect("the address that it holds a socket to");
    assert_eq!(
        (&clock["port"], &clock["protocol"]),
        (&123.into(), &"udp".into())
    );
    nothing_is_left().unwrap();
}

#[test]
fn a_module_that_needs_the_internet_fails_without_and_is_told_why() {
    let report = check("needs-home", &["--hermetic"]);
    let saw = said(&report, "IEM-CFG-07");
    for words in ["(destination not reached)", "models.contoso.test"] {
        assert!(saw.contains(words), "`{words}` is missing in: {saw}");
    }
    assert_eq!(report["observations"]["egress"]["seen"]["hermetic"], true);
    assert_eq!(names(&report)[0]["answer"], "no-way-out");
    let deviations = report["deviations"].to_string();
    assert!(deviations.contains("--hermetic"), "{deviations}");
}

/// A run without a way out, so that nobody is asked for that hub.
#[test]
fn a_hub_that_is_built_in_is_told() {
    let report = check("hard-coded-hub", &["--hermetic"]);
    let saw = said(&report, "IEM-TEL-01");
    let words = "acme-plant-7.azure-devices.net, an IoT Hub that its environment does not name";
    assert!(saw.contains(words), "{saw}");
}

#[test]
fn a_knock_without_tls_is_told() {
    let report = check("plain-text", &[]);
    let saw = said(&report, "IEM-TEL-03");
    let words = "a connection to port 1883, MQTT without TLS";
    assert!(saw.contains(words), "{saw}");
}
