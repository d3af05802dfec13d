//! `edgeproof compare`: two stored reports of one offer, and what differs by more than the noise.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use conformance::comparison::{Change, Comparison, FindingChange, NumberChange, compare};
use conformance::finding::{Reason, Verdict};

use crate::cli::{CompareArgs, TextOrJson};
use crate::exit::Refused;
use crate::render::{text, words};
use crate::{input, output};

/// Something differs by more than the noise.
const DIFFERS: u8 = 1;

/// Compares two stored reports.
///
/// # Errors
/// A file is no report, the reports are of two offers, or standard output cannot be written.
pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let (first, second) = (input::report(&args.first)?, input::report(&args.second)?);
    let comparison =
        compare(&first, &second).map_err(|why| Refused::BadInput(text::plain(&why)))?;
    let printed = match args.format {
        TextOrJson::Json => serde_json::to_string_pretty(&comparison).context("write JSON")?,
        TextOrJson::Text => render(&comparison),
    };
    output::print(&printed)?;
    Ok(if comparison.is_same() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DIFFERS)
    })
}

/// The comparison for people: what changed first, then how much was the same.
#[must_use]
pub fn render(comparison: &Comparison) -> String {
    let mut out = String::new();
    for (name, headline) in ["A", "B"].iter().zip(&comparison.headlines) {
        let _ = writeln!(out, "{name}: {}", text::plain(headline));
    }
    for circumstance in &comparison.circumstances {
        let _ = writeln!(out, "   {}", text::plain(circumstance));
    }
    let changed: Vec<&NumberChange> = comparison
        .numbers
        .iter()
        .filter(|number| number.change != Change::Same)
        .collect();
    out.push('\n');
    for number in &changed {
        let _ = writeln!(out, "  {}", number_in_words(number));
    }
    for finding in &comparison.findings {
        let _ = writeln!(out, "  {}", finding_in_words(finding));
    }
    let same = comparison.numbers.len() - changed.len();
    let _ = writeln!(
        out,
        "  {same} of {} numbers the same within noise, {} findings changed",
        comparison.numbers.len(),
        comparison.findings.len()
    );
    out
}

fn number_in_words(number: &NumberChange) -> String {
    let name = format!(
        "{} {}",
        text::plain(&number.name),
        text::plain(&number.phase)
    );
    let value = |index: usize| {
        number.means[index].map_or("not seen".to_owned(), |mean| {
            format!("{} (n={})", amount(mean, &number.unit), number.n[index])
        })
    };
    let word = match number.change {
        Change::Same => "same",
        Change::More => "more",
        Change::Less => "less",
        Change::OnlyFirst => "only in A",
        Change::OnlySecond => "only in B",
    };
    let noise = number.noise.map_or_else(String::new, |noise| {
        format!(
            "; noise {} ({})",
            amount(noise, &number.unit),
            number.method
        )
    });
    format!("{word:9} {name}: {} -> {}{noise}", value(0), value(1))
}

/// A number with its unit, bytes in MiB.
fn amount(value: f64, unit: &str) -> String {
    const MIB: f64 = 1_048_576.0;
    match unit {
        "bytes" => format!("{:.2} MiB", value / MIB),
        "bytes/day" => format!("{:.2} MiB a day", value / MIB),
        "seconds" => format!("{value:.2} s"),
        _ => format!("{value:.3} {}", text::plain(unit)),
    }
}

fn finding_in_words(change: &FindingChange) -> String {
    let outcome = |outcome: &Option<(Verdict, bool, Option<Reason>)>| match outcome {
        None => "not there".to_owned(),
        Some((verdict, marginal, reason)) => {
            let marginal = if *marginal { ", marginal" } else { "" };
            let reason = reason.map_or_else(String::new, |reason| {
                format!(" ({})", words::reason(reason))
            });
            format!("{}{marginal}{reason}", verdict.word())
        }
    };
    format!(
        "{}: {} -> {}; {}",
        text::plain(&change.id),
        outcome(&change.outcomes[0]),
        outcome(&change.outcomes[1]),
        text::plain(&change.saw)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_with_its_noise_and_the_rest_is_counted() {
        let number = |change, means| NumberChange {
            name: "memory.peak".to_owned(),
            phase: "start".to_owned(),
            unit: "bytes".to_owned(),
            means,
            n: [3, 3],
            noise: Some(2_097_152.0),
            method: "Welch's interval",
            change,
        };
        let comparison = Comparison {
            headlines: ["conformant".to_owned(), "conformant".to_owned()],
            circumstances: vec!["engine: 20.10 -> 26.1".to_owned()],
            numbers: vec![
                number(Change::Same, [Some(1.0), Some(1.0)]),
                number(Change::More, [Some(25_165_824.0), Some(62_914_560.0)]),
            ],
            findings: vec![FindingChange {
                id: "IEM-HW-03".to_owned(),
                outcomes: [
                    Some((Verdict::Pass, false, None)),
                    Some((Verdict::Pass, true, None)),
                ],
                saw: "close".to_owned(),
            }],
        };
        assert_eq!(
            render(&comparison),
            "A: conformant\nB: conformant\n   engine: 20.10 -> 26.1\n\n  more      memory.peak start: 24.00 MiB (n=3) -> 60.00 MiB (n=3); noise 2.00 MiB (Welch's interval)\n  IEM-HW-03: pass -> pass, marginal; close\n  1 of 2 numbers the same within noise, 1 findings changed\n"
        );
    }
}
