//! The probe's client and control loop with a run under way, a hub that plays a story, and what must hold after it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use crate::peak::peak_kib;
use crate::peer::{Link, PATIENCE, Packet, Peer};
use agent::control::desk::Control;
use agent::control::{Runs, serve};
use agent::events::Events;
use agent::hub::{HubClient, HubSettings, Identity};
use agent::probe::Assignment;
use agent::record::blank;
use conformance::record::{ProfileName, RunOptions, ScopeName};
use conformance::report::Report;
use conformance::requirements::CATALOGUE;
use conformance::run_request::RunRequest;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const OFFER: &str = include_str!("../../../tests/candidates/well-behaved/offer.json");
/// How often the run under way does something.
pub(crate) const TICK: Duration = Duration::from_millis(20);
/// The most work of others that may come between two of its ticks, as processor time of this one thread, which no other program
/// on the machine adds to. The hub's own work is in it, and this build is not an optimised one.
const KEPT_FROM_IT: Duration = Duration::from_millis(500);
/// What all of it may cost beyond what the probe had before, in KiB: a few of the largest packets, read as JSON.
const MOST_KIB: u64 = 48 * 1_024;

/// Processor time that this thread has had. https://man7.org/linux/man-pages/man2/clock_gettime.2.html
fn cpu() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// A run that ticks until it is let go, and how much others worked between two ticks at most.
struct Ticking {
    let_go: watch::Receiver<bool>,
    latest: Mutex<Duration>,
    delivered: Mutex<Vec<String>>,
}

impl Runs for &Ticking {
    async fn certify(&self, assignment: Assignment, events: &Events) -> anyhow::Result<Report> {
        events.phase("steady", 50);
        let mut last = cpu();
        while !*self.let_go.borrow() {
            sleep(TICK).await;
            let late = cpu().saturating_sub(last);
            last = cpu();
            let mut latest = self.latest.lock().unwrap();
            *latest = late.max(*latest);
        }
        Ok(Report::judge(blank(&assignment), CATALOGUE))
    }

    async fn clean_up(&self, _: &str) -> usize {
        0
    }

    async fn deliver(&self, run: &str, _: &[u8]) -> anyhow::Result<()> {
        self.delivered.lock().unwrap().push(run.to_owned());
        Ok(())
    }
}

pub(crate) fn request(run: &str) -> Value {
    let options = RunOptions::default();
    let request = RunRequest::new(run, ProfileName::Quick, ScopeName::Device, OFFER, options);
    serde_json::to_value(request.unwrap()).unwrap()
}

/// Everything below a directory, by its path in it.
fn below(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap().flatten() {
            found.insert(entry.path().strip_prefix(directory).unwrap().to_owned());
            if entry.path().is_dir() {
                open.push(entry.path());
            }
        }
    }
    found
}

/// The hub of the story: the link that there is, and what the probe reported.
pub(crate) struct Hub {
    pub(crate) peer: Peer,
    pub(crate) link: Link,
    desired: Value,
    reported: Vec<Value>,
    calls: u64,
}

impl Hub {
    pub(crate) async fn ready(peer: Peer, desired: Value) -> Hub {
        let mut hub = Hub {
            link: peer.ready().await,
            peer,
            desired,
            reported: Vec::new(),
            calls: 0,
        };
        hub.until_twin().await;
        hub
    }

    /// The hub leaves; the probe comes again.
    pub(crate) async fn afresh(&mut self) {
        self.link.leave();
        self.link = self.peer.ready().await;
        self.until_twin().await;
    }

    /// The probe has left, or is to: it comes again, and is served as by a sound hub.
    pub(crate) async fn again(&mut self) {
        // What it has still to say is read, for a reset would take it from it.
        let leaving = async { while self.link.read().await.is_ok() {} };
        timeout(PATIENCE, leaving).await.unwrap();
        self.link = self.peer.ready().await;
        self.until_twin().await;
    }

    pub(crate) async fn until_twin(&mut self) {
        while !self.serve_one().await {}
    }

    /// Answers one packet as a sound hub does; whether it was the request for the twin.
    async fn serve_one(&mut self) -> bool {
        let packet = self.link.read().await.unwrap();
        self.answer(&packet).await
    }

    pub(crate) async fn answer(&mut self, packet: &Packet) -> bool {
        if packet.head >> 4 == 12 {
            self.link.write(&[0xd0, 0]).await.unwrap();
        }
        let Some((topic, body)) = packet.published() else {
            return false;
        };
        let request = topic.rsplit("$rid=").next().unwrap().to_owned();
        if topic.starts_with("$iothub/twin/GET/") {
            let mut desired = self.desired.clone();
            desired["$version"] = json!(1);
            let twin = json!({"desired": desired, "reported": {"$version": 1}});
            let topic = format!("$iothub/twin/res/200/?$rid={request}");
            let _ = self
                .link
                .publish(topic.as_bytes(), twin.to_string().as_bytes())
                .await;
            return true;
        }
        if topic.starts_with("$iothub/twin/PATCH/properties/reported/") {
            self.reported.push(serde_json::from_slice(body).unwrap());
            let topic = format!("$iothub/twin/res/204/?$rid={request}&$version=2");
            let _ = self.link.publish(topic.as_bytes(), b"").await;
        }
        false
    }

