//! Ticks driven without waiting, over a recorded tree: what they allocate, and what remains of them.

use std::path::Path;

use super::super::{Roots, layout};
use super::*;

const HZ: u32 = 10;
const PERIOD: Duration = Duration::from_millis(100);

/// The container of the tree recorded there.
const CONTAINER: &str = "db9492d5e029b9ea72458eadcf48316679f73c2699e166589399a4da5358643d";

/// So many containers, each the one of the tree recorded on a v2 kernel (`tests/kernel-trees`).
fn state(containers: usize) -> (State, Instant) {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/kernel-trees/v2-6.1-arm64");
    let roots = Roots {
        proc: tree.join("proc"),
        cgroup: tree.join("cgroup"),
        data_root: None,
        data_root_on_host: "/var/lib/docker".into(),
    };
    let layout = layout::detect(&roots);
    let start = Instant::now();
    let mut state = State::new(start, HZ);
    for _ in 0..containers {
        let files = ContainerFiles::open(&roots, &layout, CONTAINER).unwrap();
        state.add(files, Some(313));
    }
    state.schedule = Schedule::new(start, PERIOD);
    (state, start)
}

#[test]
fn a_tick_allocates_nothing_however_many_there_are() {
    let (mut state, start) = state(3);
    let mut ticks = 0;
    let allocated = allocation_counter::measure(|| {
        for tick in 1..=20_000 {
            state.tick(start + PERIOD * tick);
            ticks += 1;
        }
    });
    assert_eq!((allocated.count_total, ticks), (0, 20_000));
    // The counter counts: else this test could not fail.
    let counted = allocation_counter::measure(|| drop(vec![ticks; 100]));
    assert_eq!(counted.count_total, 1);
}

#[test]
fn a_million_ticks_leave_a_bounded_series_and_lose_no_extreme() {
    let mut recorder = super::super::recorder::Recorder::new(Duration::ZERO, PERIOD, false);
    let reading = |memory| super::super::container::Reading {
        memory: Some(memory),
        memory_peak: Some(9_999),
        cpu_ns: Some(0),
        pids: Some(1),
        ..Default::default()
    };
    let mut sum = 0;
    let allocated = allocation_counter::measure(|| {
        for tick in 0..1_000_000_u32 {
            let memory = match tick {
                700_001 => 9_999,
                300_001 => 1,
                _ => 1_000,
            };
            sum += memory;
            recorder.take(PERIOD * tick, &reading(memory));
        }
    });
    assert_eq!(allocated.count_total, 0);
    let series = recorder.series();
    let points = &series[0].points;
    assert!((60..=120).contains(&points.len()), "{}", points.len());
    assert_eq!(
        points.iter().filter(|point| point.max == 9_999.0).count(),
        1
    );
    assert_eq!(points.iter().filter(|point| point.min == 1.0).count(), 1);
    // Buckets are of equal length but for the last: the means add up to what was put in.
    let whole = points[1].at.0 - points[0].at.0;
    let last = 100_000_000 - points[points.len() - 1].at.0;
    let means: f64 = points[..points.len() - 1]
        .iter()
        .map(|point| point.mean * (whole / 100) as f64)
        .sum();
    let all = means + points[points.len() - 1].mean * (last / 100) as f64;
    assert!((all - sum as f64).abs() < 1.0, "{all} of {sum}");
}

#[test]
fn one_thread_serves_several_and_each_has_phases_of_its_own() {
    let (mut state, start) = state(2);
    state.tick(start + PERIOD);
    let (first, buffer) = state.subject(0);
    let early = first.end_phase(start + PERIOD, buffer);
    state.tick(start + PERIOD * 2);
    state.tick(start + PERIOD * 5);
    let (first, buffer) = state.subject(0);
    let late = first.end_phase(start + PERIOD * 5, buffer);
    let (second, buffer) = state.subject(1);
    let whole = second.end_phase(start + PERIOD * 5, buffer);
    assert_eq!((early.ticks.taken, early.ticks.due), (1, 1));
    assert_eq!((late.ticks.taken, late.ticks.due), (2, 4));
    assert_eq!((whole.ticks.taken, whole.ticks.due), (3, 5));
    assert!(!late.ticks.hold_rates() && early.ticks.hold_rates());
}

/// What a container cannot have changed without running is read again when it has run, at the latest in the next whole reading.
#[test]
fn memory_by_kind_is_read_in_a_tick_only_if_the_container_has_run() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/kernel-trees/v2-6.1-arm64");
    let dir = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(tree.join("cgroup"))
        .arg(dir.path())
        .status();
    assert!(copied.unwrap().success());
    let roots = Roots {
        proc: tree.join("proc"),
        cgroup: dir.path().join("cgroup"),
        data_root: None,
        data_root_on_host: "/var/lib/docker".into(),
    };
    let files = ContainerFiles::open(&roots, &layout::detect(&roots), CONTAINER).unwrap();
    let start = Instant::now();
    let mut state = State::new(start, HZ);
    state.add(files, None);
    state.schedule = Schedule::new(start, PERIOD);

    let group = roots.cgroup.join("docker").join(CONTAINER);
    let grow = |file: &str, line: &str, by: u64| {
        let path = group.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let grown = text.lines().map(|old| {
            match old
                .strip_prefix(line)
                .and_then(|rest| rest.strip_prefix(" "))
            {
                Some(number) => {
                    let number: u64 = number.trim().parse().unwrap();
                    format!("{line} {}\n", number + by)
                }
                None => format!("{old}\n"),
            }
        });
        std::fs::write(&path, grown.collect::<String>()).unwrap();
    };
    let ticked = |state: &mut State, tick| {
        state.tick(start + PERIOD * tick);
        state.subject(0).0.recorder.held_peak().unwrap()
    };
    let before = ticked(&mut state, 1);
    grow("memory.stat", "anon", 1 << 20);
    assert_eq!(ticked(&mut state, 2), before);
    grow("cpu.stat", "usage_usec", 1);
    let grown = ticked(&mut state, 3);
    assert_eq!(grown.0, before.0 + (1 << 20));
    // Every tenth tick reads everything, whatever stood still.
    grow("memory.stat", "anon", 1 << 20);
    let after: Vec<u64> = (4..=13).map(|tick| ticked(&mut state, tick).0).collect();
    assert_eq!(after[0], grown.0);
    assert_eq!(after[9], grown.0 + (1 << 20));
}

#[tokio::test]
async fn the_bell_rings_for_more_processes_than_agreed_and_for_no_fewer() {
    let (mut state, start) = state(2);
    let bells = [0, 1].map(|most| {
        let bell = Arc::new(Notify::new());
        // The container recorded there has one process.
        state.subjects[usize::try_from(most).unwrap()].alarm = Some(Alarm {
            most,
            bell: Arc::clone(&bell),
        });
        bell
    });
    state.tick(start + PERIOD);
    let mut rung = Vec::new();
    for bell in bells {
        rung.push(
            tokio::time::timeout(Duration::ZERO, bell.notified())
                .await
                .is_ok(),
        );
    }
    assert_eq!(rung, [true, false]);
}
