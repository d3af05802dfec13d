//! The hub's MQTT under clients that know nothing of IoT Hub: `mosquitto_pub` and `mosquitto_sub` of Debian.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test picks the one event it waits for"
)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::json;
use standin::hub::{
    Credentials, HubConfig, HubEvent, Identity, LocalHub, Mode, OtherPorts, Properties, Rule,
};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::mpsc;

const ADDRESS: &str = "127.0.0.18";
const HUB: &str = "edgeproof.local";
const PATIENCE: Duration = Duration::from_secs(30);
const EVENTS: &str = "devices/d1/modules/m1/messages/events/";

struct Bench {
    hub: LocalHub,
    events: mpsc::Receiver<HubEvent>,
    identity: Identity,
    token: String,
    anchor: PathBuf,
    _directory: TempDir,
}

impl Bench {
    async fn start() -> Bench {
        let hub = LocalHub::start(HubConfig {
            listen: format!("{ADDRESS}:8883").parse().unwrap(),
            also: OtherPorts::default(),
            host_name: HUB.to_owned(),
            names: vec![ADDRESS.to_owned()],
            mode: Mode::EdgeHub,
        })
        .await
        .unwrap();
        let events = hub.subscribe();
        let identity = Identity::module("d1", "m1");
        let credentials = hub.register(&identity).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let anchor = directory.path().join("anchor.pem");
        std::fs::write(&anchor, hub.trust_bundle_pem()).unwrap();
        Bench {
            token: token(&credentials).await,
            hub,
            events,
            identity,
            anchor,
            _directory: directory,
        }
    }

    /// A client with an honest login.
    fn client(&self, program: &str, password: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(["-h", ADDRESS, "-p", "8883", "-V", "mqttv311", "-i", "d1/m1"])
            .args(["-u", &format!("{HUB}/d1/m1/?api-version=2021-04-12")])
            .args(["-P", password, "--cafile"])
            .arg(&self.anchor)
            .kill_on_drop(true);
        command
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = self.client(program, &self.token);
        finished(command.args(arguments)).await
    }

    /// Topic and body of the first thing that a subscriber to `filter` hears, once the hub was told to say it.
    async fn heard(&mut self, filter: &str, say: impl Fn(&LocalHub, &Identity)) -> String {
        let mut listens = self.client("mosquitto_sub", &self.token);
        let listens = listens
            .args(["-t", filter, "-C", "1", "-v"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        self.until(|event| matches!(event, HubEvent::Subscribed { .. }).then_some(()))
            .await;
        say(&self.hub, &self.identity);
        let heard = tokio::time::timeout(PATIENCE, listens.wait_with_output());
        let heard = heard.await.expect("it hears something").unwrap();
        text(&heard.stdout).trim().to_owned()
    }

    async fn until<T>(&mut self, pick: impl Fn(&HubEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the hub still runs");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.expect("the event comes")
    }
}

async fn finished(command: &mut Command) -> Output {
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    ended
        .expect("the client ends")
        .expect("mosquitto's clients are there: `apt-get install mosquitto-clients`")
}

/// The token that a client of this identity would make; OpenSSL signs it.
async fn token(credentials: &Credentials) -> String {
    let resource = format!("{HUB}%2Fdevices%2Fd1%2Fmodules%2Fm1");
    let expiry = "4000000000";
    let mut key = String::new();
    for byte in credentials.key {
        write!(key, "{byte:02x}").unwrap();
    }
    let sign = "openssl dgst -sha256 -mac HMAC -macopt \"hexkey:$KEY\" -binary | openssl base64 -A";
    let mut shell = Command::new("sh")
        .args(["-c", sign])
        .env("KEY", key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    let text = format!("{resource}\n{expiry}");
    input.write_all(text.as_bytes()).await.unwrap();
    drop(input);
    let signature = shell.wait_with_output().await.unwrap().stdout;
    let signature = String::from_utf8(signature).unwrap();
    let signature = signature
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn mosquitto_s_clients_are_served_as_any_other() {
    let mut bench = Bench::start().await;

    // Telemetry, with and without acknowledgement.
    for (qos, topic) in [
        ("0", EVENTS.to_owned()),
        ("1", format!("{EVENTS}$.on=out&level=a%20b")),
    ] {
        let sent = bench
            .run("mosquitto_pub", &["-t", &topic, "-q", qos, "-m", "21.5"])
            .await;
        assert!(sent.status.success(), "{}", text(&sent.stderr));
        let seen = bench.until(|event| match event {
            HubEvent::Message {
                output,
                qos,
                body,
                properties,
                ..
            } => Some((output.clone(), *qos, body.clone(), properties.clone())),
            _ => None,
        });
        let (output, seen_qos, body, properties) = seen.await;
        assert_eq!(
            (seen_qos.to_string().as_str(), &body[..]),
            (qos, &b"21.5"[..])
        );
        if qos == "1" {
            assert_eq!(output.as_deref(), Some("out"));
            assert_eq!(properties.application["level"].as_deref(), Some("a b"));
        }
    }

    // A change of desired properties, and a message to an input.
    let heard = bench.heard("$iothub/twin/PATCH/properties/desired/#", |hub, module| {
        hub.set_desired(module, &json!({"rate": 5})).unwrap();
    });
    assert_eq!(
        heard.await,
        r#"$iothub/twin/PATCH/properties/desired/?$version=2 {"rate":5,"$version":2}"#
    );
    let heard = bench.heard("devices/d1/modules/m1/inputs/#", |hub, module| {
        let message = (&Properties::default(), &b"22.5"[..]);
        hub.send_to_input(module, "in1", module, message).unwrap();
    });
    assert_eq!(
        heard.await,
        "devices/d1/modules/m1/inputs/in1/%24.cdid=d1&%24.cmid=m1 22.5"
    );

    // What edgeHub does not take: QoS 2, and a signature of somebody else.
    let twice = bench
        .run(
            "mosquitto_pub",
            &["-t", EVENTS, "-q", "2", "-m", "x", "--quiet"],
        )
        .await;
    let broken = bench.until(|event| match event {
        HubEvent::Violation { rule, .. } => Some(*rule),
        _ => None,
    });
    assert_eq!(broken.await, Rule::QosTwo, "{}", text(&twice.stderr));
    let wrong = bench.token.replace("sig=", "sig=A");
    let mut refused = bench.client("mosquitto_pub", &wrong);
    let refused = finished(refused.args(["-t", EVENTS, "-m", "x"])).await;
    assert!(!refused.status.success());
    let words = text(&refused.stderr).to_lowercase();
    assert!(words.contains("not authori"), "{words}");
}
