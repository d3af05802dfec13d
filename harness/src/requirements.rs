//! `edgeproof requirements`: the catalogue as a list, as JSON, or as a document.

use std::fmt::Write as _;
use std::process::ExitCode;

use conformance::catalogue_text;
use conformance::record::ScopeName;
use conformance::requirement::{Force, Judge, Requirement, Stage};
use conformance::requirements::{CATALOGUE, VERSION};
use serde::Serialize;

use crate::cli::{ListFormat, RequirementsArgs};
use crate::output;
use crate::render::words;

/// What `--format json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Catalogue {
    schema: &'static str,
    catalogue: &'static str,
    requirements: Vec<Entry>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: &'static str,
    slug: &'static str,
    title: &'static str,
    force: EntryForce,
    stages: &'static [Stage],
    scopes: &'static [ScopeName],
    sources: Vec<EntrySource>,
    statement: &'static str,
    remedy: &'static str,
    precondition: bool,
    /// Whether something observes it, so that it can come to another verdict than inconclusive.
    judged: bool,
}

#[derive(Debug, Serialize)]
struct EntryForce {
    current: Force,
    #[serde(rename = "2018")]
    edition_2018: Force,
}

#[derive(Debug, Serialize)]
struct EntrySource {
    document: &'static str,
    heading: &'static str,
}

/// Prints the catalogue.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &RequirementsArgs) -> anyhow::Result<ExitCode> {
    let printed = match args.format {
        ListFormat::Text => text(),
        ListFormat::Json => json(),
        ListFormat::Markdown => catalogue_text::markdown(CATALOGUE, VERSION),
    };
    output::print(&printed)?;
    Ok(ExitCode::SUCCESS)
}

/// Whether something observes an entry.
#[must_use]
pub fn is_judged(entry: &Requirement) -> bool {
    match entry.judge {
        Judge::By(_)
        | Judge::ByRegistry(_)
        | Judge::ByFleet(_)
        | Judge::ByFleetOrRegistry { .. } => true,
        Judge::NothingObservesIt => false,
    }
}

fn text() -> String {
    let mut out = String::new();
    for entry in CATALOGUE {
        let judged = if is_judged(entry) {
            "judged"
        } else {
            "not yet"
        };
        let _ = writeln!(
            out,
            "{:<12} {:<6} {judged:<8} {}",
            entry.id,
            words::force(entry.force.current),
            entry.title
        );
    }
    let requirements = CATALOGUE
        .iter()
        .filter(|entry| !entry.is_precondition())
        .count();
    let _ = writeln!(
        out,
        "\ncatalogue {VERSION}: {} and {}, {} judged by this version",
        words::number(requirements, "requirement"),
        words::number(CATALOGUE.len() - requirements, "precondition"),
        CATALOGUE.iter().filter(|entry| is_judged(entry)).count()
    );
    out
}

fn json() -> String {
    let catalogue = Catalogue {
        schema: "edgeproof/catalogue/1",
        catalogue: VERSION,
        requirements: CATALOGUE.iter().map(described).collect(),
    };
    serde_json::to_string_pretty(&catalogue)
        .expect("a catalogue has string keys and no failing parts")
}

fn described(entry: &Requirement) -> Entry {
    Entry {
        id: entry.id,
        slug: entry.slug,
        title: entry.title,
        force: EntryForce {
            current: entry.force.current,
            edition_2018: entry.force.edition_2018,
        },
        stages: entry.stages,
        scopes: entry.scopes,
        sources: entry
            .sources
            .iter()
            .map(|source| EntrySource {
                document: source.document.title(),
                heading: source.heading,
            })
            .collect(),
        statement: entry.statement,
        remedy: entry.remedy,
        precondition: entry.is_precondition(),
        judged: is_judged(entry),
    }
}
