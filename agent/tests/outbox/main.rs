//! The outbox against the local hub, over real TLS and with the link cut again and again.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

#[allow(dead_code, reason = "it is shared with the tests of the hub client")]
#[path = "../hub_client/bench.rs"]
mod bench;
#[path = "../storm/peak.rs"]
mod peak;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use agent::hub::HubClient;
use agent::outbox::{Limits, Outbox, Sending};
use bench::{Bench, ignore, module};
use conformance::observation::Observations;
use conformance::report::{Report, Summary};
use conformance::run_request::sha256_hex;
use peak::peak_kib;
use standin::hub::{HubEvent, Mode};

const OFF: Limits = Limits {
    room: agent::outbox::DEFAULT_ROOM,
    is_paced: false,
};

/// Unsent messages that the test keeps the outbox filled with.
const AHEAD: usize = 64;

/// A real report, cut down to what every report has, so that a hundred thousand of them go round.
static SMALL: LazyLock<Report> = LazyLock::new(|| {
    let text = include_str!("../../../tests/reports/recorded-hungry.json");
    let mut report: Report = serde_json::from_str(text).unwrap();
    report.findings.truncate(3);
    report.series.clear();
    report.observations = Observations::default();
    report
});

fn report(run: usize) -> Report {
    let mut report = SMALL.clone();
    report.run.id = format!("r-{run}");
    report
}

/// What the environment sets for a campaign, or the size that a test has.
fn setting(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// What arrived, held against the order in which reports were put.
#[derive(Debug, Default)]
struct Arrived {
    /// Messages that came for the first time.
    first: usize,
    /// Messages that came again.
    again: usize,
    /// The report that is under way: its summary is here.
    run: usize,
    summary_is_here: bool,
}

impl Arrived {
    /// Takes a message; every one is the next, or one of the report before or under way once more.
    fn take(&mut self, event: HubEvent) -> bool {
        if let HubEvent::Violation { rule, detail, .. } = &event {
            panic!("the outbox broke {rule:?}: {detail}");
        }
        let HubEvent::Message {
            properties, body, ..
        } = event
        else {
            return false;
        };
        let of = |name: &str| properties.application.get(name).cloned().flatten();
        let run: usize = of("run").unwrap()[2..].parse().unwrap();
        let is_summary = of("part").is_none();
        if run < self.run || (is_summary && run == self.run && self.summary_is_here) {
            self.again += 1;
            return true;
        }
        assert_eq!(run, self.run, "a report was left out or overtaken");
        assert_eq!(is_summary, !self.summary_is_here, "the summary goes first");
        self.first += 1;
        if is_summary {
            let summary: Summary = serde_json::from_slice(&body).unwrap();
            assert_eq!(summary.run, format!("r-{run}"));
            self.summary_is_here = true;
        } else {
            assert_eq!(of("parts").as_deref(), Some("1"));
            assert_eq!(of("sha256"), Some(sha256_hex(&body)));
            self.run += 1;
            self.summary_is_here = false;
        }
        true
    }
}

/// Picks random moments for cuts, so many over so many messages.
struct Dice {
    state: u64,
    every: usize,
    left: usize,
}

impl Dice {
    fn say_so(&mut self) -> bool {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005);
        self.state = self.state.wrapping_add(1_442_695_040_888_963_407);
        let drawn = usize::try_from(self.state >> 33).unwrap();
        let now = self.left > 0 && drawn.is_multiple_of(self.every);
        self.left -= usize::from(now);
        now
    }
}

/// A probe's sending half, which can be made anew from what is on disk.
struct Probe {
    outbox: Outbox,
    sending: Sending,
    client: HubClient,
}

fn probe(bench: &Bench, runs: &Path) -> Probe {
    let mut settings = bench.settings();
    settings.longest_pause = Duration::from_millis(10);
    let (client, events) = HubClient::connect(settings);
    ignore(events);
    let outbox = Outbox::open(runs, OFF).unwrap();
    let sending = Sending::start(&outbox, &client);
    Probe {
        outbox,
        sending,
        client,
    }
}

fn forget(runs: &Path, run: usize) {
    std::fs::remove_dir_all(runs.join(format!("r-{run}"))).unwrap();
}

