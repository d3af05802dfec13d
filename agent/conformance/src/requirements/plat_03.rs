//! IEM-PLAT-03: an offer for a subset has at least one Tier 1 platform, and was seen healthy on it.

use super::fleet_runs::{device_to_add, listed, speaks_of};
use super::plat_02::{declared, shown_without_runs};
use super::plat_05::runs_on;
use super::plat_06::claimed;
use super::repository_tags::default_tag;
use super::tier_1;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{PlatformRun, Repository};
use crate::offer::PlatformOption;
use crate::platform::Platform;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PLAT-03",
    slug: "a-subset-has-a-tier-1-platform",
    title: "The subset holds a Tier 1 platform",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Info,
    },
    stages: &[Stage::Registry, Stage::Device],
    scopes: &[ScopeName::Registry, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "A subset of Tier 1 platforms supported by IoT Edge",
    }],
    statement: "An offer that declares a subset serves at least one Tier 1 platform and was seen healthy on it.",
    remedy: "Add an image for one Tier 1 platform, the cheapest to build first, and run it there.",
    judge: Judge::ByFleetOrRegistry {
        fleet: judge,
        registry: in_repository,
    },
};

fn judge(record: &Record, runs: &[PlatformRun]) -> Result<Outcome, Unseen> {
    let table = tier_1::table(record)?;
    let tier_1 = table.platforms();
    let wanted = format!(
        "healthy on at least one platform of {}: {}",
        table.in_words(),
        listed(&tier_1)
    );
    match declared(record)? {
        PlatformOption::Subset => {}
        PlatformOption::AllTier1 => {
            return Ok(Outcome::not_applicable(
                "every Tier 1 platform is wanted, by the offer or by the edition; see IEM-PLAT-02",
                wanted,
            ));
        }
    }
    let claimed = claimed(record);
    if claimed.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            "the offer declares a subset and names no platform of it",
        ));
    }
    let shared: Vec<Platform> = claimed
        .iter()
        .filter(|platform| tier_1.contains(platform))
        .cloned()
        .collect();
    let Some(first) = shared.first() else {
        return Ok(Outcome::unmet(
            format!(
                "the offer claims {}, none of them in Tier 1",
                listed(&claimed)
            ),
            wanted,
            "add an image for linux/amd64, the cheapest to build and to test",
        ));
    };
    healthy_on_one(&shared, runs, &wanted).ok_or_else(|| {
        Unseen::new(
            Reason::InputMissing,
            format!(
                "no healthy run on a claimed Tier 1 platform ({}); {}",
                listed(&shared),
                device_to_add(first)
            ),
        )
    })
}

/// The part of it that the repository shows: an image for a claimed Tier 1 platform.
fn in_repository(record: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let table = tier_1::table(record)?;
    let tier_1 = table.platforms();
    let wanted = format!(
        "an image for at least one platform of {}: {}",
        table.in_words(),
        listed(&tier_1)
    );
    if declared(record)? == PlatformOption::AllTier1 {
        return Ok(Outcome::not_applicable(
            "the offer declares all Tier 1 platforms; see IEM-PLAT-02",
            wanted,
        ));
    }
    let tag = default_tag(repository)?;
    let reference = format!("{}:{}", repository.name, tag.name);
    let built = repository.platforms_of(tag);
    if built.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!("{reference} names no platform; see IEM-CONT-01"),
        ));
    }
    let claimed = claimed(record);
    let serves = |platform: &&Platform| {
        (claimed.is_empty() || claimed.contains(platform))
            && built.iter().any(|built| runs_on(built, platform))
    };
    let shared: Vec<Platform> = tier_1.iter().filter(serves).cloned().collect();
    if shared.is_empty() {
        return Ok(Outcome::unmet(
            format!(
                "{reference} has images for {}, none of them claimed and in Tier 1",
                listed(&built)
            ),
            wanted,
            "add an image for linux/amd64, the cheapest to build and to test",
        ));
    }
    shown_without_runs(
        record,
        format!("{reference} has an image for {}", listed(&shared)),
        wanted,
    )
}

/// A real device decides; an emulated one alone is a concern.
fn healthy_on_one(shared: &[Platform], runs: &[PlatformRun], wanted: &str) -> Option<Outcome> {
    let healthy: Vec<(&Platform, &PlatformRun)> = shared
        .iter()
        .flat_map(|platform| runs.iter().map(move |run| (platform, run)))
        .filter(|(platform, run)| run.is_healthy() && speaks_of(run, platform))
        .collect();
    let real = healthy.iter().find(|(_, run)| !run.emulated);
    let (platform, run) = real.or(healthy.first())?;
    let saw = format!("healthy on {platform}: {}", run.named());
    Some(match real {
        Some(_) => Outcome::met(saw, wanted),
        None => Outcome::concern(
            saw,
            wanted,
            format!("run the certification on a real {platform} board too"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::sample;

    fn claiming(platform: &str) -> Record {
        let mut record = sample::record_claiming("1 GB of RAM");
        record.offer.plan.platforms = vec![platform.parse().unwrap()];
        // The paragraph without architectures claims none.
        record
    }

    #[test]
    fn a_healthy_run_on_a_tier_1_platform_passes() {
        let runs = [sample::platform_run("box", "linux/amd64")];
        let outcome = judge(&sample::record(), &runs).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(outcome.saw, "healthy on linux/amd64: box (Contoso Box 2)");
    }

    #[test]
    fn the_repository_shows_an_image_for_tier_1_or_that_there_is_none() {
        let mut record = sample::registry_record(&["1.0.1"]);
        let repository = sample::repository(&["1.0.1"]);
        let outcome = in_repository(&record, &repository).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome.saw.contains("linux/amd64, linux/arm/v7;"),
            "{}",
            outcome.saw
        );
        record.offer.plan.platforms = vec!["linux/riscv64".parse().unwrap()];
        record.offer.listing.description.clear();
        let outcome = in_repository(&record, &repository).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
    }

    #[test]
    fn a_subset_outside_tier_1_fails() {
        let runs = [sample::platform_run("box", "linux/riscv64")];
        let outcome = judge(&claiming("linux/riscv64"), &runs).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(outcome.saw.contains("linux/riscv64"), "{}", outcome.saw);
    }

    #[test]
    fn without_a_healthy_run_on_the_overlap_it_is_undecided() {
        let mut runs = [sample::platform_run("box", "linux/amd64")];
        runs[0].starts_healthy.verdict = Verdict::Fail;
        let unseen = judge(&sample::record(), &runs).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
        assert!(
            unseen.because.contains("device start x64"),
            "{}",
            unseen.because
        );
    }

    #[test]
    fn an_emulated_device_alone_is_a_concern() {
        let mut runs = [sample::platform_run("x64", "linux/amd64")];
        runs[0].emulated = true;
        let outcome = judge(&sample::record(), &runs).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert_eq!(outcome.saw, "healthy on linux/amd64: x64 (emulated)");
    }

    #[test]
    fn all_tier_1_platforms_are_another_requirement_s_business() {
        let mut record = sample::record();
        record.offer.plan.platform_option = Some(PlatformOption::AllTier1);
        assert_eq!(
            judge(&record, &[]).unwrap().kind,
            OutcomeKind::NotApplicable
        );
    }
}
