//! `kill -9`, at whatever moment and whoever it hits: the next start finds a clean engine.
//!
//! A moment is what the probe's journal or the harness's progress says, never a time; and each case shows afterwards that
//! it hit the moment that it was after.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::os::unix::process::ExitStatusExt as _;

use support::under_way::{self, UnderWay, probe_of, signal};
use support::{SHORT, certify, nothing_is_left, offer_of};

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victims {
    Harness,
    Probe,
    /// At the same time, so that neither hears of the other's end.
    Both,
}
use Victims::{Both, Harness, Probe};

/// SIGKILL, by number, as the end of a process tells it.
const KILLED: Option<i32> = Some(9);
/// Its run is judged soonest of all that get a network: nothing in its image can be started.
const SOON_JUDGED: &str = "wrong-architecture";

#[test]
fn whoever_is_killed_at_whatever_phase_the_next_start_finds_a_clean_engine() {
    for (phase, next, victims) in [
        ("started", "limits", Harness),
        ("limits", "start 1", Probe),
        ("limits", "start 1", Both),
        ("start 1", "steady", Harness),
        ("start 1", "steady", Probe),
        ("steady", "stop", Harness),
        ("steady", "stop", Both),
        ("envelope 1", "judged", Probe),
        ("envelope 1", "judged", Harness),
    ] {
        killed_between(phase, next, "well-behaved", victims);
    }
}

#[test]
fn a_harness_killed_before_there_is_a_probe_leaves_nothing_to_the_next_start() {
    let mut run = UnderWay::start("well-behaved", &SHORT).unwrap();
    run.wait_for("starting the local hub and the probe")
        .unwrap();
    signal("KILL", &[run.pid()]).unwrap();
    assert!(probe_of(run.pid()).unwrap().is_none(), "it came too late");
    assert_eq!(run.end().unwrap().signal(), KILLED);
    the_next_start_finds_a_clean_engine("before the probe");
}

#[test]
fn whoever_is_killed_while_a_module_does_not_want_to_stop_the_next_start_finds_a_clean_engine() {
    for victims in [Harness, Probe] {
        killed_between("stop", "envelope 1", "ignores-sigterm", victims);
    }
}

#[test]
fn a_probe_killed_while_it_cleans_up_leaves_the_rest_to_others() {
    for victims in [Probe, Both] {
        let events = killed_between("judged", "cleaned-up", SOON_JUDGED, victims);
        assert_eq!(events.last().unwrap(), "judged", "{victims:?}");
    }
}

#[test]
fn a_report_that_nobody_took_is_gone_with_everything_else() {
    let mut run = UnderWay::start(SOON_JUDGED, &SHORT).unwrap();
    let probe = run.probe().unwrap();
    run.wait_until(&probe, "judged").unwrap();
    // Its hub is still there for the probe's connection, but answers nothing.
    signal("STOP", &[run.pid()]).unwrap();
    assert!(!probe.kept.join("report.json").exists(), "it came too late");
    run.wait_for_kept(&probe, "report.json").unwrap();
    kill(&run, &probe, Both);
    assert_eq!(run.end().unwrap().signal(), KILLED);
    assert_eq!(probe.events().unwrap().last().unwrap(), "cleaned-up");
    assert!(!run.has_said("cleaning up") && !run.has_reported());
    the_next_start_finds_a_clean_engine("sending the report");
}

#[test]
fn whoever_is_killed_while_the_harness_cleans_up_the_next_start_finds_a_clean_engine() {
    for victims in [Harness, Probe, Both] {
        let mut run = UnderWay::start("well-behaved", &SHORT).unwrap();
        let probe = run.probe().unwrap();
        run.wait_until(&probe, "start 1").unwrap();
        signal("INT", &[run.pid()]).unwrap();
        killed_while_cleaning_up(run, &probe, victims);
    }
}

#[test]
fn a_harness_killed_with_the_report_in_its_hands_leaves_nothing_to_the_next_start() {
    let mut run = UnderWay::start(SOON_JUDGED, &SHORT).unwrap();
    let probe = run.probe().unwrap();
    run.wait_until(&probe, "cleaned-up").unwrap();
    killed_while_cleaning_up(run, &probe, Harness);
}

