//! The dossier: runs of one offer on several devices, merged into one verdict.
//!
//! Nothing is taken over from a report but its record: every run is judged again by this version's catalogue with all the
//! others in view, in its own scope for its row and column, and in fleet scope for the findings over all of them.

mod belong;
mod merge;
mod runs;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Reason, Verdict};
use crate::observation::{Observed, PlatformRun};
use crate::offer::Offer;
use crate::record::{Edition, Record, ScopeName};
use crate::report::{Counts, Report, RollUp, RunVerdict, Scope, blockers};
use crate::requirement::Force;
use crate::requirements::{CATALOGUE, VERSION};

pub use belong::{Mistake, is_device_name};

/// Schema identifier of this version of `dossier.json`. Fields are added, never re-meant.
pub const SCHEMA: &str = "edgeproof/dossier/1";

/// Everything several runs of one offer say together: `dossier.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Dossier {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the catalogue that judged.
    pub catalogue: String,
    /// Edition of the programme.
    pub edition: Edition,
    /// Whether every run can certify.
    pub certifying: bool,
    /// The offer as submitted, one and the same in every run.
    pub offer: Offer,
    /// What the verdict speaks of.
    pub scope: Scope,
    /// The worst of every device's verdict and of what the fleet's findings come to.
    pub verdict: RunVerdict,
    /// The fleet's findings inside the scope, by verdict.
    pub counts: Counts,
    /// One row per device, by name.
    pub devices: Vec<DeviceRow>,
    /// Requirement × device: everything that one device can show.
    pub matrix: Vec<MatrixRow>,
    /// One finding per catalogue entry over the whole fleet: the worst of the devices, or what only several of them show.
    pub findings: Vec<Finding>,
}

/// One device's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeviceRow {
    /// The device's name.
    pub device: String,
    /// What the other runs see of it.
    pub run: PlatformRun,
    /// Manifest digest of the image started, else its id.
    pub image: Option<String>,
    /// Operating system, pretty name.
    pub os: Option<String>,
    /// The run's headline.
    pub headline: String,
    /// The run's verdict.
    pub verdict: RunVerdict,
    /// What the run's verdict speaks of.
    pub scope: Scope,
    /// The run's findings inside its scope, by verdict.
    pub counts: Counts,
    /// What keeps it from being conformant, first things first.
    pub blocked_by: Vec<Blocker>,
}

/// A finding that keeps a device's run from being conformant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Blocker {
    /// `IEM-HW-03`.
    pub id: String,
    /// The requirement in a few words.
    pub title: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why it is inconclusive.
    pub reason: Option<Reason>,
    /// What was seen.
    pub saw: String,
    /// The next step.
    pub remedy: Option<String>,
}

/// A requirement on every device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MatrixRow {
    /// `IEM-HW-03`.
    pub id: String,
    /// The requirement in a few words.
    pub title: String,
    /// Its force in the edition judged.
    pub force: Force,
    /// One cell per device, in the order of the dossier's devices.
    pub cells: Vec<Cell>,
}

/// A requirement on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// The device's name.
    pub device: String,
    /// What it came to there.
    pub verdict: Verdict,
    /// Passed inside the noise of the limit.
    pub marginal: bool,
    /// Failed, but excepted by the lab.
    pub granted: bool,
    /// Why it is inconclusive.
    pub reason: Option<Reason>,
    /// What was seen.
    pub saw: String,
}

/// A dossier, and each device's report as its rows and matrix have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The dossier.
    pub dossier: Dossier,
    /// Each device's name with its report, judged with the other devices' runs in view, by name.
    pub reports: Vec<(String, Report)>,
}

/// Merges the reports of several devices, each with the device's name, into one dossier. Their order makes no difference.
///
/// # Errors
/// Every reason why they do not belong together.
pub fn assemble(reports: Vec<(String, Report)>) -> Result<Dossier, Vec<Mistake>> {
    assemble_with_reports(reports).map(|merged| merged.dossier)
}

