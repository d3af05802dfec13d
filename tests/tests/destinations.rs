//! Where a module goes beside its edgeHub, through the whole main job: told by name and address, and held back on demand.
//! Fixtures that are wrong in other ways of the network are held to their `expected.json` by `scripts/test-network.sh`.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use support::under_way::UnderWay;
use support::{SHORT, certify, docker, nothing_is_left, offer_of, repository};

/// Ports of edgeHub and of protocols without TLS, and the port of name services.
const PORTS: [u16; 6] = [8883, 443, 5671, 1883, 5672, 53];

/// What a fixture's `expected.json` says: findings that differ from the well-behaved module's, and what they come to.
#[derive(Debug, PartialEq, Deserialize)]
struct Expected {
    exit: i32,
    verdict: String,
    findings: BTreeMap<String, String>,
}

fn expected(candidate: &str) -> Expected {
    let path = repository().join(format!("tests/candidates/{candidate}/expected.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The findings in scope that neither pass nor have nothing to say. Whether the machine was quiet is its own business.
fn told(report: &Value, exit: Option<i32>) -> Expected {
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let flipped = findings
        .filter(|finding| finding["inScope"] == true && finding["id"] != "IEM-PRE-05")
        .map(|finding| (text(finding, "id"), text(finding, "verdict")))
        .filter(|(_, verdict)| !matches!(verdict.as_str(), "pass" | "not-applicable"))
        .collect();
    Expected {
        exit: exit.unwrap(),
        verdict: text(report, "verdict"),
        findings: flipped,
    }
}

/// The report of a fixture that is wrong as its `expected.json` says.
fn check(candidate: &str, more: &[&str]) -> Value {
    let out = tempfile::tempdir().unwrap();
    let custom = [&SHORT[..], &["--quiet"], more].concat();
    let certified = certify(&offer_of(candidate), out.path(), &custom).unwrap();
    let report = certified.report.expect(&certified.words);
    assert_eq!(
        told(&report, certified.exit),
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
    assert_eq!(told(&report, ended.code()), expected("calls-home"));
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
