//! A repository as a table: its tags down, platforms across, and what the images of the default tag are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use conformance::observation::{
    Access, Content, Ecosystem, Inventory, ManifestKind, Repository, Tag,
};
use conformance::platform::Platform;

use super::markdown::code;
use super::text::{BOLD, DIM, folded, heading, plain};

/// Most tags shown to people; programs get all of them.
const MOST_TAGS: usize = 60;
/// How much of a digest is shown.
const DIGEST: usize = "sha256:".len() + 12;

/// For a terminal.
#[must_use]
pub fn text(repository: &Repository) -> String {
    let table = Table::of(repository);
    let mut out = heading(&plain(&title(repository)));
    let wide = |column: usize| {
        let cells = table.rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([table.head[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.head.len()).map(wide).collect();
    let line = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded
            .collect::<Vec<String>>()
            .join("  ")
            .trim_end()
            .to_owned()
    };
    let _ = writeln!(out, "  {BOLD}{}{BOLD:#}", plain(&line(&table.head)));
    for row in &table.rows {
        let _ = writeln!(out, "  {}", plain(&line(row)));
    }
    for note in notes(repository) {
        let _ = writeln!(out, "  {DIM}{}{DIM:#}", plain(&note));
    }
    if !repository.contents.is_empty() {
        out.push_str(&heading(&plain(&format!(
            "Images of {}",
            repository.default_tag
        ))));
        for content in &repository.contents {
            let _ = write!(
                out,
                "  {:<16} ",
                plain(&platform(content.platform.as_ref()))
            );
            out.push_str(&folded(&facts(content).join("; "), 19));
        }
    }
    out
}

/// For pull requests.
#[must_use]
pub fn markdown(repository: &Repository) -> String {
    let table = Table::of(repository);
    let coded = |cells: &[String]| {
        let cells: Vec<String> = cells
            .iter()
            .map(|cell| {
                if cell.is_empty() {
                    String::new()
                } else {
                    code(cell)
                }
            })
            .collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut out = format!("\n## Tags\n\n{}\n\n", code(&title(repository)));
    out.push_str(&coded(&table.head));
    out.push_str(&format!("|{}\n", "---|".repeat(table.head.len())));
    for row in &table.rows {
        out.push_str(&coded(row));
    }
    for note in notes(repository) {
        let _ = write!(out, "\n{}\n", code(&note));
    }
    if !repository.contents.is_empty() {
        out.push_str("\n## Images of the default tag\n\n");
        for content in &repository.contents {
            let _ = writeln!(
                out,
                "- {}: {}",
                code(&platform(content.platform.as_ref())),
                code(&facts(content).join("; "))
            );
        }
    }
    out
}

struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn of(repository: &Repository) -> Table {
        let mut platforms: Vec<Platform> = repository
            .tags
            .iter()
            .flat_map(|tag| repository.platforms_of(tag))
            .collect();
        platforms.sort();
        platforms.dedup();
        let mut head = vec!["tag".to_owned()];
        head.extend(platforms.iter().map(ToString::to_string));
        head.push("digest".to_owned());
        let rows = repository
            .tags
            .iter()
            .take(MOST_TAGS)
            .map(|tag| row(repository, tag, &platforms))
            .collect();
        Table { head, rows }
    }
}

fn row(repository: &Repository, tag: &Tag, platforms: &[Platform]) -> Vec<String> {
    let has = repository.platforms_of(tag);
    let mark = |platform: &Platform| if has.contains(platform) { "✓" } else { "–" }.to_owned();
    let mut cells = vec![tag.name.clone()];
    cells.extend(platforms.iter().map(mark));
    let digest: String = tag
        .digest
        .as_deref()
        .unwrap_or("leads nowhere")
        .chars()
        .take(DIGEST)
        .collect();
    cells.push(match repository.manifest_of(tag).map(|one| &one.kind) {
        Some(ManifestKind::Index(children)) => {
            match children.iter().filter(|child| child.attestation).count() {
                0 => digest,
                count => format!("{digest}, {count} attestations aside"),
            }
        }
        Some(ManifestKind::Image(_)) => format!("{digest}, one image"),
        Some(ManifestKind::Unreadable(_)) => format!("{digest}, no image"),
        None => digest,
    });
    cells
}

fn title(repository: &Repository) -> String {
    let access = match repository.access {
        Some(Access::Anonymous) => ", without signing in",
        Some(Access::SignedIn) => ", signed in",
        None => "",
    };
    format!(
        "Tags of {}, by {}{access}",
        repository.name, repository.place
    )
}

fn notes(repository: &Repository) -> Vec<String> {
    let hidden = repository.tags.len().saturating_sub(MOST_TAGS);
    let more = (hidden > 0).then(|| format!("and {hidden} more tags; --format json shows them"));
    repository
        .left_out
        .clone()
        .into_iter()
        .chain(more)
        .collect()
}

fn platform(platform: Option<&Platform>) -> String {
    platform.map_or_else(|| "no platform".to_owned(), ToString::to_string)
}

/// What an image is, in a few words each.
fn facts(content: &Content) -> Vec<String> {
    let config = &content.config;
    let mut facts = vec![format!("{} compressed", content.compressed)];
    match content.unpacked.get() {
        Ok(size) => facts.push(format!("{size} unpacked")),
        Err(unseen) => facts.push(format!("not unpacked: {}", unseen.because)),
    }
    match content.program.get() {
        Ok(program) => {
            let of = program
                .architecture
                .as_deref()
                .unwrap_or("unknown architecture");
            let by = program
                .interpreter
                .as_ref()
                .map_or_else(String::new, |by| format!(", run by {by}"));
            facts.push(format!("starts {} ({of}{by})", program.path));
        }
        Err(unseen) => facts.push(unseen.because),
    }
    facts.extend(content.inventory.seen().map(packages));
    facts.extend(content.scan.seen().map(|scan| {
        let found = match scan.hits.len() {
            0 => "nothing".to_owned(),
            hits => format!("{hits} hits"),
        };
        format!("{found} found by {}", scan.scanner)
    }));
    facts.push(match config.user.as_str() {
        "" => "as root".to_owned(),
        user => format!("as user {user}"),
    });
    for (name, all) in [
        ("ports", &config.exposed_ports),
        ("volumes", &config.volumes),
    ] {
        if !all.is_empty() {
            facts.push(format!("{name} {}", all.join(", ")));
        }
    }
    if config.healthcheck {
        facts.push("with a HEALTHCHECK".to_owned());
    }
    if !config.labels.is_empty() {
        facts.push(format!("{} labels", config.labels.len()));
    }
    facts
}

/// `312 packages (dpkg 300, npm 12), 290 notices`.
fn packages(inventory: &Inventory) -> String {
    let mut counts: BTreeMap<Ecosystem, usize> = BTreeMap::new();
    for package in &inventory.packages {
        *counts.entry(package.ecosystem).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(ecosystem, count)| format!("{} {count}", ecosystem.words()))
        .collect();
    let total = inventory.packages.len();
    let of = match counts.as_slice() {
        [] => "no packages".to_owned(),
        _ => format!("{total} packages ({})", counts.join(", ")),
    };
    format!("{of}, {} notices", inventory.notices)
}
