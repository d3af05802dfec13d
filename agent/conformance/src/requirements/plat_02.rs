//! IEM-PLAT-02: an offer for all Tier 1 platforms has an image for each of them, and each starts.

use super::fleet_runs::{listed, starts_on_each};
use super::plat_05::runs_on;
use super::remarks::Remarks;
use super::repository_tags::default_tag;
use super::tag_03::missing;
use super::tier_1;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{PlatformRun, Repository};
use crate::offer::PlatformOption;
use crate::platform::Platform;
use crate::record::{Edition, Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PLAT-02",
    slug: "all-tier-1-platforms-are-served",
    title: "Every Tier 1 platform is served",
    force: Forces::always(Force::Must),
    stages: &[Stage::Registry, Stage::Fleet],
    scopes: &[ScopeName::Registry, ScopeName::Fleet, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Tier 1 platforms supported by IoT Edge",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Platform support",
        },
    ],
    statement: "An offer that declares all Tier 1 platforms carries an image for each of them under one tag, and each image starts.",
    remedy: "Build and push the platforms that are missing under the tag, or declare a subset.",
    judge: Judge::ByFleetOrRegistry {
        fleet: judge,
        registry: in_repository,
    },
};

fn judge(record: &Record, runs: &[PlatformRun]) -> Result<Outcome, Unseen> {
    let table = tier_1::table(record)?;
    let tier_1 = table.platforms();
    let wanted = format!(
        "an image that starts for each platform of {}: {}",
        table.in_words(),
        listed(&tier_1)
    );
    match declared(record)? {
        PlatformOption::AllTier1 => {}
        PlatformOption::Subset => {
            return Ok(Outcome::not_applicable(
                "the offer declares a subset; see IEM-PLAT-03",
                wanted,
            ));
        }
    }
    let mut remarks = Remarks::default();
    let (unbuilt, rest): (Vec<Platform>, Vec<Platform>) = tier_1
        .iter()
        .cloned()
        .partition(|platform| is_left_out(platform, runs));
    if !unbuilt.is_empty() {
        remarks.breach(
            format!("the tag has no image for {}", listed(&unbuilt)),
            format!("build and push {}", listed(&unbuilt)),
        );
    }
    let outcome = starts_on_each(&rest, runs, remarks, wanted)?;
    Ok(if unbuilt.is_empty() {
        outcome
    } else {
        outcome.with_paste(build_line(record, &tier_1))
    })
}

/// The line that builds every platform of the table.
fn build_line(record: &Record, tier_1: &[Platform]) -> String {
    format!(
        "docker buildx build --push --platform {} --tag {}:{} .",
        listed(tier_1).replace(", ", ","),
        record.offer.plan.image.repository,
        record.offer.plan.image.tag
    )
}

/// The part of it that the repository shows: an image for each platform. That each starts takes runs on devices.
fn in_repository(record: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let table = tier_1::table(record)?;
    let tier_1 = table.platforms();
    let wanted = format!(
        "an image for each platform of {}: {}",
        table.in_words(),
        listed(&tier_1)
    );
    if declared(record)? == PlatformOption::Subset {
        return Ok(Outcome::not_applicable(
            "the offer declares a subset; see IEM-PLAT-03",
            wanted,
        ));
    }
    let tag = default_tag(repository)?;
    let reference = format!("{}:{}", repository.name, tag.name);
    let missing = missing(repository, tag, &tier_1);
    if !missing.is_empty() {
        let outcome = Outcome::unmet(
            format!("{reference} has no image for {}", listed(&missing)),
            wanted,
            format!("build and push {}", listed(&missing)),
        );
        return Ok(outcome.with_paste(build_line(record, &tier_1)));
    }
    shown_without_runs(
        record,
        format!("{reference} has an image for {}", listed(&tier_1)),
        wanted,
    )
}

/// What the repository shows is the whole answer where the verdict speaks of the repository alone, and half of it elsewhere.
///
/// # Errors
/// The other half is runs on devices.
pub(super) fn shown_without_runs(
    record: &Record,
    saw: String,
    wanted: String,
) -> Result<Outcome, Unseen> {
    if record.run.scope == ScopeName::Registry {
        let saw = format!("{saw}; whether it starts there is for `edgeproof certify` on devices");
        Ok(Outcome::met(saw, wanted))
    } else {
        Err(Unseen::new(
            Reason::InputMissing,
            format!("{saw}, and no run on a device shows that it starts"),
        ))
    }
}

