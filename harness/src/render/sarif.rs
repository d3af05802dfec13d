//! A report as SARIF 2.1.0, for code scanning: one rule per catalogue entry, one result per finding.

use conformance::finding::{Finding, Verdict};
use conformance::offer::Offer;
use conformance::report::Report;
use conformance::requirement::Force;
use serde_json::{Value, json};
use serde_sarif::sarif;

use crate::render::left_out;
use crate::render::words;

/// The whole report, indented, with a line feed at its end.
///
/// # Panics
/// Never: the value below has the fields that SARIF asks for, which the stored reports of the tests hold.
#[must_use]
pub fn render(report: &Report) -> String {
    written(log(report))
}

/// A log that holds to the SARIF types, as text.
pub(super) fn written(log: Value) -> String {
    let log: sarif::Sarif =
        serde_json::from_value(log).expect("the fields written are those of the SARIF types");
    let mut text = serde_json::to_string_pretty(&log)
        .expect("a SARIF log has string keys and no failing parts");
    text.push('\n');
    text
}

fn log(report: &Report) -> Value {
    json!({
        "$schema": sarif::SCHEMA_URL,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "edgeproof",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": report.findings.iter().map(rule).collect::<Vec<_>>(),
            }},
            "automationDetails": {
                "id": format!("edgeproof/{}/{}", report.offer.offer_id, report.run.id),
                "description": {"text": description(report)},
            },
            "invocations": [{
                "executionSuccessful": true,
                "exitCode": report.verdict.exit_code(),
                "exitCodeDescription": report.headline(),
                "toolExecutionNotifications": notices(report),
            }],
            "results": report.findings.iter().enumerate()
                .filter(|(_, finding)| finding.in_scope)
                .map(|(index, finding)| result(&report.offer, index, finding))
                .collect::<Vec<_>>(),
            "columnKind": "unicodeCodePoints",
            "properties": properties(report),
        }],
    })
}

fn properties(report: &Report) -> Value {
    let mut properties = json!({
        "verdict": report.verdict.word(),
        "scope": words::scope(report.scope.name),
        "assessed": report.scope.assessed,
        "total": report.scope.total,
        "certifying": report.run.certifying,
        "catalogue": report.run.catalogue,
    });
    if !report.data.is_empty() {
        properties["data"] = words::data(&report.data).into();
    }
    properties
}

fn description(report: &Report) -> String {
    let notice = if report.run.certifying {
        ""
    } else {
        words::CUSTOM_NOTICE
    };
    format!(
        "{}. {} {notice}",
        report.headline(),
        words::verdict_means(report)
    )
    .trim_end()
    .to_owned()
}

fn notices(report: &Report) -> Vec<Value> {
    let custom = (!report.run.certifying).then(|| words::CUSTOM_NOTICE.to_owned());
    let notices = custom.into_iter().chain(left_out::notice(report));
    notices
        .map(|text| json!({"level": "warning", "message": {"text": text}}))
        .collect()
}

pub(super) fn rule(finding: &Finding) -> Value {
    let level = match finding.force {
        Force::Must => "error",
        Force::Should | Force::May => "warning",
        Force::Info => "note",
    };
    json!({
        "id": finding.id,
        "name": finding.slug,
        "shortDescription": {"text": finding.title},
        "help": {"text": format!("edgeproof explain {}", finding.id)},
        "defaultConfiguration": {"level": level},
        "properties": {"force": words::force(finding.force), "stages": words::stages(&finding.stages)},
    })
}

pub(super) fn result(offer: &Offer, index: usize, finding: &Finding) -> Value {
    let (kind, level) = kind_and_level(finding.verdict);
    let mut value = json!({
        "ruleId": finding.id,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": message(finding)},
        "locations": [{"logicalLocations": [{
            "name": offer.offer_id,
            "fullyQualifiedName": format!(
                "{}.{}.{}", offer.publisher_id, offer.offer_id, offer.plan_id
            ),
            "kind": "module",
        }]}],
        "properties": {"verdict": words::qualified(finding), "wanted": finding.wanted},
    });
    if let Some(grant) = &finding.granted {
        value["suppressions"] = json!([{
            "kind": "external",
            "status": "accepted",
            "justification": format!("granted by {} until {}: {}", grant.by, grant.expires, grant.reason),
        }]);
    }
    value
}

/// SARIF lets only a failed result have a level; every other kind has `none`.
const fn kind_and_level(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Pass => ("pass", "none"),
        Verdict::Fail => ("fail", "error"),
        Verdict::Warn => ("fail", "warning"),
        Verdict::NotApplicable => ("notApplicable", "none"),
        Verdict::Manual => ("review", "none"),
        Verdict::Inconclusive => ("open", "none"),
    }
}

fn message(finding: &Finding) -> String {
    let mut text = format!(
        "{}: {} Wanted: {}",
        words::qualified(finding),
        sentence(&finding.saw),
        finding.wanted
    );
    if let Some(remedy) = &finding.remedy {
        text = format!("{} Mend: {remedy}", sentence(&text));
    }
    text
}

fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?', ':']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}
