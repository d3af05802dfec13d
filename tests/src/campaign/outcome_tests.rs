//! Each promise of the campaign, broken on purpose. The outcomes are composed.

use super::*;

fn findings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs
        .iter()
        .map(|(id, verdict)| ((*id).to_owned(), (*verdict).to_owned()));
    owned.collect()
}

fn life(steps: &[&str], died: Option<&str>) -> Life {
    Life {
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        died: died.map(str::to_owned),
        asked: None,
    }
}

/// Killed once, right after the second line of its journal, and all is well.
fn good() -> Outcome {
    Outcome {
        plan: "after:3".to_owned(),
        lives: vec![
            life(
                &[
                    "rename to /s/runs/r/request.json",
                    "journal: started",
                    "journal: phase image",
                ],
                Some("after:3"),
            ),
            life(&["journal: interrupted"], None),
        ],
        ended: vec![DIED],
        ended_at: vec![5_000],
        state: "done".to_owned(),
        arrived: Arrived {
            messages: 4,
            again: 2,
            summaries: 1,
            reports: 1,
            ..Arrived::default()
        },
        verdict: Some("conformant".to_owned()),
        findings: findings(&[("IEM-A", "pass"), ("IEM-B", "warn")]),
        interrupted: 1,
        ..Outcome::default()
    }
}

fn undisturbed() -> Undisturbed {
    let calm = Outcome {
        lives: vec![life(&["journal: started"], None)],
        ended: Vec::new(),
        interrupted: 0,
        ..good()
    };
    let mut undisturbed = Undisturbed::default();
    undisturbed.take(&calm).unwrap();
    undisturbed
}

/// The one complaint about a good outcome after `spoil`.
fn complaint(spoil: impl FnOnce(&mut Outcome)) -> String {
    let mut outcome = good();
    spoil(&mut outcome);
    let complaints = outcome.complaints(&undisturbed());
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    complaints.concat()
}

#[test]
fn duplicates_on_the_wire_and_what_could_not_be_decided_are_allowed() {
    let mut outcome = good();
    outcome.findings = findings(&[("IEM-A", "inconclusive"), ("IEM-B", "warn")]);
    outcome.verdict = Some("undecided".to_owned());
    assert_eq!(outcome.complaints(&undisturbed()), Vec::<String>::new());
    assert_eq!(outcome.undecided(&undisturbed()), 1);
    assert_eq!(
        outcome.places(),
        [("after:3".to_owned(), "journal: phase image")]
    );
}

#[test]
fn each_broken_promise_is_told() {
    type Spoil = fn(&mut Outcome);
    let cases: [(Spoil, &str); 12] = [
        (|it| it.arrived.reports = 0, "the report is lost"),
        (|it| it.arrived.summaries = 0, "the summary is lost"),
        (|it| it.arrived.reports = 2, "2 reports and 1 summaries"),
        (|it| it.arrived.summaries = 2, "1 reports and 2 summaries"),
        (|it| it.arrived.partial = 1, "1 reports arrived in part"),
        (|it| it.arrived.strange = 1, "1 messages of another kind"),
        (
            |it| it.left.push("network n".to_owned()),
            "left behind: [\"network n\"]",
        ),
        (|it| it.state = "failed".to_owned(), "it ends as `failed`"),
        (|it| it.ended = vec![139], "the probe ended with [139]"),
        (|it| it.ended.clear(), "1 deaths, 1 restarts, []"),
        (
            |it| it.interrupted = 0,
            "the journal does not say that the run was interrupted",
        ),
        (
            |it| it.findings = findings(&[("IEM-A", "fail"), ("IEM-B", "warn")]),
            "IEM-A is fail, undisturbed pass",
        ),
    ];
    for (spoil, wanted) in cases {
        assert_eq!(complaint(spoil), wanted);
    }
    let spoilt = complaint(|it| it.verdict = Some("not-conformant".to_owned()));
    assert_eq!(
        spoilt,
        "the verdict is not-conformant, undisturbed conformant"
    );
    let missing = complaint(|it| it.findings = findings(&[("IEM-A", "pass")]));
    assert_eq!(missing, "IEM-B is missing");
}

#[test]
fn a_probe_that_is_asked_to_stop_does_so_in_time() {
    let stopped = |code, at| {
        let mut outcome = good();
        outcome.lives[0].died = None;
        outcome.lives[0].asked = Some((3, 4_000));
        (outcome.ended, outcome.ended_at) = (vec![code], vec![at]);
        outcome
    };
    let complaints = |outcome: Outcome| outcome.complaints(&undisturbed()).join("; ");
    assert_eq!(stopped(0, 9_000).stops().collect::<Vec<_>>(), [5_000]);
    assert_eq!(complaints(stopped(0, 9_000)), "");
    assert_eq!(
        complaints(stopped(0, 14_001)),
        "asked to stop at step 3, it took 10001 ms"
    );
    assert_eq!(
        complaints(stopped(137, 9_000)),
        "the probe ended with [137]"
    );
}

#[test]
fn a_run_is_left_between_its_beginning_and_its_report() {
    let steps = [
        "rename to /s/runs/r/request.json",
        "journal: started",
        "rename to /s/runs/r/report.json",
    ];
    for (steps, died, left) in [
        (&steps[..1], "before:1", false),
        (&steps[..1], "after:1", true),
        (&steps[..3], "before:3", true),
        (&steps[..3], "after:3", false),
    ] {
        assert_eq!(life(steps, Some(died)).leaves_a_run(), left, "{died}");
    }
}

#[test]
fn undisturbed_runs_that_disagree_are_nothing_to_compare_with() {
    let mut calm = undisturbed();
    let mut other = Outcome {
        lives: vec![life(&["journal: started"; 9], None)],
        ended: Vec::new(),
        interrupted: 0,
        ..good()
    };
    other.findings = findings(&[("IEM-A", "inconclusive"), ("IEM-B", "warn")]);
    assert_eq!(calm.take(&other), Ok(()));
    assert_eq!((calm.steps, calm.findings["IEM-A"].as_str()), (9, "pass"));
    other.findings = findings(&[("IEM-A", "fail")]);
    let wrong = calm.take(&other).unwrap_err();
    assert_eq!(wrong, ["undisturbed, IEM-A is pass and fail"]);
}

#[test]
fn what_no_undisturbed_run_could_decide_asks_for_another_one() {
    let noisy = Outcome {
        findings: findings(&[("IEM-A", "inconclusive"), ("IEM-B", "warn")]),
        verdict: Some("undecided".to_owned()),
        ..good()
    };
    let mut calm = Undisturbed::default();
    calm.take(&noisy).unwrap();
    assert!(!calm.is_open_beside(&noisy));
    assert!(calm.is_open_beside(&good()));
    assert_eq!(good().complaints(&calm).len(), 2);
    calm.take(&good()).unwrap();
    assert!(!calm.is_open_beside(&good()));
    assert_eq!(good().complaints(&calm), Vec::<String>::new());
}
