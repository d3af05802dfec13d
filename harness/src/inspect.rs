//! `edgeproof inspect`: judges the repository that an offer names, without a device.

mod archive_path;
mod clam;
mod contents;
mod copies;
mod engine_store;
mod files;
mod finds;
#[cfg(any(test, feature = "hostile"))]
pub mod hostile;
mod layer;
mod lists;
mod passing;
mod program;
mod secrets;
mod source;
mod target;
mod tree;
mod walk;

use std::path::Path;
use std::process::ExitCode;

use conformance::data::Data;
use conformance::finding::{Finding, Reason};
use conformance::image::TagKind;
use conformance::observation::{
    Observations, Observed, Published, Repository, ScanReport, Sighting, Tested,
};
use conformance::offer::Mistake;
use conformance::record::{
    Candidate, Deviation, DeviationKind, Device, Edition, Profile, Record, Reserve, Run,
    RunOptions, ScopeName,
};
use conformance::report::{Counts, Report, RunVerdict, Scope};
use conformance::requirements;
use serde::Serialize;

use self::clam::Clam;
use self::source::{Source, SourceError};
use self::target::Target;
use self::walk::Wanted;
use crate::certify::uninterrupted;
use crate::cli::{InspectArgs, LintFormat};
use crate::data;
use crate::exit::Refused;
use crate::input;
use crate::ledger::Ledger;
use crate::output;
use crate::registry::RegistryError;
use crate::render::{junit, markdown, repository, sarif, text};

/// Schema identifier of the JSON printed.
const SCHEMA: &str = "edgeproof/inspect/1";

/// What `--format json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspection<'a> {
    schema: &'static str,
    headline: String,
    verdict: RunVerdict,
    scope: &'a Scope,
    counts: Counts,
    /// Everything that was seen; null where nothing was, and the findings say why.
    repository: Option<&'a Repository>,
    deviations: &'a [Deviation],
    /// What was ignored or doubtful in the offer file.
    warnings: &'a [Mistake],
    findings: &'a [Finding],
}

/// Inspects one repository; the exit code is the verdict's.
///
/// # Errors
/// What was given cannot be used, the ledger cannot be written, or standard output cannot.
pub fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let tested = args.tested.as_deref().map(tested).transpose()?;
    let data = data::of(args.data.as_deref())?;
    // Cut short, it takes its files for the engine's images and for the scanner away.
    let (target, now, mut registry) = uninterrupted(async {
        let target = target::resolve(args).await?;
        let now = now();
        let registry = observe(args, &target).await?;
        Ok((target, now, registry))
    })?;
    if let Observed::Seen(repository) = &mut registry {
        repository.tested = match tested {
            Some(tested) => Observed::Seen(tested),
            None => Observed::unseen(Reason::InputMissing, "no report of the test was given"),
        };
        repository.history = history(args, &target, repository, &now)?;
    }
    let warnings = target.warnings.clone();
    let record = Record {
        data,
        ..record(args, target, registry, now)
    };
    let report = Report::judge(record, requirements::CATALOGUE);
    let seen = report.observations.registry.seen();
    let printed = match args.format {
        LintFormat::Text => format!(
            "{}{}",
            text::render(&report),
            seen.map(repository::text).unwrap_or_default()
        ),
        LintFormat::Json => json(&report, seen, &warnings),
        LintFormat::Junit => junit::render(&report),
        LintFormat::Sarif => sarif::render(&report),
        LintFormat::Markdown => format!(
            "{}{}",
            markdown::render(&report),
            seen.map(repository::markdown).unwrap_or_default()
        ),
    };
    output::print(&printed)?;
    if args.format == LintFormat::Text && !warnings.is_empty() {
        output::note(&format!(
            "ignored or doubtful in the offer file\n{}",
            input::told(&warnings)
        ));
    }
    Ok(ExitCode::from(report.verdict.exit_code()))
}

/// The repository, or why it was not seen.
async fn observe(args: &InspectArgs, target: &Target) -> anyhow::Result<Observed<Repository>> {
    let image = &target.offer.plan.image;
    let reports = args.scan_report.iter().map(|path| scan_report(path));
    let scan_reports = reports.collect::<Result<Vec<ScanReport>, Refused>>()?;
    let wanted = Wanted {
        name: image.repository.clone(),
        mirror: args.mirror.clone(),
        default_tag: image.tag.clone(),
        every_layer: args.verify_layers,
        clam: scanner(args)?,
        scan_reports,
    };
    let mut repository = match walk::gather(&target.source, &wanted).await {
        Ok(repository) => repository,
        Err(error) => return Ok(unseen(&error)),
    };
    repository.published = match &args.published {
        Some(name) => published(args, name, &image.tag).await?,
        None => Observed::unseen(
            Reason::InputMissing,
            "no published copy was named (`--published REPOSITORY`)",
        ),
    };
    Ok(Observed::Seen(repository))
}

fn unseen<T>(error: &SourceError) -> Observed<T> {
    if error.is_refusal() {
        Observed::unseen(
            Reason::Configuration,
            format!("{error}; sign in with `docker login`, or name a file with --credentials"),
        )
    } else {
        Observed::unseen(Reason::Infrastructure, error.to_string())
    }
}

/// The published copy, as anybody would pull it.
async fn published(
    args: &InspectArgs,
    name: &str,
    tag: &str,
) -> anyhow::Result<Observed<Published>> {
    let (registry, tag) = target::published(args, name, tag)?;
    let reference = format!("{}:{tag}", registry.address().name());
    let answered = |digest: Option<String>, answer: Option<String>| {
        Observed::Seen(Published {
            reference: reference.clone(),
            digest,
            answer,
        })
    };
    Ok(match registry.manifest(&tag).await {
        Ok(Ok(body)) => answered(Some(body.digest), None),
        Ok(Err(answer)) => answered(None, Some(answer)),
        Err(error @ RegistryError::Refused { .. }) => answered(None, Some(error.to_string())),
        Err(error) => Observed::unseen(Reason::Infrastructure, error.to_string()),
    })
}

