//! Merging: order, worst verdict, what belongs together, and what only several devices show.

use proptest::prelude::*;

use super::*;
use crate::finding::Grant;
use crate::observation::{Cause, Health, Start};
use crate::offer::PlatformOption;
use crate::platform::Platform;
use crate::sample;
use crate::units::Bytes;

/// How a device's run is to come out.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ends {
    Well,
    /// Every start crashes.
    Badly,
    /// The image was not seen.
    Open,
}

/// The sample's run on a device with this name and platform; its offer claims x64 and both ARMs.
fn record_on(device: &str, platform: &str, ends: Ends) -> Record {
    let platform: Platform = platform.parse().unwrap();
    let mut record =
        sample::record_claiming("Linux x64, arm32 and arm64 OS, 512 MB of RAM, 100 MB of storage");
    record.run.id = format!("run-on-{device}");
    record.offer.plan.platforms = ["linux/amd64", "linux/arm/v7", "linux/arm64"]
        .map(|text| text.parse().unwrap())
        .to_vec();
    record.candidate.platform = Some(platform.clone());
    record.candidate.image_id = Some(format!("sha256:{platform}"));
    record.device.memory = Some(Bytes::mib(1024));
    if let Observed::Seen(engine) = &mut record.device.engine {
        engine.platform = platform.clone();
        engine.version = "20.10.24".to_owned();
    }
    if let Observed::Seen(image) = &mut record.observations.image {
        image.platforms = vec![platform.clone()];
        image.platform = platform;
    }
    match ends {
        Ends::Well => {}
        Ends::Badly => record.observations.starts.iter_mut().for_each(crash),
        Ends::Open => {
            record.observations.image =
                Observed::unseen(Reason::Infrastructure, "no route to host");
        }
    }
    record
}

fn crash(start: &mut Start) {
    start.health = Health::Unhealthy {
        cause: Cause::Crashed,
        detail: "exited with code 3".to_owned(),
        missing: Vec::new(),
    };
}

fn report(device: &str, platform: &str, ends: Ends) -> (String, Report) {
    let record = record_on(device, platform, ends);
    (device.to_owned(), Report::judge(record, CATALOGUE))
}

fn three(ends: [Ends; 3]) -> Vec<(String, Report)> {
    let devices = [
        ("pi3", "linux/arm/v7"),
        ("pi4", "linux/arm64"),
        ("box", "linux/amd64"),
    ];
    devices
        .into_iter()
        .zip(ends)
        .map(|((device, platform), ends)| report(device, platform, ends))
        .collect()
}

fn finding<'a>(dossier: &'a Dossier, id: &str) -> &'a Finding {
    dossier.findings.iter().find(|one| one.id == id).unwrap()
}

