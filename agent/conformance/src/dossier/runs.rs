//! A judged report as one of the runs that a requirement over several devices looks at.

use crate::finding::{Finding, Reason, Verdict};
use crate::observation::{FirstFailure, PlatformRun, StartVerdict};
use crate::report::Report;
use crate::requirement::Force;

/// What the other devices' judgements see of this run.
pub(super) fn platform_run(device: &str, report: &Report) -> PlatformRun {
    let engine = report.device.engine.seen();
    let image = report.observations.image.seen();
    let image_platform = report.candidate.platform.clone();
    PlatformRun {
        device: device.to_owned(),
        run: report.run.id.clone(),
        platform: engine
            .map(|engine| engine.platform.clone())
            .or_else(|| image_platform.clone()),
        image_platform,
        built: image.map_or_else(Vec::new, |image| {
            let mut built = image.platforms.clone();
            // Attestations travel in an index under a platform that is none.
            built.retain(|platform| platform.os != "unknown");
            built
        }),
        // A store shows the one platform it uses, whatever index it came from.
        index_seen: image.is_some_and(|image| image.platforms.len() > 1),
        board: report.device.board.clone(),
        cores: report.device.cores,
        memory: report.device.memory,
        emulated: report.device.emulated,
        engine: engine.map(|engine| engine.version.clone()),
        cgroup_version: engine.map(|engine| engine.cgroup_version.clone()),
        memory_controller: report.device.cgroup.memory.seen().is_some(),
        starts_healthy: starts(&report.findings),
        first_failure: report
            .findings
            .iter()
            .find(|one| has_failed(one))
            .map(|one| FirstFailure {
                id: one.id.clone(),
                saw: one.saw.clone(),
            }),
        finished: report.run.finished.clone(),
        certifying: report.run.certifying,
    }
}

fn starts(findings: &[Finding]) -> StartVerdict {
    match findings.iter().find(|finding| finding.id == "IEM-CFG-07") {
        Some(finding) => StartVerdict {
            verdict: finding.verdict,
            reason: finding.reason,
            saw: finding.saw.clone(),
        },
        None => StartVerdict {
            verdict: Verdict::Inconclusive,
            reason: Some(Reason::Tool),
            saw: "the catalogue has no IEM-CFG-07".to_owned(),
        },
    }
}

fn has_failed(finding: &Finding) -> bool {
    finding.in_scope
        && finding.force == Force::Must
        && finding.verdict == Verdict::Fail
        && finding.granted.is_none()
        && !finding.is_precondition()
}