/// What was tested, by a stored report.
fn tested(path: &Path) -> anyhow::Result<Tested> {
    let report = input::report(path)?;
    let candidate = report.candidate;
    Ok(Tested {
        run: report.run.id,
        reference: candidate.reference,
        digests: candidate
            .manifest_digest
            .into_iter()
            .chain(candidate.image_id)
            .collect(),
    })
}

/// What looks for malware.
fn scanner(args: &InspectArgs) -> Result<Option<Clam>, Refused> {
    if args.no_clamav {
        return Ok(None);
    }
    Clam::find(args.clamav.as_deref())
}

/// The report of a scanner elsewhere.
fn scan_report(path: &Path) -> Result<ScanReport, Refused> {
    let refused = |why: String| Refused::BadInput(format!("{}: {why}", path.display()));
    let text = input::text(path)?;
    let report: ScanReport = serde_json::from_str(&text)
        .map_err(|error| refused(format!("no report of a scan: {error}")))?;
    match report.flaws().as_slice() {
        [] => Ok(report),
        flaws => Err(refused(format!(
            "{}\n  mend: `edgeproof schema scan-report` prints its form",
            flaws.join("; ")
        ))),
    }
}

/// What the ledger knew; what is seen now is added to it.
fn history(
    args: &InspectArgs,
    target: &Target,
    repository: &Repository,
    now: &str,
) -> anyhow::Result<Observed<Vec<Sighting>>> {
    let Some(path) = &args.ledger else {
        return Ok(Observed::unseen(
            Reason::InputMissing,
            "no ledger was given",
        ));
    };
    // What a lab's registry shows is not what the offer's shows.
    let name = match &target.source {
        Source::Registry(registry) => registry.address().name(),
        Source::Files(_, path) => path.clone(),
    };
    let mut ledger = Ledger::open(path, &name)?;
    if !ledger.broken().is_empty() {
        let lines: Vec<String> = ledger.broken().iter().take(8).map(u64::to_string).collect();
        output::note(&format!(
            "{}: lines that are no sightings and do not count: {}",
            path.display(),
            lines.join(", ")
        ));
    }
    let before = ledger.sightings().to_vec();
    let seen: Vec<Sighting> = repository
        .tags
        .iter()
        .filter(|tag| matches!(TagKind::of(&tag.name), TagKind::Version(_)))
        .filter_map(|tag| {
            Some(Sighting {
                repository: name.clone(),
                tag: tag.name.clone(),
                digest: tag.digest.clone()?,
                on: now.to_owned(),
            })
        })
        .collect();
    ledger.add(&seen)?;
    Ok(Observed::Seen(before))
}

fn record(
    args: &InspectArgs,
    target: Target,
    registry: Observed<Repository>,
    now: String,
) -> Record {
    let edition: Edition = args.edition.into();
    let image = target.offer.plan.image.clone();
    let digest = registry
        .seen()
        .and_then(|repository| repository.tag(&image.tag)?.digest.clone());
    Record {
        run: Run {
            id: "inspect".to_owned(),
            profile: Profile::quick(),
            certifying: target.offered && args.image.is_none() && !args.from_engine,
            edition,
            scope: ScopeName::Registry,
            started: now,
            finished: None,
            agent: String::new(),
            catalogue: requirements::VERSION.to_owned(),
            options: RunOptions {
                edition,
                ..RunOptions::default()
            },
            reserve: Reserve::tabled(),
        },
        candidate: Candidate {
            reference: image.reference(),
            manifest_digest: digest,
            source: Some(target.source.place()),
            ..Candidate::default()
        },
        deviations: deviations(args, &image.repository, &target.source.place()),
        offer: target.offer,
        device: Device::default(),
        data: Data::shipped(),
        certified: None,
        observations: Observations {
            registry,
            ..Observations::default()
        },
        series: Vec::new(),
    }
}

fn deviations(args: &InspectArgs, repository: &str, place: &str) -> Vec<Deviation> {
    let of = |what: &str, reason: &str, used: String| Deviation {
        kind: DeviationKind::Image,
        what: what.to_owned(),
        reason: reason.to_owned(),
        default: repository.into(),
        used: used.into(),
    };
    let mirror = args.mirror.iter().map(|host| {
        of(
            "registry",
            "--mirror: another registry was asked in place of the offer's",
            host.clone(),
        )
    });
    let image = args.image.iter().map(|path| {
        of(
            "images",
            "--image: an archive or a layout was read, no registry was asked",
            path.display().to_string(),
        )
    });
    let store = args.from_engine.then(|| {
        of(
            "images",
            "--from-engine: an engine's store was read, no registry was asked",
            place.to_owned(),
        )
    });
    mirror.chain(image).chain(store).collect()
}

fn json(report: &Report, repository: Option<&Repository>, warnings: &[Mistake]) -> String {
    let inspection = Inspection {
        schema: SCHEMA,
        headline: report.headline(),
        verdict: report.verdict,
        scope: &report.scope,
        counts: report.counts,
        repository,
        deviations: &report.deviations,
        warnings,
        findings: &report.findings,
    };
    serde_json::to_string_pretty(&inspection)
        .expect("an inspection has string keys and no failing parts")
}

/// RFC 3339, UTC, whole seconds.
fn now() -> String {
    let now = jiff::Timestamp::now();
    let seconds = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    seconds.to_string()
}
