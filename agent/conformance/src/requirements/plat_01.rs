//! IEM-PLAT-01: the offer takes one of the two platform options.

use super::fleet_runs::listed;
use super::plat_06::claimed;
use super::remarks::Remarks;
use super::tier_1;
use crate::finding::{Outcome, Unseen};
use crate::offer::PlatformOption;
use crate::platform::Platform;
use crate::record::{Edition, Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PLAT-01",
    slug: "platform-option-is-declared",
    title: "One platform option is declared",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Info,
    },
    stages: &[Stage::Offer],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Platform support",
    }],
    statement: "The offer chooses one of two options: every Tier 1 platform of IoT Edge, or a subset of them.",
    remedy: "Set `plan.platformOption` to `all-tier-1` or `subset` and list the platforms under `plan.platforms`.",
    judge: Judge::By(judge),
};

const WANTED: &str =
    "/plan/platformOption \"all-tier-1\" or \"subset\", and platforms that go with it";

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    if record.run.edition == Edition::Edition2018 {
        return Ok(Outcome::not_applicable(
            "the process note of 2018 knows no options: every platform counts; see IEM-PLAT-02",
            WANTED,
        ));
    }
    let table = tier_1::table(record)?;
    let tier_1 = table.platforms();
    let listed_in_plan = &record.offer.plan.platforms;
    let Some(option) = record.offer.plan.platform_option else {
        return Ok(undeclared(&claimed(record), &tier_1));
    };
    let mut remarks = Remarks::default();
    let met = match option {
        PlatformOption::AllTier1 => {
            let missing: Vec<Platform> = tier_1
                .iter()
                .filter(|platform| !listed_in_plan.is_empty() && !listed_in_plan.contains(platform))
                .cloned()
                .collect();
            if !missing.is_empty() {
                remarks.breach(
                    format!(
                        "/plan/platformOption is \"all-tier-1\", and /plan/platforms lists {} without {}, which {} has",
                        listed(listed_in_plan),
                        listed(&missing),
                        table.in_words()
                    ),
                    format!(
                        "add {} to /plan/platforms, or make the option \"subset\"",
                        listed(&missing)
                    ),
                );
            }
            format!("\"all-tier-1\": {}", listed(&tier_1))
        }
        PlatformOption::Subset => {
            let claimed = claimed(record);
            if claimed.is_empty() {
                remarks.breach(
                    "/plan/platformOption is \"subset\", and neither /plan/platforms nor the hardware paragraph names a platform",
                    "list the platforms under /plan/platforms",
                );
            }
            format!("\"subset\": {}", listed(&claimed))
        }
    };
    Ok(remarks.outcome(met, WANTED))
}

/// What the offer lists shows which option it takes, yet it has to say so.
fn undeclared(claimed: &[Platform], tier_1: &[Platform]) -> Outcome {
    let all = tier_1.iter().all(|platform| claimed.contains(platform));
    let option = if all { "all-tier-1" } else { "subset" };
    let saw = format!(
        "/plan/platformOption is missing; the offer names {}",
        listed(claimed)
    );
    if claimed.is_empty() {
        let remedy = "set /plan/platformOption to \"all-tier-1\" or \"subset\", and list the platforms under /plan/platforms";
        return Outcome::unmet(saw, WANTED, remedy);
    }
    let remedy = format!("set /plan/platformOption to \"{option}\", as the platforms have it");
    Outcome::concern(saw, WANTED, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(option: Option<PlatformOption>, platforms: &[&str], kind: OutcomeKind) -> Outcome {
        let mut record = sample::record_claiming("1 GB of RAM, 1 GB of storage");
        record.offer.plan.platform_option = option;
        record.offer.plan.platforms = platforms.iter().map(|one| one.parse().unwrap()).collect();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, kind, "{outcome:?}");
        outcome
    }

    const ALL: &[&str] = &["linux/amd64", "linux/arm/v7", "linux/arm64"];

    #[test]
    fn a_declared_option_with_its_platforms_passes() {
        check(
            Some(PlatformOption::Subset),
            &["linux/amd64"],
            OutcomeKind::Met,
        );
        check(Some(PlatformOption::AllTier1), &[], OutcomeKind::Met);
        check(Some(PlatformOption::AllTier1), ALL, OutcomeKind::Met);
    }

    #[test]
    fn an_option_that_its_platforms_contradict_fails_with_what_is_missing() {
        let outcome = check(
            Some(PlatformOption::AllTier1),
            &ALL[..2],
            OutcomeKind::Unmet,
        );
        assert!(
            outcome
                .saw
                .contains("without linux/arm64, which the Tier 1 table of IoT Edge 1.6")
        );
        assert!(
            outcome
                .remedy
                .unwrap()
                .starts_with("add linux/arm64 to /plan/platforms")
        );
        check(Some(PlatformOption::Subset), &[], OutcomeKind::Unmet);
    }

    #[test]
    fn an_option_that_is_only_inferred_is_a_concern_and_none_at_all_fails() {
        let outcome = check(None, &["linux/arm64"], OutcomeKind::Concern);
        assert!(outcome.remedy.unwrap().contains("\"subset\""));
        let outcome = check(None, ALL, OutcomeKind::Concern);
        assert!(outcome.remedy.unwrap().contains("\"all-tier-1\""));
        check(None, &[], OutcomeKind::Unmet);
    }

    #[test]
    fn the_edition_of_2018_knows_no_options() {
        let mut record = sample::record();
        record.offer.plan.platform_option = None;
        record.run.edition = Edition::Edition2018;
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
    }
}
