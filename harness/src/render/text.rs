//! A report for a terminal. Styles are ANSI sequences; `anstream` keeps or strips them where it is printed.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use conformance::finding::{Finding, Verdict};
use conformance::report::{Report, RunVerdict};

use crate::render::edge::{self, Table};
use crate::render::egress;
use crate::render::faults;
use crate::render::left_out;
use crate::render::links;
use crate::render::next::{blockers, is_precondition};
use crate::render::words;

/// Width in columns that running text is folded to.
const WIDTH: usize = 100;
pub(crate) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();

/// The whole report: headline, what blocks it, findings, numbers, deviations.
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
    out
}

/// Headline, what was tested and where.
#[must_use]
pub fn head(report: &Report) -> String {
    let style = verdict_style(report.verdict);
    let mut out = format!("{style}{}{style:#}\n", plain(&report.headline()));
    if !report.run.certifying {
        out.push_str(words::CUSTOM_NOTICE);
        out.push('\n');
    }
    if let Some(notice) = left_out::notice(report) {
        out.push_str(&folded(&notice, 0));
    }
    let offer = &report.offer;
    let lines = [
        format!(
            "{} ({}.{}.{})",
            offer.listing.name, offer.publisher_id, offer.offer_id, offer.plan_id
        ),
        format!(
            "{}, run {}, profile {}, edition {}, catalogue {}",
            report.candidate.reference,
            report.run.id,
            words::profile(report.run.profile.name),
            words::edition(report.run.edition),
            report.run.catalogue
        ),
    ];
    let data = words::data(&report.data);
    let data = (!data.is_empty()).then(|| format!("data: {data}"));
    for line in lines.into_iter().chain(data) {
        let _ = writeln!(out, "{DIM}{}{DIM:#}", plain(&line));
    }
    out
}

pub(super) fn what_blocks(blockers: &[&Finding]) -> String {
    if blockers.is_empty() {
        return String::new();
    }
    let mut out = heading("What blocks it, first things first");
    for (index, finding) in blockers.iter().enumerate() {
        let _ = writeln!(out, "{:>3}. {}", index + 1, title_line(finding));
        for (label, text) in [
            ("saw", Some(&finding.saw)),
            ("wanted", Some(&finding.wanted)),
            ("mend", finding.remedy.as_ref()),
        ] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                let _ = write!(out, "     {DIM}{label:<7}{DIM:#} ");
                out.push_str(&folded(text, 13));
            }
        }
        if let Some(paste) = &finding.paste {
            let _ = writeln!(out, "     {DIM}paste{DIM:#}");
            for line in paste.lines() {
                let _ = writeln!(out, "       {}", plain(line));
            }
        }
    }
    out
}

pub(super) fn title_line(finding: &Finding) -> String {
    let style = finding_style(finding.verdict);
    format!(
        "{BOLD}{}{BOLD:#} {style}{}{style:#}  {}",
        plain(&finding.id),
        words::qualified(finding),
        plain(&finding.title)
    )
}

fn findings(report: &Report) -> String {
    let mut out = heading("Findings");
    for finding in report.findings.iter().filter(|finding| finding.in_scope) {
        let style = finding_style(finding.verdict);
        let _ = writeln!(
            out,
            "  {style}{} {:<14}{style:#} {:<12} {}",
            words::mark(finding.verdict),
            finding.verdict.word(),
            plain(&finding.id),
            plain(&finding.title)
        );
        if finding.verdict != Verdict::Pass || finding.marginal {
            let saw = match finding.reason {
                Some(why) => format!("{}: {}", words::reason(why), finding.saw),
                None => finding.saw.clone(),
            };
            let _ = write!(out, "{:31}", "");
            out.push_str(&folded(&saw, 31));
        }
        if let Some(grant) = &finding.granted {
            let _ = write!(out, "{:31}", "");
            out.push_str(&folded(
                &format!(
                    "granted by {} until {}: {}",
                    grant.by, grant.expires, grant.reason
                ),
                31,
            ));
        }
    }
    out.push_str(&outside(report));
    out
}

