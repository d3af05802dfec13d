//! A local hub, a state directory that outlives the probe, and a run that takes as long as the test wants.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use agent::control::desk::Control;
use agent::control::{Runs, serve};
use agent::events::Events;
use agent::hub::{
    Content, HubClient, HubSettings, Identity, LONGEST_PAUSE, REPORT_OUTPUT, report_parts,
};
use agent::probe::Assignment;
use agent::record::blank;
use conformance::record::{ProfileName, RunOptions, ScopeName};
use conformance::report::Report;
use conformance::requirements::CATALOGUE;
use conformance::run_request::{RunRequest, sha256_hex};
use serde_json::{Value, json};
use standin::hub::{
    HubConfig, HubEvent, Identity as Registered, LocalHub, MethodResult, Mode, OtherPorts,
};
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

/// How long anything here may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The offer of a fixture module.
pub(crate) const OFFER: &str = include_str!("../../../tests/candidates/well-behaved/offer.json");
/// Characters that stand in a report, so that it leaves in several parts however it is packed.
const PADDING: usize = 250_000;

pub(crate) fn module() -> Registered {
    Registered::module("d1", "edgeproof")
}

/// How the probe ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// It is asked to.
    Stop,
    /// Between two instructions.
    Kill,
}

/// Runs that end when they are let go.
#[derive(Debug)]
pub(crate) struct Slow {
    /// Runs that may end.
    pub(crate) let_go: Semaphore,
    /// Phases of each run, and the pause after each.
    pub(crate) phases: (u8, Duration),
    /// What happened, in order.
    pub(crate) log: Mutex<Vec<String>>,
}

impl Slow {
    fn note(&self, what: &str, run: &str) {
        self.log.lock().unwrap().push(format!("{what} {run}"));
    }

    /// What happened to a run.
    pub(crate) fn of(&self, run: &str) -> Vec<String> {
        let log = self.log.lock().unwrap();
        let of_run = log.iter().filter(|line| line.ends_with(&format!(" {run}")));
        of_run.cloned().collect()
    }
}

struct Playing<'a>(&'a Slow, &'a HubClient);

impl Runs for Playing<'_> {
    async fn certify(&self, assignment: Assignment, events: &Events) -> anyhow::Result<Report> {
        self.0.note("begun", &assignment.run);
        for phase in 1..=self.0.phases.0 {
            events.phase(format!("phase {phase}"), phase);
            tokio::time::sleep(self.0.phases.1).await;
        }
        self.0.let_go.acquire().await?.forget();
        anyhow::ensure!(!assignment.run.starts_with("broken"), "the engine is gone");
        let mut record = blank(&assignment);
        record.run.agent = padding();
        Ok(Report::judge(record, CATALOGUE))
    }

    async fn clean_up(&self, run: &str) -> usize {
        self.0.note("cleaned", run);
        1
    }

    async fn deliver(&self, run: &str, report: &[u8]) -> anyhow::Result<()> {
        self.0.note("delivered", run);
        for part in report_parts(run, report) {
            let properties = part.properties();
            let body = part.body;
            self.1
                .send(REPORT_OUTPUT, &properties, Content::JSON, body)
                .await?;
        }
        Ok(())
    }
}

/// A text that does not pack well.
fn padding() -> String {
    let mut state = 1u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'0' + u8::try_from(state >> 26).unwrap())
    };
    (0..PADDING).map(next).filter(|c| *c != '\\').collect()
}

