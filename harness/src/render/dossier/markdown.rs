//! A dossier as Markdown, for pull requests and tickets.

use std::fmt::Write as _;

use conformance::dossier::Dossier;

use super::{blocked_by, fleet_alone, notices, offer_names, verdict_means, where_it_ran};
use crate::render::markdown::{code, escaped, what_blocks};
use crate::render::words;

/// The whole dossier.
#[must_use]
pub fn render(dossier: &Dossier) -> String {
    let mut out = head(dossier);
    out.push_str(&what_blocks(&dossier.blockers()));
    out.push_str(&devices(dossier));
    out.push_str(&matrix(dossier));
    out.push_str(&fleet(dossier));
    out
}

fn head(dossier: &Dossier) -> String {
    let mut out = format!(
        "# {}: {}\n\n",
        escaped(&dossier.offer.listing.name),
        escaped(&dossier.headline())
    );
    for notice in notices(dossier) {
        let _ = writeln!(out, "> **{notice}**\n");
    }
    let _ = writeln!(
        out,
        "{}\n\nOffer {}, edition {}, catalogue {}.",
        verdict_means(dossier),
        code(&offer_names(dossier)),
        words::edition(dossier.edition),
        escaped(&dossier.catalogue)
    );
    out
}

fn devices(dossier: &Dossier) -> String {
    let mut out = "\n## Devices\n\n| | Device | Verdict | Platform | Board | Size | Engine | Cgroup | Run | Blocked by |\n|---|---|---|---|---|---|---|---|---|---|\n".to_owned();
    for row in &dossier.devices {
        let _ = write!(
            out,
            "| {} | [{}]({}/report.html) | {} |",
            words::verdict_mark(row.verdict),
            escaped(&row.device),
            row.device,
            row.verdict.word()
        );
        for (_, value) in where_it_ran(row) {
            let _ = write!(out, " {} |", escaped(&value));
        }
        let _ = writeln!(
            out,
            " {} | {} |",
            code(&row.run.run),
            escaped(&blocked_by(row))
        );
    }
    out
}

fn matrix(dossier: &Dossier) -> String {
    let mut out = "\n## Requirement by device\n\n| Requirement |".to_owned();
    for row in &dossier.devices {
        let _ = write!(out, " {} |", escaped(&row.device));
    }
    let _ = write!(out, "\n|---|{}\n", "---|".repeat(dossier.devices.len()));
    for row in &dossier.matrix {
        let _ = write!(out, "| **{}** {} |", escaped(&row.id), escaped(&row.title));
        for cell in &row.cells {
            let granted = if cell.granted { ", granted" } else { "" };
            let marginal = if cell.marginal { ", marginal" } else { "" };
            let _ = write!(
                out,
                " {} {}{marginal}{granted} |",
                words::mark(cell.verdict),
                cell.verdict.word()
            );
        }
        out.push('\n');
    }
    out
}

fn fleet(dossier: &Dossier) -> String {
    let mut out = "\n## What only several devices show\n\n| | Requirement | Verdict | Saw | Wanted |\n|---|---|---|---|---|\n".to_owned();
    for finding in fleet_alone(dossier) {
        let _ = writeln!(
            out,
            "| {} | **{}** {} ({}) | {} | {} | {} |",
            words::mark(finding.verdict),
            escaped(&finding.id),
            escaped(&finding.title),
            words::force(finding.force),
            words::qualified(finding),
            escaped(&finding.saw),
            escaped(&finding.wanted)
        );
    }
    out
}
