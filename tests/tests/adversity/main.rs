//! What a deployed probe does when hub, engine or disk fail in the midst of a run, at whatever phase: the run ends with the right
//! words, its report arrives, and nothing is left.
//!
//! `cargo nextest run --workspace -E 'binary(adversity)'` plays one fault of each kind, at phases that `EDGEPROOF_SEED` picks;
//! `EDGEPROOF_ADVERSITY=all` (`scripts/test-adversity.sh`) plays every fault at every phase. The table of what is seen: docs/adversity.md.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod disk;
mod stage;
mod way;

use std::time::Instant;

use conformance::finding::Verdict;
use conformance::report::{Report, RunVerdict};
use stage::{GRACE, Running, Stage, hub, sockets, stopped};
use standin::hub::LocalHub;
use support::of_run;
use way::Way;

/// Phases of a run in their order, as its journal calls them; in each the engine has something of the run's, or is about to.
const PHASES: [&str; 4] = ["limits", "start 1", "steady", "envelope 1"];

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nobody listens at the hub's address.
    HubRefuses,
    /// Connections to the hub are reset.
    HubResets,
    /// The hub takes connections and does not answer; the one that there is stands still.
    HubSilent,
    /// At the hub's address is one of another authority.
    HubOfAnother,
    /// The hub's certificate is for another name.
    HubMisnamed,
    /// The engine's socket is gone, and every call breaks off.
    EngineGone,
    /// The engine takes calls and does not answer.
    EngineSilent,
    /// Not a byte is left on the state's disk.
    DiskFull,
    /// The kernel takes no more writes to the state's disk.
    DiskReadOnly,
    /// SIGTERM.
    Stop,
    /// SIGTERM while the engine does not answer.
    StopEngineSilent,
}

/// Another hub at the address, where that is the fault; it lives as long as the case.
async fn impose(stage: &Stage, fault: Fault) -> Option<LocalHub> {
    match fault {
        Fault::HubRefuses => stage.to_hub.set(Way::Refused),
        Fault::HubResets => stage.to_hub.set(Way::Reset),
        Fault::HubSilent => stage.to_hub.set(Way::Silent),
        Fault::HubOfAnother | Fault::HubMisnamed => {
            let name = if fault == Fault::HubMisnamed {
                "another.test"
            } else {
                stage::ADDRESS
            };
            let other = hub(name).await;
            stage.to_hub.set(Way::To(other.address().port()));
            return Some(other);
        }
        Fault::EngineGone => stage.to_engine.set(Way::Refused),
        Fault::EngineSilent | Fault::StopEngineSilent => stage.to_engine.set(Way::Silent),
        Fault::DiskFull => stage.disk.fill(),
        Fault::DiskReadOnly => stage.disk.make_read_only(),
        Fault::Stop => {}
    }
    None
}

/// Words of the log that name the fault.
fn words(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::HubRefuses => &["no link to the hub", "Connection refused"],
        Fault::HubResets => &["no link to the hub", "reset by peer"],
        // It is known when a ping was not answered, up to 90 s later: long after the run.
        Fault::HubSilent => &[],
        Fault::HubOfAnother => &["no link to the hub", "TLS with 127.0.0.92", "UnknownIssuer"],
        Fault::HubMisnamed => &[
            "no link to the hub",
            "TLS with 127.0.0.92",
            "invalid peer certificate",
        ],
        Fault::EngineGone => &["reach the container engine at", "the next start sweeps it"],
        Fault::EngineSilent => &["no answer within 60 s", "the next start sweeps it"],
        // The journal may have room for its last lines in the block that it has begun.
        Fault::DiskFull => &["No space left on device"],
        Fault::DiskReadOnly => &["journal given up for this run", "Read-only file system"],
        Fault::Stop => &["nothing of the run is left on the engine"],
        Fault::StopEngineSilent => &["the engine does not let go of the run"],
    }
}

