//! Descriptions from a text file, and what is read of each: hard sentences, hard HTML. `UPDATE_GOLDEN=1` writes the
//! readings anew; read the difference like code.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test compares a file; the core itself performs no I/O"
)]

use conformance::hardware::{Claim, read, write};

const PATH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/hardware/paragraphs.txt"
);

/// The claim in words, doubts after `!`, one to a line.
fn of_claim(claim: &Claim) -> Vec<String> {
    let mut parts = vec![claim.os.join("+"), claim.architectures.join("+")];
    let mut field = |name: &str, value: Option<String>| {
        parts.extend(value.map(|value| format!("{name}={value}")));
    };
    field("ram", claim.ram_bytes.map(|bytes| bytes.0.to_string()));
    field(
        "storage",
        claim.storage_bytes.map(|bytes| bytes.0.to_string()),
    );
    field("cores", claim.cpu_cores.map(|cores| cores.to_string()));
    field("hz", claim.cpu_hz.map(|hz| hz.to_string()));
    field("gpu", claim.gpu.clone());
    parts.retain(|part| !part.is_empty());
    let doubts = claim.warnings.iter().map(|warning| format!("! {warning}"));
    std::iter::once(parts.join(" ")).chain(doubts).collect()
}

/// What is read of a description, one thing to a line.
fn shown(description: &str) -> Vec<String> {
    let Some(paragraph) = read(description) else {
        return vec!["no paragraph".to_owned()];
    };
    let mut lines = of_claim(&paragraph.claim);
    lines.extend(paragraph.unread.iter().map(|part| format!("? {part}")));
    if let Some(recommended) = &paragraph.claim.recommended {
        let recommended = of_claim(recommended);
        lines.extend(recommended.iter().map(|line| format!("recommended {line}")));
    }
    let unread = paragraph.recommended_unread.iter();
    lines.extend(unread.map(|part| format!("recommended ? {part}")));
    lines.extend(
        paragraph
            .after
            .iter()
            .map(|after| format!("after it: {after}")),
    );
    lines
}

/// A sentence that is no HTML is put into a paragraph with its label.
fn description(entry: &str) -> String {
    if entry.contains("ardware") {
        entry.to_owned()
    } else {
        format!("<p>A module.</p><p><u>Minimum hardware requirements:</u> {entry}</p>")
    }
}

#[test]
fn every_paragraph_is_read_as_the_file_says() {
    let file = std::fs::read_to_string(PATH).unwrap();
    let mut now = String::new();
    for line in file.lines() {
        if let Some(entry) = line.strip_prefix("> ") {
            now.push_str(line);
            for read in shown(&description(entry)) {
                now.push_str("\n    ");
                now.push_str(&read);
            }
            now.push('\n');
        } else if !line.starts_with("    ") {
            now.push_str(line);
            now.push('\n');
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(PATH, &now).unwrap();
    }
    let stored = std::fs::read_to_string(PATH).unwrap();
    let mut lines = stored.lines().zip(now.lines());
    let difference = lines.find(|(stored, now)| stored != now);
    assert!(
        stored == now,
        "UPDATE_GOLDEN=1 writes what is read now; first difference: {difference:?}"
    );
}

#[test]
fn what_was_read_is_written_and_read_back_the_same() {
    let file = std::fs::read_to_string(PATH).unwrap();
    let entries = file.lines().filter_map(|line| line.strip_prefix("> "));
    let mut count = 0;
    for paragraph in entries.filter_map(|entry| read(&description(entry))) {
        let without_doubts = |claim: &Claim| Claim {
            warnings: Vec::new(),
            ..claim.clone()
        };
        let mut claim = without_doubts(&paragraph.claim);
        claim.recommended = claim
            .recommended
            .map(|claim| Box::new(without_doubts(&claim)));
        assert_eq!(
            read(&write(&claim)).unwrap().claim,
            claim,
            "{}",
            paragraph.text
        );
        count += 1;
    }
    assert!(count > 100, "{count}");
}
