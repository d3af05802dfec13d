//! The pure parts of the bench of the probe's cost: what they read, judge and print. Nothing here is timed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod arguments;
mod bar;
mod crowd;
mod figures;
mod kernel_text;
mod table;

use std::time::Duration;

use arguments::{Arguments, Format};
use bar::Bar;
use crowd::{Account, Crowd, Load, SPIKE_SEEN, SPIKE_TRUTH, Watched};
use figures::{EngineLoad, Figures, Floor, Machine, Probe, Rhythm, Stats};
use kernel_text::{
    Held, Process, beginnings, cpu_time, field, held_v1, held_v2, legacy_group, process, row,
    time_of_children, unified_group,
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
  CPU of the probe                                         0.060 s a minute     at most  0.1   met
  memory of the probe (anon + kernel + shmem, highest)     3.000 MiB            at most  8     met
  image of the probe, unpacked                             5.000 MB             at most  10    met
  docker stats at 1 Hz, all in, costs                      7.000 times that     at least 5     met
  of a bare loop over the same files                       2.000 times          at most  2.5   met

  CPU in the same minute                           s % of a core first = 1
  probe, whole container, 10 Hz               0.0600       0.100      1.00
  docker stats, 1 Hz: client and engine       0.4200       0.700      7.00
    its client                                0.1200       0.200      2.00
    the engine above its baseline             0.3000       0.500      5.00
  bare pread of the same files, 10 Hz         0.0300       0.050      0.50

The probe took 899 of 900 ticks in 90.0 s (9.99 a second); the latest was 1.5 ms late.
The engine used 0.200 % of a core before the probe, 0.300 % beside it, 0.800 % with docker stats; its client held up to 28.0 MiB.
";
    assert_eq!(figures().text(), expected);
}

#[test]
fn a_probe_above_a_bar_misses_it() {
    let mut heavy = figures();
    heavy.probe.cpu = Duration::from_millis(101);
    heavy.probe.held_peak = 8 * MIB + 1;
    heavy.probe.image = 10_000_001;
    heavy.floor.cpu = Duration::from_millis(40);
    assert_eq!(
        heavy.text().matches("MISSED").count(),
        5,
        "{}",
        heavy.text()
    );
    let mut just = figures();
    just.probe.held_peak = 8 * MIB;
    just.probe.image = 10_000_000;
    assert!(just.bars().iter().all(Bar::met), "{just:?}");
}

fn watched(load: Load) -> Watched {
    let account = Account {
        peak: 4 * MIB,
        watermark: true,
        nonreclaimable: MIB,
        cache: Some(0),
        spikes: 0,
        cores: 0.0,
        cores_truth: 0.0,
        anon_truth: MIB,
        taken: 610,
        due: 612,
        late_p99_us: 400,
        late_max_us: 9_000,
        window_ms: 61_000,
    };
    Watched {
        load,
        account,
        stats_spikes: 0,
        stats_cores: 0.0,
    }
}

fn crowd() -> Crowd {
    let mut spike = watched(Load::Spike(5));
    spike.account.peak = SPIKE_TRUTH + MIB;
    spike.account.spikes = 1;
    let mut cpu = watched(Load::Cpu);
    (cpu.account.cores, cpu.account.cores_truth) = (0.301, 0.300);
    cpu.stats_cores = 0.29;
    let mut children = watched(Load::Children);
    (children.account.cores, children.account.cores_truth) = (0.199, 0.2);
    let mut files = watched(Load::Files);
    files.account.cache = Some(80 * MIB);
    let one = figures();
    Crowd {
        span: Duration::from_secs(60),
        watched: vec![spike, cpu, children, files, watched(Load::Idle)],
        own: Duration::from_millis(240),
        held: 2 * MIB,
        sockets: 0,
        stats: Stats {
            daemon: Duration::from_millis(2500),
            ..one.stats
        },
        floor: Floor {
            cpu: Duration::from_millis(200),
            ..one.floor
        },
        runtime_floor: 4 * MIB,
        blocks: (93_660_000, 93_700_000),
    }
}

