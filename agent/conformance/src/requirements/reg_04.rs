//! IEM-REG-04: a malware scan of exactly these images found nothing.

use super::packages_seen::name_of;
use super::repository_tags::{default_tag, few};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{Content, ManifestKind, Repository, ScanReport};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-REG-04",
    slug: "malware-scan-is-clean",
    title: "The malware scan is clean",
    force: Forces::always(Force::Must),
    stages: &[Stage::Image, Stage::Person],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Onboarding step details",
    }],
    statement: "A scan for viruses and malware of exactly this image found nothing.",
    remedy: "Attach the scanner's report for this digest.",
    judge: Judge::ByRegistry(judge),
};

/// One image by a scan here and by the reports that are bound to it. Whoever found something is believed; else one that looked
/// at everything is enough.
fn judge(_: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "of every image under the default tag a scan to its end that found nothing, by a scanner here or in a report for its digest";
    let tag = default_tag(repository)?;
    if repository.contents.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!(
                "under the default tag \"{}\" there is no image whose config is there",
                tag.name
            ),
        ));
    }
    let (mut hits, mut clean, mut nobody) = (Vec::new(), Vec::new(), Vec::new());
    let mut unseen = None;
    for content in &repository.contents {
        let name = format!("{} ({})", name_of(content), content.digest);
        let reports = reports_of(repository, tag.digest.as_deref(), content);
        let found = hits_of(content, &reports);
        if !found.is_empty() {
            hits.push(format!("{name}: {}", few(&found)));
            continue;
        }
        match (content.scan.get(), reports.first()) {
            (Ok(scan), _) if scan.incomplete.is_empty() => {
                clean.push(format!("{name}: {} with {}", scan.scanner, scan.signatures));
            }
            (_, Some(report)) => {
                let ScanReport {
                    scanner,
                    version,
                    date,
                    ..
                } = report;
                clean.push(format!(
                    "{name}: {scanner} {version} on {date}, by its report"
                ));
            }
            (Ok(scan), None) => {
                let why = format!(
                    "{name}: {} found nothing, and did not look at everything: {}",
                    scan.scanner,
                    few(&scan.incomplete)
                );
                unseen.get_or_insert(Unseen::new(Reason::CannotMeasure, why));
            }
            (Err(why), None) if why.reason == Reason::InputMissing => {
                nobody.push(format!("{name}: {}", why.because));
            }
            (Err(why), None) => {
                let because = format!("{name}: {}", why.because);
                unseen.get_or_insert(Unseen::new(why.reason, because));
            }
        }
    }
    if !hits.is_empty() {
        return Ok(Outcome::unmet(
            few(&hits),
            wanted,
            "find out what brought it in, rebuild without it, and have it scanned again; a layer below keeps what a layer above removes",
        ));
    }
    if let Some(unseen) = unseen {
        return Err(unseen);
    }
    if nobody.is_empty() {
        return Ok(Outcome::met(
            format!("nothing found in {}", few(&clean)),
            wanted,
        ));
    }
    let others = strangers(repository, tag.digest.as_deref());
    Ok(Outcome::manual(
        format!("{}{others}", few(&nobody)),
        wanted,
        "install ClamAV with its signatures, or attach the report of a scanner for this digest with --scan-report",
    )
    .with_paste(slot(&repository.contents)))
}

/// The reports that are bound to an image: to its manifest, its config, or the list that it stands in.
fn reports_of<'a>(
    repository: &'a Repository,
    list: Option<&str>,
    content: &Content,
) -> Vec<&'a ScanReport> {
    let config = repository
        .manifest(&content.digest)
        .and_then(|one| match &one.kind {
            ManifestKind::Image(image) => Some(image.config.as_str()),
            ManifestKind::Index(_) | ManifestKind::Unreadable(_) => None,
        });
    let bound = |report: &&ScanReport| {
        let digest = report.digest.as_str();
        digest == content.digest || Some(digest) == list || Some(digest) == config
    };
    repository.scan_reports.iter().filter(bound).collect()
}

fn hits_of(content: &Content, reports: &[&ScanReport]) -> Vec<String> {
    let here = content.scan.seen().into_iter().flat_map(|scan| {
        let told = |hit| (scan.scanner.clone(), hit);
        scan.hits.iter().map(told)
    });
    let here =
        here.map(|(scanner, hit)| format!("{scanner} found {} in layer {}", hit.name, hit.layer));
    let elsewhere = reports.iter().flat_map(|report| {
        report.findings.iter().map(|one| {
            let at = one
                .path
                .as_ref()
                .map_or(String::new(), |path| format!(" in {path}"));
            format!(
                "{} {} found {}{at}",
                report.scanner, report.version, one.name
            )
        })
    });
    here.chain(elsewhere).collect()
}

/// Reports that are for none of the images.
fn strangers(repository: &Repository, list: Option<&str>) -> String {
    let of_none: Vec<String> = repository
        .scan_reports
        .iter()
        .filter(|report| {
            let of = |content: &Content| reports_of(repository, list, content).contains(report);
            !repository.contents.iter().any(of)
        })
        .map(|report| format!("{} for {}", report.scanner, report.digest))
        .collect();
    match of_none.as_slice() {
        [] => String::new(),
        _ => format!(
            "; attached, and for none of these images: {}",
            few(&of_none)
        ),
    }
}