    /// Calls a method by the text that stands for it in the topic; status and answer.
    pub(crate) async fn call(&mut self, name: &str, body: &[u8]) -> (u16, Value) {
        self.calls += 1;
        let request = format!("c{}", self.calls);
        let topic = format!("$iothub/methods/POST/{name}/?$rid={request}");
        self.link.publish(topic.as_bytes(), body).await.unwrap();
        loop {
            let packet = self.link.read().await.unwrap();
            if let Some((topic, body)) = packet.published()
                && let Some(rest) = topic.strip_prefix("$iothub/methods/res/")
                && rest.ends_with(&format!("$rid={request}"))
            {
                let status = rest.split('/').next().unwrap().parse().unwrap();
                return (status, serde_json::from_slice(body).unwrap());
            }
            self.answer(&packet).await;
        }
    }

    /// Serves until a reported property has a mistake that says this.
    pub(crate) async fn until_mistake(&mut self, words: &str) {
        let serving = async {
            loop {
                let has = |reported: &Value| {
                    reported["conformance"]["mistakes"]
                        .to_string()
                        .contains(words)
                };
                if self.reported.last().is_some_and(has) {
                    return;
                }
                self.serve_one().await;
            }
        };
        let served = timeout(PATIENCE, serving).await;
        assert!(
            served.is_ok(),
            "not told: {words}; {:?}",
            self.reported.last()
        );
    }
}

/// Plays a story against a probe with a run under way; the run must not notice.
pub(crate) async fn play(story: impl AsyncFnOnce(&mut Hub)) {
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let peer = Peer::new().await;
    let (client, mut from_hub) = HubClient::connect(HubSettings {
        identity: Identity::from_connection_string(
            "HostName=hub.test;GatewayHostName=127.0.0.1;DeviceId=d1;ModuleId=edgeproof;SharedAccessKey=AAECAw==",
        )
        .unwrap(),
        ca_pem: Some(peer.authority.clone()),
        port: peer.port(),
        product_info: "edgeproof-agent/0.1.0".to_owned(),
        longest_pause: Duration::from_millis(20),
        seed: 1,
        now: SystemTime::now,
    });
    let (let_go, held) = watch::channel(false);
    let runs = Ticking {
        let_go: held,
        latest: Mutex::default(),
        delivered: Mutex::default(),
    };
    let mut control = Control::open(&state).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopping = async {
        let _ = stopped.await;
    };
    let playing = &runs;
    let serving = serve(&mut control, &playing, &client, &mut from_hub, stopping);
    let telling = async {
        let good = json!({"conformance": {"run": request("good")}});
        let mut hub = Hub::ready(peer, good).await;
        while hub.call("ping", b"null").await.1["state"] != "running" {}
        *runs.latest.lock().unwrap() = Duration::ZERO;
        let before = peak_kib();
        story(&mut hub).await;
        let (status, answer) = hub.call("ping", b"null").await;
        assert_eq!((status, &answer["state"]), (200, &json!("running")));
        let (after, latest) = (peak_kib(), *runs.latest.lock().unwrap());
        assert!(after < before + MOST_KIB, "from {before} to {after} KiB");
        assert!(
            latest < KEPT_FROM_IT,
            "the run had to wait for work of {latest:?}"
        );
        let_go.send_replace(true);
        while hub.call("ping", b"null").await.1["state"] != "done" {}
        let _ = stop.send(());
        // The last words want their answers.
        let last = async {
            while hub
                .link
                .read()
                .await
                .is_ok_and(|packet| packet.head >> 4 != 14)
            {}
        };
        let _ = timeout(Duration::from_secs(5), last).await;
        #[allow(clippy::print_stderr, reason = "the numbers of the story")]
        {
            eprintln!(
                "peak memory {before} KiB before, {after} KiB after; between two ticks of the run others worked {latest:?} at most"
            );
        }
    };
    tokio::join!(serving, telling);
    assert_eq!(*runs.delivered.lock().unwrap(), ["good"]);
    let here: Vec<_> = std::fs::read_dir(place.path()).unwrap().flatten().collect();
    assert_eq!(
        here.len(),
        1,
        "something was written beside the state directory"
    );
    for path in below(&state) {
        let text = path.to_str().unwrap();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-./".contains(c);
        assert!(text.chars().all(is_plain) && !text.contains(".."), "{text}");
        let run = text
            .strip_prefix("runs/")
            .and_then(|rest| rest.split('/').next());
        assert!(run.is_none_or(|run| run == "good"), "{text}");
    }
}
