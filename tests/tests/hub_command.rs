//! `edgeproof hub` as a developer uses it: a module on the official SDK connects with the environment file that the command
//! wrote, and what is typed reaches it, faults among it.
//!
//! Each hub has a loopback address of its own, because modules dial its ports and no others.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "sdk/mod.rs"]
#[allow(dead_code, reason = "the other tests need the other clients")]
mod sdk;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use support::program::program;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PATIENCE: Duration = Duration::from_secs(90);

struct Hub {
    child: Child,
    typed: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Hub {
    async fn start(directory: &Path, address: &str, arguments: &[&str]) -> Hub {
        let mut command = Command::new(tokio::task::spawn_blocking(program).await.unwrap());
        command
            .args(["hub", "--listen", address, "--format", "json", "--dir"])
            .arg(directory)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let ready = async {
            while !directory.join("process.env").exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready)
            .await
            .expect("the hub writes the environment");
        Hub {
            typed: child.stdin.take().unwrap(),
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    /// The next line of this kind; others are passed over.
    async fn event(&mut self, kind: &str) -> Value {
        self.event_before(kind, &[]).await
    }

    /// The next line of this kind, which must come before any of those.
    async fn event_before(&mut self, kind: &str, those: &[&str]) -> Value {
        let found = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("it runs");
                let event: Value = serde_json::from_str(&line).unwrap();
                let is = event["event"].as_str().unwrap();
                assert!(!those.contains(&is), "{event} before `{kind}`");
                if is == kind {
                    return event;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("no `{kind}`"))
    }

    /// Until it has subscribed to filters that end like this, in whatever order.
    async fn subscribed(&mut self, ends: &[&str]) {
        let mut missing = ends.to_vec();
        while !missing.is_empty() {
            let event = self.event("subscribed").await;
            let filter = event["filter"].as_str().unwrap().to_lowercase();
            missing.retain(|end| !filter.ends_with(end));
        }
    }

    async fn type_in(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.typed.write_all(line.as_bytes()).await.unwrap();
    }

    /// Why something that is typed is not done.
    async fn refusal(&mut self, line: &str) -> String {
        self.type_in(line).await;
        let refused = self.event("refused").await;
        assert_eq!(refused["command"], line);
        refused["why"].as_str().unwrap().to_owned()
    }

    /// Ends it as Ctrl-C does.
    async fn interrupted(mut self) {
        let pid = self.child.id().unwrap().to_string();
        let interrupted = Command::new("kill").args(["-INT", &pid]).status().await;
        assert!(interrupted.unwrap().success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(ended.unwrap().unwrap().success());
    }
}

/// What the command wrote for a process of this machine, with the gateway at `address`.
fn environment<'a>(text: &'a str, address: &'a str) -> Vec<(&'a str, &'a str)> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let there = |(name, value)| match name {
        "IOTEDGE_GATEWAYHOSTNAME" => (name, address),
        name => (name, value),
    };
    pairs.map(there).collect()
}

/// The next twin that the module got, and how many seconds that took; what it failed to get before is passed over.
async fn twin_got(module: &mut sdk::Program) -> f64 {
    module.step_after("failed", "twin").await["seconds"]
        .as_f64()
        .unwrap()
}

#[tokio::test]
async fn a_module_under_development_meets_its_edge_hub_offline() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("hub");
    let offer = support::offer_of("sdk-python");
    let mut hub = Hub::start(&directory, "127.0.0.1", &[offer.to_str().unwrap()]).await;
    let text = std::fs::read_to_string(directory.join("process.env")).unwrap();
    // As it is written: the gateway is this machine.
    let mut module = sdk::python("edge", &environment(&text, "localhost")).await;
    module.step("connected").await;
    let login = hub.event("connected").await;
    assert_eq!(login["over"], "MQTT");
    assert!(
        login["client"]
            .as_str()
            .unwrap()
            .ends_with("contoso.offer.plan"),
        "{login}"
    );
    let twin = module.step("twin").await;
    assert_eq!(
        twin["twin"]["desired"],
        json!({"interval": 1, "$version": 1}),
        "the default twin of the offer"
    );
    module.step("reported").await;
    module.step("sent").await;
    let message = hub.event("message").await;
    assert_eq!(message["output"], "report");
    assert_eq!(message["body"], json!({"text": "first"}));
    module.step("listening").await;
    hub.type_in(r#"desired {"interval": 9}"#).await;
    let patch = module.step("desired").await;
    assert_eq!(patch["patch"], json!({"interval": 9, "$version": 2}));
    hub.type_in(r#"method reset {"hard": true}"#).await;
    assert_eq!(module.step("answered").await["method"], "reset");
    let answer = hub.event("method").await;
    assert_eq!(answer["payload"], json!({"echo": {"hard": true}}));
    hub.type_in("input in1 21.5").await;
    assert_eq!(module.step("input").await["body"], "21.5");
    assert!(hub.refusal("dance").await.contains("no command"));
    module.step("waiting").await;
    hub.type_in("drop").await;
    module.step("reconnected").await;
    assert_eq!(
        hub.event("message").await["body"],
        json!({"text": "second"})
    );
    hub.type_in("desired {\"interval\": 10}").await;
    module.step("desired").await;
    module.step("done").await;

    hub.interrupted().await;
    assert!(!directory.exists(), "it leaves nothing behind");
}

#[tokio::test]
async fn every_fault_can_be_played_by_hand_and_each_effect_is_a_line() {
    let address = "127.0.0.22";
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("hub");
    let mut hub = Hub::start(&directory, address, &[]).await;
    assert!(hub.refusal("cut").await.contains("not connected"));
    let text = std::fs::read_to_string(directory.join("process.env")).unwrap();
    let environment = environment(&text, address);
    let mut module = sdk::python_program("bearing.py", "edge", &environment).await;
    module.step("connected").await;
    hub.event("connected").await;
    assert!(twin_got(&mut module).await < 1.0, "a healthy twin is quick");

    hub.type_in("slow-twin 2s").await;
    let begun = hub.event("slow-twin").await;
    assert_eq!((&begun["for"], &begun["cut"]), (&json!(2.0), &json!(true)));
    hub.event_before("connected", &["over"]).await;
    hub.event_before("twin-late", &["over"]).await;
    while twin_got(&mut module).await < 2.0 {}
    assert_eq!(hub.event("over").await["fault"], "slow-twin");

    hub.type_in("busy-twin 2s").await;
    assert_eq!(hub.event("busy-twin").await["cut"], true);
    hub.event_before("twin-busy", &["over"]).await;
    assert_eq!(
        module.step_after("twin", "failed").await["error"],
        "ClientError"
    );
    let lasts = hub.refusal("outage 1s").await;
    assert!(lasts.contains("`busy-twin` lasts for another"), "{lasts}");
    let over = hub.event("over").await;
    assert_eq!(over["fault"], "busy-twin");
    assert!(over["after"].as_f64().unwrap() >= 2.0, "{over}");
    twin_got(&mut module).await;

    hub.type_in("token 2").await;
    assert_eq!(hub.event("token").await["refuses"], 2);
    for left in [1, 0] {
        let refused = hub.event_before("login-refused", &["connected"]).await;
        assert_eq!(refused["left"], left, "{refused}");
    }
    hub.event("connected").await;

    hub.type_in("certificate").await;
    hub.event_before("certificate", &["connected"]).await;
    hub.event("connected").await;

    // It would take a day, but for a word.
    hub.type_in("outage 24h").await;
    assert_eq!(hub.event("outage").await["cut"], true);
    assert!(hub.refusal("certificate").await.contains("`over` ends it"));
    hub.type_in("over").await;
    hub.event_before("over", &["connected"]).await;
    hub.event("connected").await;
    assert!(hub.refusal("over").await.contains("nothing lasts"));

    assert!(hub.refusal("outage soon").await.contains("such as 30s"));
    hub.type_in("help").await;
    let help = hub.event("help").await;
    assert_eq!(help["command"], "desired JSON", "{help}");
    hub.interrupted().await;
}

#[tokio::test]
async fn a_module_on_amqp_meets_the_same_hub_and_bears_its_faults() {
    let address = "127.0.0.23";
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("hub");
    let mut hub = Hub::start(&directory, address, &[]).await;
    let text = std::fs::read_to_string(directory.join("process.env")).unwrap();
    let mut module = sdk::node("amqp", &environment(&text, address)).await;
    module.step("connected").await;
    assert_eq!(hub.event("connected").await["over"], "AMQP");
    for step in ["twin", "reported", "sent", "listening"] {
        module.step(step).await;
    }
    assert_eq!(hub.event("message").await["body"], json!({"text": "first"}));
    // Over AMQP each link attaches in its own time, and the SDK tells nobody when.
    hub.subscribed(&[
        "/notifications/twin/properties/desired",
        "/methods/devicebound",
        "/messages/events",
    ])
    .await;
    hub.type_in(r#"desired {"interval": 9}"#).await;
    let patch = module.step("desired").await;
    assert_eq!(patch["patch"], json!({"interval": 9, "$version": 2}));
    hub.type_in(r#"method startRun {"hard": true}"#).await;
    let answer = hub.event("method").await;
    assert_eq!(answer["payload"], json!({"echo": {"hard": true}}));
    module.step("answered").await;
    hub.type_in("input in1 21.5").await;
    assert_eq!(module.step("input").await["body"], "21.5");
    module.step("waiting").await;
    hub.type_in("outage 1s").await;
    assert_eq!(hub.event("outage").await["cut"], true);
    hub.event_before("over", &["connected"]).await;
    assert_eq!(hub.event("connected").await["over"], "AMQP");
    assert_eq!(
        hub.event("message").await["body"],
        json!({"text": "second"})
    );
    module.step("reconnected").await;
    hub.interrupted().await;
}
