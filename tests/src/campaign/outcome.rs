//! What came of one seed, and what is wrong with it. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::messages::Arrived;

/// The probe's exit code where it ended itself on purpose.
pub const DIED: i64 = 137;
const INCONCLUSIVE: &str = "inconclusive";

/// One life of the probe, as it told its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// What each step was called.
    pub steps: Vec<String>,
    /// Where it died on purpose: `before:17`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died: Option<String>,
}

impl Life {
    /// It ended while a run was under way: begun, by what is on disk, and not yet judged to a report.
    fn leaves_a_run(&self) -> bool {
        let Some(died) = &self.died else { return false };
        let taken = self.steps.len() - usize::from(died.starts_with("before"));
        let is_done = |file: &str| {
            let done = |step: &String| step.starts_with("rename") && step.ends_with(file);
            self.steps.iter().take(taken).any(done)
        };
        is_done("/request.json") && !is_done("/report.json")
    }
}

/// What one run under a plan of deaths came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The plan of deaths.
    pub plan: String,
    /// How long it took, everything included.
    pub seconds: f64,
    /// Lives of the probe.
    pub lives: Vec<Life>,
    /// Exit codes of the lives that ended before the run did.
    pub ended: Vec<i64>,
    /// The last `state` in the twin.
    pub state: String,
    /// What arrived at the hub.
    pub arrived: Arrived,
    /// Verdict of the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Verdict of each finding.
    pub findings: BTreeMap<String, String>,
    /// How often the run's journal says `interrupted`.
    pub interrupted: usize,
    /// What was left on the engine when the probe had ended, and when the lab had.
    pub left: Vec<String>,
}

/// Verdicts of the undisturbed runs of one candidate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undisturbed {
    verdict: Option<String>,
    findings: BTreeMap<String, String>,
    /// Most steps that one of them took.
    pub steps: u64,
}

impl Undisturbed {
    /// Takes one more undisturbed run in. Where one of several could not decide, the others' verdict counts.
    ///
    /// # Errors
    /// Two of them decided differently, or one of them did not go well: then there is nothing to compare with.
    pub fn take(&mut self, outcome: &Outcome) -> Result<(), Vec<String>> {
        let mut wrong = outcome.mistakes();
        for (id, verdict) in &outcome.findings {
            let known = self.findings.entry(id.clone()).or_insert(verdict.clone());
            if known == INCONCLUSIVE {
                known.clone_from(verdict);
            } else if verdict != INCONCLUSIVE && verdict != known {
                wrong.push(format!("undisturbed, {id} is {known} and {verdict}"));
            }
        }
        if self
            .verdict
            .as_deref()
            .is_none_or(|known| known == UNDECIDED)
        {
            self.verdict.clone_from(&outcome.verdict);
        }
        let steps = outcome.lives.iter().map(|life| life.steps.len() as u64);
        self.steps = self.steps.max(steps.max().unwrap_or(0));
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// The verdict of a run in which too much is inconclusive.
const UNDECIDED: &str = "undecided";

impl Outcome {
    /// Everything that must not be, whatever the undisturbed run says: nothing, if all is well.
    #[must_use]
    pub fn mistakes(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut claim = |holds: bool, what: String| {
            if !holds {
                wrong.push(what);
            }
        };
        let Arrived {
            strange,
            summaries,
            reports,
            partial,
            ..
        } = self.arrived;
        claim(self.state == "done", format!("it ends as `{}`", self.state));
        claim(reports >= 1, "the report is lost".to_owned());
        let visible = reports.max(summaries);
        claim(
            visible <= 1,
            format!("{reports} reports and {summaries} summaries"),
        );
        claim(summaries >= 1, "the summary is lost".to_owned());
        claim(partial == 0, format!("{partial} reports arrived in part"));
        claim(strange == 0, format!("{strange} messages of another kind"));
        claim(
            self.left.is_empty(),
            format!("left behind: {:?}", self.left),
        );
        let unplanned = self.ended.iter().filter(|code| **code != DIED).count();
        claim(
            unplanned == 0,
            format!("the probe ended with {:?}", self.ended),
        );
        let died = self.deaths().count();
        let restarts = self.lives.len().saturating_sub(1);
        claim(
            self.ended.len() == died && restarts == died,
            format!("{died} deaths, {restarts} restarts, {:?}", self.ended),
        );
        let said = self.interrupted > 0;
        let wanted = self.lives.iter().any(Life::leaves_a_run);
        claim(
            said || !wanted,
            "the journal does not say that the run was interrupted".to_owned(),
        );
        claim(
            wanted || !said,
            "the journal says `interrupted` of a run that was not".to_owned(),
        );
        wrong
    }

    /// Everything that must not be, compared with the undisturbed run.
    #[must_use]
    pub fn complaints(&self, undisturbed: &Undisturbed) -> Vec<String> {
        let mut wrong = self.mistakes();
        let differs = |seen: &str, wanted: &str| seen != wanted && seen != INCONCLUSIVE;
        for (id, wanted) in &undisturbed.findings {
            match self.findings.get(id) {
                Some(seen) if differs(seen, wanted) => {
                    wrong.push(format!("{id} is {seen}, undisturbed {wanted}"));
                }
                None if self.verdict.is_some() => wrong.push(format!("{id} is missing")),
                Some(_) | None => {}
            }
        }
        if let (Some(seen), Some(wanted)) = (&self.verdict, &undisturbed.verdict)
            && seen != wanted
            && seen != UNDECIDED
        {
            wrong.push(format!("the verdict is {seen}, undisturbed {wanted}"));
        }
        wrong
    }

    /// Findings that the deaths left undecided.
    #[must_use]
    pub fn undecided(&self, undisturbed: &Undisturbed) -> usize {
        let decided = |id: &str| {
            undisturbed
                .findings
                .get(id)
                .is_some_and(|v| v != INCONCLUSIVE)
        };
        let now = self.findings.iter();
        now.filter(|(id, verdict)| *verdict == INCONCLUSIVE && decided(id))
            .count()
    }

    /// Where the probe died: the point and what the step is called.
    pub fn deaths(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lives.iter().filter_map(|life| {
            let step = life.steps.last().map_or("", String::as_str);
            Some((life.died.as_deref()?, step))
        })
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
