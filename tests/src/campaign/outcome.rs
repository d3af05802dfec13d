//! What came of one seed, and what is wrong with it. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::messages::Arrived;

/// The probe's exit code where it ended itself on purpose.
pub const DIED: i64 = 137;
/// How soon a probe has ended that was asked to: what an engine allows it before it kills.
const STOPS_WITHIN: i64 = 10_000;
const INCONCLUSIVE: &str = "inconclusive";

/// One life of the probe, as it told its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// What each step was called.
    pub steps: Vec<String>,
    /// Where it died on purpose: `before:17`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died: Option<String>,
    /// Where it asked itself to stop, and when (milliseconds since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<(u64, i64)>,
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
    /// When each of them ended (milliseconds since 1970, by the engine's clock, which is this machine's).
    pub ended_at: Vec<i64>,
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

    /// Whether a disturbed run decided what none of these could: a machine with other work on it leaves one open now and then,
    /// and then there is nothing to compare with.
    #[must_use]
    pub fn is_open_beside(&self, outcome: &Outcome) -> bool {
        let decided = |id: &String| {
            let seen = outcome.findings.get(id);
            seen.is_some_and(|seen| seen != INCONCLUSIVE)
        };
        let mut known = self.findings.iter();
        let undecided = |verdict: &Option<String>| verdict.as_deref() == Some(UNDECIDED);
        known.any(|(id, verdict)| verdict == INCONCLUSIVE && decided(id))
            || undecided(&self.verdict) && outcome.verdict.is_some() && !undecided(&outcome.verdict)
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
        for (life, code, at) in self.endings() {
            let wanted = if life.asked.is_some() { 0 } else { DIED };
            claim(
                code == wanted,
                format!("the probe ended with {:?}", self.ended),
            );
            if let Some((step, asked)) = life.asked {
                let took = at - asked;
                claim(
                    took <= STOPS_WITHIN,
                    format!("asked to stop at step {step}, it took {took} ms"),
                );
            }
        }
        let asked = |life: &&Life| life.asked.is_some() && life.died.is_none();
        let stopped = self.lives.iter().filter(asked).count();
        let is_killed = |life: &&Life| life.died.is_some();
        let killed = self.lives.iter().filter(is_killed).count();
        // The last life may have been asked when its run had ended.
        let stopped = stopped.min(self.ended.len().saturating_sub(killed));
        let died = killed + stopped;
        let restarts = self.lives.len().saturating_sub(1);
        claim(
            self.ended.len() == died && restarts == died,
            format!("{died} deaths, {restarts} restarts, {:?}", self.ended),
        );
        let said = self.interrupted > 0;
        let wanted = self.lives.iter().any(Life::leaves_a_run);
        // Whether a run that was asked to stop got as far as its report is its own business.
        let may = wanted || self.lives.iter().any(|life| life.asked.is_some());
        claim(
            said || !wanted,
            "the journal does not say that the run was interrupted".to_owned(),
        );
        claim(
            may || !said,
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

    /// Lives that ended before the run did, with exit code and moment.
    fn endings(&self) -> impl Iterator<Item = (&Life, i64, i64)> {
        let ends = self.ended.iter().zip(&self.ended_at);
        let lives = self.lives.iter().zip(ends);
        lives.map(|(life, (code, at))| (life, *code, *at))
    }

    /// How long the probe took to stop, where it was asked to before the run had ended, in milliseconds.
    pub fn stops(&self) -> impl Iterator<Item = i64> {
        self.endings()
            .filter_map(|(life, _, at)| Some(at - life.asked?.1))
    }

    /// Where the probe died or was asked to stop: the point and what the step is called.
    #[must_use]
    pub fn places(&self) -> Vec<(String, &str)> {
        let place = |life: &'_ Life| {
            let asked = life.asked.map(|(step, _)| format!("term:{step}"));
            let point = life.died.clone().or(asked)?;
            let number: usize = point.rsplit(':').next()?.parse().ok()?;
            Some((point, number))
        };
        let places = self.lives.iter().filter_map(|life| {
            let (point, number) = place(life)?;
            let step = life.steps.get(number.checked_sub(1)?)?;
            Some((point, step.as_str()))
        });
        places.collect()
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
