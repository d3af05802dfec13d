//! A dossier as one self-contained page under the same policy as a report's: no script, nothing fetched, every text escaped.

use conformance::dossier::{Cell, DeviceRow, Dossier, MatrixRow};
use serde::Serialize;

use super::{fleet_alone, notices, offer_names, verdict_means, where_it_ran};
use crate::render::html::{Group, Item, STYLE, Tally, filled, groups, item, tallies};
use crate::render::words;

const PAGE: &str = include_str!("../html/dossier.html");
/// Rules that only the dossier's page needs, behind those of every page.
const MORE_STYLE: &str = include_str!("../html/dossier.css");

/// The whole page. Each device's own report is linked as `DEVICE/report.html`, beside the page.
#[must_use]
pub fn render(dossier: &Dossier) -> String {
    filled(PAGE, &format!("{STYLE}{MORE_STYLE}"), page(dossier))
}

/// What the template shows, in words.
#[derive(Debug, Serialize)]
struct Page {
    title: String,
    names: String,
    headline: String,
    verdict: &'static str,
    verdict_mark: &'static str,
    verdict_means: String,
    notices: Vec<&'static str>,
    assessed: usize,
    total: usize,
    run_line: String,
    tallies: Vec<Tally>,
    blockers: Vec<Item>,
    devices: Vec<Device>,
    matrix: Vec<Row>,
    fleet: Vec<Item>,
    groups: Vec<Group>,
}

/// A device's row.
#[derive(Debug, Serialize)]
struct Device {
    name: String,
    class: &'static str,
    mark: &'static str,
    verdict: &'static str,
    headline: String,
    run: String,
    facts: Vec<(&'static str, String)>,
    image: Option<String>,
    counts: Vec<Tally>,
    blocked_by: Vec<(String, String)>,
}

/// A requirement's row of the matrix.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    title: String,
    cells: Vec<Mark>,
}

/// A requirement on one device.
#[derive(Debug, Serialize)]
struct Mark {
    device: String,
    class: &'static str,
    mark: &'static str,
    word: String,
}

fn page(dossier: &Dossier) -> Page {
    let offer = &dossier.offer;
    let items = |findings: Vec<&conformance::finding::Finding>| -> Vec<Item> {
        findings.into_iter().map(|one| item(offer, one)).collect()
    };
    Page {
        title: offer.listing.name.clone(),
        names: offer_names(dossier),
        headline: dossier.headline(),
        verdict: dossier.verdict.word(),
        verdict_mark: words::verdict_mark(dossier.verdict),
        verdict_means: verdict_means(dossier),
        notices: notices(dossier),
        assessed: dossier.scope.assessed,
        total: dossier.scope.total,
        run_line: format!(
            "{}:{} · {} · edition {} · catalogue {}",
            offer.plan.image.repository,
            offer.plan.image.tag,
            words::number(dossier.devices.len(), "device"),
            words::edition(dossier.edition),
            dossier.catalogue
        ),
        tallies: tallies(dossier.counts),
        blockers: items(dossier.blockers()),
        devices: dossier.devices.iter().map(device).collect(),
        matrix: dossier.matrix.iter().map(row).collect(),
        fleet: items(fleet_alone(dossier)),
        groups: groups(offer, &dossier.findings),
    }
}

fn device(row: &DeviceRow) -> Device {
    Device {
        name: row.device.clone(),
        class: match row.verdict {
            conformance::report::RunVerdict::Conformant => "pass",
            conformance::report::RunVerdict::NotConformant => "fail",
            conformance::report::RunVerdict::Undecided => "inconclusive",
        },
        mark: words::verdict_mark(row.verdict),
        verdict: row.verdict.word(),
        headline: row.headline.clone(),
        run: row.run.run.clone(),
        facts: where_it_ran(row),
        image: row.image.clone(),
        counts: tallies(row.counts),
        blocked_by: row
            .blocked_by
            .iter()
            .map(|one| (one.id.clone(), one.title.clone()))
            .collect(),
    }
}

fn row(row: &MatrixRow) -> Row {
    Row {
        id: row.id.clone(),
        title: row.title.clone(),
        cells: row.cells.iter().map(mark).collect(),
    }
}

fn mark(cell: &Cell) -> Mark {
    let mut word = cell.verdict.word().to_owned();
    if let Some(reason) = cell.reason {
        word = format!("{word}: {}", words::reason(reason));
    }
    if cell.marginal {
        word.push_str(", marginal");
    }
    if cell.granted {
        word.push_str(", granted");
    }
    Mark {
        device: cell.device.clone(),
        class: cell.verdict.word(),
        mark: words::mark(cell.verdict),
        word,
    }
}
