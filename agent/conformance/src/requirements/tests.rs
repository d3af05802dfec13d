//! The whole catalogue held to its conventions, and every judge to what all of them must keep.

use std::collections::BTreeSet;

use super::CATALOGUE;
use crate::finding::{Finding, Verdict};
use crate::observation::Observations;
use crate::record::{Device, Edition, Record, ScopeName};
use crate::report::{Report, RunVerdict};
use crate::requirement::{Document, Force, Judge, Requirement, Stage};
use crate::sample;

/// Families in the programme's order, with how many entries each has.
const FAMILIES: [(&str, usize); 18] = [
    ("CONT", 2),
    ("PLAT", 6),
    ("DEV", 3),
    ("HW", 8),
    ("CFG", 9),
    ("DOC", 2),
    ("TAG", 7),
    ("REG", 4),
    ("TEL", 3),
    ("SDK", 1),
    ("SEC", 4),
    ("UPD", 3),
    ("USE", 1),
    ("LEG", 5),
    ("SUP", 2),
    ("CAT", 1),
    ("PUB", 2),
    ("PRE", 8),
];

/// Headings of the current programme's page.
const CURRENT_HEADINGS: &[&str] = &[
    "Get started",
    "Technical requirements",
    "Platform support",
    "Tier 1 platforms supported by IoT Edge",
    "A subset of Tier 1 platforms supported by IoT Edge",
    "Device dimensions",
    "Configuration",
    "Default configuration",
    "Configuration documentation",
    "Tags and versioning",
    "Telemetry",
    "Security",
    "Module IoT SDK",
    "Recertification process",
    "Host module in Azure Container Registry",
];

/// Headings of the process note of 2018.
const HEADINGS_2018: &[&str] = &[
    "Understanding an IoT Edge module",
    "Onboarding step details",
    "Technical requirements",
    "Be an IoT Edge module",
    "Platform support",
    "Device dimensioning",
    "Default settings",
    "Versioning",
    "Telemetry",
    "Security",
    "Updates",
    "Module IoT SDK",
    "Subjective requirement",
    "Legal requirements (from AMP policy)",
    "Support requirements (from AMP policy)",
    "Categorization",
];

fn is_judged(entry: &Requirement) -> bool {
    !matches!(entry.judge, Judge::NothingObservesIt)
}

fn needs_a_fleet(entry: &Requirement) -> bool {
    matches!(
        entry.judge,
        Judge::ByFleet(_) | Judge::ByFleetOrRegistry { .. }
    )
}

fn needs_a_repository(entry: &Requirement) -> bool {
    matches!(entry.judge, Judge::ByRegistry(_))
}

/// Whether its evidence is more than the offer's text and a person's word.
fn needs_an_observation(entry: &Requirement) -> bool {
    entry
        .stages
        .iter()
        .any(|stage| !matches!(stage, Stage::Offer | Stage::Person))
}

/// What no run answers, however good the module: a person's questions, and what nobody looks for in an image yet.
fn left_open(finding: &Finding) -> bool {
    match finding.id.as_str() {
        "IEM-DEV-02" | "IEM-LEG-01" | "IEM-PUB-01" | "IEM-USE-01" => {
            finding.verdict == Verdict::Manual
        }
        "IEM-LEG-04" => finding.verdict == Verdict::Inconclusive,
        _ => false,
    }
}

fn judge_all(record: &Record) -> Vec<Finding> {
    CATALOGUE
        .iter()
        .map(|entry| entry.finding(record))
        .collect()
}

#[test]
fn the_catalogue_is_63_requirements_and_8_preconditions_in_order() {
    let expected: Vec<String> = FAMILIES
        .iter()
        .flat_map(|(family, count)| (1..=*count).map(move |n| format!("IEM-{family}-{n:02}")))
        .collect();
    let ids: Vec<&str> = CATALOGUE.iter().map(|entry| entry.id).collect();
    assert_eq!(ids, expected);
    let preconditions = CATALOGUE.iter().filter(|entry| entry.is_precondition());
    assert_eq!((preconditions.count(), CATALOGUE.len()), (8, 71));
}

