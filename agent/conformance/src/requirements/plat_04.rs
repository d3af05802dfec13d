//! IEM-PLAT-04: only platforms that are generally available in Tier 1 count.

use super::fleet_runs::listed;
use super::plat_05::{repository, runs_on};
use super::plat_06::claimed;
use super::remarks::Remarks;
use super::repository_tags::default_tag;
use super::tier_1;
use crate::data::{Row, Table};
use crate::finding::{Outcome, Reason, Unseen};
use crate::offer::PlatformOption;
use crate::platform::Platform;
use crate::record::{Edition, Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

/// By what the offer declares, and where its repository was seen by the images that are there: a platform without one does not count.
/// Whether one that is declared may lack is IEM-PLAT-02's and IEM-PLAT-05's question.
pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PLAT-04",
    slug: "platforms-are-generally-available",
    title: "Only generally available platforms count",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Registry],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Registry,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Platform support",
    }],
    statement: "A platform counts only while IoT Edge lists it as generally available in Tier 1.",
    remedy: "Support a platform that is generally available; plan the move from one that nears its end of life.",
    judge: Judge::By(judge),
};

/// An end of support that is nearer than this is told, in months.
const NEAR: u32 = 6;

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let table = tier_1::table(record)?;
    let images = images(record)?;
    let mut declared = declared(record, table);
    if let (true, Some(images)) = (declared.is_empty(), &images) {
        declared.clone_from(&images.platforms);
    }
    if declared.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            "the offer names no platform, neither in plan.platforms nor in its hardware paragraph; see IEM-PLAT-01",
        ));
    }
    let wanted = format!(
        "a platform that is generally available by {}, supported for {NEAR} months more",
        table.in_words()
    );
    let mut remarks = Remarks::default();
    let mut counting = Vec::new();
    let has_image = |platform: &Platform| {
        let images = images.as_ref();
        images.is_none_or(|images| {
            images
                .platforms
                .iter()
                .any(|built| runs_on(built, platform))
        })
    };
    for platform in &declared {
        let rows: Vec<&Row> = table.rows_of(platform).collect();
        let available: Vec<&Row> = rows.iter().copied().filter(|row| row.counts()).collect();
        if available.is_empty() || !has_image(platform) {
            continue;
        }
        counting.push(platform.clone());
        ends(platform, &available, &record.run.started, &mut remarks);
    }
    let idle: Vec<String> = declared
        .iter()
        .filter(|platform| !counting.contains(platform))
        .map(|platform| match &images {
            Some(images) if !has_image(platform) => {
                let reference = &images.reference;
                format!("{platform} has no image under {reference} and does not count")
            }
            _ => idle_in_words(platform, table),
        })
        .collect();
    if counting.is_empty() {
        remarks.breach(
            idle.join("; "),
            format!("support one of {}", listed(&table.platforms())),
        );
    }
    let mut met = format!(
        "{} by {}, confidence of its rows {}",
        listed(&counting),
        table.in_words(),
        confidence(&counting, table)
    );
    if !idle.is_empty() {
        met += &format!("; {}", idle.join("; "));
    }
    Ok(remarks.outcome(met, wanted))
}

/// What is under the default tag.
struct Images {
    reference: String,
    platforms: Vec<Platform>,
}

/// `None` where nobody looked at the repository and the offer alone is judged.
fn images(record: &Record) -> Result<Option<Images>, Unseen> {
    let Some(repository) = repository(record)? else {
        return Ok(None);
    };
    let tag = default_tag(repository)?;
    let reference = format!("{}:{}", repository.name, tag.name);
    let platforms = repository.platforms_of(tag);
    if platforms.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!("no platform of {reference} was seen; see IEM-CONT-01"),
        ));
    }
    Ok(Some(Images {
        reference,
        platforms,
    }))
}