/// The option that the offer declares; in the edition of 2018 there is but one.
///
/// # Errors
/// It declares none.
pub(super) fn declared(record: &Record) -> Result<PlatformOption, Unseen> {
    if record.run.edition == Edition::Edition2018 {
        return Ok(PlatformOption::AllTier1);
    }
    record.offer.plan.platform_option.ok_or_else(|| {
        Unseen::new(
            Reason::InputMissing,
            "the offer does not say in plan.platformOption whether it serves all Tier 1 platforms or a subset",
        )
    })
}

/// Whether a whole index was seen, and none has the platform. An engine's store never shows what is *not* there.
fn is_left_out(platform: &Platform, runs: &[PlatformRun]) -> bool {
    let serves = |run: &PlatformRun| run.built.iter().any(|built| runs_on(built, platform));
    runs.iter().any(|run| run.index_seen) && !runs.iter().any(serves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn all() -> Record {
        let mut record = sample::record();
        record.offer.plan.platform_option = Some(PlatformOption::AllTier1);
        record
    }

    fn runs(platforms: &[&str]) -> Vec<PlatformRun> {
        platforms
            .iter()
            .enumerate()
            .map(|(number, platform)| sample::platform_run(&format!("device-{number}"), platform))
            .collect()
    }

    #[test]
    fn a_healthy_run_for_each_row_of_the_table_passes() {
        let outcome = judge(
            &all(),
            &runs(&["linux/amd64", "linux/arm/v7", "linux/arm64"]),
        )
        .unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
    }

    #[test]
    fn a_platform_that_the_index_lacks_fails_with_the_line_that_builds_it() {
        let mut runs = runs(&["linux/amd64", "linux/arm64"]);
        runs[0].index_seen = true;
        let outcome = judge(&all(), &runs).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(outcome.saw, "the tag has no image for linux/arm/v7");
        assert!(
            outcome
                .paste
                .unwrap()
                .contains("--platform linux/amd64,linux/arm/v7,linux/arm64")
        );
    }

    #[test]
    fn without_an_index_a_platform_without_a_run_is_undecided() {
        let unseen = judge(&all(), &runs(&["linux/amd64", "linux/arm64"])).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
        assert!(unseen.because.contains("arm32"), "{}", unseen.because);
    }

    #[test]
    fn the_edition_of_2018_wants_its_own_table_whatever_the_offer_declares() {
        let mut record = sample::record();
        record.run.edition = Edition::Edition2018;
        let outcome = judge(&record, &runs(&["linux/amd64", "linux/arm/v7"])).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.wanted.contains("IoT Edge 1.0 (2018-06)"));
        assert!(judge(&record, &runs(&["linux/amd64"])).is_err());
    }

    #[test]
    fn the_repository_shows_which_images_there_are_and_never_that_they_start() {
        let mut record = sample::registry_record(&["1.0.1"]);
        record.offer.plan.platform_option = Some(PlatformOption::AllTier1);
        let mut repository = sample::repository(&["1.0.1"]);
        let outcome = in_repository(&record, &repository).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.ends_with("has no image for linux/arm64"),
            "{}",
            outcome.saw
        );
        if let crate::observation::ManifestKind::Index(children) = &mut repository.manifests[0].kind
        {
            let mut another = children[0].clone();
            another.platform = "linux/arm64".parse().ok();
            children.push(another);
        }
        let outcome = in_repository(&record, &repository).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        record.run.scope = ScopeName::Full;
        let unseen = in_repository(&record, &repository).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
    }

    #[test]
    fn a_subset_is_another_requirement_s_business_and_no_option_nobody_s() {
        let mut record = sample::record();
        let kind = |record: &Record| judge(record, &[]).map(|outcome| outcome.kind);
        assert_eq!(kind(&record), Ok(OutcomeKind::NotApplicable));
        record.offer.plan.platform_option = None;
        assert_eq!(kind(&record).unwrap_err().reason, Reason::InputMissing);
    }
}
