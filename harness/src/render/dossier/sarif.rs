//! A dossier as SARIF 2.1.0, for code scanning: one rule per catalogue entry, one result per finding over the fleet.

use conformance::dossier::Dossier;
use serde_json::{Value, json};
use serde_sarif::sarif;

use super::{notices, verdict_means};
use crate::render::sarif::{result, rule, written};

/// The whole dossier, indented, with a line feed at its end.
#[must_use]
pub fn render(dossier: &Dossier) -> String {
    written(log(dossier))
}

fn log(dossier: &Dossier) -> Value {
    let runs: Vec<&str> = dossier
        .devices
        .iter()
        .map(|row| row.run.run.as_str())
        .collect();
    let notices: Vec<Value> = notices(dossier)
        .into_iter()
        .map(|notice| json!({"level": "warning", "message": {"text": notice}}))
        .collect();
    json!({
        "$schema": sarif::SCHEMA_URL,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "edgeproof",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": dossier.findings.iter().map(rule).collect::<Vec<_>>(),
            }},
            "automationDetails": {
                "id": format!("edgeproof/{}/{}", dossier.offer.offer_id, runs.join("+")),
                "description": {"text": format!("{}. {}", dossier.headline(), verdict_means(dossier))},
            },
            "invocations": [{
                "executionSuccessful": true,
                "exitCode": dossier.verdict.exit_code(),
                "exitCodeDescription": dossier.headline(),
                "toolExecutionNotifications": notices,
            }],
            "results": dossier.findings.iter().enumerate()
                .filter(|(_, finding)| finding.in_scope)
                .map(|(index, finding)| result(&dossier.offer, index, finding))
                .collect::<Vec<_>>(),
            "columnKind": "unicodeCodePoints",
            "properties": {
                "verdict": dossier.verdict.word(),
                "scope": "fleet",
                "assessed": dossier.scope.assessed,
                "total": dossier.scope.total,
                "certifying": dossier.certifying,
                "catalogue": dossier.catalogue,
            },
        }],
    })
}