/// What the offer says it serves: with the option for all, and in the edition of 2018, that is the table.
fn declared(record: &Record, table: &Table) -> Vec<Platform> {
    let all = record.offer.plan.platform_option == Some(PlatformOption::AllTier1);
    let claimed = claimed(record);
    if claimed.is_empty() && (all || record.run.edition == Edition::Edition2018) {
        table.platforms()
    } else {
        claimed
    }
}

/// Support that has ended or ends soon on every system of a platform is a concern, with the system that is supported longest.
fn ends(platform: &Platform, rows: &[&Row], started: &str, remarks: &mut Remarks) {
    let Some(horizon) = months_later(started, NEAR) else {
        return;
    };
    let ends_soon = |row: &Row| {
        row.until
            .as_deref()
            .is_some_and(|until| until < horizon.as_str())
    };
    if !rows.iter().all(|row| ends_soon(row)) {
        return;
    }
    let systems: Vec<String> = rows
        .iter()
        .filter_map(|row| Some(format!("{} until {}", row.system, row.until.as_deref()?)))
        .collect();
    let longest = rows.iter().max_by_key(|row| row.until.clone());
    let longest = longest.map_or("", |row| row.system.as_str());
    remarks.doubt(
        format!("{platform}: support by its makers ends or has ended on every system ({})", systems.join(", ")),
        format!("test on {longest}, the last of them, and plan for the system that IoT Edge lists after it"),
    );
}

/// The month this many months after a day, `2027-05`; `None` where the day is not known.
fn months_later(day: &str, months: u32) -> Option<String> {
    let year: u32 = day.get(..4)?.parse().ok()?;
    let month: u32 = day.get(5..7)?.parse().ok()?;
    let ahead = year
        .checked_mul(12)?
        .checked_add(month.checked_sub(1)?)?
        .checked_add(months)?;
    Some(format!("{:04}-{:02}", ahead / 12, ahead % 12 + 1))
}

fn idle_in_words(platform: &Platform, table: &Table) -> String {
    let previews: Vec<&str> = table
        .rows_of(platform)
        .map(|row| row.system.as_str())
        .collect();
    if previews.is_empty() {
        format!("{platform} is not in Tier 1 and does not count")
    } else {
        format!(
            "{platform} is in preview only and does not count ({})",
            previews.join(", ")
        )
    }
}

