//! Several devices' findings side by side, and the worst of each over the whole fleet.

use super::{Cell, MatrixRow};
use crate::finding::{Finding, Verdict};
use crate::report::Report;

/// How many devices a merged finding tells in words; the matrix has them all.
const TOLD: usize = 4;

/// Everything that one device can show, on each of them.
pub(super) fn matrix(alone: &[(String, Report)]) -> Vec<MatrixRow> {
    let Some((_, first)) = alone.first() else {
        return Vec::new();
    };
    first
        .findings
        .iter()
        .enumerate()
        .filter(|(index, _)| {
            let in_scope = |(_, report): &(String, Report)| {
                report.findings.get(*index).is_some_and(|one| one.in_scope)
            };
            alone.iter().any(in_scope)
        })
        .map(|(index, entry)| MatrixRow {
            id: entry.id.clone(),
            title: entry.title.clone(),
            force: entry.force,
            cells: alone
                .iter()
                .filter_map(|(device, report)| Some((device, report.findings.get(index)?)))
                .map(|(device, finding)| cell(device, finding))
                .collect(),
        })
        .collect()
}

fn cell(device: &str, finding: &Finding) -> Cell {
    Cell {
        device: device.to_owned(),
        verdict: finding.verdict,
        marginal: finding.marginal,
        granted: finding.granted.is_some(),
        reason: finding.reason,
        saw: finding.saw.clone(),
    }
}

/// For each entry the worst finding of any device, which says on which of them and what the others came to.
pub(super) fn worst_of_each(judged: &[(String, Vec<Finding>)]) -> Vec<Finding> {
    let entries = judged.first().map_or(0, |(_, findings)| findings.len());
    (0..entries)
        .filter_map(|index| {
            let of_entry: Vec<OnDevice<'_>> = judged
                .iter()
                .filter_map(|(device, findings)| Some((device.as_str(), findings.get(index)?)))
                .collect();
            worst(&of_entry)
        })
        .collect()
}

/// A finding and the device that it is of.
type OnDevice<'a> = (&'a str, &'a Finding);

fn worst(findings: &[OnDevice<'_>]) -> Option<Finding> {
    let gravest = findings.iter().map(|(_, one)| gravity(one)).max()?;
    let (bad, rest): (Vec<&OnDevice<'_>>, Vec<&OnDevice<'_>>) = findings
        .iter()
        .partition(|(_, one)| gravity(one) == gravest);
    let (_, first) = bad.first()?;
    Some(Finding {
        saw: in_words(&bad, &rest),
        ..(*first).clone()
    })
}

/// From what asks for nothing to what decides. The reader works from the top.
fn gravity(finding: &Finding) -> u8 {
    match finding.verdict {
        Verdict::NotApplicable => 0,
        Verdict::Pass => 1 + u8::from(finding.marginal),
        Verdict::Warn => 3,
        Verdict::Fail if finding.granted.is_some() => 4,
        Verdict::Manual => 5,
        Verdict::Inconclusive => 6,
        Verdict::Fail => 7,
    }
}

/// What was seen; with the devices' names where they differ.
fn in_words(bad: &[&OnDevice<'_>], rest: &[&OnDevice<'_>]) -> String {
    let mut told: Vec<(Vec<&str>, &str)> = Vec::new();
    for (device, finding) in bad {
        match told.iter_mut().find(|(_, saw)| *saw == finding.saw) {
            Some((devices, _)) => devices.push(device),
            None => told.push((vec![device], &finding.saw)),
        }
    }
    if let ([(_, saw)], []) = (told.as_slice(), rest) {
        return (*saw).to_owned();
    }
    let mut parts: Vec<String> = told
        .iter()
        .take(TOLD)
        .map(|(devices, saw)| format!("on {}: {saw}", devices.join(", ")))
        .collect();
    if told.len() > TOLD {
        parts.push(format!("and on {} more devices", told.len() - TOLD));
    }
    parts.extend(
        rest.iter()
            .map(|(device, finding)| format!("{} on {device}", finding.verdict.word())),
    );
    parts.join("; ")
}
