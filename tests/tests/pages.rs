//! The commands in the pages are ones that edgeproof takes: each is read as the program reads its command line, and none is run.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::path::PathBuf;

use clap::Parser as _;
use harness::cli::Cli;
use support::repository;

/// The README and every page beside the decisions, which tell of the past.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![repository().join("README.md")];
    let docs = fs::read_dir(repository().join("docs")).unwrap();
    pages.extend(
        docs.map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "md")),
    );
    pages.sort();
    pages
}

/// The commands of a page's fenced blocks, as a shell would part them into words.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    // What stands between two fences is every second part.
    for block in page.split("\n```").skip(1).step_by(2) {
        for line in block.replace("\\\n", " ").lines() {
            found.extend(words(line).into_iter().filter(|words| {
                words
                    .first()
                    .is_some_and(|first| first.rsplit('/').next() == Some("edgeproof"))
            }));
        }
    }
    found
}

/// The commands of one line: quotes, comments, pipes and `;` are read, nothing is expanded.
fn words(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut word, mut quote) = (vec![Vec::new()], None::<String>, None);
    for letter in line.chars().chain(['\n']) {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), inner) => word.get_or_insert_default().push(inner),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ' | '\n' | ';' | '|' | '>' | '&') => {
                commands.last_mut().unwrap().extend(word.take());
                if !matches!(letter, ' ' | '\n') {
                    commands.push(Vec::new());
                }
            }
            (None, plain) => word.get_or_insert_default().push(plain),
        }
    }
    commands
}

#[test]
fn a_line_is_parted_as_a_shell_parts_it() {
    let parted = words(r#"edgeproof a --b "c 'd'" 'e;f' "" | jq .g; h # i"#);
    let wanted: [&[&str]; 3] = [
        &["edgeproof", "a", "--b", "c 'd'", "e;f", ""],
        &["jq", ".g"],
        &["h"],
    ];
    assert_eq!(parted, wanted);
}

#[test]
fn every_command_of_the_pages_is_one_that_edgeproof_takes() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for command in commands(&text) {
            seen += 1;
            if let Err(error) = Cli::try_parse_from(&command) {
                wrong.push(format!(
                    "{}: {}\n{error}",
                    page.display(),
                    command.join(" ")
                ));
            }
        }
    }
    assert!(seen > 30, "only {seen} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
