//! What a deployed probe does when hub, engine or disk fail in the midst of a run, at whatever phase: the run ends with the right
//! words, its report arrives, and nothing is left.
//!
//! `cargo nextest run --workspace -E 'binary(adversity)'` plays one fault of each kind, at phases that `EDGEPROOF_SEED` picks;
//! `EDGEPROOF_ADVERSITY=all` (`scripts/test-adversity.sh`) plays every fault at every phase, and the name of a phase every fault at
//! that one. The table of what is seen: docs/adversity.md.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod disk;
mod names;
mod stage;
mod way;

use std::time::Instant;

use conformance::finding::Verdict;
use conformance::report::{Report, RunVerdict};
use names::Answer;
use stage::{Beside, GRACE, Running, Stage, hub, sockets, stopped};
use standin::hub::LocalHub;
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
    /// The hub's name is not known any more.
    NameUnknown,
    /// The name server says that it fails.
    NameFails,
    /// The name server says nothing.
    NameSilent,
    /// The engine's socket is gone, and every call breaks off.
    EngineGone,
    /// The engine takes calls and does not answer.
    EngineSilent,
    /// The engine ends, with its containers, and starts again; calls are refused meanwhile.
    EngineRestarted,
    /// The same, and calls wait for it, as at a socket that systemd holds.
    EngineRestartedInLine,
    /// The engine starts again, and its containers live on.
    EngineRestartedAlone,
    /// Not a byte is left on the state's disk.
    DiskFull,
    /// The kernel takes no more writes to the state's disk.
    DiskReadOnly,
    /// SIGTERM.
    Stop,
    /// SIGTERM while the engine does not answer.
    StopEngineSilent,
    /// SIGTERM while the hub's name is asked for and the name server says nothing.
    StopNameSilent,
}

fn beside(fault: Fault) -> Beside {
    match fault {
        Fault::NameUnknown | Fault::NameFails | Fault::NameSilent | Fault::StopNameSilent => {
            Beside::Names
        }
        Fault::EngineRestarted | Fault::EngineRestartedInLine => Beside::Engine,
        Fault::EngineRestartedAlone => Beside::LiveRestore,
        Fault::HubRefuses
        | Fault::HubResets
        | Fault::HubSilent
        | Fault::HubOfAnother
        | Fault::HubMisnamed
        | Fault::EngineGone
        | Fault::EngineSilent
        | Fault::DiskFull
        | Fault::DiskReadOnly
        | Fault::Stop
        | Fault::StopEngineSilent => Beside::Nothing,
    }
}

/// Another hub at the address, where that is the fault; it lives as long as the case.
async fn impose(stage: &mut Stage, fault: Fault) -> Option<LocalHub> {
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
        Fault::NameUnknown => stage.lose_the_name(Answer::NoSuchName).await,
        Fault::NameFails => stage.lose_the_name(Answer::Failure).await,
        Fault::NameSilent | Fault::StopNameSilent => stage.lose_the_name(Answer::Silence).await,
        Fault::EngineRestarted | Fault::EngineRestartedAlone => stage.restart_engine(),
        Fault::EngineRestartedInLine => {
            stage.to_engine.set(Way::InLine);
            stage.restart_engine();
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
        Fault::NameUnknown => &[
            "no link to the hub",
            "connect to hub.adversity.test:8883",
            "Name or service not known",
        ],
        Fault::NameFails | Fault::NameSilent => &[
            "no link to the hub",
            "connect to hub.adversity.test:8883",
            "Temporary failure in name resolution",
        ],
        // What it says depends on what the engine was asked at that moment, or what of the run it ended.
        Fault::EngineRestarted | Fault::EngineRestartedInLine | Fault::EngineRestartedAlone => &[],
        Fault::EngineGone => &["reach the container engine at", "the next start sweeps it"],
        Fault::EngineSilent => &["no answer within 60 s", "the next start sweeps it"],
        // The journal may have room for its last lines in the block that it has begun.
        Fault::DiskFull => &["No space left on device"],
        Fault::DiskReadOnly => &["journal given up for this run", "Read-only file system"],
        Fault::Stop => &["nothing of the run is left on the engine"],
        Fault::StopEngineSilent => &["the engine does not let go of the run"],
        // Its resolver is still at it.
        Fault::StopNameSilent => &["nothing of the run is left on the engine"],
    }
}

