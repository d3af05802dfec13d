//! What a report comes to, small enough for one message that a hub can route by its body.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Counts, Report, RunVerdict};
use crate::finding::Verdict;

/// Schema identifier of a summary's message, in its property `schema`.
pub const SUMMARY_SCHEMA: &str = "edgeproof.summary/1";

/// The summary of a report: verdict and findings by id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Id of the run.
    pub run: String,
    /// The offer: `publisherId.offerId.planId`.
    pub offer: String,
    /// The roll-up.
    pub verdict: RunVerdict,
    /// As every face of the report shows it.
    pub headline: String,
    /// Findings inside the scope, by verdict.
    pub counts: Counts,
    /// The verdict of every finding.
    pub findings: BTreeMap<String, Verdict>,
    /// What the report had to leave out for want of room, as JSON pointers into it; `/` is the whole report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl Report {
    /// What it comes to.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let offer = &self.offer;
        let verdict_of = |finding: &crate::finding::Finding| (finding.id.clone(), finding.verdict);
        Summary {
            run: self.run.id.clone(),
            offer: format!(
                "{}.{}.{}",
                offer.publisher_id, offer.offer_id, offer.plan_id
            ),
            verdict: self.verdict,
            headline: self.headline(),
            counts: self.counts,
            findings: self.findings.iter().map(verdict_of).collect(),
            left_out: self.left_out.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirements::CATALOGUE;
    use crate::sample;

    #[test]
    fn a_summary_has_every_finding_and_fits_one_small_message() {
        let report = Report::judge(sample::record(), CATALOGUE);
        let summary = report.summary();
        assert_eq!(summary.findings.len(), CATALOGUE.len());
        assert_eq!(summary.run, report.run.id);
        let text = serde_json::to_string(&summary).unwrap();
        assert!(text.len() < 4_096, "{} bytes", text.len());
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
        assert!(!text.contains("leftOut"), "{text}");
    }
}
