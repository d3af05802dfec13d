//! A container as edgeAgent runs it, started by hand: measured where it runs, and untouched afterwards.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use support::{certify, docker, nothing_is_left, offer_of};

/// What must be the same before and after: its process, its start, its options, its networks.
const STATE: &str = "{{.Id}} {{.State.Pid}} {{.State.StartedAt}} {{.State.Status}} {{.RestartCount}} {{json .Config}} {{json .HostConfig}} {{json .NetworkSettings.Networks}}";

/// A container that goes with the test, whatever becomes of it.
struct Container(String);

impl Container {
    fn run(name: &str, owner: &str) -> Container {
        let label = format!("net.azure-devices.edge.owner={owner}");
        docker(&[
            "run",
            "--detach",
            "--name",
            name,
            "--label",
            &label,
            "--read-only",
            "edgeproof.test/well-behaved:1.0.0",
        ])
        .unwrap();
        Container(name.to_owned())
    }

    fn state(&self) -> String {
        docker(&["inspect", "--format", STATE, &self.0]).unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", &self.0]);
    }
}

#[test]
fn a_module_of_the_runtime_is_measured_where_it_runs_and_stays_as_it_was() {
    let name = format!("attach-{}", std::process::id());
    let module = Container::run(&name, "Microsoft.Azure.Devices.Edge.Agent");
    let before = module.state();
    let out = tempfile::tempdir().unwrap();
    let arguments = ["--attach", &name, "--window", "3s", "--quiet"];
    let certified = certify(&offer_of("well-behaved"), out.path(), &arguments).unwrap();
    assert_eq!(module.state(), before, "{}", certified.words);
    nothing_is_left().unwrap();

    let report = certified.report.as_ref().expect(&certified.words);
    let seen = &report["observations"];
    let peak = seen["steady"]["seen"]["memory"]["seen"]["peak"].as_u64();
    assert!(peak.is_some_and(|peak| peak > 0), "{}", seen["steady"]);
    assert!(seen["storage"]["seen"].is_object(), "{}", seen["storage"]);
    assert!(seen["starts"].as_array().unwrap().is_empty());
    assert_eq!(report["run"]["certifying"], false);
    assert_eq!(certified.exit, Some(2), "{}", certified.words);
    for id in ["IEM-CFG-07", "IEM-HW-03", "IEM-HW-07"] {
        let finding = certified.finding(id).unwrap();
        assert_eq!(finding["verdict"], "inconclusive", "{finding}");
        let saw = finding["saw"].as_str().unwrap();
        assert!(saw.contains("attached to"), "{id}: {saw}");
    }
}

#[test]
fn a_container_that_the_runtime_does_not_own_is_refused_and_stays() {
    let name = format!("foreign-{}", std::process::id());
    let foreign = Container::run(&name, "somebody else");
    let before = foreign.state();
    let out = tempfile::tempdir().unwrap();
    let arguments = ["--attach", &name, "--window", "2s", "--quiet"];
    let certified = certify(&offer_of("well-behaved"), out.path(), &arguments).unwrap();
    assert_eq!(foreign.state(), before);
    let saw = certified.finding("IEM-CFG-07").unwrap()["saw"].to_string();
    assert!(saw.contains("no module that IoT Edge runs"), "{saw}");
    nothing_is_left().unwrap();
}
