//! Tests of `cfg_07.rs`.

use super::*;
use crate::finding::{OutcomeKind, Verdict};
use crate::observation::{EdgeBreach, EdgeUse, Exit, Observed};
use crate::sample;
use serde_json::json;

fn fail(starts: &mut [Start], cause: Cause) {
    for start in starts {
        start.last_lines = vec!["cannot open /data/model".to_owned()];
        start.health = Health::Unhealthy {
            cause,
            detail: "exited with code 3 (its own error) after 200 ms".to_owned(),
            missing: vec!["8080/tcp listening".to_owned()],
        };
    }
}

fn stopping(stop: Stop) -> Record {
    let mut record = sample::record();
    record.observations.stop = Observed::Seen(stop);
    record
}

#[test]
fn healthy_starts_with_the_defaults_pass() {
    let outcome = judge(&sample::record()).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Met);
    assert_eq!(
        outcome.saw,
        "3 of 3 starts healthy, the slowest after 300 ms; gone 120 ms after SIGTERM with exit code 0"
    );
}

#[test]
fn a_module_that_never_comes_up_fails_with_cause_missing_and_last_lines() {
    let mut record = sample::record();
    fail(&mut record.observations.starts, Cause::Crashed);
    let outcome = judge(&record).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Unmet);
    assert_eq!(
        outcome.saw,
        "0 of 3 starts healthy; start 1 failed (crash): exited with code 3 (its own error) after 200 ms; missing: 8080/tcp listening; last lines: cannot open /data/model"
    );
}

#[test]
fn a_module_that_comes_up_sometimes_is_unstable() {
    let mut record = sample::record();
    fail(&mut record.observations.starts[1..], Cause::NotReady);
    assert_eq!(judge(&record).unwrap_err().reason, Reason::Unstable);
}

#[test]
fn engine_trouble_is_not_the_modules() {
    for cause in [Cause::Engine, Cause::PortInUse] {
        let mut record = sample::record();
        fail(&mut record.observations.starts[..1], cause);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
    }
}

#[test]
fn a_refusal_by_the_allow_list_is_a_matter_of_configuration() {
    let mut record = sample::record();
    record.observations.starts.clear();
    record.observations.creation = Observed::unseen(
        Reason::Configuration,
        "HostConfig.Binds needs --allow-elevated",
    );
    let finding = REQUIREMENT.finding(&record);
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert_eq!(finding.reason, Some(Reason::Configuration));
    assert_eq!(finding.saw, "HostConfig.Binds needs --allow-elevated");
}

#[test]
fn a_creation_that_the_engine_refuses_fails() {
    let mut record = sample::record();
    let Observed::Seen(creation) = &mut record.observations.creation else {
        panic!("the sample was created");
    };
    creation.refused = Some("invalid port specification".to_owned());
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
}

#[test]
fn a_changed_default_fails_and_limits_of_the_envelope_do_not() {
    let mut record = sample::record();
    record.deviations[1].kind = DeviationKind::Environment;
    record.deviations[1].what = "env ServerIPAddress".to_owned();
    record.deviations[1].used = json!("(overlay)");
    let outcome = judge(&record).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Unmet);
    assert!(
        outcome.saw.contains("env ServerIPAddress"),
        "{}",
        outcome.saw
    );
}

#[test]
fn a_module_that_ignores_sigterm_warns_with_the_time_it_took() {
    let finding = REQUIREMENT.finding(&stopping(Stop {
        duration: Millis(10_050),
        code: 137,
        killed: true,
        grace: GRACE,
    }));
    assert_eq!(finding.verdict, Verdict::Warn);
    assert!(
        finding.saw.contains("stop.duration 10.1 s"),
        "{}",
        finding.saw
    );
}

#[test]
fn a_stop_that_was_not_seen_is_no_pass() {
    let mut record = sample::record();
    record.observations.stop = Observed::default();
    assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
}

#[test]
fn exits_before_health_warn() {
    let mut record = sample::record();
    record.observations.starts[0].exits = vec![Exit {
        at: Millis(100),
        code: 1,
        oom_killed: false,
    }];
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Concern);
}

#[test]
fn an_sdk_module_is_blamed_only_where_its_runtime_was_there() {
    let mut record = sample::sdk_record(|_| {});
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
    fail(&mut record.observations.starts, Cause::NotReady);
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
    record.observations.edge = Observed::unseen(Reason::Tool, "no edgeHub");
    assert_eq!(judge(&record).unwrap_err().reason, Reason::Tool);
    record.observations.starts = sample::record().observations.starts;
    assert_eq!(judge(&record).unwrap_err().reason, Reason::Tool);
}

#[test]
fn being_late_on_an_emulated_device_says_nothing() {
    let mut record = sample::record();
    record.device.emulated = true;
    fail(&mut record.observations.starts, Cause::NotReady);
    assert_eq!(judge(&record).unwrap_err().reason, Reason::CannotMeasure);
    fail(&mut record.observations.starts, Cause::Crashed);
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
}

#[test]
fn fewer_starts_than_asked_are_no_pass() {
    let mut record = sample::record();
    record.observations.starts.truncate(2);
    assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
}

#[test]
fn an_sdk_module_that_never_reached_edge_hub_is_told_why() {
    let absent = |edge: &mut EdgeUse| {
        let detail = "received fatal alert: UnknownCA".to_owned();
        *edge = EdgeUse {
            breaches: vec![EdgeBreach {
                detail,
                ..sample::breach("tls-handshake")
            }],
            ..EdgeUse::default()
        };
    };
    let mut record = sample::sdk_record(absent);
    let outcome = judge(&record).unwrap();
    let told = "edgeHub: it does not trust edgeHub's certificate (tls-handshake 2 times: received fatal alert: UnknownCA)";
    assert_eq!(outcome.kind, OutcomeKind::Concern);
    assert!(outcome.saw.ends_with(told), "{}", outcome.saw);
    fail(&mut record.observations.starts, Cause::NotReady);
    let outcome = judge(&record).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Unmet);
    assert!(outcome.saw.ends_with(told), "{}", outcome.saw);
    assert!(outcome.remedy.unwrap().contains("trust the bundle"));
    // What has nothing to do with edgeHub keeps its own mend.
    fail(&mut record.observations.starts, Cause::OutOfMemory);
    let outcome = judge(&record).unwrap();
    assert!(!outcome.saw.contains("edgeHub"), "{}", outcome.saw);
}

#[test]
fn an_sdk_module_that_does_not_stay_at_edge_hub_warns() {
    let record = sample::sdk_record(|edge| {
        edge.breaches.push(sample::breach("qos-two"));
        for one in &mut edge.connections {
            one.ended.as_mut().unwrap().reason = "violation".to_owned();
        }
    });
    let finding = REQUIREMENT.finding(&record);
    assert_eq!(finding.verdict, Verdict::Warn);
    assert!(
        finding.saw.ends_with(
            "edgeHub: edgeHub ends its connections (3 of 3 ended for a broken rule; qos-two: seen and wanted)"
        ),
        "{}",
        finding.saw
    );
}
