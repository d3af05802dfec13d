//! What stands between a run and "conformant", in the order in which to work on it.

use conformance::finding::{Finding, Verdict};
use conformance::report::{Report, RunVerdict};
use conformance::requirement::Force;

/// Findings that keep the run from being conformant: failed musts first, then preconditions of the device that do not
/// hold (they leave other findings undecided), then musts that could not be judged. Each group in catalogue order.
#[must_use]
pub fn blockers(report: &Report) -> Vec<&Finding> {
    let failed = |finding: &&Finding| {
        is_must_in_scope(finding) && finding.verdict == Verdict::Fail && finding.granted.is_none()
    };
    let unready = |finding: &&Finding| {
        is_precondition(finding)
            && report.verdict != RunVerdict::Conformant
            && matches!(finding.verdict, Verdict::Fail | Verdict::Warn)
    };
    let undecided =
        |finding: &&Finding| is_must_in_scope(finding) && finding.verdict == Verdict::Inconclusive;
    let findings = || report.findings.iter();
    findings()
        .filter(failed)
        .chain(findings().filter(unready))
        .chain(findings().filter(undecided))
        .collect()
}

/// Whether a finding speaks of the device and the probe, not of the module.
#[must_use]
pub fn is_precondition(finding: &Finding) -> bool {
    finding.id.starts_with("IEM-PRE-")
}

fn is_must_in_scope(finding: &Finding) -> bool {
    finding.in_scope && finding.force == Force::Must && !is_precondition(finding)
}
