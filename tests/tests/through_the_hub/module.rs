//! A module on the probe's own hub client: reports what a test says, and answers the method `report` as the probe does.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use agent::hub::{FromHub, HubClient, HubSettings, LONGEST_PAUSE};
use conformance::run_request::sha256_hex;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use standin::hub::{Hearing, Identity};
use tokio::task::JoinHandle;

use super::{DEVICE, Lab};

/// Characters of one part; the probe takes 90,000, and a stored report is to need several.
const PART: usize = 4_000;

pub(crate) struct Module {
    client: HubClient,
    task: JoinHandle<()>,
    asked: Arc<Mutex<Vec<u64>>>,
    has_report: Arc<AtomicBool>,
}

impl Module {
    /// Connects and waits until methods would reach it.
    pub(crate) async fn connect(lab: &Lab, run: &str, report: Vec<u8>) -> Module {
        let identity = Identity::module(DEVICE, "edgeproof");
        let credentials = lab.hub.register(&identity).unwrap();
        let string = &credentials.connection_string;
        let (client, mut events) = HubClient::connect(HubSettings {
            identity: agent::hub::Identity::from_connection_string(string).unwrap(),
            ca_pem: Some(lab.hub.trust_bundle_pem().to_owned()),
            port: lab.hub.address().port(),
            product_info: "through-the-hub".to_owned(),
            longest_pause: LONGEST_PAUSE,
            seed: 7,
            now: SystemTime::now,
        });
        let asked = Arc::new(Mutex::new(Vec::new()));
        let has_report = Arc::new(AtomicBool::new(true));
        let (run, parts, has) = (run.to_owned(), Arc::clone(&asked), Arc::clone(&has_report));
        let task = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let FromHub::Method {
                    name,
                    payload,
                    reply,
                } = event
                {
                    assert_eq!(name, "report");
                    let (status, answer) = match has.load(Ordering::SeqCst) {
                        true => answer(&run, &report, &payload),
                        false => (404, json!({"state": "running"})),
                    };
                    parts.lock().unwrap().extend(payload["part"].as_u64());
                    reply.send(status, &answer).unwrap();
                }
            }
        });
        let heard = async {
            while !lab.hub.hears(&identity, Hearing::Methods) {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        let patience = std::time::Duration::from_secs(20);
        tokio::time::timeout(patience, heard).await.unwrap();
        Module {
            client,
            task,
            asked,
            has_report,
        }
    }

    /// Changes the reported property `conformance`.
    pub(crate) async fn says(&self, conformance: Value) {
        let patch = json!({"conformance": conformance});
        self.client.report(&patch).await.unwrap();
    }

    /// Whether it answers with its report, or that there is none yet.
    pub(crate) fn has_report(&self, has: bool) {
        self.has_report.store(has, Ordering::SeqCst);
    }

    /// The parts that were asked for, in order.
    pub(crate) fn asked(&self) -> Vec<u64> {
        self.asked.lock().unwrap().clone()
    }

    /// Says goodbye to the hub.
    pub(crate) async fn leave(self) {
        self.client.close().await.unwrap();
        self.task.abort();
    }
}

fn answer(run: &str, report: &[u8], payload: &Value) -> (u16, Value) {
    if payload["run"] != run {
        return (404, json!({"state": "idle"}));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(report).unwrap();
    let text = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(encoder.finish().unwrap())
    };
    let parts: Vec<&[u8]> = text.as_bytes().chunks(PART).collect();
    let part = usize::try_from(payload["part"].as_u64().unwrap()).unwrap();
    let answer = json!({
        "run": run, "part": part, "parts": parts.len(), "sha256": sha256_hex(report),
        "encoding": "gzip+base64", "content": String::from_utf8_lossy(parts[part - 1]),
    });
    (200, answer)
}
