//! `edgeproof hub` as a developer uses it: a module on the official SDK connects with the environment file that the command
//! wrote, and what is typed reaches it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "sdk/mod.rs"]
#[allow(dead_code, reason = "the other test needs the other client")]
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
    async fn start(directory: &Path, arguments: &[&str]) -> Hub {
        let mut command = Command::new(tokio::task::spawn_blocking(program).await.unwrap());
        command
            .args(["hub", "--listen", "127.0.0.1", "--format", "json", "--dir"])
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
        let found = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("it runs");
                let event: Value = serde_json::from_str(&line).unwrap();
                if event["event"] == kind {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .unwrap_or_else(|_| panic!("no `{kind}`"))
    }

    async fn type_in(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.typed.write_all(line.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_module_under_development_meets_its_edge_hub_offline() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("hub");
    let offer = support::offer_of("sdk-python");
    let mut hub = Hub::start(&directory, &[offer.to_str().unwrap()]).await;
    let text = std::fs::read_to_string(directory.join("process.env")).unwrap();
    let environment: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let mut module = sdk::python("edge", &environment).await;
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
    hub.type_in("dance").await;
    let refused = hub.event("refused").await;
    assert!(refused["why"].as_str().unwrap().contains("no command"));
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

    let pid = hub.child.id().unwrap().to_string();
    let interrupted = Command::new("kill").args(["-INT", &pid]).status().await;
    assert!(interrupted.unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, hub.child.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    assert!(!directory.exists(), "it leaves nothing behind");
}