/// That of the best row of the platform about which least is known.
fn confidence(platforms: &[Platform], table: &Table) -> &'static str {
    let best = |platform: &Platform| {
        let rows = table.rows_of(platform).filter(|row| row.counts());
        rows.map(|row| row.confidence).max()
    };
    let least = platforms.iter().filter_map(best).min();
    least.map_or("unknown", |confidence| confidence.word())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::data::{Data, TIER_1};
    use crate::finding::OutcomeKind;
    use crate::observation::{ManifestKind, Observations};
    use crate::sample;

    fn declaring(platforms: &[&str]) -> Record {
        let mut record = sample::record_claiming("1 GB of RAM, 1 GB of storage");
        record.offer.plan.platforms = platforms.iter().map(|one| one.parse().unwrap()).collect();
        record
    }

    fn check(record: &Record, kind: OutcomeKind) -> Outcome {
        let outcome = judge(record).unwrap();
        assert_eq!(outcome.kind, kind, "{outcome:?}");
        outcome
    }

    #[test]
    fn a_generally_available_platform_passes_and_the_table_is_named() {
        let outcome = check(&declaring(&["linux/amd64"]), OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "linux/amd64 by the Tier 1 table of IoT Edge 1.6 (2026-07), confidence of its rows medium"
        );
        let outcome = check(&declaring(&["linux/386", "linux/arm64"]), OutcomeKind::Met);
        assert!(
            outcome
                .saw
                .ends_with("linux/386 is not in Tier 1 and does not count")
        );
    }

    #[test]
    fn platforms_outside_of_tier_1_alone_fail() {
        let outcome = check(
            &declaring(&["linux/386", "linux/s390x"]),
            OutcomeKind::Unmet,
        );
        assert_eq!(
            outcome.remedy.unwrap(),
            "support one of linux/amd64, linux/arm/v7, linux/arm64"
        );
    }

    #[test]
    fn a_platform_in_preview_alone_fails() {
        let mut record = declaring(&["windows/amd64"]);
        record.run.edition = Edition::Edition2018;
        record.run.started = "2018-10-01T00:00:00Z".to_owned();
        let outcome = check(&record, OutcomeKind::Unmet);
        assert!(
            outcome.saw.starts_with("windows/amd64 is in preview only"),
            "{}",
            outcome.saw
        );
        record.offer.plan.platforms = vec!["linux/amd64".parse().unwrap()];
        check(&record, OutcomeKind::Met);
    }

    #[test]
    fn support_that_nears_its_end_is_a_concern_with_the_last_system() {
        let mut record = declaring(&["linux/arm/v7"]);
        for (started, kind) in [
            ("2027-12-31T00:00:00Z", OutcomeKind::Met),
            ("2028-01-01T00:00:00Z", OutcomeKind::Concern),
            ("2031-01-01T00:00:00Z", OutcomeKind::Concern),
            ("", OutcomeKind::Met),
        ] {
            record.run.started = started.to_owned();
            check(&record, kind);
        }
        record.run.started = "2028-02-01T00:00:00Z".to_owned();
        let outcome = check(&record, OutcomeKind::Concern);
        assert!(
            outcome.saw.contains("Debian 12 until 2028-06"),
            "{}",
            outcome.saw
        );
        assert!(outcome.remedy.unwrap().contains("Debian 12"));
    }

    #[test]
    fn an_offer_that_names_no_platform_is_undecided_unless_it_takes_all() {
        let mut record = declaring(&[]);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
        record.offer.plan.platform_option = Some(PlatformOption::AllTier1);
        check(&record, OutcomeKind::Met);
    }

    #[test]
    fn where_the_repository_was_seen_a_platform_counts_with_an_image_alone() {
        let mut record = sample::registry_record(&["1.0.1"]);
        check(&record, OutcomeKind::Met);
        record.offer.plan.platforms = vec!["linux/arm64".parse().unwrap()];
        record.offer.listing.description = String::new();
        let outcome = check(&record, OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "linux/arm64 has no image under contoso.azurecr.io/air-quality:1.0.1 and does not count"
        );
        // An offer that names none, or a reference without an offer, is held to what is there.
        record.offer.plan.platforms.clear();
        let outcome = check(&record, OutcomeKind::Met);
        assert!(
            outcome.saw.starts_with("linux/amd64, linux/arm/v7 by"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn images_outside_of_tier_1_alone_fail_and_a_repository_that_was_not_seen_leaves_it_open() {
        let mut record = sample::with_repository(&["1.0.1"], |repository| {
            for manifest in &mut repository.manifests {
                if let ManifestKind::Index(children) = &mut manifest.kind {
                    for child in children {
                        child.platform = Some("linux/s390x".parse().unwrap());
                    }
                }
            }
        });
        record.offer.plan.platforms.clear();
        record.offer.listing.description = String::new();
        let outcome = check(&record, OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "linux/s390x is not in Tier 1 and does not count"
        );
        record.observations = Observations::default();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }

    #[test]
    fn a_table_of_the_lab_decides_in_place_of_the_shipped_one() {
        let mut tables: Value = serde_json::to_value(&Data::shipped().tier_1.content).unwrap();
        tables["tables"][3]["rows"][0]["platforms"] = json!(["linux/riscv64"]);
        let mut record = declaring(&["linux/riscv64"]);
        check(&record, OutcomeKind::Unmet);
        let data = Data::shipped().with(TIER_1, &tables.to_string()).unwrap();
        record.data = Arc::new(data);
        check(&record, OutcomeKind::Met);
    }
}
