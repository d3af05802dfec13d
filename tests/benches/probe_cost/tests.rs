//! The pure parts of the bench of the probe's cost: what they read, judge and print. Nothing here is timed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod figures;
mod kernel_text;

use std::time::Duration;

use figures::{EngineLoad, Figures, Floor, Machine, Probe, Rhythm, Stats};
use kernel_text::{
    Held, Process, cpu_time, field, held_v1, held_v2, legacy_group, process, unified_group,
};

const MIB: u64 = 1 << 20;

fn quiet(cores: f64) -> EngineLoad {
    EngineLoad {
        cores,
        foreign_events: 0,
    }
}

fn figures() -> Figures {
    Figures {
        machine: Machine {
            processor: "Board".to_owned(),
            cores: 4,
            kernel: "6.1".to_owned(),
            engine: "20.10".to_owned(),
            memory_cgroup: "v2",
            load: "0.10".to_owned(),
        },
        span: Duration::from_secs(60),
        probe: Probe {
            cpu: Duration::from_millis(60),
            held_peak: 3 * MIB,
            kernel: Some(MIB),
            image: 5_000_000,
            rhythm: Rhythm {
                taken: 899,
                due: 900,
                late_max: Duration::from_micros(1500),
                window: Duration::from_secs(90),
            },
        },
        stats: Stats {
            own: Duration::from_millis(120),
            daemon: Duration::from_millis(480),
            baseline: quiet(0.003),
            idle: quiet(0.002),
            resident: 28 * MIB,
            foreign_events: 0,
        },
        floor: Floor {
            cpu: Duration::from_millis(30),
            ticks: 600,
            files: (7, 2),
        },
    }
}

#[test]
fn the_table_shows_every_bar_and_every_ratio() {
    let expected = "\
4 × Board, Linux 6.1, cgroup v2, engine 20.10, load 0.10

Bars, over 60.0 s
  CPU of the probe                                        0.100 % of a core at most 0.5  met
  memory of the probe (anon + kernel + shmem, highest)    3.000 MiB         at most 12   met
  image of the probe, unpacked                            5.000 MB          at most 10   met

  CPU in the same minute                           s % of a core probe = 1
  probe, whole container, 10 Hz               0.0600       0.100     1.00
  docker stats, 1 Hz: client and engine       0.4200       0.700     7.00
    its client                                0.1200       0.200     2.00
    the engine above its baseline             0.3000       0.500     5.00
  bare pread of the same files, 10 Hz         0.0300       0.050     0.50

The probe took 899 of 900 ticks in 90.0 s (9.99 a second); the latest was 1.5 ms late.
The engine used 0.200 % of a core before the probe, 0.300 % beside it, 0.800 % with docker stats; its client held up to 28.0 MiB.
";
    assert_eq!(figures().text(), expected);
}

#[test]
fn a_probe_above_a_bar_misses_it() {
    let mut heavy = figures();
    heavy.probe.cpu = Duration::from_millis(301);
    heavy.probe.held_peak = 12 * MIB + 1;
    heavy.probe.image = 10_000_001;
    assert!(heavy.bars().iter().all(|bar| !bar.met()), "{heavy:?}");
    assert_eq!(heavy.text().matches("MISSED").count(), 3);
    let mut just = figures();
    just.probe.held_peak = 12 * MIB;
    just.probe.image = 10_000_000;
    assert!(just.bars().iter().all(|bar| bar.met()), "{just:?}");
}

#[test]
fn what_spoils_a_number_is_said() {
    let mut spoilt = figures();
    spoilt.probe.kernel = None;
    spoilt.stats.foreign_events = 3;
    spoilt.stats.idle.foreign_events = 4;
    spoilt.stats.baseline.foreign_events = 5;
    let text = spoilt.text();
    assert!(text.contains("does not tell the kernel memory"), "{text}");
    for words in [
        "(4 events of other containers) before the probe",
        "(5 events of other containers) while its baseline",
        "(3 events of other containers) in the minute",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert!(figures().notes().is_empty());
}

#[test]
fn json_has_the_same_numbers() {
    let json = figures().json();
    assert_eq!(json["bars"][0]["met"], true);
    let stats = json["ratios"]["dockerStats"].as_f64().unwrap();
    assert!((stats - 7.0).abs() < 1e-9, "{stats}");
    assert_eq!(json["probe"]["heldPeakBytes"], 3 * MIB);
}

#[test]
fn a_process_name_may_contain_brackets_and_blanks() {
    let stat = "42 (a) (b c) S 7 42 42 0 -1 4194560 1 2 3 4 150 25 9 9 20 0 11 0 100 0 0";
    let expected = Process {
        name: "a) (b c".to_owned(),
        parent: 7,
    };
    assert_eq!(process(stat), Some(expected));
    assert_eq!(process("42 (cut) S"), None);
}

#[test]
fn cpu_time_of_a_thread_is_in_nanoseconds() {
    let microsecond = Duration::from_micros(1);
    assert_eq!(cpu_time("1000 77 3\n"), Some(microsecond));
    assert_eq!(cpu_time(""), None);
}

#[test]
fn a_hybrid_host_has_some_controllers_in_hierarchies_of_their_own() {
    let groups = "3:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab\n0::/docker/ab\n";
    assert_eq!(
        legacy_group(groups, "cpuacct"),
        Some(("cpu,cpuacct", "docker/ab"))
    );
    assert_eq!(legacy_group(groups, "memory"), None);
    assert_eq!(unified_group(groups), Some("docker/ab"));
}

#[test]
fn anonymous_shared_and_kernel_memory_are_summed() {
    let v1 = "rss 1\nshmem 1\ntotal_rss 100\ntotal_shmem 20\ntotal_cache 5000\n";
    let held = |bytes, kernel| Some(Held { bytes, kernel });
    assert_eq!(held_v1(v1, Some("3\n")), held(123, Some(3)));
    assert_eq!(held_v1(v1, None), held(120, None));
    let v2 = "anon 100\nfile 5000\nkernel 7\nshmem 20\nslab 4\n";
    assert_eq!(held_v2(v2), held(127, Some(7)));
    let old = "anon 100\nshmem 20\nkernel_stack 1\nslab 4\n";
    assert_eq!(held_v2(old), held(125, Some(5)));
    assert_eq!(held_v2("file 1\n"), None);
    assert_eq!(field("a 1\nab 2\n", "ab"), Some(2));
}