#[tokio::test]
async fn however_often_link_or_probe_is_cut_every_message_arrives_in_its_order() {
    let messages = setting("EDGEPROOF_OUTBOX_MESSAGES", 1_000);
    let cuts = setting("EDGEPROOF_OUTBOX_CUTS", 40);
    // It is the links that are tried here, not how fast a disk synchronises.
    let here = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut bench = Bench::new(Mode::IotHub).await;
    let mut probe_now = probe(&bench, here.path());
    let mut dice = Dice {
        state: 7,
        every: (messages / cuts / 2).max(1),
        left: cuts,
    };
    let (mut cut, mut restarted, mut early_peak) = (0, 0, None);
    let (mut arrived, mut put, mut on_disk) = (Arrived::default(), 0, VecDeque::new());
    while arrived.first < messages {
        while put < messages / 2 && probe_now.outbox.totals().messages < AHEAD {
            assert!(probe_now.outbox.put(&report(put)).unwrap().on_disk);
            on_disk.push_back(put);
            put += 1;
        }
        let event = tokio::time::timeout(bench::PATIENCE, bench.seen.recv()).await;
        let event = event.expect("nothing arrives any more").unwrap();
        if arrived.take(event) && dice.say_so() {
            if dice.left.is_multiple_of(20) {
                // The hub has the message, and the probe ends before it hears of that.
                drop(probe_now);
                probe_now = probe(&bench, here.path());
                restarted += 1;
            } else {
                cut += usize::from(bench.hub.disconnect(&module()));
            }
        }
        // As the journal forgets old runs; the last few may still be unacknowledged.
        while on_disk.front().is_some_and(|run| run + 2 < arrived.run) {
            forget(here.path(), on_disk.pop_front().unwrap());
        }
        if early_peak.is_none() && arrived.first * 10 >= messages {
            early_peak = Some(peak_kib());
        }
    }
    probe_now.outbox.emptied().await;
    let (early, late) = (early_peak.unwrap(), peak_kib());
    #[allow(clippy::print_stderr, reason = "the campaign's numbers")]
    {
        eprintln!(
            "{} messages, {} again, {cut} links cut, {restarted} probes ended; peak memory {early} KiB after a tenth, {late} KiB at the end",
            arrived.first, arrived.again
        );
    }
    assert_eq!((arrived.run, arrived.first), (messages / 2, messages));
    assert!(cut >= cuts / 2 && restarted > 0, "{cut}, {restarted}");
    assert!(arrived.again > 0, "no probe ended before it heard");
    assert!(late < early + 8 * 1_024, "from {early} to {late} KiB");
    probe_now.sending.close(probe_now.client).await;
    let again = Outbox::open(here.path(), OFF).unwrap();
    assert_eq!(again.totals().messages, 0);
}

#[tokio::test]
async fn what_waits_is_counted_until_the_hub_has_it() {
    let here = tempfile::tempdir().unwrap();
    let bench = Bench::new(Mode::IotHub).await;
    let outbox = Outbox::open(here.path(), Limits::default()).unwrap();
    let one = report(0);
    assert!(!outbox.holds(&one.run.id));
    outbox.put(&one).unwrap();
    assert_eq!(outbox.totals().messages, 2);
    assert!(outbox.holds(&one.run.id));
    let (client, events) = HubClient::connect(bench.settings());
    ignore(events);
    let sending = Sending::start(&outbox, &client);
    outbox.emptied().await;
    assert!(!outbox.holds(&one.run.id));
    sending.close(client).await;
}

#[tokio::test]
async fn without_a_hub_the_end_comes_in_time_and_the_report_stays() {
    let here = tempfile::tempdir().unwrap();
    let bench = Bench::new(Mode::IotHub).await;
    let settings = bench.settings();
    bench.hub.shutdown().await;
    let outbox = Outbox::open(here.path(), Limits::default()).unwrap();
    let (client, events) = HubClient::connect(settings);
    ignore(events);
    let sending = Sending::start(&outbox, &client);
    outbox.put(&report(0)).unwrap();
    let begun = std::time::Instant::now();
    sending.close(client).await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    let again = Outbox::open(here.path(), Limits::default()).unwrap();
    assert_eq!(again.totals().messages, 2);
}
