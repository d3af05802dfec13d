//! What stands between a verdict and "conformant", in the order in which to work on it.

use super::RunVerdict;
use crate::finding::{Finding, Verdict};
use crate::requirement::Force;

/// Findings that keep the verdict from being conformant: failed musts first, then preconditions of the device that do not
/// hold (they leave other findings undecided), then musts that could not be judged. Each group in catalogue order.
#[must_use]
pub fn blockers(findings: &[Finding], verdict: RunVerdict) -> Vec<&Finding> {
    let failed = |finding: &&Finding| {
        is_must_in_scope(finding) && finding.verdict == Verdict::Fail && finding.granted.is_none()
    };
    let unready = |finding: &&Finding| {
        finding.is_precondition()
            && verdict != RunVerdict::Conformant
            && matches!(finding.verdict, Verdict::Fail | Verdict::Warn)
    };
    let undecided =
        |finding: &&Finding| is_must_in_scope(finding) && finding.verdict == Verdict::Inconclusive;
    findings
        .iter()
        .filter(failed)
        .chain(findings.iter().filter(unready))
        .chain(findings.iter().filter(undecided))
        .collect()
}

fn is_must_in_scope(finding: &Finding) -> bool {
    finding.in_scope && finding.force == Force::Must && !finding.is_precondition()
}