/// Everything around the probe.
pub(crate) struct Stage {
    pub(crate) hub: LocalHub,
    pub(crate) state: TempDir,
    pub(crate) slow: Slow,
    connection: String,
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        let config = HubConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            also: OtherPorts::default(),
            host_name: "hub.test".to_owned(),
            names: vec!["127.0.0.1".to_owned()],
            mode: Mode::IotHub,
        };
        let hub = LocalHub::start(config).await.unwrap();
        let connection = hub.register(&module()).unwrap().connection_string;
        Stage {
            hub,
            state: tempfile::tempdir().unwrap(),
            slow: Slow {
                let_go: Semaphore::new(0),
                phases: (1, Duration::ZERO),
                log: Mutex::default(),
            },
            connection,
        }
    }

    /// Runs the probe until the story is told.
    pub(crate) async fn play<T>(&self, end: End, story: impl AsyncFnOnce(&mut Seen) -> T) -> T {
        let mut seen = Seen {
            events: self.hub.subscribe(),
        };
        let (client, mut from_hub) = HubClient::connect(HubSettings {
            identity: Identity::from_connection_string(&self.connection).unwrap(),
            ca_pem: Some(self.hub.trust_bundle_pem().to_owned()),
            port: self.hub.address().port(),
            product_info: "edgeproof-agent/0.1.0".to_owned(),
            longest_pause: LONGEST_PAUSE,
            seed: 1,
            now: SystemTime::now,
        });
        let mut control = Control::open(self.state.path()).unwrap();
        let playing = Playing(&self.slow, &client);
        let (stop, stopped) = oneshot::channel::<()>();
        let stop_signal = async {
            let _ = stopped.await;
        };
        let serving = serve(&mut control, &playing, &client, &mut from_hub, stop_signal);
        tokio::pin!(serving);
        let told = tokio::select! {
            () = &mut serving => panic!("the probe ended by itself"),
            told = async {
                seen.wait(|event| matches!(event, HubEvent::TwinRead { .. }).then_some(())).await;
                story(&mut seen).await
            } => told,
        };
        if let End::Stop = end {
            let _ = stop.send(());
            timeout(PATIENCE, serving)
                .await
                .expect("the probe does not stop");
        }
        told
    }

    /// The first thing that a probe reports.
    pub(crate) async fn play_from_the_start(&self) -> Value {
        let mut seen = Seen {
            events: self.hub.subscribe(),
        };
        self.play(End::Kill, async |_| seen.reported(|_| true).await)
            .await
    }

    pub(crate) async fn call(&self, name: &str, payload: &Value) -> MethodResult {
        let module = module();
        let answered = self.hub.invoke(&module, name, payload, PATIENCE);
        let answer = answered.await.unwrap();
        assert!(answer.payload.to_string().len() <= 128 * 1024, "{name}");
        answer
    }

    pub(crate) async fn started(&self, run: &str) -> MethodResult {
        self.call("start", &request(run)).await
    }

    pub(crate) fn desire(&self, run: &Value) {
        let patch = json!({"conformance": {"run": run}});
        self.hub.set_desired(&module(), &patch).unwrap();
    }

    pub(crate) fn conformance(&self) -> Value {
        self.hub.twin(&module()).unwrap().reported["conformance"].clone()
    }
}

/// What the hub saw since the probe began.
pub(crate) struct Seen {
    events: mpsc::Receiver<HubEvent>,
}

impl Seen {
    pub(crate) async fn wait<T>(&mut self, mut wanted: impl FnMut(HubEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the hub's events ended");
                if let HubEvent::Violation { rule, detail, .. } = &event {
                    panic!("the client broke {rule:?}: {detail}");
                }
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .expect("the hub saw nothing of the kind")
    }

    /// The next reported property `conformance` that says this of the run.
    pub(crate) async fn state(&mut self, run: &str, state: &str) -> Value {
        self.reported(|now| now["run"] == run && now["state"] == state)
            .await
    }

    pub(crate) async fn reported(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait(|event| {
            let HubEvent::Reported { patch, .. } = event else {
                return None;
            };
            let now = patch["conformance"].clone();
            wanted(&now).then_some(now)
        })
        .await
    }
}

/// What `conformance.run` holds, the offer in it.
pub(crate) fn request(run: &str) -> Value {
    let options = RunOptions::default();
    let request = RunRequest::new(run, ProfileName::Quick, ScopeName::Device, OFFER, options);
    serde_json::to_value(request.unwrap()).unwrap()
}

/// The same, for an offer that comes another way.
pub(crate) fn request_without_offer(run: &str) -> Value {
    let mut request = request(run);
    request.as_object_mut().unwrap().remove("offer");
    request
}

/// The offer as the method `offer` takes it, in one part.
pub(crate) fn offer_part() -> Value {
    let packed = request("x")["offer"].clone();
    let parts = packed["parts"].as_array().unwrap().iter();
    let content: String = parts.map(|part| part.as_str().unwrap()).collect();
    json!({"sha256": sha256_hex(OFFER.as_bytes()), "part": 1, "parts": 1, "encoding": "gzip+base64", "content": content})
}
