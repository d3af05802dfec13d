//! `edgeproof rejudge`: judges a stored report's record again by this version's catalogue, and says what changed.

use std::fmt::Write as _;
use std::process::ExitCode;

use conformance::finding::Finding;
use conformance::record::Record;
use conformance::report::Report;
use conformance::requirements;

use crate::cli::{LabArgs, RejudgeArgs, TextOrJson};
use crate::data;
use crate::exit::Refused;
use crate::input;
use crate::output;
use crate::render::{text, words, write};

/// Rejudges one stored report; the exit code is the new verdict's.
///
/// # Errors
/// The file is no report, or standard output cannot be written.
pub fn run(args: &RejudgeArgs) -> anyhow::Result<ExitCode> {
    let stored = input::report(&args.report)?;
    let judged = judged(stored.clone(), &args.lab)?;
    let printed = match args.format {
        TextOrJson::Json => write::json(&judged),
        TextOrJson::Text => format!("{}{}", text::head(&judged), changes(&stored, &judged)),
    };
    output::print(&printed)?;
    Ok(ExitCode::from(judged.verdict.exit_code()))
}

/// The same record with what the lab knows now.
fn judged(stored: Report, lab: &LabArgs) -> Result<Report, Refused> {
    let mut record = stored.into_record();
    if lab.data.is_some() {
        record.data = data::of(lab.data.as_deref())?;
    }
    if let Some(path) = &lab.certified {
        record.certified = Some(input::certificate(path, &record.offer)?);
    }
    Ok(by_this_version(record))
}

/// The same record under this version's catalogue.
#[must_use]
pub fn rejudge(stored: Report) -> Report {
    by_this_version(stored.into_record())
}

fn by_this_version(mut record: Record) -> Report {
    requirements::VERSION.clone_into(&mut record.run.catalogue);
    Report::judge(record, requirements::CATALOGUE)
}

/// What the new judgement says otherwise, entry by entry.
#[must_use]
pub fn changes(stored: &Report, judged: &Report) -> String {
    let mut lines = String::new();
    if stored.headline() != judged.headline() {
        let _ = writeln!(
            lines,
            "  headline: {} -> {}",
            text::plain(&stored.headline()),
            judged.headline()
        );
    }
    for new in &judged.findings {
        match stored.findings.iter().find(|old| old.id == new.id) {
            Some(old) if old == new => {}
            Some(old) => {
                let _ = writeln!(lines, "  {}: {}", new.id, difference(old, new));
            }
            None => {
                let _ = writeln!(
                    lines,
                    "  {}: new in this catalogue, {}",
                    new.id,
                    words::qualified(new)
                );
            }
        }
    }
    for old in &stored.findings {
        if !judged.findings.iter().any(|new| new.id == old.id) {
            let _ = writeln!(
                lines,
                "  {}: no longer in the catalogue, was {}",
                text::plain(&old.id),
                words::qualified(old)
            );
        }
    }
    if lines.is_empty() && stored.measurements == judged.measurements {
        return format!("\nsame findings by catalogue {}\n", judged.run.catalogue);
    }
    if lines.is_empty() {
        lines.push_str("  measurements: other numbers for the same record\n");
    }
    let why = if stored.run.catalogue == judged.run.catalogue {
        format!(
            "catalogue {} judged both, so the stored findings are not what this version makes of the record:",
            judged.run.catalogue
        )
    } else {
        format!(
            "judged by catalogue {} before and {} now:",
            text::plain(&stored.run.catalogue),
            judged.run.catalogue
        )
    };
    format!("\n{why}\n{lines}")
}

fn difference(old: &Finding, new: &Finding) -> String {
    let (was, is) = (words::qualified(old), words::qualified(new));
    if was != is {
        return format!("{was} -> {is}; {}", text::plain(&new.saw));
    }
    if old.in_scope != new.in_scope {
        let side = if new.in_scope { "into" } else { "out of" };
        return format!("{is}, moved {side} the scope");
    }
    format!("{is}, in other words: {}", text::plain(&new.saw))
}
