//! Tests of `size.rs`.

use super::*;

fn start(health: Health, oom_kills: u64) -> Start {
    Start {
        at: Millis(0),
        create: Millis(1),
        start: Some(Millis(1)),
        running: Some(Millis(1)),
        health,
        exits: Vec::new(),
        oom_kills,
        oom_unseen: None,
        last_lines: Vec::new(),
        usage: Observed::default(),
        written: Observed::default(),
    }
}

fn healthy(after: u64) -> Health {
    Health::Healthy {
        after: Millis(after),
        stayed: Millis(2_000),
        by: Vec::new(),
    }
}

fn check(start: &Start, cause: Option<Cause>) -> Try {
    let limits = Kind::Memory.limits(1 << 20);
    let one = judged(start, limits, Millis(2_000), Millis(1_300));
    assert_eq!((one.fits, one.cause), (cause.is_none(), cause), "{one:?}");
    one
}

#[test]
fn only_a_start_that_is_healthy_in_time_and_loses_no_process_fits() {
    check(&start(healthy(1_300), 0), None);
    check(&start(healthy(1_301), 0), Some(Cause::NotReady));
    check(&start(healthy(10), 1), Some(Cause::OutOfMemory));
    let crashed = Health::Unhealthy {
        cause: Cause::Crashed,
        detail: "exited with code 1".to_owned(),
        missing: Vec::new(),
    };
    check(&start(crashed, 0), Some(Cause::Crashed));
}

#[test]
fn kills_that_nobody_counted_and_engine_trouble_say_nothing_about_a_limit() {
    let mut uncounted = start(healthy(10), 0);
    uncounted.oom_unseen = Some(Unseen::new(Reason::CannotMeasure, "no counter"));
    let one = check(&uncounted, Some(Cause::Engine));
    assert_eq!(trouble(&one).unwrap().reason, Reason::Infrastructure);
    assert_eq!(
        trouble(&check(&start(healthy(1), 1), Some(Cause::OutOfMemory))),
        None
    );
}

#[test]
fn limits_are_told_in_their_units() {
    assert_eq!(Kind::Memory.words(300 << 20), "300 MiB of memory");
    let cores = Kind::Cores {
        memory: Bytes::mib(64),
    };
    assert_eq!(cores.words(1_050), "1.05 cores");
    assert_eq!(cores.limits(250).cores, Some(0.25));
}
