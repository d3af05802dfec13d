//! `edgeproof explain`: one requirement in words; an unknown id gets its nearest neighbours.

use std::process::ExitCode;

use conformance::catalogue_text;
use conformance::requirements::CATALOGUE;

use crate::cli::ExplainArgs;
use crate::exit::Refused;
use crate::output;
use crate::render::text::plain;

/// How many neighbours are offered.
const NEIGHBOURS: usize = 3;

/// Prints one entry.
///
/// # Errors
/// [`Refused::Usage`] if no entry has that id or slug; standard output cannot be written.
pub fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let Some(entry) = catalogue_text::find(CATALOGUE, &args.id) else {
        return Err(Refused::Usage(unknown(&args.id)).into());
    };
    output::print(&catalogue_text::explain(entry))?;
    Ok(ExitCode::SUCCESS)
}

fn short(id: &str) -> &str {
    id.strip_prefix("IEM-").unwrap_or(id)
}

fn unknown(asked: &str) -> String {
    format!(
        "no requirement has the id `{}`; near it: {}; `edgeproof requirements` lists all",
        plain(asked),
        near(asked).join(", ")
    )
}

/// Ids nearest in spelling, by id or slug.
fn near(asked: &str) -> Vec<&'static str> {
    let asked = asked.trim().to_ascii_uppercase();
    // Longer than any id or slug: the distance would say nothing and cost much.
    let asked: String = asked.chars().take(80).collect();
    let mut ranked: Vec<(usize, &'static str)> = CATALOGUE
        .iter()
        .map(|entry| {
            let names = [
                entry.id.to_owned(),
                short(entry.id).to_owned(),
                entry.slug.to_ascii_uppercase(),
            ];
            let nearest = names.iter().map(|name| distance(&asked, name)).min();
            (nearest.unwrap_or(usize::MAX), entry.id)
        })
        .collect();
    ranked.sort();
    ranked
        .into_iter()
        .take(NEIGHBOURS)
        .map(|(_, id)| id)
        .collect()
}

/// Edit distance: the fewest insertions, removals and replacements of a character.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, c) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(c != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_single_changes() {
        for (left, right, changes) in [
            ("", "abc", 3),
            ("HW-03", "HW-03", 0),
            ("HW-3", "HW-03", 1),
            ("WH-03", "HW-03", 2),
        ] {
            assert_eq!(distance(left, right), changes, "{left} {right}");
        }
    }
}
