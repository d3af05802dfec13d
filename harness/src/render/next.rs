//! What stands between a run and "conformant", in the order in which to work on it.

use conformance::finding::Finding;
use conformance::report::{self, Report};

/// Findings that keep the run from being conformant, first things first.
#[must_use]
pub fn blockers(report: &Report) -> Vec<&Finding> {
    report::blockers(&report.findings, report.verdict)
}

/// Whether a finding speaks of the device and the probe, not of the module.
#[must_use]
pub fn is_precondition(finding: &Finding) -> bool {
    finding.is_precondition()
}