#[test]
fn names_are_unique_and_fit_for_file_names() {
    let slugs: BTreeSet<&str> = CATALOGUE.iter().map(|entry| entry.slug).collect();
    let titles: BTreeSet<&str> = CATALOGUE.iter().map(|entry| entry.title).collect();
    assert_eq!((slugs.len(), titles.len()), (71, 71));
    for slug in slugs {
        let parts_are_words = slug.split('-').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        assert!(parts_are_words && slug.len() <= 40, "{slug}");
    }
}

#[test]
fn every_text_is_filled_in_and_well_formed() {
    for entry in CATALOGUE {
        for sentence in [entry.statement, entry.remedy] {
            assert!(sentence.ends_with('.'), "{}: {sentence}", entry.id);
            assert!(
                (20..=260).contains(&sentence.len()),
                "{}: {sentence}",
                entry.id
            );
        }
        assert!(!entry.title.ends_with('.'), "{}", entry.id);
        assert!(
            (8..=60).contains(&entry.title.len()),
            "{}: {}",
            entry.id,
            entry.title
        );
        for text in [entry.title, entry.statement, entry.remedy] {
            assert_eq!(text, text.trim(), "{}", entry.id);
            assert!(!text.contains("  ") && !text.contains('\n'), "{}", entry.id);
            let first = text.chars().next().unwrap();
            assert!(!first.is_lowercase(), "{}: {text}", entry.id);
        }
    }
}

#[test]
fn every_entry_names_headings_that_exist() {
    for entry in CATALOGUE {
        assert!(!entry.sources.is_empty(), "{}", entry.id);
        for source in entry.sources {
            let known = match source.document {
                Document::TechnicalAssets => CURRENT_HEADINGS.contains(&source.heading),
                Document::ProcessNote2018 => HEADINGS_2018.contains(&source.heading),
                Document::Edgeproof => entry.is_precondition(),
            };
            assert!(known, "{}: {}", entry.id, source.heading);
        }
    }
}

#[test]
fn stages_are_sorted_and_eleven_entries_need_a_persons_word() {
    let order = [
        Stage::Offer,
        Stage::Image,
        Stage::Registry,
        Stage::Device,
        Stage::Fleet,
        Stage::Person,
    ];
    for entry in CATALOGUE {
        let places: Vec<usize> = entry
            .stages
            .iter()
            .map(|stage| order.iter().position(|known| known == stage).unwrap())
            .collect();
        assert!(!places.is_empty(), "{}", entry.id);
        assert!(places.is_sorted_by(|a, b| a < b), "{}", entry.id);
    }
    let with = CATALOGUE
        .iter()
        .filter(|entry| entry.stages.contains(&Stage::Person));
    let alone = CATALOGUE
        .iter()
        .filter(|entry| entry.stages == [Stage::Person]);
    assert_eq!((with.count(), alone.count()), (11, 3));
}

#[test]
fn an_entry_joins_device_or_fleet_scope_when_something_observes_it() {
    for entry in CATALOGUE {
        assert!(entry.scopes.contains(&ScopeName::Full), "{}", entry.id);
        let unjudged_alone = is_judged(entry) || entry.scopes == [ScopeName::Full];
        assert!(unjudged_alone, "{}", entry.id);
        let device = entry.scopes.contains(&ScopeName::Device);
        let fleet = entry.scopes.contains(&ScopeName::Fleet);
        assert!(fleet || !device, "{}", entry.id);
        assert_eq!(
            device,
            is_judged(entry) && !needs_a_fleet(entry) && !needs_a_repository(entry),
            "{}",
            entry.id
        );
    }
    let judged_in = |scope: ScopeName| {
        let judged = |entry: &&Requirement| {
            is_judged(entry) && !entry.is_precondition() && entry.scopes.contains(&scope)
        };
        CATALOGUE.iter().filter(judged).count()
    };
    assert_eq!(judged_in(ScopeName::Registry), 21);
    assert_eq!(judged_in(ScopeName::Device), 43);
    assert_eq!(judged_in(ScopeName::Fleet), 48);
    assert_eq!(judged_in(ScopeName::Full), 62);
}

