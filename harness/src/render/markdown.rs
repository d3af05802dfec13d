//! A report as Markdown, for pull requests and tickets.

use std::fmt::Write as _;

use conformance::finding::Finding;
use conformance::report::Report;

use crate::render::edge::{self, Table};
use crate::render::egress;
use crate::render::faults;
use crate::render::left_out;
use crate::render::links;
use crate::render::next::{blockers, is_precondition};
use crate::render::words;

/// The whole report.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = head(report);
    out.push_str(&what_blocks(&blockers(report)));
    out.push_str(&findings(report));
    out.push_str(&measurements(report));
    out.push_str(&tables(edge::HEADING, &edge::tables(report)));
    out.push_str(&tables(egress::HEADING, &egress::tables(report)));
    out.push_str(&tables(faults::HEADING, &faults::tables(report)));
    out.push_str(&tables(links::HEADING, &links::tables(report)));
    out.push_str(&deviations(report));
    out.push_str(&facts(report));
    out
}

fn head(report: &Report) -> String {
    let offer = &report.offer;
    let mut out = format!(
        "# {}: {}\n\n",
        escaped(&offer.listing.name),
        escaped(&report.headline())
    );
    if !report.run.certifying {
        let _ = writeln!(out, "> **{}**\n", words::CUSTOM_NOTICE);
    }
    if let Some(notice) = left_out::notice(report) {
        let _ = writeln!(out, "> **{}**\n", escaped(&notice));
    }
    let _ = writeln!(out, "{}\n", words::verdict_means(report));
    let _ = writeln!(
        out,
        "Offer {}, image {}, profile {}, edition {}, catalogue {}, run {}.",
        code(&format!(
            "{}.{}.{}",
            offer.publisher_id, offer.offer_id, offer.plan_id
        )),
        code(&report.candidate.reference),
        words::profile(report.run.profile.name),
        words::edition(report.run.edition),
        escaped(&report.run.catalogue),
        code(&report.run.id)
    );
    out
}

pub(super) fn what_blocks(blockers: &[&Finding]) -> String {
    if blockers.is_empty() {
        return String::new();
    }
    let mut out = "\n## What blocks it, first things first\n".to_owned();
    for (index, finding) in blockers.iter().enumerate() {
        let _ = write!(
            out,
            "\n### {}. {} {}: {}\n\n- Saw: {}\n- Wanted: {}\n",
            index + 1,
            escaped(&finding.id),
            words::qualified(finding),
            escaped(&finding.title),
            escaped(&finding.saw),
            escaped(&finding.wanted)
        );
        if let Some(remedy) = &finding.remedy {
            let _ = writeln!(out, "- Mend: {}", escaped(remedy));
        }
        if let Some(paste) = &finding.paste {
            let _ = write!(out, "\n{}", fenced(paste));
        }
    }
    out
}

fn findings(report: &Report) -> String {
    let mut out =
        "\n## Findings\n\n| | Requirement | Verdict | Saw | Wanted |\n|---|---|---|---|---|\n"
            .to_owned();
    let (inside, outside): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().partition(|finding| finding.in_scope);
    for finding in &inside {
        let mut saw = escaped(&finding.saw);
        if let Some(grant) = &finding.granted {
            let _ = write!(
                saw,
                " Granted by {} until {}: {}",
                escaped(&grant.by),
                escaped(&grant.expires),
                escaped(&grant.reason)
            );
        }
        let _ = writeln!(
            out,
            "| {} | **{}** {} ({}) | {} | {} | {} |",
            words::mark(finding.verdict),
            escaped(&finding.id),
            escaped(&finding.title),
            words::force(finding.force),
            words::qualified(finding),
            saw,
            escaped(&finding.wanted)
        );
    }
    if !outside.is_empty() {
        let preconditions = outside
            .iter()
            .filter(|finding| is_precondition(finding))
            .count();
        let _ = writeln!(
            out,
            "\n{} of the programme and {} of the probe stand outside this scope.",
            words::number(outside.len() - preconditions, "requirement"),
            words::number(preconditions, "precondition")
        );
    }
    out
}

fn measurements(report: &Report) -> String {
    if report.measurements.is_empty() {
        return String::new();
    }
    let mut out =
        "\n## Measurements\n\n| Measurement | Phase | Value | n | Low | High | Method |\n|---|---|---:|---:|---:|---:|---|\n".to_owned();
    for one in &report.measurements {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            code(&one.name),
            escaped(&one.phase),
            escaped(&words::quantity(one.value, &one.unit)),
            one.n,
            escaped(&words::quantity(one.low, &one.unit)),
            escaped(&words::quantity(one.high, &one.unit)),
            escaped(&one.method)
        );
    }
    out
}

fn tables(heading: &str, tables: &[Table]) -> String {
    let Some(_) = tables.first() else {
        return String::new();
    };
    let mut out = format!("\n## {heading}\n");
    for table in tables {
        let _ = write!(
            out,
            "\n### {}\n\n| {} |\n|{}\n",
            escaped(&table.title),
            table.head.join(" | "),
            "---|".repeat(table.head.len())
        );
        for row in &table.rows {
            let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
    }
    out
}

fn deviations(report: &Report) -> String {
    if report.deviations.is_empty() {
        return String::new();
    }
    let mut out =
        "\n## Deviations from the offer's defaults\n\n| Kind | What | Why | Default | Used |\n|---|---|---|---|---|\n".to_owned();
    for one in &report.deviations {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            words::deviation(one.kind),
            code(&one.what),
            escaped(&one.reason),
            code(&one.default.to_string()),
            code(&one.used.to_string())
        );
    }
    out
}

fn facts(report: &Report) -> String {
    let mut out = "\n## Where it ran\n\n".to_owned();
    for group in crate::render::facts::facts(report) {
        for (name, value) in group.rows {
            let _ = writeln!(out, "- {}, {}: {}", group.title, name, escaped(&value));
        }
    }
    out
}

/// Text that Markdown and the HTML inside it read as text alone, on one line.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A code span that survives back-ticks and table cells.
pub(super) fn code(text: &str) -> String {
    let flat: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let flat = flat.replace('|', "\\|");
    if flat.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_ticks(&flat) + 1);
    let pad = if flat.starts_with('`') || flat.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{flat}{pad}{fence}")
}

/// A fenced block that its content cannot end.
fn fenced(text: &str) -> String {
    let fence = "`".repeat(longest_ticks(text).max(2) + 1);
    format!("{fence}\n{}\n{fence}\n", text.trim_end_matches('\n'))
}

fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offer_text_cannot_start_markup() {
        assert_eq!(
            escaped("<img src=x> | **b** `c` [l](u)\n# h"),
            "&lt;img src=x&gt; \\| \\*\\*b\\*\\* \\`c\\` \\[l\\](u) \\# h"
        );
    }

    #[test]
    fn content_cannot_close_its_own_fence() {
        assert_eq!(fenced("a\n````\nb"), "`````\na\n````\nb\n`````\n");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`x"), "`` `x ``");
    }
}
