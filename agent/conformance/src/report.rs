//! The report: one record and what the catalogue makes of it.

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::data::{Data, DataFile};
use crate::finding::{Finding, Verdict};
use crate::inputs::{Input, inputs};
use crate::measurement::{Measurement, measurements};
use crate::observation::Observations;
use crate::offer::Offer;
use crate::record::{Candidate, Deviation, Device, ProfileName, Record, Run, ScopeName, Series};
use crate::requirement::{Force, Requirement, Stage};

/// Schema identifier of this version of `report.json`. Fields are added, never re-meant.
pub const SCHEMA: &str = "edgeproof/report/1";

/// Everything one run says, in one document: `report.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The run and its settings.
    pub run: Run,
    /// The offer as submitted.
    pub offer: Offer,
    /// What was started.
    pub candidate: Candidate,
    /// Where.
    pub device: Device,
    /// What the verdict speaks of.
    pub scope: Scope,
    /// The roll-up.
    pub verdict: RunVerdict,
    /// Findings inside the scope, by verdict.
    pub counts: Counts,
    /// One finding per catalogue entry, in catalogue order.
    pub findings: Vec<Finding>,
    /// The numbers behind them.
    pub measurements: Vec<Measurement>,
    /// Departures from the offer's defaults.
    pub deviations: Vec<Deviation>,
    /// What was observed.
    pub observations: Observations,
    /// Samples over time.
    pub series: Vec<Series>,
    /// The dated data that judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataFile>,
    /// The offer's parts by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// The certificate that the offer has from before, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certified: Option<Certificate>,
    /// What had to be left out for want of room, as JSON pointers into the report: `/series`, `/observations/edge`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// What the verdict speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Its name.
    pub name: ScopeName,
    /// Stages inside it.
    pub stages: Vec<Stage>,
    /// Requirements in scope that came to pass, fail, warn or not-applicable.
    pub assessed: usize,
    /// Requirements in the catalogue, preconditions left out.
    pub total: usize,
}

/// The roll-up of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RunVerdict {
    /// No must in scope fails, none is undecided.
    Conformant,
    /// A must in scope fails and no grant covers it.
    NotConformant,
    /// A must in scope could not be judged.
    Undecided,
}

impl RunVerdict {
    /// The word used in every face of the report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            RunVerdict::Conformant => "conformant",
            RunVerdict::NotConformant => "not-conformant",
            RunVerdict::Undecided => "undecided",
        }
    }

    /// The worse of two: not conformant, then undecided, then conformant.
    #[must_use]
    pub const fn worse(self, other: RunVerdict) -> RunVerdict {
        match (self, other) {
            (RunVerdict::NotConformant, _) | (_, RunVerdict::NotConformant) => {
                RunVerdict::NotConformant
            }
            (RunVerdict::Undecided, _) | (_, RunVerdict::Undecided) => RunVerdict::Undecided,
            (RunVerdict::Conformant, RunVerdict::Conformant) => RunVerdict::Conformant,
        }
    }

    /// The exit code of every command that ends with this verdict: 0, 1 or 2.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            RunVerdict::Conformant => 0,
            RunVerdict::NotConformant => 1,
            RunVerdict::Undecided => 2,
        }
    }
}

/// Findings inside the scope, by verdict. A granted failure counts under `granted` alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Passed.
    pub pass: usize,
    /// Of those, inside the noise of the limit.
    pub marginal: usize,
    /// Failed.
    pub fail: usize,
    /// Warned.
    pub warn: usize,
    /// Does not apply.
    pub not_applicable: usize,
    /// Waits for a person.
    pub manual: usize,
    /// Not judged.
    pub inconclusive: usize,
    /// Failed, but excepted by the lab.
    pub granted: usize,
}

impl Report {
    /// Judges a record by a catalogue. Total: exactly one finding per entry. Test values of the overlay stay behind.
    #[must_use]
    pub fn judge(record: Record, catalogue: &[Requirement]) -> Report {
        let findings: Vec<Finding> = catalogue
            .iter()
            .map(|entry| entry.finding(&record))
            .collect();
        let RollUp {
            scope,
            counts,
            verdict,
        } = RollUp::of(&findings, record.run.scope);
        let measurements = measurements(&record);
        let Record {
            run,
            offer,
            candidate,
            device,
            deviations,
            observations,
            series,
            data,
            certified,
        } = record;
        let inputs = inputs(&offer);
        Report {
            schema: SCHEMA.to_owned(),
            run,
            offer: Offer {
                overlay: offer.overlay.hidden(),
                ..offer
            },
            candidate,
            device,
            scope,
            verdict,
            counts,
            findings,
            measurements,
            deviations,
            observations,
            series,
            data: data.files(),
            inputs,
            certified,
            left_out: Vec::new(),
        }
    }

