//! A desired property that a module does not know, where a run sent it one: part of whether it copes with its twin.

use super::remarks::quoted;
use crate::faults::{Fault, FaultPlan, UNKNOWN_KEY};
use crate::finding::{Outcome, Unseen};
use crate::observation::{Exit, FaultEnd, PlayedFault};
use crate::record::Record;

/// Lines of its output that a finding shows.
const SHOWN_LINES: usize = 3;

const MEND: &str = "take the desired properties that the module knows, and leave all others alone: anybody may set one";

/// What it came to, if it was not borne: the end of the module, or something that is not as before.
///
/// # Errors
/// It was asked for and not seen.
pub(super) fn judge(record: &Record, wanted: &str) -> Result<Option<Outcome>, Unseen> {
    let Some(played) = played(record)? else {
        return Ok(None);
    };
    match &played.end {
        FaultEnd::Back { .. } | FaultEnd::Unheard => Ok(None),
        FaultEnd::Unseen(unseen) => Err(unseen.clone()),
        FaultEnd::Ended { exit, last_lines } => {
            let saw = format!(
                "the desired property `{UNKNOWN_KEY}`, which it does not know, ended it{}{}",
                how(exit),
                lines(last_lines)
            );
            Ok(Some(Outcome::unmet(saw, wanted, MEND)))
        }
        FaultEnd::Missing { missing, waited } => {
            let saw = format!(
                "{waited} after the desired property `{UNKNOWN_KEY}`, which it does not know, it was not as before: {} missing",
                missing.join(", ")
            );
            Ok(Some(Outcome::concern(saw, wanted, MEND)))
        }
    }
}

/// That it was borne, in words to stand behind what else was seen; nothing, where it was not sent.
pub(super) fn borne(record: &Record) -> Option<String> {
    let played = played(record).ok().flatten()?;
    let FaultEnd::Back { .. } = played.end else {
        return None;
    };
    let said = match played.said.as_str() {
        "" => String::new(),
        said => format!(" ({said})"),
    };
    Some(format!(
        "a desired property that it does not know changed nothing{said}"
    ))
}

fn played(record: &Record) -> Result<Option<&PlayedFault>, Unseen> {
    let plan = FaultPlan::of(&record.run.profile, &record.run.options);
    if !plan.has(Fault::Desired) {
        return Ok(None);
    }
    let run = record.observations.faults.get()?.run();
    let mut all = run.into_iter().flat_map(|run| &run.played);
    Ok(all.find(|one| one.fault == Fault::Desired))
}

fn how(exit: &Exit) -> String {
    let memory = if exit.oom_killed {
        ", killed for memory"
    } else {
        ""
    };
    format!(" after {} with exit code {}{memory}", exit.at, exit.code)
}

fn lines(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| line.trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    let shown: Vec<String> = shown.iter().map(|line| quoted(line)).collect();
    match shown.as_slice() {
        [] => String::new(),
        shown => format!("; last lines: {}", shown.join(" ⏎ ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Reason};
    use crate::observation::{FaultRun, FaultTrial, Observed};
    use crate::sample;
    use crate::units::Millis;

    /// The sample on the SDK, asked for an unknown desired property, after which it stood like this.
    fn poked(end: FaultEnd) -> Record {
        let mut record = sample::sdk_record(|_| {});
        record.run.options.faults = Some(vec![Fault::Desired]);
        let played = PlayedFault {
            fault: Fault::Desired,
            at: Millis(120_000),
            held: Millis(5_000),
            done: "set and taken away".to_owned(),
            said: "reported nothing on it".to_owned(),
            end,
            memory: Observed::unseen(Reason::CannotMeasure, "no controller"),
        };
        record.observations.faults = Observed::Seen(FaultTrial::Played(FaultRun {
            recovery: Millis(60_000),
            calm: Millis(5_000),
            starts: 1,
            before: None,
            played: vec![played],
        }));
        record
    }

    fn finding(record: &Record) -> Result<Outcome, Unseen> {
        let crate::requirement::Judge::By(judge) = super::super::cfg_05::REQUIREMENT.judge else {
            panic!("judged by one record")
        };
        judge(record)
    }

    fn exit() -> Exit {
        Exit {
            at: Millis(400),
            code: 1,
            oom_killed: false,
        }
    }

    #[test]
    fn a_module_that_an_unknown_key_ends_fails_with_its_last_lines() {
        let lines = [
            "Traceback",
            "  in apply",
            "KeyError: 'edgeproofUnknownKey'",
            " ",
        ];
        let record = poked(FaultEnd::Ended {
            exit: exit(),
            last_lines: lines.map(str::to_owned).to_vec(),
        });
        let outcome = finding(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "the desired property `edgeproofUnknownKey`, which it does not know, ended it after 400 ms with exit code 1; last lines: \"Traceback\" ⏎ \"in apply\" ⏎ \"KeyError: 'edgeproofUnknownKey'\""
        );
        // The offer's own twin may well be empty.
        let mut empty = record;
        empty.offer.plan.twin = String::new();
        assert_eq!(finding(&empty).unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn one_that_is_not_as_before_is_warned_and_one_that_bears_it_told() {
        let missing = FaultEnd::Missing {
            missing: vec!["its messages".to_owned()],
            waited: Millis(60_000),
        };
        let outcome = finding(&poked(missing)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert!(
            outcome.saw.contains("its messages missing"),
            "{}",
            outcome.saw
        );
        let back = FaultEnd::Back { after: Millis(0) };
        let outcome = finding(&poked(back)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome
                .saw
                .ends_with("changed nothing (reported nothing on it)"),
            "{}",
            outcome.saw
        );
        let unheard = finding(&poked(FaultEnd::Unheard)).unwrap();
        assert_eq!(unheard.kind, OutcomeKind::Met);
        assert!(!unheard.saw.contains("does not know"), "{}", unheard.saw);
    }

    #[test]
    fn what_was_asked_for_and_not_seen_is_no_pass() {
        let unseen = Unseen::new(Reason::Unstable, "the start for it was not healthy");
        let record = poked(FaultEnd::Unseen(unseen.clone()));
        assert_eq!(finding(&record), Err(unseen));
        let mut hidden = poked(FaultEnd::Back { after: Millis(0) });
        hidden.observations.faults = Observed::default();
        assert_eq!(finding(&hidden).unwrap_err().reason, Reason::InputMissing);
        hidden.run.options.faults = None;
        assert_eq!(finding(&hidden).unwrap().kind, OutcomeKind::Met);
        hidden.run.options.faults = Some(vec![Fault::Cut]);
        assert_eq!(finding(&hidden).unwrap().kind, OutcomeKind::Met);
    }
}
