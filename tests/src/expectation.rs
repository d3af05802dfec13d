//! What a run of a fixture module has to come to: its `expected.json`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

/// Requirements that no run answers, however good the module: a person's questions, and what nobody looks for in an image yet.
pub const LEFT_OPEN: [&str; 5] = [
    "IEM-DEV-02",
    "IEM-LEG-01",
    "IEM-LEG-04",
    "IEM-PUB-01",
    "IEM-USE-01",
];

/// An exit code, a verdict, and the findings that differ from the well-behaved module's.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Expected {
    /// Of `edgeproof certify`.
    pub exit: i32,
    /// The report's.
    pub verdict: String,
    /// Verdicts by requirement.
    pub findings: BTreeMap<String, String>,
}

impl Expected {
    /// Reads an `expected.json`.
    ///
    /// # Errors
    /// It cannot be read, or says something else.
    pub fn read(path: &Path) -> anyhow::Result<Expected> {
        let at = || path.display().to_string();
        let bytes = std::fs::read(path).with_context(at)?;
        serde_json::from_slice(&bytes).with_context(at)
    }

    /// What a report came to.
    ///
    /// # Errors
    /// It was killed, or the report is none.
    pub fn seen(report: &Value, exit: Option<i32>) -> anyhow::Result<Expected> {
        let verdict = report["verdict"].as_str().context("no verdict")?.to_owned();
        Ok(Expected {
            exit: exit.context("it ended by a signal")?,
            verdict,
            findings: told(report),
        })
    }
}

/// Findings in scope that neither pass nor have nothing to say, without what no module can help: whether this machine was quiet,
/// and [`LEFT_OPEN`].
#[must_use]
pub fn told(report: &Value) -> BTreeMap<String, String> {
    let findings = report["findings"].as_array().into_iter().flatten();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    findings
        .filter(|finding| finding["inScope"] == true && finding["id"] != "IEM-PRE-05")
        .filter(|finding| !left_open(finding))
        .map(|finding| (text(finding, "id"), text(finding, "verdict")))
        .filter(|(_, verdict)| !matches!(verdict.as_str(), "pass" | "not-applicable"))
        .collect()
}

/// Whether a finding of a report is one of [`LEFT_OPEN`] and open indeed.
fn left_open(finding: &Value) -> bool {
    LEFT_OPEN.iter().any(|id| finding["id"] == *id)
        && (finding["verdict"] == "manual" || finding["verdict"] == "inconclusive")
}
