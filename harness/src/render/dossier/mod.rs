//! The faces of a dossier: the verdict over all devices, the matrix, and what only several devices show.

pub mod html;
pub mod junit;
pub mod markdown;
pub mod sarif;
pub mod text;

use std::path::{Path, PathBuf};

use conformance::dossier::{DeviceRow, Dossier};
use conformance::finding::Finding;
use conformance::report::RunVerdict;
use conformance::requirement::Stage;

use super::WriteError;
use super::write::write_faces;

/// What every face says where a run certifies nothing.
const CERTIFIES_NOTHING: &str = "At least one run used a custom profile or another image than the offer's: the dossier certifies nothing, whatever its verdict.";
/// What every face says where a device was emulated.
const EMULATED: &str = "Emulated devices show behaviour, memory and start-up; their times and CPU use say nothing about a real board.";

/// Writes `dossier.json`, `dossier.html`, `dossier.md`, `junit.xml` and `dossier.sarif` into `dir`, making it if needed.
///
/// The page links each device's own report as `DEVICE/report.html` beside it: whoever writes a dossier writes those too.
///
/// # Errors
/// The directory or file that could not be written.
pub fn write_all(dossier: &Dossier, dir: &Path) -> Result<Vec<PathBuf>, WriteError> {
    let faces = [
        ("dossier.json", json(dossier)),
        ("dossier.html", html::render(dossier)),
        ("dossier.md", markdown::render(dossier)),
        ("junit.xml", junit::render(dossier)),
        ("dossier.sarif", sarif::render(dossier)),
    ];
    write_faces(&faces, dir)
}

/// `dossier.json`: the dossier itself, indented, with a line feed at its end. Of the overlay only names are written.
///
/// # Panics
/// Never: a dossier has string keys and no failing parts.
#[must_use]
pub fn json(dossier: &Dossier) -> String {
    let mut shown = dossier.clone();
    shown.offer.overlay = shown.offer.overlay.hidden();
    let mut text = serde_json::to_string_pretty(&shown)
        .expect("a dossier has string keys and no failing parts");
    text.push('\n');
    text
}

/// What the overall verdict means, in a sentence.
fn verdict_means(dossier: &Dossier) -> String {
    let count = dossier.blockers().len();
    match dossier.verdict {
        RunVerdict::Conformant => "Every requirement in this scope that must hold was judged on every device, and none stands against it.".to_owned(),
        RunVerdict::NotConformant => {
            "At least one requirement that must hold does not, on one device or over all of them.".to_owned()
        }
        RunVerdict::Undecided => format!(
            "Nothing that must hold was seen to fail, but {} could not be judged everywhere.",
            super::words::number(count, "requirement")
        ),
    }
}

/// Sentences that qualify the verdict.
fn notices(dossier: &Dossier) -> Vec<&'static str> {
    let emulated = dossier.devices.iter().any(|row| row.run.emulated);
    let mut notices = Vec::new();
    if !dossier.certifying {
        notices.push(CERTIFIES_NOTHING);
    }
    if emulated {
        notices.push(EMULATED);
    }
    notices
}

/// `contoso.air-quality.standard`.
fn offer_names(dossier: &Dossier) -> String {
    let offer = &dossier.offer;
    format!(
        "{}.{}.{}",
        offer.publisher_id, offer.offer_id, offer.plan_id
    )
}

/// Findings that no single device could show: what was judged over the fleet and does not stand in the matrix.
fn fleet_alone(dossier: &Dossier) -> Vec<&Finding> {
    let in_matrix = |finding: &Finding| dossier.matrix.iter().any(|row| row.id == finding.id);
    dossier
        .findings
        .iter()
        .filter(|finding| finding.in_scope || waits_for_a_person(finding))
        .filter(|finding| !in_matrix(finding))
        .collect()
}

/// Outside the scope, but a person can act on it: the devices showed all that devices can.
fn waits_for_a_person(finding: &Finding) -> bool {
    finding.verdict == conformance::finding::Verdict::Manual
        && finding.stages.contains(&Stage::Device)
}

/// Platform, board, engine and cgroup hierarchy of a device, in words.
fn where_it_ran(row: &DeviceRow) -> Vec<(&'static str, String)> {
    let run = &row.run;
    let unseen = || "not seen".to_owned();
    let cgroup = match (&run.cgroup_version, run.memory_controller) {
        (Some(version), true) => format!("v{version}"),
        (Some(version), false) => format!("v{version}, no memory controller"),
        (None, _) => unseen(),
    };
    let board = match (&run.board, run.emulated) {
        (Some(board), true) => format!("{board}, emulated"),
        (None, true) => "emulated".to_owned(),
        (Some(board), false) => board.clone(),
        (None, false) => "no model name".to_owned(),
    };
    let size = match (run.cores, run.memory) {
        (Some(cores), Some(memory)) => {
            format!("{}, {memory}", super::words::number(cores as usize, "core"))
        }
        _ => unseen(),
    };
    vec![
        (
            "Platform",
            run.platform
                .as_ref()
                .map_or_else(unseen, ToString::to_string),
        ),
        ("Board", board),
        ("Size", size),
        ("Engine", run.engine.clone().unwrap_or_else(unseen)),
        ("Cgroup", cgroup),
    ]
}

/// `IEM-CFG-07, IEM-HW-03`: what blocks a device's run.
fn blocked_by(row: &DeviceRow) -> String {
    let ids: Vec<&str> = row.blocked_by.iter().map(|one| one.id.as_str()).collect();
    ids.join(", ")
}
