//! The names, phases and spreads of a run's numbers.

use super::*;
use crate::finding::Reason;
use crate::observation::{CpuUse, Health, PeakMethod, Throttling};
use crate::sample;

/// One line for each number: `name phase value unit n low high method`.
fn lines(record: &Record) -> Vec<String> {
    measurements(record)
        .iter()
        .map(|m| {
            format!(
                "{} {} {} {} n={} {}..{} {}",
                m.name,
                m.phase,
                (m.value * 1e6).round() / 1e6,
                m.unit,
                m.n,
                m.low,
                m.high,
                m.method
            )
        })
        .collect()
}

#[test]
fn every_number_of_a_run_has_its_name_phase_and_spread() {
    let names: Vec<String> = measurements(&sample::record())
        .iter()
        .map(|m| format!("{} {}", m.name, m.phase))
        .collect();
    let expected = [
        "memory.peak start",
        "memory.peak steady",
        "memory.peak envelope",
        "memory.nonreclaimable.peak start",
        "memory.nonreclaimable.peak steady",
        "memory.nonreclaimable.peak envelope",
        "cpu.cores.mean start",
        "cpu.cores.mean steady",
        "cpu.cores.mean envelope",
        "cpu.cores.p95 start",
        "cpu.cores.p95 steady",
        "cpu.cores.p95 envelope",
        "storage.image steady",
        "storage.writable steady",
        "storage.volumes steady",
        "startup.running start",
        "startup.running envelope",
        "startup.healthy start",
        "startup.healthy envelope",
        "stop.duration stop",
        "pids.peak start",
        "pids.peak steady",
        "pids.peak envelope",
        "network.rx start",
        "network.rx steady",
        "network.rx envelope",
        "network.tx start",
        "network.tx steady",
        "network.tx envelope",
        "probe.cpu run",
        "probe.memory.peak run",
    ];
    assert_eq!(names, expected);
}

#[test]
fn peaks_speak_for_their_highest_repeat_and_rates_for_the_mean() {
    let mut record = sample::record();
    let Observed::Seen(usage) = &mut record.observations.starts[1].usage else {
        panic!("the sample saw every start");
    };
    let mut memory = sample::memory(Bytes::mib(40), Bytes::mib(16));
    memory.peak_method = PeakMethod::Sampled;
    usage.memory = Observed::Seen(memory);
    usage.cpu = Observed::Seen(CpuUse {
        usage_us: 0,
        cores_mean: 0.09,
        cores_p95: 0.1,
        cores_max: 0.2,
        throttled: Some(Throttling {
            periods: 100,
            throttled_periods: 25,
            throttled_us: 0,
        }),
    });
    let lines = lines(&record);
    assert_eq!(
        lines[0],
        "memory.peak start 41943040 bytes n=3 25165824..41943040 highest sample; kernel watermark"
    );
    assert!(
        lines.contains(
            &"cpu.cores.mean start 0.05 cores n=3 0.03..0.09 CPU time over the phase".to_owned()
        ),
        "{lines:#?}"
    );
    assert!(
        lines.contains(
            &"cpu.throttled.ratio start 0.25 ratio n=1 0.25..0.25 throttled periods of all periods"
                .to_owned()
        ),
        "{lines:#?}"
    );
}

#[test]
fn what_was_not_seen_is_left_out() {
    let mut record = sample::record();
    record.observations = crate::observation::Observations::default();
    assert_eq!(lines(&record), Vec::<String>::new());
    let mut record = sample::record();
    let Observed::Seen(storage) = &mut record.observations.storage else {
        panic!("the sample saw its storage");
    };
    storage.volumes = Observed::unseen(Reason::CannotMeasure, "unreadable directory");
    assert!(
        !lines(&record)
            .iter()
            .any(|line| line.starts_with("storage.volumes"))
    );
}

#[test]
fn a_start_that_never_came_up_has_no_time_to_healthy() {
    let mut record = sample::record();
    record.observations.starts[0].health = Health::Unhealthy {
        cause: crate::observation::Cause::NotReady,
        detail: String::new(),
        missing: Vec::new(),
    };
    let healthy = measurements(&record)
        .into_iter()
        .find(|m| m.name == "startup.healthy")
        .unwrap();
    assert_eq!(healthy.n, 2);
}