fn outside(report: &Report) -> String {
    let outside: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| !finding.in_scope)
        .collect();
    let preconditions = outside
        .iter()
        .filter(|finding| is_precondition(finding))
        .count();
    let requirements = outside.len() - preconditions;
    if outside.is_empty() {
        return String::new();
    }
    format!(
        "{DIM}  {} of the programme and {} of the probe stand outside this scope.{DIM:#}\n",
        words::number(requirements, "requirement"),
        words::number(preconditions, "precondition")
    )
}

fn measurements(report: &Report) -> String {
    if report.measurements.is_empty() {
        return String::new();
    }
    let mut out = heading("Measurements");
    for one in &report.measurements {
        let spread = if one.n > 1 {
            format!(
                "n {}, {} to {}",
                one.n,
                words::quantity(one.low, &one.unit),
                words::quantity(one.high, &one.unit)
            )
        } else {
            format!("n {}", one.n)
        };
        let _ = writeln!(
            out,
            "  {:<27} {:<9} {:>12}  {DIM}{}; {}{DIM:#}",
            plain(&one.name),
            plain(&one.phase),
            plain(&words::quantity(one.value, &one.unit)),
            plain(&spread),
            plain(&one.method)
        );
    }
    out
}

/// One line a row: what the first column says, then the others with their names.
fn tables(title: &str, tables: &[Table]) -> String {
    let Some(_) = tables.first() else {
        return String::new();
    };
    let mut out = heading(title);
    for table in tables {
        let _ = writeln!(out, "  {}", plain(&table.title));
        for row in &table.rows {
            let mut cells = table.head.iter().zip(row);
            let name = cells.next().map_or("", |(_, cell)| cell.as_str());
            let rest: Vec<String> = cells
                .filter(|(_, cell)| !cell.is_empty())
                .map(|(head, cell)| match table.head.len() {
                    2 => cell.clone(),
                    _ => format!("{head} {cell}"),
                })
                .collect();
            let _ = write!(out, "    {:<18} ", plain(name));
            out.push_str(&folded(&rest.join("; "), 23));
        }
    }
    out
}

fn deviations(report: &Report) -> String {
    if report.deviations.is_empty() {
        return String::new();
    }
    let mut out = heading("Deviations from the offer's defaults");
    for one in &report.deviations {
        let _ = write!(out, "  {:<15} ", words::deviation(one.kind));
        out.push_str(&folded(&format!("{}: {}", one.what, one.reason), 18));
    }
    out
}

pub(super) fn heading(text: &str) -> String {
    format!("\n{BOLD}{text}{BOLD:#}\n")
}

pub(super) const fn verdict_style(verdict: RunVerdict) -> Style {
    let colour = match verdict {
        RunVerdict::Conformant => AnsiColor::Green,
        RunVerdict::NotConformant => AnsiColor::Red,
        RunVerdict::Undecided => AnsiColor::Yellow,
    };
    colour.on_default().bold()
}

pub(super) const fn finding_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Pass => AnsiColor::Green.on_default(),
        Verdict::Fail => AnsiColor::Red.on_default().bold(),
        Verdict::Warn => AnsiColor::Yellow.on_default(),
        Verdict::Manual | Verdict::Inconclusive => AnsiColor::Cyan.on_default(),
        Verdict::NotApplicable => DIM,
    }
}

/// Text of an offer or a candidate without control characters: it must not drive the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Folds running text at [`WIDTH`]; following lines are indented. Ends with a line feed.
pub(crate) fn folded(text: &str, indent: usize) -> String {
    let room = WIDTH.saturating_sub(indent).max(20);
    let mut out = String::new();
    let mut used = 0;
    for word in plain(text).split_whitespace() {
        let long = word.chars().count();
        if used > 0 && used + 1 + long > room {
            let _ = write!(out, "\n{:indent$}", "");
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += long;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_folded_with_a_hanging_indent() {
        let text = folded(&"word ".repeat(30), 60);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].starts_with(&" ".repeat(60)));
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn escape_sequences_of_a_candidate_do_not_reach_the_terminal() {
        assert_eq!(plain("\u{1b}[2Jhello\u{7}"), " [2Jhello ");
    }
}