/// One run into which one fault comes when a phase begins.
async fn play(fault: Fault, phase: &str) {
    let case = format!("{fault:?} at `{phase}`");
    let began = Instant::now();
    let mut stage = Stage::new().await;
    let run = format!(
        "adversity-{}-{}",
        std::process::id(),
        began.elapsed().subsec_nanos()
    );
    let mut probe = stage.probe();
    stage.desire(&run);
    stage.until_phase(phase).await;
    let _other = impose(&stage, fault).await;
    match fault {
        Fault::Stop | Fault::StopEngineSilent => {
            let took = stopped(&mut probe);
            assert!(took < GRACE, "{case}: {took:?}\n{}", stage.log());
            let kept = std::fs::read_to_string(stage.kept(&run, "request.json")).unwrap();
            assert!(kept.contains("\"stopped\":true"), "{case}: {kept}");
            assert!(
                !stage.kept(&run, "report.json").exists(),
                "{case}: it was too late"
            );
        }
        Fault::HubRefuses
        | Fault::HubResets
        | Fault::HubSilent
        | Fault::HubOfAnother
        | Fault::HubMisnamed => {
            // The run goes on without the hub, and its report waits on disk.
            let unsent = stage.kept(&run, "unsent");
            stage.until("the report waits", || unsent.exists()).await;
            stage.to_hub.set(Way::Open);
            judged(&case, &stage.report(&run).await, RunVerdict::Conformant);
            stage
                .until("the outbox is empty", || !unsent.exists())
                .await;
            let done = || stage.conformance()["state"] == "done";
            stage.until("the twin hears of the end", done).await;
        }
        Fault::DiskFull | Fault::DiskReadOnly => {
            judged(&case, &stage.report(&run).await, RunVerdict::Conformant);
        }
        Fault::EngineGone | Fault::EngineSilent => {
            let report = stage.report(&run).await;
            judged(&case, &report, RunVerdict::Undecided);
            let told = serde_json::to_string(&report.observations).unwrap();
            assert!(
                told.contains("the engine failed during the run"),
                "{case}: {told}"
            );
            // What comes last was never seen, whichever phase was hit.
            assert!(report.observations.envelope.seen().is_none(), "{case}");
        }
    }
    let log = stage.log();
    for words in words(fault) {
        assert!(log.contains(words), "{case}: `{words}` is not said\n{log}");
    }
    assert!(!log.contains("panicked"), "{case}\n{log}");
    the_end_leaves_nothing(&case, &stage, &mut probe, &run, fault).await;
    #[allow(clippy::print_stderr, reason = "the line of the table")]
    {
        eprintln!("{case}: {:.1} s", began.elapsed().as_secs_f64());
    }
}

fn judged(case: &str, report: &Report, wanted: RunVerdict) {
    let open: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| !matches!(finding.verdict, Verdict::Pass | Verdict::NotApplicable))
        .map(|finding| format!("{} {:?}: {}", finding.id, finding.verdict, finding.saw))
        .collect();
    assert_eq!(
        report.verdict,
        wanted,
        "{case}: {}\n{}",
        report.headline(),
        open.join("\n")
    );
}

/// What the engine could not be asked to remove goes with the next start, and a run that was stopped is done then.
async fn the_end_leaves_nothing(
    case: &str,
    stage: &Stage,
    probe: &mut Running,
    run: &str,
    fault: Fault,
) {
    stage.to_engine.set(Way::Open);
    stage.to_hub.set(Way::Open);
    if fault == Fault::DiskFull {
        stage.disk.empty();
    }
    let is_swept_later = matches!(
        fault,
        Fault::EngineGone | Fault::EngineSilent | Fault::StopEngineSilent
    );
    let is_over = matches!(fault, Fault::Stop | Fault::StopEngineSilent);
    if !is_over {
        let took = stopped(probe);
        assert!(
            took < GRACE,
            "{case}: it took {took:?} to end\n{}",
            stage.log()
        );
    }
    if is_swept_later {
        let mut next = stage.probe();
        stage
            .until("the next start sweeps", || of_run(run).unwrap().is_empty())
            .await;
        stopped(&mut next);
    }
    assert_eq!(of_run(run).unwrap(), "", "{case}: left on the engine");
    if fault != Fault::DiskReadOnly {
        assert_eq!(sockets(&stage.disk.path()), 0, "{case}: a socket is left");
    }
}

/// `EDGEPROOF_SEED`, 1 unless told: which phases are hit.
fn seed() -> usize {
    std::env::var("EDGEPROOF_SEED").map_or(1, |text| text.parse().unwrap())
}

/// One of the faults, or, with `EDGEPROOF_ADVERSITY=all`, each of them at every phase.
async fn play_of(faults: &[Fault]) {
    if std::env::var("EDGEPROOF_ADVERSITY").as_deref() == Ok("all") {
        for fault in faults {
            for phase in PHASES {
                play(*fault, phase).await;
            }
        }
    } else {
        let fault = faults[seed() % faults.len()];
        play(
            fault,
            PHASES[(seed() / faults.len() + seed()) % PHASES.len()],
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_fails_in_a_run_gets_its_report_when_it_is_back() {
    play_of(&[
        Fault::HubOfAnother,
        Fault::HubRefuses,
        Fault::HubMisnamed,
        Fault::HubResets,
        Fault::HubSilent,
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_gone_in_a_run_leaves_it_undecided_and_the_next_start_sweeps() {
    play_of(&[Fault::EngineSilent, Fault::EngineGone]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_in_a_run_costs_no_report() {
    play_of(&[Fault::DiskFull, Fault::DiskReadOnly]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_is_asked_to_end_in_a_run_does_so_in_time_whatever_the_engine_does() {
    play_of(&[Fault::Stop, Fault::StopEngineSilent]).await;
}
