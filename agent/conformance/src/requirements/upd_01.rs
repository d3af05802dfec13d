//! IEM-UPD-01: the module keeps working on the container engines that are supported today.

use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::PlatformRun;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

/// Engine generations in support, oldest first, as of 2026-11.
///
/// Source: versions of the package `docker.io` in Debian bookworm, trixie and forky. IoT Edge's own `moby-engine` carries
/// upstream's version (28.3 at that date), so it belongs to the same generation.
const GENERATIONS: &[Generation] = &[
    Generation {
        major: 20,
        known_as: "20.10 (Debian bookworm)",
    },
    Generation {
        major: 26,
        known_as: "26.1 (Debian trixie)",
    },
    Generation {
        major: 28,
        known_as: "28.5 (Debian forky, moby-engine 28)",
    },
];

/// Engines of one major version.
struct Generation {
    major: u32,
    known_as: &'static str,
}

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-UPD-01",
    slug: "works-with-current-runtimes",
    title: "Works with the current runtimes",
    force: Forces::always(Force::Must),
    stages: &[Stage::Fleet],
    scopes: &[ScopeName::Fleet, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Recertification process",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Updates",
        },
    ],
    statement: "The module keeps working on the versions of the IoT Edge runtime and engine that are supported today.",
    remedy: "Run the certification on the newest supported runtime and mend what fails first.",
    judge: Judge::ByFleet(judge),
};

fn judge(_: &Record, runs: &[PlatformRun]) -> Result<Outcome, Unseen> {
    let known: Vec<&str> = GENERATIONS.iter().map(|row| row.known_as).collect();
    let wanted = format!("healthy on each supported engine: {}", known.join(", "));
    if let Some(broken) = GENERATIONS.iter().find_map(|row| broken(row, runs)) {
        return Ok(Outcome::unmet(
            account_of(broken),
            wanted,
            "mend what fails first on that engine",
        ));
    }
    let seen: Vec<String> = runs
        .iter()
        .filter(|run| run.is_healthy())
        .filter_map(|run| Some(format!("{} on {}", run.engine.as_ref()?, run.device)))
        .collect();
    let missing: Vec<&str> = GENERATIONS
        .iter()
        .filter(|row| !row.runs(runs).any(PlatformRun::is_healthy))
        .map(|row| row.known_as)
        .collect();
    let healthy = format!("healthy on engine {}", seen.join(", "));
    if missing.is_empty() {
        return Ok(Outcome::met(
            format!("{healthy}; no IoT Edge runtime took part"),
            wanted,
        ));
    }
    let missing = missing.join(", ");
    if !seen.is_empty() && only_older(runs) {
        return Ok(Outcome::concern(
            format!("{healthy}, all older than the newest; no healthy run on {missing}"),
            wanted,
            format!("run the certification on {missing}"),
        ));
    }
    Err(Unseen::new(
        Reason::InputMissing,
        match seen.as_slice() {
            [] => format!("no healthy run on a known engine; needed: {missing}"),
            _ => format!("no healthy run on {missing}; {healthy}"),
        },
    ))
}

impl Generation {
    fn runs<'a>(&self, runs: &'a [PlatformRun]) -> impl Iterator<Item = &'a PlatformRun> {
        let major = self.major;
        runs.iter().filter(move |run| major_of(run) == Some(major))
    }
}

/// A failed run of a generation on which no device came up, while the same platform came up on another engine. Otherwise the
/// platform may be to blame, and not the engine: that is IEM-PLAT-06's finding, and this generation has not been shown.
fn broken<'a>(row: &Generation, runs: &'a [PlatformRun]) -> Option<&'a PlatformRun> {
    if row.runs(runs).any(PlatformRun::is_healthy) {
        return None;
    }
    let comes_up_elsewhere = |failed: &&PlatformRun| {
        runs.iter()
            .any(|run| run.is_healthy() && run.platform == failed.platform)
    };
    row.runs(runs)
        .filter(|run| run.has_failed())
        .find(comes_up_elsewhere)
}

fn account_of(run: &PlatformRun) -> String {
    let version = run.engine.as_deref().unwrap_or("of unknown version");
    let (id, saw) = match &run.first_failure {
        Some(first) => (first.id.as_str(), &first.saw),
        None => ("IEM-CFG-07", &run.starts_healthy.saw),
    };
    format!(
        "it does not work on engine {version} ({}); first failing check {id}: {saw}",
        run.named()
    )
}

fn only_older(runs: &[PlatformRun]) -> bool {
    let newest = GENERATIONS.iter().map(|row| row.major).max();
    let seen = runs
        .iter()
        .filter(|run| run.is_healthy())
        .filter_map(major_of);
    seen.max() < newest
}

/// `20.10.24+dfsg1` is of generation 20.
fn major_of(run: &PlatformRun) -> Option<u32> {
    run.engine.as_ref()?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::FirstFailure;
    use crate::sample;

    fn on(engines: &[&str]) -> Vec<PlatformRun> {
        engines
            .iter()
            .map(|engine| PlatformRun {
                engine: Some((*engine).to_owned()),
                ..sample::platform_run(&format!("engine-{engine}"), "linux/amd64")
            })
            .collect()
    }

    fn check(runs: &[PlatformRun]) -> Result<Outcome, Unseen> {
        judge(&sample::record(), runs)
    }

    #[test]
    fn every_supported_generation_healthy_passes() {
        let outcome = check(&on(&["20.10.24+dfsg1", "26.1.5", "28.5.2"])).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.saw.contains("26.1.5 on engine-26.1.5"));
    }

    #[test]
    fn older_ones_alone_warn() {
        for engines in [&["20.10.24"][..], &["20.10.24", "26.1.5"], &["24.0.9"]] {
            let outcome = check(&on(engines)).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Concern, "{engines:?}");
            assert!(
                outcome.saw.contains("28.5 (Debian forky"),
                "{}",
                outcome.saw
            );
        }
    }

    #[test]
    fn a_generation_without_a_run_is_named() {
        let unseen = check(&on(&["20.10.24", "28.5.2"])).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
        assert!(
            unseen
                .because
                .starts_with("no healthy run on 26.1 (Debian trixie); "),
            "{}",
            unseen.because
        );
        assert!(check(&[]).is_err());
    }

    #[test]
    fn a_break_names_the_version_and_the_first_failing_check() {
        let mut runs = on(&["20.10.24", "26.1.5", "28.5.2"]);
        runs[2].starts_healthy.verdict = Verdict::Fail;
        runs[2].first_failure = Some(FirstFailure {
            id: "IEM-CFG-03".to_owned(),
            saw: "the engine dropped HostConfig.KernelMemory".to_owned(),
        });
        let outcome = check(&runs).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "it does not work on engine 28.5.2 (engine-28.5.2 (Contoso Box 2)); first failing check IEM-CFG-03: the engine dropped HostConfig.KernelMemory"
        );
    }

    #[test]
    fn a_platform_that_fails_is_not_the_engine_s_break() {
        let mut same_engine = on(&["20.10.24", "20.10.24"]);
        same_engine[1].starts_healthy.verdict = Verdict::Fail;
        assert_eq!(check(&same_engine).unwrap().kind, OutcomeKind::Concern);
        let mut both_differ = on(&["20.10.24", "26.1.5", "28.5.2"]);
        both_differ[0].starts_healthy.verdict = Verdict::Fail;
        both_differ[0].platform = Some("linux/arm/v7".parse().unwrap());
        let unseen = check(&both_differ).unwrap_err();
        assert!(
            unseen.because.starts_with("no healthy run on 20.10"),
            "{}",
            unseen.because
        );
    }
}
