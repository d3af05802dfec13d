//! `edgeproof lint`: judges an offer's text and settings, and visits its links, without a device.

use std::process::ExitCode;
use std::sync::Arc;

use conformance::certificate::Certificate;
use conformance::data::{Data, DataFile};
use conformance::finding::Finding;
use conformance::hardware::{self, Claim};
use conformance::inputs::Input;
use conformance::observation::{LinkVisit, Observations, Observed};
use conformance::offer::{Mistake, Offer};
use conformance::record::{
    Candidate, Device, Edition, Profile, Record, Reserve, Run, RunOptions, ScopeName,
};
use conformance::report::{Counts, Report, RunVerdict, Scope};
use conformance::requirements;
use conformance::route;
use serde::Serialize;

use crate::cli::{LintArgs, LintFormat};
use crate::data;
use crate::input;
use crate::links;
use crate::output;
use crate::render::{junit, markdown, sarif, text};

/// Schema identifier of the JSON printed.
const SCHEMA: &str = "edgeproof/lint/1";

/// What `--format json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Lint<'a> {
    schema: &'static str,
    headline: String,
    verdict: RunVerdict,
    scope: &'a Scope,
    counts: Counts,
    /// What the hardware paragraph claims; null if there is none.
    claim: Option<Claim>,
    /// The default routes as edgeHub reads them, by name.
    routes: Vec<route::Summary>,
    /// What was ignored or doubtful in the offer file.
    warnings: &'a [Mistake],
    findings: &'a [Finding],
    /// Where the offer's links led; null where none was to be visited.
    links: Option<&'a [LinkVisit]>,
    /// The dated data that judged.
    data: &'a [DataFile],
    /// The offer's parts by digest.
    inputs: &'a [Input],
}

/// Lints one offer file; the exit code is the verdict's.
///
/// # Errors
/// The offer file cannot be used, or standard output cannot be written.
pub fn run(args: &LintArgs) -> anyhow::Result<ExitCode> {
    let read = input::offer(&args.offer)?;
    let claim = hardware::read(&read.offer.listing.description).map(|paragraph| paragraph.claim);
    let certified = match &args.lab.certified {
        Some(path) => Some(input::certificate(path, &read.offer)?),
        None => None,
    };
    let data = data::of(args.lab.data.as_deref())?;
    let lab = Lab {
        links: links::observe(&read.offer, &data, &args.links)?,
        data,
        certified,
        // Tables hold from a month on and systems are supported until one, so the day of the judgement counts.
        today: jiff::Timestamp::now().to_string(),
    };
    let report = report(read.offer, args.edition.into(), lab);
    let printed = match args.format {
        LintFormat::Text => format!("{}{}", text::render(&report), warned(&read.warnings)),
        LintFormat::Json => json(&report, claim, &read.warnings),
        LintFormat::Junit => junit::render(&report),
        LintFormat::Sarif => sarif::render(&report),
        LintFormat::Markdown => markdown::render(&report),
    };
    output::print(&printed)?;
    Ok(ExitCode::from(report.verdict.exit_code()))
}

/// What the lab knows beside the offer.
#[derive(Debug, Clone)]
pub struct Lab {
    /// The dated data that judge.
    pub data: Arc<Data>,
    /// The certificate that the offer has from before.
    pub certified: Option<Certificate>,
    /// Where the offer's links led.
    pub links: Observed<Vec<LinkVisit>>,
    /// The time of the judgement, RFC 3339.
    pub today: String,
}

/// The offer judged by itself: offer scope, nothing observed but its links.
#[must_use]
pub fn report(offer: Offer, edition: Edition, lab: Lab) -> Report {
    let record = Record {
        run: Run {
            id: "lint".to_owned(),
            profile: Profile::quick(),
            certifying: true,
            edition,
            scope: ScopeName::Offer,
            started: lab.today,
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
            reference: offer.plan.image.reference(),
            ..Candidate::default()
        },
        offer,
        device: Device::default(),
        deviations: Vec::new(),
        observations: Observations {
            links: lab.links,
            ..Observations::default()
        },
        series: Vec::new(),
        data: lab.data,
        certified: lab.certified,
    };
    Report::judge(record, requirements::CATALOGUE)
}

fn json(report: &Report, claim: Option<Claim>, warnings: &[Mistake]) -> String {
    let lint = Lint {
        schema: SCHEMA,
        headline: report.headline(),
        verdict: report.verdict,
        scope: &report.scope,
        counts: report.counts,
        claim,
        routes: route::summaries(&report.offer.plan.routes),
        warnings,
        findings: &report.findings,
        links: report.observations.links.seen().map(Vec::as_slice),
        data: &report.data,
        inputs: &report.inputs,
    };
    serde_json::to_string_pretty(&lint).expect("a lint has string keys and no failing parts")
}

fn warned(warnings: &[Mistake]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    format!(
        "\nIgnored or doubtful in the offer file\n{}",
        input::told(warnings).trim_start_matches('\n')
    )
}