/// Every mistake, one a line.
fn mistakes(reports: Vec<(String, Report)>) -> Vec<String> {
    let mistakes = assemble(reports).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn three_good_devices_are_conformant_in_fleet_scope() {
    let dossier = assemble(three([Ends::Well; 3])).unwrap();
    assert_eq!(
        dossier.headline(),
        "conformant (fleet scope, 43 of 63 assessed; 3 devices)",
        "{:#?}",
        dossier.blockers()
    );
    let names: Vec<&str> = dossier
        .devices
        .iter()
        .map(|row| row.device.as_str())
        .collect();
    assert_eq!(names, ["box", "pi3", "pi4"]);
    assert_eq!(finding(&dossier, "IEM-PLAT-06").verdict, Verdict::Pass);
    assert_eq!(
        finding(&dossier, "IEM-DEV-03").verdict,
        Verdict::NotApplicable
    );
    assert_eq!(finding(&dossier, "IEM-DEV-01").verdict, Verdict::Manual);
    assert_eq!(finding(&dossier, "IEM-UPD-01").verdict, Verdict::Warn);
}

#[test]
fn the_matrix_has_every_requirement_and_precondition_of_a_device_on_each() {
    let dossier = assemble(three([Ends::Well; 3])).unwrap();
    assert!(dossier.matrix.iter().any(|row| row.id == "IEM-PRE-01"));
    assert!(dossier.matrix.iter().all(|row| row.cells.len() == 3));
    let requirements = dossier
        .matrix
        .iter()
        .filter(|row| !row.id.starts_with("IEM-PRE-"));
    assert_eq!(requirements.count(), 43);
}

#[test]
fn one_bad_device_decides_and_the_finding_says_which() {
    let dossier = assemble(three([Ends::Well, Ends::Badly, Ends::Open])).unwrap();
    assert_eq!(dossier.verdict, RunVerdict::NotConformant);
    let verdicts: Vec<RunVerdict> = dossier.devices.iter().map(|row| row.verdict).collect();
    assert_eq!(
        verdicts,
        [
            RunVerdict::Undecided,
            RunVerdict::Undecided,
            RunVerdict::NotConformant
        ]
    );
    let starts = finding(&dossier, "IEM-CFG-07");
    assert_eq!(starts.verdict, Verdict::Fail);
    assert!(starts.saw.starts_with("on pi4: 0 of 3"), "{}", starts.saw);
    assert!(
        starts.saw.ends_with("pass on box; pass on pi3"),
        "{}",
        starts.saw
    );
    assert_eq!(finding(&dossier, "IEM-PLAT-06").verdict, Verdict::Fail);
    assert_eq!(dossier.devices[2].blocked_by[0].id, "IEM-CFG-07");
    assert_eq!(
        dossier.devices[2].run.first_failure.as_ref().unwrap().id,
        "IEM-CFG-07"
    );
}

#[test]
fn a_claimed_platform_without_a_device_leaves_it_undecided() {
    let mut reports = three([Ends::Well; 3]);
    reports.remove(0);
    let dossier = assemble(reports).unwrap();
    assert_eq!(dossier.verdict, RunVerdict::Undecided);
    let ids: Vec<&str> = dossier
        .blockers()
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(ids, ["IEM-PLAT-05", "IEM-PLAT-06"]);
}

#[test]
fn the_headline_tells_emulated_devices_and_runs_that_certify_nothing() {
    let mut reports = three([Ends::Well; 3]);
    reports[0].1.device.emulated = true;
    let dossier = assemble(reports.clone()).unwrap();
    assert!(dossier.headline().ends_with("; 3 devices, 1 emulated)"));
    assert_eq!(finding(&dossier, "IEM-PLAT-06").verdict, Verdict::Warn);
    for (_, report) in &mut reports {
        report.device.emulated = true;
    }
    reports[1].1.run.certifying = false;
    let dossier = assemble(reports).unwrap();
    assert!(!dossier.certifying);
    assert!(
        dossier
            .headline()
            .ends_with("; 3 devices, emulated; certifies nothing)"),
        "{}",
        dossier.headline()
    );
}

#[test]
fn a_finding_changed_by_hand_is_judged_again() {
    let mut reports = three([Ends::Well, Ends::Badly, Ends::Well]);
    for finding in &mut reports[1].1.findings {
        finding.verdict = Verdict::Pass;
    }
    reports[1].1.verdict = RunVerdict::Conformant;
    reports[1].1.observations.fleet = Observed::Seen(Vec::new());
    assert_eq!(
        assemble(reports).unwrap().verdict,
        RunVerdict::NotConformant
    );
}

#[test]
fn an_exception_covers_the_fleet_only_where_every_device_has_it_for_its_image() {
    let grant = |id: &str, digest: &str| Grant {
        id: id.to_owned(),
        by: "lab".to_owned(),
        on: "2026-11-01".to_owned(),
        expires: "2027-11-01".to_owned(),
        digest: digest.to_owned(),
        reason: "pilot".to_owned(),
    };
    let mut reports = three([Ends::Well, Ends::Badly, Ends::Well]);
    let ids = ["IEM-CFG-07", "IEM-CFG-08", "IEM-HW-03", "IEM-PLAT-06"];
    for (_, report) in &mut reports {
        let digest = report.candidate.image_id.clone().unwrap();
        report.run.options.grants = ids.map(|id| grant(id, &digest)).to_vec();
    }
    let whole = assemble(reports.clone()).unwrap();
    assert!(finding(&whole, "IEM-PLAT-06").granted.is_some());
    reports[0].1.run.options.grants.clear();
    let one_without = assemble(reports).unwrap();
    assert!(finding(&one_without, "IEM-PLAT-06").granted.is_none());
    assert_eq!(one_without.verdict, RunVerdict::NotConformant);
}

#[test]
fn the_json_reads_back_and_has_the_schema_in_front() {
    let dossier = assemble(three([Ends::Well, Ends::Badly, Ends::Open])).unwrap();
    let text = serde_json::to_string(&dossier).unwrap();
    assert!(text.starts_with(r#"{"schema":"edgeproof/dossier/1","#));
    assert_eq!(serde_json::from_str::<Dossier>(&text).unwrap(), dossier);
}

#[test]
fn nothing_to_merge_is_a_mistake() {
    assert_eq!(
        mistakes(Vec::new()),
        ["there is no report to merge; give at least one report"]
    );
}

#[test]
fn reports_that_do_not_belong_together_are_all_told() {
    let mut reports = three([Ends::Well; 3]);
    reports[0].1.offer.plan.image.tag = "1.0.2".to_owned();
    reports[1].1.schema = "edgeproof/report/2".to_owned();
    reports[1].1.run.edition = Edition::Edition2018;
    reports.push(report("box", "linux/amd64", Ends::Well));
    reports[3].1.candidate.image_id = Some("sha256:other".to_owned());
    let told = mistakes(reports);
    let starts = [
        "box: the device is there twice",
        "box /run/id: run run-on-box is also the run of box",
        "box /candidate: another image for linux/amd64 than on box",
        "pi3 /offer/plan/image/tag: not the offer that ran on box",
        "pi4 /schema: `edgeproof/report/2`, and this version reads `edgeproof/report/1`",
        "pi4 /run/edition: another edition",
    ];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told}\n{start}");
    }
}

/// As one archive was seen in a graph driver and in the containerd store: a config id here, a manifest of the store's own there.
#[test]
fn the_same_image_in_both_kinds_of_store_is_no_other_image() {
    let mut reports = vec![
        report("box", "linux/amd64", Ends::Well),
        report("store", "linux/amd64", Ends::Well),
    ];
    reports[0].1.candidate.manifest_digest = None;
    let candidate = &mut reports[1].1.candidate;
    candidate.image_id = Some("sha256:manifest".to_owned());
    candidate.manifest_digest = candidate.image_id.clone();
    assert!(assemble(reports.clone()).is_ok());

    let others: [fn(&mut Report); 3] = [
        // Other layers.
        |report| {
            if let Observed::Seen(image) = &mut report.observations.image {
                image.config.layers.push("sha256:one-more".to_owned());
            }
        },
        // Layers that were not seen.
        |report| report.observations.image = Observed::unseen(Reason::Infrastructure, "lost"),
        // Two stores with config ids.
        |report| report.candidate.manifest_digest = None,
    ];
    for other in others {
        let mut reports = reports.clone();
        other(&mut reports[1].1);
        let told = mistakes(reports);
        assert!(
            told.iter().any(|told| told.contains("another image")),
            "{told:#?}"
        );
    }
}

#[test]
fn a_name_that_could_leave_its_directory_and_a_report_of_the_text_alone_are_refused() {
    for name in ["", ".", "..", "../x", "a/b", "a b", "<script>", "ä"] {
        assert!(!is_device_name(name), "{name}");
        let report = report("box", "linux/amd64", Ends::Well).1;
        assert_eq!(mistakes(vec![(name.to_owned(), report)]).len(), 1, "{name}");
    }
    let (name, mut report) = report("box", "linux/amd64", Ends::Well);
    report.run.scope = ScopeName::Offer;
    assert_eq!(mistakes(vec![(name, report)]).len(), 1);
}

#[test]
fn an_image_whose_id_is_the_other_engine_s_manifest_is_the_same() {
    let mut reports = vec![
        report("old", "linux/amd64", Ends::Well),
        report("new", "linux/amd64", Ends::Well),
    ];
    reports[0].1.candidate.manifest_digest = Some("sha256:manifest".to_owned());
    reports[1].1.candidate.image_id = Some("sha256:manifest".to_owned());
    assert!(assemble(reports).is_ok());
}

#[test]
fn all_tier_1_platforms_can_be_shown() {
    let mut reports = three([Ends::Well; 3]);
    for (_, report) in &mut reports {
        report.offer.plan.platform_option = Some(PlatformOption::AllTier1);
    }
    let dossier = assemble(reports).unwrap();
    assert_eq!(finding(&dossier, "IEM-PLAT-02").verdict, Verdict::Pass);
    assert_eq!(
        finding(&dossier, "IEM-PLAT-03").verdict,
        Verdict::NotApplicable
    );
}

fn any_end() -> impl Strategy<Value = Ends> {
    prop_oneof![Just(Ends::Well), Just(Ends::Badly), Just(Ends::Open)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_makes_no_difference_and_the_verdict_is_the_worst(
        ends in [any_end(), any_end(), any_end()],
        emulated in any::<[bool; 3]>(),
        order in Just([0_usize, 1, 2]).prop_shuffle(),
        kept in 1_usize..4,
    ) {
        let mut reports = three(ends);
        for ((_, report), emulated) in reports.iter_mut().zip(emulated) {
            report.device.emulated = emulated;
        }
        reports.truncate(kept);
        let shuffled: Vec<(String, Report)> =
            order.iter().filter_map(|index| reports.get(*index).cloned()).collect();
        let dossier = assemble(reports).unwrap();
        prop_assert_eq!(&assemble(shuffled).unwrap(), &dossier);
        let fleet = RollUp::of(&dossier.findings, ScopeName::Fleet).verdict;
        let worst = dossier.devices.iter().fold(fleet, |worst, row| worst.worse(row.verdict));
        prop_assert_eq!(dossier.verdict, worst);
        for row in &dossier.devices {
            prop_assert!(row.verdict.worse(dossier.verdict) == dossier.verdict);
        }
        prop_assert_eq!(dossier.findings.len(), CATALOGUE.len());
        for finding in &dossier.findings {
            prop_assert_eq!(finding.verdict == Verdict::Inconclusive, finding.reason.is_some());
        }
    }
}

#[test]
fn a_device_s_report_beside_the_dossier_says_what_its_row_says() {
    let reports = three([Ends::Well; 3]);
    // Alone, no device can say what the image is built for elsewhere.
    assert!(
        reports
            .iter()
            .all(|(_, report)| report.verdict == RunVerdict::Undecided)
    );
    let merged = assemble_with_reports(reports).unwrap();
    for (row, (device, report)) in merged.dossier.devices.iter().zip(merged.reports) {
        assert_eq!(
            (&row.device, row.verdict),
            (&device, RunVerdict::Conformant)
        );
        assert_eq!(row.headline, report.headline());
        let again = Report::judge(report.clone().into_record(), CATALOGUE);
        assert_eq!(again, report);
    }
}