#[test]
fn several_containers_have_their_bars_and_their_truths() {
    let crowd = crowd();
    let text = crowd.text();
    assert!(crowd.bars().iter().all(Bar::met), "{text}");
    for line in [
        "5 containers, ten readings a second of each, over 60.0 s",
        "  CPU of the sampling process                              0.240 s a minute     at most  0.3   met",
        "  peak above what the load held, worst                     1.389 %              at most  2     met",
        "  CPU of children that do not last, of 20                 19.900 seen           at least 19.8  met",
        "610 of 612 ticks in 61.0 s (10.00 a second); late by 0.4 ms (99 of 100), 9.0 ms at most.",
        "Of 20 spikes in that time, half of them of 5 ms, samples at 10 Hz saw 1; in the minute docker stats saw 0. A container that does nothing peaks at 4.0 MiB.",
        "Files: 1.0 MiB judged, 80.0 MiB of page cache shown apart, 93.7 MB of blocks.",
    ] {
        assert!(text.contains(line), "`{line}` is missing in:\n{text}");
    }
    assert_eq!(crowd.json()["bars"][0]["met"], true);
}

#[test]
fn what_the_sampler_gets_wrong_misses_its_bar() {
    type Spoil = fn(&mut Crowd);
    let wrong: [(&str, Spoil); 8] = [
        ("CPU of the sampling process", |crowd| {
            crowd.own = Duration::from_millis(301);
        }),
        ("its sockets", |crowd| crowd.sockets = 1),
        ("whose watermark", |crowd| {
            crowd.watched[0].account.peak = SPIKE_TRUTH - 1;
        }),
        ("peak above", |crowd| {
            crowd.watched[0].account.peak = SPIKE_TRUTH + 2 * MIB;
        }),
        ("a load of 30 %", |crowd| {
            crowd.watched[1].account.cores = 0.304
        }),
        ("children that do not last", |crowd| {
            crowd.watched[2].account.cores = 0.197;
        }),
        ("page cache in the judged", |crowd| {
            crowd.watched[3].account.nonreclaimable = 3 * MIB;
        }),
        ("blocks of 10,000", |crowd| crowd.blocks.0 = 52_400_000),
    ];
    for (name, spoil) in wrong {
        let mut crowd = crowd();
        spoil(&mut crowd);
        let bars = crowd.bars();
        let bar = bars.iter().find(|bar| bar.name.contains(name)).unwrap();
        assert!(!bar.met(), "{name}: {bar:?}");
    }
}

#[test]
fn rows_of_docker_stats_are_read_behind_what_clears_the_screen() {
    let id = "ab".repeat(32);
    let seen = row(&format!("\u{1b}[2J\u{1b}[H{id} 29.81% 1.5MiB / 23.5GiB")).unwrap();
    assert_eq!((seen.id, seen.memory), (id.clone(), 1_572_864.0));
    assert!((seen.cores - 0.2981).abs() < 1e-9);
    assert_eq!(row(&format!("{id} -- -- / --")), None);
    assert_eq!(row(""), None);
    assert_eq!(beginnings(&[true, true, false, true]), 2);
    const { assert!(SPIKE_SEEN < SPIKE_TRUTH) };
}

#[test]
fn children_that_have_ended_are_in_the_line_of_their_parent() {
    let stat = "42 (a b) S 7 42 42 0 -1 4194560 1 2 3 4 150 25 9 11 20 0 11 0 100 0 0";
    assert_eq!(time_of_children(stat), Some(Duration::from_millis(200)));
}

#[test]
fn arguments_are_read_or_refused_in_words() {
    let read = |line: &str| Arguments::read(line.split(' ').map(str::to_owned));
    let arguments = read("--bench --format=json --containers 1,10").unwrap();
    assert_eq!(arguments.format, Format::Json);
    assert_eq!(arguments.containers, [1, 10]);
    for wrong in ["--containers 3", "--containers 1,x", "--format xml", "fast"] {
        assert!(read(wrong).is_err(), "{wrong}\n{}", arguments::USAGE);
    }
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
