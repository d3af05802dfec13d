//! What a requirement's judgement came to: outcome, verdict, finding.

use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::requirement::{Force, Stage};

/// Why something could not be seen, hence not judged. It tells whom to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Engine, network, device or hub did not do their part.
    Infrastructure,
    /// The run was set up in a way that forbids looking (for example no `--allow-elevated`).
    Configuration,
    /// Nothing has looked, or what was needed to look was not given.
    InputMissing,
    /// This device or kernel cannot show it.
    CannotMeasure,
    /// Repeated runs disagree.
    Unstable,
    /// edgeproof itself does not know how yet, or failed.
    Tool,
}

/// Something that was not seen, and why. A judgement that needs it ends inconclusive with the same words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Unseen {
    /// Whom to ask.
    pub reason: Reason,
    /// In words, with names and numbers.
    pub because: String,
}

impl Unseen {
    /// `because` in words, filed under `reason`.
    pub fn new(reason: Reason, because: impl Into<String>) -> Unseen {
        Unseen {
            reason,
            because: because.into(),
        }
    }
}

/// What a judgement says of a requirement whose facts were all seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which way it went.
    pub kind: OutcomeKind,
    /// What was seen, with numbers and units.
    pub saw: String,
    /// What was wanted, with numbers and units.
    pub wanted: String,
    /// The next step, where there is one.
    pub remedy: Option<String>,
    /// Text or JSON ready to paste, where there is one.
    pub paste: Option<String>,
    /// Met, but inside the noise of the limit.
    pub marginal: bool,
}

/// The ways a judgement can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    /// The requirement holds.
    Met,
    /// Worth a warning whatever the requirement's force.
    Concern,
    /// It does not hold: fail for a must, warn for the rest.
    Unmet,
    /// It does not apply to this offer.
    NotApplicable,
    /// Only a person can say.
    Manual,
}

impl Outcome {
    fn new(kind: OutcomeKind, saw: impl Into<String>, wanted: impl Into<String>) -> Outcome {
        Outcome {
            kind,
            saw: saw.into(),
            wanted: wanted.into(),
            remedy: None,
            paste: None,
            marginal: false,
        }
    }

    /// The requirement holds.
    pub fn met(saw: impl Into<String>, wanted: impl Into<String>) -> Outcome {
        Outcome::new(OutcomeKind::Met, saw, wanted)
    }

    /// The requirement holds, but inside the noise of the limit.
    pub fn marginal(saw: impl Into<String>, wanted: impl Into<String>) -> Outcome {
        Outcome {
            marginal: true,
            ..Outcome::met(saw, wanted)
        }
    }

    /// Worth a warning, with the next step.
    pub fn concern(
        saw: impl Into<String>,
        wanted: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Outcome {
        Outcome {
            remedy: Some(remedy.into()),
            ..Outcome::new(OutcomeKind::Concern, saw, wanted)
        }
    }

    /// The requirement does not hold, with the next step.
    pub fn unmet(
        saw: impl Into<String>,
        wanted: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Outcome {
        Outcome {
            remedy: Some(remedy.into()),
            ..Outcome::new(OutcomeKind::Unmet, saw, wanted)
        }
    }

    /// It does not apply, because `saw`.
    pub fn not_applicable(saw: impl Into<String>, wanted: impl Into<String>) -> Outcome {
        Outcome::new(OutcomeKind::NotApplicable, saw, wanted)
    }

    /// Only a person can say, and this is what to look at.
    pub fn manual(
        saw: impl Into<String>,
        wanted: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Outcome {
        Outcome {
            remedy: Some(remedy.into()),
            ..Outcome::new(OutcomeKind::Manual, saw, wanted)
        }
    }

    /// The same outcome with a text that can be pasted.
    #[must_use]
    pub fn with_paste(self, paste: impl Into<String>) -> Outcome {
        Outcome {
            paste: Some(paste.into()),
            ..self
        }
    }
}

/// The verdict of one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Holds; see `marginal`.
    Pass,
    /// A must that does not hold.
    Fail,
    /// A concern, or a should that does not hold.
    Warn,
    /// Does not apply to this offer.
    NotApplicable,
    /// Waits for a person.
    Manual,
    /// Not seen, so not judged; `reason` says whom to ask.
    Inconclusive,
}

impl Verdict {
    /// The word used in every face of the report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Warn => "warn",
            Verdict::NotApplicable => "not-applicable",
            Verdict::Manual => "manual",
            Verdict::Inconclusive => "inconclusive",
        }
    }
}

/// One line of the report: what a catalogue entry came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// `IEM-HW-03`.
    pub id: String,
    /// A name for people and file names: `declared-ram-is-enough`.
    pub slug: String,
    /// The requirement in a few words.
    pub title: String,
    /// Its force in the edition judged.
    pub force: Force,
    /// Where evidence comes from.
    pub stages: Vec<Stage>,
    /// Whether the run's scope includes it.
    pub in_scope: bool,
    /// What it came to.
    pub verdict: Verdict,
    /// Passed inside the noise of the limit.
    pub marginal: bool,
    /// Why it is inconclusive.
    pub reason: Option<Reason>,
    /// What was seen.
    pub saw: String,
    /// What was wanted.
    pub wanted: String,
    /// The next step.
    pub remedy: Option<String>,
    /// Text or JSON ready to paste.
    pub paste: Option<String>,
    /// The lab's exception that covers it.
    pub granted: Option<Grant>,
}

impl Finding {
    /// Whether it speaks of the device and the probe, not of the module; such findings never roll up.
    #[must_use]
    pub fn is_precondition(&self) -> bool {
        self.id.starts_with("IEM-PRE-")
    }
}

/// An exception granted by the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The requirement's id.
    pub id: String,
    /// Who granted it.
    pub by: String,
    /// The date it was granted, `2026-11-01`.
    pub on: String,
    /// The last day it holds, `2027-11-01`.
    pub expires: String,
    /// The manifest digest or image id it was granted for.
    pub digest: String,
    /// Why.
    pub reason: String,
}

impl Grant {
    /// Whether it is for the image that ran, and had not ended when the run started.
    #[must_use]
    pub fn holds_for(&self, record: &Record) -> bool {
        let candidate = &record.candidate;
        let same_image = [&candidate.manifest_digest, &candidate.image_id]
            .into_iter()
            .flatten()
            .any(|known| *known == self.digest);
        let started = record.run.started.get(..10);
        same_image && started.is_some_and(|day| self.expires.as_str() >= day)
    }
}