    /// What was recorded, without what was made of it.
    #[must_use]
    pub fn into_record(self) -> Record {
        let Report {
            run,
            offer,
            candidate,
            device,
            deviations,
            observations,
            series,
            data,
            certified,
            ..
        } = self;
        Record {
            run,
            offer,
            candidate,
            device,
            deviations,
            observations,
            series,
            data: Data::of(&data),
            certified,
        }
    }

    /// The headline that every face shows: `conformant (device scope, 38 of 63 assessed)`.
    #[must_use]
    pub fn headline(&self) -> String {
        let scope = match self.scope.name {
            ScopeName::Offer => "offer",
            ScopeName::Registry => "registry",
            ScopeName::Device => "device",
            ScopeName::Fleet => "fleet",
            ScopeName::Full => "full",
        };
        let custom = match (self.run.certifying, self.run.profile.name) {
            (true, _) => "",
            (false, ProfileName::Custom) => "; custom profile, certifies nothing",
            (false, _) => "; not the offer's image, certifies nothing",
        };
        format!(
            "{} ({scope} scope, {} of {} assessed{custom})",
            self.verdict.word(),
            self.scope.assessed,
            self.scope.total
        )
    }
}

/// What findings come to together.
#[derive(Debug)]
pub(crate) struct RollUp {
    pub(crate) scope: Scope,
    pub(crate) counts: Counts,
    pub(crate) verdict: RunVerdict,
}

impl RollUp {
    /// Preconditions never roll up, and what stands outside the scope is only listed.
    pub(crate) fn of(findings: &[Finding], name: ScopeName) -> RollUp {
        let requirements = || findings.iter().filter(|finding| !finding.is_precondition());
        let in_scope: Vec<&Finding> = requirements().filter(|finding| finding.in_scope).collect();
        RollUp {
            scope: Scope {
                name,
                stages: stages_of(&in_scope),
                assessed: in_scope
                    .iter()
                    .filter(|finding| is_assessed(finding.verdict))
                    .count(),
                total: requirements().count(),
            },
            counts: count(&in_scope),
            verdict: roll_up(&in_scope, name),
        }
    }
}

fn is_assessed(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass | Verdict::Fail | Verdict::Warn | Verdict::NotApplicable => true,
        Verdict::Manual | Verdict::Inconclusive => false,
    }
}

fn stages_of(findings: &[&Finding]) -> Vec<Stage> {
    let all = [
        Stage::Offer,
        Stage::Image,
        Stage::Registry,
        Stage::Device,
        Stage::Fleet,
        Stage::Person,
    ];
    all.into_iter()
        .filter(|stage| {
            findings
                .iter()
                .any(|finding| finding.stages.contains(stage))
        })
        .collect()
}

fn count(findings: &[&Finding]) -> Counts {
    let mut counts = Counts::default();
    for finding in findings {
        let counter = match finding.verdict {
            Verdict::Fail if finding.granted.is_some() => &mut counts.granted,
            Verdict::Pass => &mut counts.pass,
            Verdict::Fail => &mut counts.fail,
            Verdict::Warn => &mut counts.warn,
            Verdict::NotApplicable => &mut counts.not_applicable,
            Verdict::Manual => &mut counts.manual,
            Verdict::Inconclusive => &mut counts.inconclusive,
        };
        *counter += 1;
        counts.marginal += usize::from(finding.marginal);
    }
    counts
}

/// A must that fails and is not granted decides; then a must that could not be judged; with full scope also one that waits for a person.
fn roll_up(findings: &[&Finding], scope: ScopeName) -> RunVerdict {
    let musts = || {
        findings
            .iter()
            .filter(|finding| finding.force == Force::Must)
    };
    if musts().any(|finding| finding.verdict == Verdict::Fail && finding.granted.is_none()) {
        return RunVerdict::NotConformant;
    }
    let waits = |verdict: Verdict| {
        verdict == Verdict::Inconclusive || (verdict == Verdict::Manual && scope == ScopeName::Full)
    };
    let nothing_assessed = !findings.iter().any(|finding| is_assessed(finding.verdict));
    if nothing_assessed || musts().any(|finding| waits(finding.verdict)) {
        RunVerdict::Undecided
    } else {
        RunVerdict::Conformant
    }
}

mod blockers;
mod reduced;
mod summary;
#[cfg(test)]
mod tests;

pub use blockers::blockers;
pub use reduced::Room;
pub use summary::{SUMMARY_SCHEMA, Summary};
