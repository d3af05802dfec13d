//! Where a device's run stands, by its module twin. Pure.
//!
//! The reported property `conformance` is written by the probe; every text in it is a stranger's and shown as such.

use serde_json::Value;

use crate::service::Twin;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The device has no module `edgeproof`, or the hub does not know the device.
    NoModule,
    /// The probe is there, and no run has begun.
    Waiting {
        /// The run that is waited for, where one was named.
        run: Option<String>,
        /// In words.
        why: String,
    },
    /// The probe tells of another run.
    Another {
        /// The run that is waited for.
        run: String,
        /// The run that it tells of.
        told: String,
    },
    /// It is at work.
    UnderWay {
        /// Id of the run.
        run: String,
        /// In words, with per cent where it says so.
        words: String,
    },
    /// The probe found mistakes in what it was asked for, and starts nothing.
    Refused {
        /// Every mistake.
        mistakes: Vec<String>,
    },
    /// It has ended.
    Ended {
        /// Id of the run.
        run: String,
        /// How.
        how: Ending,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With a report.
    Done,
    /// Without one, and why.
    Failed(String),
    /// Somebody canceled it.
    Canceled,
}

/// Where the wanted run of a device stands; without one, the run that its twin asks for, or the one that it tells of.
#[must_use]
pub fn standing(twin: Option<&Twin>, wanted: Option<&str>) -> Standing {
    let Some(twin) = twin else {
        return Standing::NoModule;
    };
    let asked = twin
        .desired
        .get("conformance")
        .and_then(|conformance| conformance.pointer("/run/id")?.as_str());
    let told = twin.reported.get("conformance").unwrap_or(&Value::Null);
    let told_run = told["run"].as_str().filter(|run| !run.is_empty());
    let run = wanted.or(asked).or(told_run);
    let mistakes = texts(&told["mistakes"]);
    // Mistakes are those of the run that the twin asks for; a run of the same id that ended before is another one.
    if !mistakes.is_empty() && run == asked {
        return Standing::Refused { mistakes };
    }
    let waiting = |why: &str| Standing::Waiting {
        run: run.map(str::to_owned),
        why: why.to_owned(),
    };
    let (run, told_run) = match (run, told_run) {
        (None, _) => return waiting("no run was asked for"),
        (Some(_), None) => return waiting("the probe has told of no run yet"),
        (Some(run), Some(told_run)) => (run, told_run),
    };
    if run != told_run {
        if texts(&told["queue"]).iter().any(|queued| queued == run) {
            return waiting("queued");
        }
        return Standing::Another {
            run: run.to_owned(),
            told: told_run.to_owned(),
        };
    }
    let phase = told["phase"].as_str();
    let ended = |how| Standing::Ended {
        run: run.to_owned(),
        how,
    };
    match told["state"].as_str() {
        Some("done") => ended(Ending::Done),
        Some("failed") => ended(Ending::Failed(
            phase.unwrap_or("no reason given").to_owned(),
        )),
        Some("canceled") => ended(Ending::Canceled),
        // An interrupted run is taken up again, so it has not ended.
        state => Standing::UnderWay {
            run: run.to_owned(),
            words: words(state, phase, told["progress"].as_u64()),
        },
    }
}

fn words(state: Option<&str>, phase: Option<&str>, percent: Option<u64>) -> String {
    let what = match (state, phase) {
        (Some("interrupted"), Some(phase)) => format!("interrupted in {phase}"),
        (_, Some(phase)) => phase.to_owned(),
        (Some(state), None) => state.to_owned(),
        (None, None) => "under way".to_owned(),
    };
    percent.map_or_else(|| what.clone(), |percent| format!("{what} ({percent} %)"))
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .map(|item| {
            item.as_str()
                .map_or_else(|| item.to_string(), str::to_owned)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn twin(desired: Value, conformance: Value) -> Twin {
        Twin {
            etag: String::new(),
            connected: None,
            desired: desired.as_object().cloned().unwrap_or_default(),
            reported: json!({"conformance": conformance})
                .as_object()
                .cloned()
                .unwrap_or_default(),
            applied: Vec::new(),
        }
    }

    fn asked(run: &str) -> Value {
        json!({"conformance": {"run": {"id": run}}})
    }

    fn check(desired: Value, conformance: Value, wanted: Option<&str>, expected: &str) {
        let told = match standing(Some(&twin(desired, conformance)), wanted) {
            Standing::NoModule => "no module".to_owned(),
            Standing::Waiting { run, why } => format!("waiting {run:?}: {why}"),
            Standing::Another { run, told } => format!("{run}, not {told}"),
            Standing::UnderWay { run, words } => format!("{run}: {words}"),
            Standing::Refused { mistakes } => format!("refused: {}", mistakes.join("; ")),
            Standing::Ended { run, how } => format!("{run} ended: {how:?}"),
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn a_run_is_followed_from_its_request_to_its_end() {
        check(
            json!({}),
            Value::Null,
            None,
            "waiting None: no run was asked for",
        );
        check(
            asked("r"),
            Value::Null,
            None,
            "waiting Some(\"r\"): the probe has told of no run yet",
        );
        let under_way =
            json!({"run": "r", "state": "running", "phase": "steady window", "progress": 60});
        check(asked("r"), under_way, None, "r: steady window (60 %)");
        let interrupted = json!({"run": "r", "state": "interrupted", "phase": "cold start 2"});
        check(
            asked("r"),
            interrupted,
            None,
            "r: interrupted in cold start 2",
        );
        check(
            asked("r"),
            json!({"run": "r", "state": "done", "phase": null}),
            None,
            "r ended: Done",
        );
        check(
            asked("r"),
            json!({"run": "r", "state": "failed", "phase": "pull: no such image"}),
            None,
            "r ended: Failed(\"pull: no such image\")",
        );
        check(
            asked("r"),
            json!({"run": "r", "state": "canceled"}),
            None,
            "r ended: Canceled",
        );
    }

    #[test]
    fn the_end_of_an_older_run_is_not_taken_for_the_one_that_is_waited_for() {
        let old = json!({"run": "old", "state": "done", "queue": []});
        check(asked("new"), old.clone(), None, "new, not old");
        check(json!({}), old.clone(), Some("new"), "new, not old");
        check(json!({}), old, None, "old ended: Done");
        let queued = json!({"run": "old", "state": "running", "queue": ["new"]});
        check(asked("new"), queued, None, "waiting Some(\"new\"): queued");
    }

    #[test]
    fn mistakes_are_those_of_the_run_that_the_twin_asks_for() {
        let told = json!({"run": "old", "state": "done", "mistakes": ["/profile: no such", "/id: too long"]});
        check(
            asked("new"),
            told.clone(),
            None,
            "refused: /profile: no such; /id: too long",
        );
        check(asked("new"), told, Some("old"), "old ended: Done");
        let twice =
            json!({"run": "r", "state": "done", "mistakes": ["/id: was used for another offer"]});
        check(
            asked("r"),
            twice,
            None,
            "refused: /id: was used for another offer",
        );
        assert_eq!(standing(None, None), Standing::NoModule);
    }
}
