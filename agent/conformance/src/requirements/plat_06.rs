//! IEM-PLAT-06: the module starts on every platform that its offer claims.

use super::fleet_runs::{listed, starts_on_each};
use super::plat_05::claimed_platforms;
use super::remarks::Remarks;
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware;
use crate::observation::PlatformRun;
use crate::platform::Platform;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PLAT-06",
    slug: "starts-on-every-claimed-platform",
    title: "Starts on every platform it claims",
    force: Forces::always(Force::Must),
    stages: &[Stage::Fleet],
    scopes: &[ScopeName::Fleet, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Default configuration",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Default settings",
        },
    ],
    statement: "The module starts with its defaults on each platform that its offer claims.",
    remedy: "Run the certification on a device of each claimed platform that has no run yet, or withdraw the claim.",
    judge: Judge::ByFleet(judge),
};

fn judge(record: &Record, runs: &[PlatformRun]) -> Result<Outcome, Unseen> {
    let claimed = claimed(record);
    if claimed.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            "the offer claims no platform, neither in plan.platforms nor in its hardware paragraph",
        ));
    }
    let wanted = format!(
        "healthy starts on each claimed platform: {}",
        listed(&claimed)
    );
    starts_on_each(&claimed, runs, Remarks::default(), wanted)
}

/// Platforms of the plan and of the hardware paragraph, each once.
pub(super) fn claimed(record: &Record) -> Vec<Platform> {
    let mut claimed = record.offer.plan.platforms.clone();
    if let Some(paragraph) = hardware::read(&record.offer.listing.description) {
        claimed.extend(claimed_platforms(&paragraph.claim));
    }
    claimed.sort();
    claimed.dedup();
    claimed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::sample;

    /// The offer claims x64 and 32-bit ARM in its plan, and 64-bit ARM only in its paragraph.
    fn record() -> Record {
        let mut record =
            sample::record_claiming("Linux arm64 OS, 512 MB of RAM, 100 MB of storage");
        record.offer.plan.platforms = vec![
            "linux/amd64".parse().unwrap(),
            "linux/arm/v7".parse().unwrap(),
        ];
        record
    }

    fn three() -> Vec<PlatformRun> {
        [
            ("box", "linux/amd64"),
            ("pi3", "linux/arm/v7"),
            ("pi4", "linux/arm64"),
        ]
        .map(|(device, platform)| sample::platform_run(device, platform))
        .to_vec()
    }

    #[test]
    fn a_healthy_run_on_each_claimed_platform_passes() {
        let outcome = judge(&record(), &three()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "healthy: linux/amd64 on box (Contoso Box 2), linux/arm/v7 on pi3 (Contoso Box 2), linux/arm64 on pi4 (Contoso Box 2)"
        );
    }

    #[test]
    fn a_claimed_platform_without_a_run_names_the_device_to_add() {
        let mut runs = three();
        runs.remove(1);
        let unseen = judge(&record(), &runs).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
        assert!(
            unseen.because.contains("linux/arm/v7 has no run")
                && unseen.because.contains("`edgeproof device start arm32`"),
            "{}",
            unseen.because
        );
    }

    #[test]
    fn a_failed_start_on_a_claimed_platform_fails_and_names_it_even_if_another_is_missing() {
        let mut runs = three();
        runs[2].starts_healthy.verdict = Verdict::Fail;
        runs[2].starts_healthy.saw = "0 of 3 starts healthy".to_owned();
        runs.remove(0);
        let outcome = judge(&record(), &runs).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "linux/arm64: no healthy start on pi4 (Contoso Box 2): 0 of 3 starts healthy"
        );
    }

    #[test]
    fn emulated_devices_alone_warn() {
        let mut runs = three();
        runs[1].emulated = true;
        let outcome = judge(&record(), &runs).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert_eq!(outcome.saw, "linux/arm/v7: healthy on pi3 alone (emulated)");
        runs.push(sample::platform_run("board", "linux/arm/v7"));
        assert_eq!(judge(&record(), &runs).unwrap().kind, OutcomeKind::Met);
    }

    #[test]
    fn an_offer_that_claims_nothing_is_undecided() {
        let mut record = sample::record_claiming("1 GB of RAM");
        record.offer.plan.platforms.clear();
        assert!(judge(&record, &three()).is_err());
    }
}
