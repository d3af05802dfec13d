//! A thousand probes whose hub drops them all at once: they come back spread by the jitter of their pauses, and none with an error.
//!
//! `cargo nextest run --workspace -E 'binary(storm)' --no-capture` says how long it took; `EDGEPROOF_STORM` sets how many there are.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[allow(dead_code, reason = "it is shared with the tests of the hub client")]
#[path = "../hub_client/bench.rs"]
mod bench;
mod peak;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use agent::hub::{Content, FromHub, HubClient, HubSettings, Identity, LONGEST_PAUSE};
use peak::peak_kib;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use standin::hub::{HubConfig, HubEvent, Identity as Registered, LocalHub, Mode, OtherPorts};
use tokio::sync::mpsc::Receiver;

/// How long the hub is gone: the first pause of every client is over, the second of most is not.
const GONE: Duration = Duration::from_secs(2);
/// How long the whole may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(240);

/// Moments of the hub's logins, and what clients said of pauses and of trouble.
#[derive(Debug, Default)]
struct Seen {
    logins: Vec<Instant>,
    pauses: Vec<Duration>,
    trouble: Vec<String>,
}

/// Every probe has two sockets here, its own and the hub's.
fn allow_files(probes: u64) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = 2 * probes + 200;
    assert!(
        limit.maximum.is_none_or(|most| most >= wanted),
        "{probes} probes take {wanted} file descriptors, the limit is {:?}",
        limit.maximum
    );
    let current = Some(limit.current.unwrap_or(wanted).max(wanted));
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
}

async fn watch_hub(mut events: Receiver<HubEvent>, seen: Arc<Mutex<Seen>>) {
    while let Some(event) = events.recv().await {
        let mut seen = seen.lock().unwrap();
        if let HubEvent::Violation { rule, detail, .. } = &event {
            seen.trouble.push(format!("{rule:?}: {detail}"));
        } else if let HubEvent::Connected(_) = event {
            seen.logins.push(Instant::now());
        }
    }
}

async fn watch_probe(mut events: Receiver<FromHub>, seen: Arc<Mutex<Seen>>) {
    while let Some(event) = events.recv().await {
        if let FromHub::Disconnected { why, retry_in } = event {
            let mut seen = seen.lock().unwrap();
            seen.pauses.push(retry_in);
            let why = why.to_string();
            let is_the_storm = ["closed", "reset", "refused", "pipe", "eof"]
                .iter()
                .any(|word| why.to_lowercase().contains(word));
            if !is_the_storm {
                seen.trouble.push(why);
            }
        }
    }
}

async fn until_logins(seen: &Mutex<Seen>, count: usize) -> Instant {
    let begun = Instant::now();
    loop {
        let logins = seen.lock().unwrap().logins.clone();
        if logins.len() >= count {
            return logins[count - 1];
        }
        let trouble = seen.lock().unwrap().trouble.clone();
        assert!(trouble.is_empty(), "{trouble:?}");
        assert!(begun.elapsed() < PATIENCE, "{} of {count}", logins.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Most of them that fall into one second.
fn most_in_a_second(moments: &[Instant]) -> usize {
    let within = |from: &Instant| {
        let after = moments.iter().filter(|at| *at >= from);
        after
            .filter(|at| **at - *from < Duration::from_secs(1))
            .count()
    };
    moments.iter().map(within).max().unwrap_or_default()
}

#[tokio::test]
async fn a_thousand_probes_dropped_at_once_come_back_without_an_error() {
    let probes = std::env::var("EDGEPROOF_STORM").map_or(1_000, |text| text.parse().unwrap());
    allow_files(u64::try_from(probes).unwrap());
    let hub = LocalHub::start(HubConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        also: OtherPorts::default(),
        host_name: bench::HOST.to_owned(),
        names: vec!["127.0.0.1".to_owned()],
        mode: Mode::IotHub,
    });
    let hub = hub.await.unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    tokio::spawn(watch_hub(hub.subscribe(), Arc::clone(&seen)));
    let begun = Instant::now();
    let mut clients = Vec::new();
    for number in 0..probes {
        let who = Registered::module(&format!("d{number}"), "edgeproof");
        let connection = hub.register(&who).unwrap().connection_string;
        let (client, events) = HubClient::connect(HubSettings {
            ca_pem: Some(hub.trust_bundle_pem().to_owned()),
            seed: u64::try_from(number).unwrap() + 1,
            longest_pause: LONGEST_PAUSE,
            ..bench::settings(
                Identity::from_connection_string(&connection).unwrap(),
                hub.address().port(),
            )
        });
        tokio::spawn(watch_probe(events, Arc::clone(&seen)));
        clients.push(client);
    }
    until_logins(&seen, probes).await;
    let (joined, early) = (begun.elapsed(), peak_kib());

    seen.lock().unwrap().pauses.clear();
    hub.vanish().await;
    tokio::time::sleep(GONE).await;
    hub.reappear().await.unwrap();
    let back = Instant::now();
    let settled = until_logins(&seen, 2 * probes).await - back;
    let after: Vec<Instant> = seen.lock().unwrap().logins[probes..].to_vec();
    for client in &clients {
        let sent = client.send("report", &[], Content::JSON, b"{}".to_vec());
        tokio::time::timeout(PATIENCE, sent).await.unwrap().unwrap();
    }
    let late = peak_kib();
    let seen = seen.lock().unwrap();
    #[allow(clippy::print_stderr, reason = "the storm's numbers")]
    {
        eprintln!(
            "{probes} probes joined in {:.1} s; dropped, the hub back after {GONE:?}: all back {:.1} s later, at most {} logins in a second, {} attempts that failed; peak memory {early} KiB before, {late} KiB after",
            joined.as_secs_f64(),
            settled.as_secs_f64(),
            most_in_a_second(&after),
            seen.pauses.len()
        );
    }
    assert!(seen.trouble.is_empty(), "{:?}", seen.trouble);
    assert_eq!(seen.logins.len(), 2 * probes, "some came back twice");
    // The first pause is drawn from half a second; a fifth of it holds more than twice its share if they bunch.
    let first = &seen.pauses[..probes];
    for fifth in 0..5 {
        let from = Duration::from_millis(500 + 100 * fifth);
        let within = |pause: &&Duration| (from..from + Duration::from_millis(100)).contains(*pause);
        let share = first.iter().filter(within).count();
        assert!(
            share < probes * 2 / 5,
            "{share} of {probes} from {from:?} on"
        );
    }
    // A storm costs no more than the probes themselves did.
    assert!(late < 2 * early, "from {early} to {late} KiB");
}