/// [`assemble`], and each device's report as the dossier's rows and matrix have it: judged by this version's catalogue with
/// the other devices' runs in view. Written beside the dossier, they say the same as it does.
///
/// # Errors
/// Every reason why the reports do not belong together.
pub fn assemble_with_reports(mut reports: Vec<(String, Report)>) -> Result<Merged, Vec<Mistake>> {
    reports.sort_by(|(left, _), (right, _)| left.cmp(right));
    let mistakes = belong::mistakes(&reports);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut records: Vec<(String, Record)> = reports
        .into_iter()
        .map(|(device, report)| (device, bare(report)))
        .collect();
    let fleet = seen_of_each(&records);
    for (_, record) in &mut records {
        record.observations.fleet = Observed::Seen(fleet.clone());
    }
    let reports: Vec<(String, Report)> = records
        .iter()
        .map(|(device, record)| (device.clone(), Report::judge(record.clone(), CATALOGUE)))
        .collect();
    let findings = fleet_findings(records);
    let Some((_, first)) = reports.first() else {
        return Err(vec![Mistake::nothing_to_merge()]);
    };
    let dossier = dossier(first, &reports, fleet, findings);
    Ok(Merged { dossier, reports })
}

fn dossier(
    first: &Report,
    reports: &[(String, Report)],
    fleet: Vec<PlatformRun>,
    findings: Vec<Finding>,
) -> Dossier {
    let RollUp {
        scope,
        counts,
        verdict,
    } = RollUp::of(&findings, ScopeName::Fleet);
    Dossier {
        schema: SCHEMA.to_owned(),
        catalogue: VERSION.to_owned(),
        edition: first.run.edition,
        certifying: reports.iter().all(|(_, report)| report.run.certifying),
        offer: first.offer.clone(),
        verdict: reports
            .iter()
            .fold(verdict, |worst, (_, report)| worst.worse(report.verdict)),
        scope,
        counts,
        matrix: merge::matrix(reports),
        devices: reports.iter().zip(fleet).map(row).collect(),
        findings,
    }
}

/// The record of a stored report, as one device made it, for this version's catalogue.
fn bare(report: Report) -> Record {
    let mut record = report.into_record();
    VERSION.clone_into(&mut record.run.catalogue);
    record.observations.fleet = Observed::default();
    record
}

/// What the devices see of each other: every record judged alone, for how its starts came out.
fn seen_of_each(records: &[(String, Record)]) -> Vec<PlatformRun> {
    records
        .iter()
        .map(|(device, record)| {
            runs::platform_run(device, &Report::judge(record.clone(), CATALOGUE))
        })
        .collect()
}

/// Every record judged in fleet scope, then the worst of each entry.
///
/// Every record takes part, also for what rests on the fleet alone: an exception of the lab covers a failed finding only
/// where each device's run has it for its own image.
fn fleet_findings(records: Vec<(String, Record)>) -> Vec<Finding> {
    let judged: Vec<(String, Vec<Finding>)> = records
        .into_iter()
        .map(|(device, mut record)| {
            record.run.scope = ScopeName::Fleet;
            (device, Report::judge(record, CATALOGUE).findings)
        })
        .collect();
    merge::worst_of_each(&judged)
}

fn row(((device, report), run): (&(String, Report), PlatformRun)) -> DeviceRow {
    DeviceRow {
        device: device.clone(),
        run,
        image: report
            .candidate
            .manifest_digest
            .clone()
            .or_else(|| report.candidate.image_id.clone()),
        os: report.device.os.clone(),
        headline: report.headline(),
        verdict: report.verdict,
        scope: report.scope.clone(),
        counts: report.counts,
        blocked_by: blockers(&report.findings, report.verdict)
            .into_iter()
            .map(|finding| Blocker {
                id: finding.id.clone(),
                title: finding.title.clone(),
                verdict: finding.verdict,
                reason: finding.reason,
                saw: finding.saw.clone(),
                remedy: finding.remedy.clone(),
            })
            .collect(),
    }
}

impl Dossier {
    /// The headline that every face shows: `conformant (fleet scope, 43 of 63 assessed; 3 devices, 2 emulated)`.
    #[must_use]
    pub fn headline(&self) -> String {
        let devices = self.devices.len();
        let emulated = self.devices.iter().filter(|row| row.run.emulated).count();
        let emulation = match emulated {
            0 => String::new(),
            all if all == devices => ", emulated".to_owned(),
            some => format!(", {some} emulated"),
        };
        format!(
            "{} (fleet scope, {} of {} assessed; {devices} device{}{emulation}{})",
            self.verdict.word(),
            self.scope.assessed,
            self.scope.total,
            if devices == 1 { "" } else { "s" },
            if self.certifying {
                ""
            } else {
                "; certifies nothing"
            }
        )
    }

    /// Findings over the fleet that keep the dossier from being conformant, first things first.
    #[must_use]
    pub fn blockers(&self) -> Vec<&Finding> {
        blockers(&self.findings, self.verdict)
    }
}

#[cfg(test)]
mod tests;
