//! A dossier for a terminal. Styles are ANSI sequences; `anstream` keeps or strips them where it is printed.

use std::fmt::Write as _;

use conformance::dossier::{DeviceRow, Dossier, MatrixRow};
use conformance::finding::{Finding, Verdict};

use super::{blocked_by, fleet_alone, notices, offer_names, where_it_ran};
use crate::render::text::{
    BOLD, DIM, finding_style, folded, heading, plain, verdict_style, what_blocks,
};
use crate::render::words;

/// Column of a matrix cell at least as wide as the longest word in it.
const CELL: usize = 15;

/// The whole dossier: headline, what blocks it, devices, matrix, what only several devices show.
#[must_use]
pub fn render(dossier: &Dossier) -> String {
    let mut out = head(dossier);
    out.push_str(&what_blocks(&dossier.blockers()));
    out.push_str(&devices(dossier));
    out.push_str(&matrix(dossier));
    out.push_str(&fleet(dossier));
    out
}

/// Headline, what qualifies it, and the offer.
#[must_use]
pub fn head(dossier: &Dossier) -> String {
    let style = verdict_style(dossier.verdict);
    let mut out = format!("{style}{}{style:#}\n", dossier.headline());
    for notice in notices(dossier) {
        out.push_str(&folded(notice, 0));
    }
    let line = format!(
        "{} ({}), edition {}, catalogue {}",
        dossier.offer.listing.name,
        offer_names(dossier),
        words::edition(dossier.edition),
        dossier.catalogue
    );
    let _ = writeln!(out, "{DIM}{}{DIM:#}", plain(&line));
    out
}

fn devices(dossier: &Dossier) -> String {
    let mut out = heading("Devices");
    for row in &dossier.devices {
        let style = verdict_style(row.verdict);
        let _ = writeln!(
            out,
            "  {style}{} {:<15}{style:#}{BOLD}{}{BOLD:#}",
            words::verdict_mark(row.verdict),
            row.verdict.word(),
            plain(&row.device)
        );
        let _ = write!(out, "{:19}{DIM}", "");
        out.push_str(folded(&circumstances(row), 19).trim_end());
        let _ = writeln!(out, "{DIM:#}");
        if !row.blocked_by.is_empty() {
            let _ = write!(out, "{:19}blocked by ", "");
            out.push_str(&folded(&blocked_by(row), 30));
        }
    }
    out
}

fn circumstances(row: &DeviceRow) -> String {
    let mut parts: Vec<String> = where_it_ran(row)
        .into_iter()
        .map(|(name, value)| match name {
            "Engine" | "Cgroup" => format!("{} {value}", name.to_lowercase()),
            _ => value,
        })
        .collect();
    parts.push(format!("run {}", row.run.run));
    if !row.run.certifying {
        parts.push("certifies nothing".to_owned());
    }
    parts.join(", ")
}

fn matrix(dossier: &Dossier) -> String {
    let mut out = heading("Requirement by device");
    let widths: Vec<usize> = dossier
        .devices
        .iter()
        .map(|row| row.device.len().max(CELL) + 2)
        .collect();
    let _ = write!(out, "  {:<12}", "");
    for (row, width) in dossier.devices.iter().zip(&widths) {
        let room = width.saturating_sub(row.device.len());
        let _ = write!(out, "{BOLD}{}{BOLD:#}{:room$}", plain(&row.device), "");
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
    for row in &dossier.matrix {
        out.push_str(&matrix_line(row, &widths));
    }
    out
}

fn matrix_line(row: &MatrixRow, widths: &[usize]) -> String {
    let mut out = format!("  {:<12}", plain(&row.id));
    for (cell, width) in row.cells.iter().zip(widths) {
        let style = finding_style(cell.verdict);
        let word = match (cell.granted, cell.marginal) {
            (true, _) => "granted",
            (false, true) => "marginal",
            (false, false) => cell.verdict.word(),
        };
        let room = width.saturating_sub(2);
        let _ = write!(
            out,
            "{style}{} {word:<room$}{style:#}",
            words::mark(cell.verdict)
        );
    }
    let _ = writeln!(out, "{}", plain(&row.title));
    out
}

fn fleet(dossier: &Dossier) -> String {
    let mut out = heading("What only several devices show");
    for finding in fleet_alone(dossier) {
        out.push_str(&fleet_line(finding));
    }
    out
}

fn fleet_line(finding: &Finding) -> String {
    let style = finding_style(finding.verdict);
    let mut out = format!(
        "  {style}{} {:<14}{style:#} {:<12} {}\n{:31}",
        words::mark(finding.verdict),
        finding.verdict.word(),
        plain(&finding.id),
        plain(&finding.title),
        ""
    );
    out.push_str(&folded(&finding.saw, 31));
    if let (Verdict::Warn | Verdict::Manual, Some(remedy)) = (finding.verdict, &finding.remedy) {
        let _ = write!(out, "{:31}{DIM}mend{DIM:#} ", "");
        out.push_str(&folded(remedy, 36));
    }
    out
}