#[test]
fn whoever_is_killed_while_it_waits_for_the_engine_disturbs_nobody() {
    let mut first = UnderWay::start("well-behaved", &SHORT).unwrap();
    let holder = first.probe().unwrap();
    first.wait_until(&holder, "limits").unwrap();
    let waiting = [Harness, Probe, Both]
        .map(|victims| (UnderWay::start("well-behaved", &SHORT).unwrap(), victims));
    for (mut run, victims) in waiting {
        let probe = run.probe().unwrap();
        run.wait_until(&probe, "waiting").unwrap();
        kill(&run, &probe, victims);
        let events = probe.events().unwrap();
        assert_eq!(events, ["started", "waiting"], "{victims:?}");
        is_dead(&mut run, victims);
    }
    let judged = holder.events().unwrap().contains(&"judged".to_owned());
    assert!(!judged, "the first run ended before the others were killed");
    // Begun while the first run has the engine: what is swept now must not be that run's.
    next_start();
    assert_eq!(first.end().unwrap().code(), Some(0), "{}", first.words());
    assert!(first.has_reported());
    nothing_is_left().unwrap();
}

/// How often a kill is tried again that came too late: some phases last no longer than a look takes.
const TRIES: usize = 5;

/// Kills when `phase` has begun and `next` has not, and looks for what is left; what had happened in the run until then.
fn killed_between(phase: &str, next: &str, candidate: &str, victims: Victims) -> Vec<String> {
    let case = format!("{phase}, {victims:?}");
    let mut events = Vec::new();
    for _ in 0..TRIES {
        let mut run = UnderWay::start(candidate, &SHORT).unwrap();
        let probe = run.probe().unwrap();
        run.wait_until(&probe, phase).unwrap();
        kill(&run, &probe, victims);
        events = probe.events().unwrap();
        let in_time = !events.iter().any(|event| event == next);
        is_dead(&mut run, victims);
        the_next_start_finds_a_clean_engine(&case);
        if in_time {
            // A dead probe has written no more; one that lives on has.
            return match victims {
                Harness => events,
                Probe | Both => probe.events().unwrap(),
            };
        }
    }
    panic!("{case}: it came too late {TRIES} times: {events:?}");
}

/// Kills when the harness cleans up, whatever the reason.
fn killed_while_cleaning_up(mut run: UnderWay, probe: &under_way::Probe, victims: Victims) {
    let case = format!("cleaning up, {victims:?}");
    run.wait_for("cleaning up").unwrap();
    kill(&run, probe, victims);
    // The last thing to go.
    let sockets = std::env::temp_dir().join(format!("edgeproof-run-{}", probe.run));
    assert!(sockets.exists(), "{case}: it came too late");
    is_dead(&mut run, victims);
    assert!(!run.has_reported(), "{case}");
    the_next_start_finds_a_clean_engine(&case);
}

fn kill(run: &UnderWay, probe: &under_way::Probe, victims: Victims) {
    let pids = match victims {
        Harness => &[run.pid()][..],
        Probe => &[probe.pid],
        Both => &[run.pid(), probe.pid],
    };
    signal("KILL", pids).unwrap();
}

/// A harness that was killed is gone, and one that has lost its probe says that nothing is decided.
fn is_dead(run: &mut UnderWay, victims: Victims) {
    let ended = run.end().unwrap();
    match victims {
        Harness | Both => assert_eq!(ended.signal(), KILLED, "{}", run.words()),
        Probe => assert_eq!(ended.code(), Some(2), "{}", run.words()),
    }
}

fn the_next_start_finds_a_clean_engine(case: &str) {
    next_start();
    nothing_is_left().unwrap_or_else(|left| panic!("{case}: {left}"));
}

/// The smallest next start: an image that nobody has, so that only the sweep matters.
fn next_start() {
    let out = tempfile::tempdir().unwrap();
    let nothing = ["--image", "localhost:1/nobody/has-this:1"];
    let certified = certify(&offer_of("host-bind"), out.path(), &nothing).unwrap();
    assert_eq!(certified.exit, Some(1), "{}", certified.words);
    assert!(certified.report.is_some(), "{}", certified.words);
}