/// The form of a report for the first image, to be filled in.
fn slot(contents: &[Content]) -> String {
    let digest = contents
        .first()
        .map_or("sha256:", |content| &content.digest);
    serde_json::json!({
        "schema": ScanReport::SCHEMA, "scanner": "<SCANNER>", "version": "<VERSION>", "date": "<DATE>", "digest": digest, "findings": [],
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Observed, Scan, ScanFinding, ScanHit};
    use crate::sample;

    fn check(change: impl FnOnce(&mut Repository)) -> Result<Outcome, Unseen> {
        let mut repository = sample::repository(&["1.0.1"]);
        change(&mut repository);
        judge(&sample::registry_record(&[]), &repository)
    }

    fn scan(hits: &[&str], incomplete: &[&str]) -> Observed<Scan> {
        let hit = |name: &&str| ScanHit {
            layer: "sha256:1".to_owned(),
            name: (*name).to_owned(),
        };
        Observed::Seen(Scan {
            scanner: "ClamAV 1.4.6".to_owned(),
            signatures: "1 signature".to_owned(),
            hits: hits.iter().map(hit).collect(),
            incomplete: incomplete.iter().map(|one| (*one).to_owned()).collect(),
        })
    }

    fn report(digest: &str, names: &[&str]) -> ScanReport {
        let finding = |name: &&str| ScanFinding {
            name: (*name).to_owned(),
            path: Some("/app/x".to_owned()),
        };
        ScanReport {
            schema: ScanReport::SCHEMA.to_owned(),
            scanner: "Guard".to_owned(),
            version: "7".to_owned(),
            date: "2026-11-27".to_owned(),
            digest: digest.to_owned(),
            findings: names.iter().map(finding).collect(),
        }
    }

    fn all_scanned(repository: &mut Repository, of: &Observed<Scan>) {
        for content in &mut repository.contents {
            content.scan = of.clone();
        }
    }

    #[test]
    fn nobody_who_scanned_waits_for_a_person_with_the_slot_for_a_report() {
        let outcome = check(|_| {}).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        let slot: ScanReport = serde_json::from_str(&outcome.paste.unwrap()).unwrap();
        assert_eq!(slot.digest, sample::digest("1.0.1", "linux/amd64"));
    }

    #[test]
    fn a_scan_to_its_end_without_a_hit_passes_and_a_hit_fails() {
        let outcome = check(|repository| all_scanned(repository, &scan(&[], &[]))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        let outcome = check(|repository| repository.contents[1].scan = scan(&["Eicar"], &["big"]));
        let outcome = outcome.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome
                .saw
                .ends_with("ClamAV 1.4.6 found Eicar in layer sha256:1"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn what_was_over_the_scanners_limits_is_open_unless_a_report_covers_it() {
        let open =
            |repository: &mut Repository| all_scanned(repository, &scan(&[], &["too large"]));
        let unseen = check(open).unwrap_err();
        assert!(unseen.because.ends_with("too large"), "{}", unseen.because);
        let outcome = check(|repository| {
            open(repository);
            repository.scan_reports = vec![report(&sample::digest("1.0.1", "index"), &[])];
        });
        assert_eq!(outcome.unwrap().kind, OutcomeKind::Met);
        let broken = Observed::unseen(Reason::Tool, "the scanner ended with 2");
        let unseen = check(|repository| all_scanned(repository, &broken)).unwrap_err();
        assert_eq!(unseen.reason, Reason::Tool);
    }

    #[test]
    fn a_report_counts_for_its_digest_alone() {
        let of = |version: &str, of: &str| report(&sample::digest(version, of), &[]);
        let both = || {
            vec![
                of("1.0.1", "linux/amd64"),
                of("1.0.1", "linux/arm/v7 config"),
            ]
        };
        let outcome = check(|repository| repository.scan_reports = both()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met, "{}", outcome.saw);
        for reports in [both()[..1].to_vec(), vec![of("1.0.0", "index")]] {
            let outcome = check(|repository| repository.scan_reports = reports).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Manual, "{}", outcome.saw);
        }
        let told = check(|repository| repository.scan_reports = vec![of("1.0.0", "index")]);
        assert!(
            told.unwrap()
                .saw
                .contains("for none of these images: Guard for")
        );
        let found = report(&sample::digest("1.0.1", "index"), &["Worm"]);
        let outcome = check(|repository| {
            all_scanned(repository, &scan(&[], &[]));
            repository.scan_reports = vec![found];
        });
        assert_eq!(outcome.unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn a_report_that_cannot_be_used_says_why() {
        assert!(report(&sample::digest("1", "x"), &[]).flaws().is_empty());
        let flawed = ScanReport {
            schema: "other".to_owned(),
            date: " ".to_owned(),
            ..report("sha256:12", &[])
        };
        assert_eq!(flawed.flaws().len(), 3, "{:?}", flawed.flaws());
    }
}