/// One run into which one fault comes when a phase begins.
async fn play(fault: Fault, phase: &str) {
    let case = format!("{fault:?} at `{phase}`");
    let began = Instant::now();
    let mut stage = Stage::new(beside(fault)).await;
    let run = new_run(began);
    let mut probe = stage.probe();
    stage.desire(&run);
    stage.until_phase(phase).await;
    let _other = impose(&mut stage, fault).await;
    match fault {
        Fault::Stop | Fault::StopEngineSilent | Fault::StopNameSilent => {
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
        | Fault::HubMisnamed
        | Fault::NameUnknown
        | Fault::NameFails
        | Fault::NameSilent => {
            // The run goes on without the hub, and its report waits on disk.
            let unsent = stage.kept(&run, "unsent");
            stage.until("the report waits", || unsent.exists()).await;
            // A run may end sooner than a resolver gives up.
            for words in words(fault) {
                let said = || stage.log().contains(words);
                stage.until(&format!("`{words}` is said"), said).await;
            }
            stage.mend_the_way_to_the_hub();
            judged(&case, &stage.report(&run).await, RunVerdict::Conformant);
            stage
                .until("the outbox is empty", || !unsent.exists())
                .await;
            let done = || stage.conformance()["state"] == "done";
            stage.until("the twin hears of the end", done).await;
        }
        Fault::DiskReadOnly if phase == "limits" => {
            // Before the first start there is no workload socket yet, and there is no place for one: the module is not blamed.
            let report = stage.report(&run).await;
            judged(&case, &report, RunVerdict::Undecided);
            assert!(report.observations.starts.is_empty(), "{case}");
            let told = serde_json::to_string(&report.findings).unwrap();
            assert!(
                told.contains("could not stand in for the edge runtime"),
                "{case}: {told}"
            );
        }
        Fault::DiskFull | Fault::DiskReadOnly => {
            judged(&case, &stage.report(&run).await, RunVerdict::Conformant);
        }
        Fault::EngineRestarted | Fault::EngineRestartedInLine | Fault::EngineRestartedAlone => {
            let report = stage.report(&run).await;
            let has_ended_one = phase == "steady" && fault != Fault::EngineRestartedAlone;
            restarted_beneath(&case, has_ended_one, &report);
            stage
                .until("nothing of it is left", || stage.left(&run).is_empty())
                .await;
            let next = new_run(began);
            stage.desire(&next);
            judged(&case, &stage.report(&next).await, RunVerdict::Conformant);
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

fn new_run(began: Instant) -> String {
    let moment = began.elapsed().subsec_nanos();
    format!("adversity-{}-{moment}", std::process::id())
}

/// Whatever the engine ended with itself is not the module's doing. A run of which it ended nothing may go on when it is back.
fn restarted_beneath(case: &str, has_ended_one: bool, report: &Report) {
    if !has_ended_one && report.verdict == RunVerdict::Conformant {
        return;
    }
    judged(case, report, RunVerdict::Undecided);
    let told = serde_json::to_string(&report.observations).unwrap();
    let names = ["container engine at", "as after a restart of the engine"];
    assert!(
        names.iter().any(|words| told.contains(words)),
        "{case}: {told}"
    );
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
    stage.mend_the_way_to_the_hub();
    if fault == Fault::DiskFull {
        stage.disk.empty();
    }
    let is_swept_later = matches!(
        fault,
        Fault::EngineGone | Fault::EngineSilent | Fault::StopEngineSilent
    );
    let is_over = matches!(
        fault,
        Fault::Stop | Fault::StopEngineSilent | Fault::StopNameSilent
    );
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
            .until("the next start sweeps", || stage.left(run).is_empty())
            .await;
        stopped(&mut next);
    }
    assert_eq!(stage.left(run), "", "{case}: left on the engine");
    if fault != Fault::DiskReadOnly {
        assert_eq!(sockets(&stage.disk.path()), 0, "{case}: a socket is left");
    }
}

/// `EDGEPROOF_SEED`, 1 unless told: which phases are hit.
fn seed() -> usize {
    std::env::var("EDGEPROOF_SEED").map_or(1, |text| text.parse().unwrap())
}

/// One of the faults, or, with `EDGEPROOF_ADVERSITY`, each of them: at every phase (`all`), or at the one that is named.
async fn play_of(faults: &[Fault]) {
    if let Ok(wanted) = std::env::var("EDGEPROOF_ADVERSITY") {
        let phases = PHASES
            .iter()
            .filter(|phase| [**phase, "all"].contains(&wanted.as_str()));
        let phases: Vec<&str> = phases.copied().collect();
        assert!(!phases.is_empty(), "`{wanted}`: `all` or one of {PHASES:?}");
        for fault in faults {
            for phase in &phases {
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
async fn a_hub_whose_name_is_not_answered_in_a_run_gets_its_report_when_it_is() {
    play_of(&[Fault::NameSilent, Fault::NameUnknown, Fault::NameFails]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_restarted_in_a_run_ends_it_undecided_at_most_and_serves_the_next() {
    play_of(&[
        Fault::EngineRestartedAlone,
        Fault::EngineRestartedInLine,
        Fault::EngineRestarted,
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
    play_of(&[Fault::Stop, Fault::StopNameSilent, Fault::StopEngineSilent]).await;
}