#[test]
fn where_the_editions_disagree_the_force_differs() {
    let differing: Vec<&str> = CATALOGUE
        .iter()
        .filter(|entry| entry.force.current != entry.force.edition_2018)
        .map(|entry| entry.id)
        .collect();
    assert_eq!(
        differing,
        [
            "IEM-PLAT-01",
            "IEM-PLAT-03",
            "IEM-HW-01",
            "IEM-HW-02",
            "IEM-TEL-01",
            "IEM-TEL-02",
            "IEM-SEC-01"
        ]
    );
}

#[test]
fn nothing_starts_as_passed() {
    let mut record = sample::record();
    record.observations = Observations::default();
    record.device = Device::default();
    for (entry, finding) in CATALOGUE.iter().zip(judge_all(&record)) {
        // What the offer declares is the whole question where nobody looked at its repository.
        if needs_an_observation(entry) && entry.id != "IEM-PLAT-04" {
            assert_eq!(
                finding.verdict,
                Verdict::Inconclusive,
                "{}: {}",
                entry.id,
                finding.saw
            );
        }
    }
}

#[test]
fn the_sample_is_conformant_and_every_finding_says_what_was_seen_and_wanted() {
    let report = Report::judge(sample::record(), CATALOGUE);
    for finding in &report.findings {
        assert!(
            !finding.saw.is_empty() && !finding.wanted.is_empty(),
            "{}",
            finding.id
        );
        if finding.in_scope {
            // The sample claims no CPU, and is told so.
            let good = matches!(finding.verdict, Verdict::Pass | Verdict::NotApplicable)
                || finding.id == "IEM-HW-04" && finding.verdict == Verdict::Warn
                || left_open(finding);
            assert!(good, "{finding:#?}");
        }
    }
    assert_eq!(report.verdict, RunVerdict::Conformant);
    assert_eq!(
        report.headline(),
        "conformant (device scope, 38 of 63 assessed)"
    );
}

#[test]
fn a_repository_in_order_is_conformant_and_says_how_much_of_the_programme_that_is() {
    let report = Report::judge(
        sample::registry_record(&["1.0.0", "1.0.1", "latest"]),
        CATALOGUE,
    );
    for finding in report.findings.iter().filter(|finding| finding.in_scope) {
        // Nobody has seen its tags before, and that is told.
        let good = matches!(finding.verdict, Verdict::Pass | Verdict::NotApplicable)
            || finding.id == "IEM-TAG-04" && finding.verdict == Verdict::Warn
            || ["IEM-REG-04", "IEM-SEC-04"].contains(&finding.id.as_str())
                && finding.verdict == Verdict::Manual;
        assert!(good, "{finding:#?}");
    }
    assert_eq!(
        report.headline(),
        "conformant (registry scope, 19 of 63 assessed)"
    );
}

#[test]
fn a_good_module_on_the_sdk_is_conformant() {
    let report = Report::judge(sample::sdk_record(|_| {}), CATALOGUE);
    let bad: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.in_scope && finding.id != "IEM-HW-04" && !left_open(finding))
        .filter(|finding| !matches!(finding.verdict, Verdict::Pass | Verdict::NotApplicable))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert_eq!(report.verdict, RunVerdict::Conformant);
}

#[test]
fn severity_is_the_editions() {
    let mut record = sample::record();
    record.run.edition = Edition::Edition2018;
    let forces: Vec<Force> = judge_all(&record)
        .iter()
        .map(|finding| finding.force)
        .collect();
    let expected: Vec<Force> = CATALOGUE
        .iter()
        .map(|entry| entry.force.edition_2018)
        .collect();
    assert_eq!(forces, expected);
}
