//! What the README says is there, is there.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;

use support::repository;

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).unwrap()
}

/// The text between two markers.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap();
    rest.split_once(to).unwrap().0
}

#[test]
fn every_place_of_the_tree_exists() {
    let readme = readme();
    let tree = between(&readme, "## Where things are\n\n```\n", "```");
    let places: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(places.len() > 5, "{places:?}");
    for place in places {
        assert!(repository().join(place).exists(), "{place} is not there");
    }
}

#[test]
fn every_link_of_the_project_leads_somewhere() {
    let readme = readme();
    let targets: Vec<&str> = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert!(targets.contains(&"CATALOGUE.md"), "{targets:?}");
    for target in targets {
        assert!(repository().join(target).exists(), "{target} is not there");
    }
}

#[test]
fn every_make_target_exists() {
    let makefile = fs::read_to_string(repository().join("Makefile")).unwrap();
    let readme = readme();
    for target in readme.split("make ").skip(1) {
        let name: String = target
            .chars()
            .take_while(char::is_ascii_lowercase)
            .collect();
        if ["demo", "test", "build", "candidates", "bench"].contains(&name.as_str()) {
            assert!(makefile.contains(&format!("\n{name}:")), "make {name}");
        }
    }
    for needed in ["make demo", "make test", "make bench"] {
        assert!(readme.contains(needed), "{needed}");
    }
}

#[test]
fn the_number_of_judged_requirements_is_the_catalogue_s() {
    use conformance::record::ScopeName;
    use conformance::requirement::Judge;
    use conformance::requirements::CATALOGUE;
    let judged = CATALOGUE
        .iter()
        .filter(|entry| !entry.is_precondition())
        .filter(|entry| {
            matches!(entry.judge, Judge::By(_)) && entry.scopes.contains(&ScopeName::Device)
        })
        .count();
    let all = CATALOGUE
        .iter()
        .filter(|entry| !entry.is_precondition())
        .count();
    let readme = readme();
    let assessed = judged - support::expectation::LEFT_OPEN.len();
    assert!(
        readme.contains(&format!("{assessed} of {all} assessed")),
        "{assessed} of {all}"
    );
    assert!(readme.contains(&format!("{judged} of the programme's {all} requirements")));
    let registry = CATALOGUE
        .iter()
        .filter(|entry| entry.scopes.contains(&ScopeName::Registry))
        .count();
    assert!(
        readme.contains(&format!("{registry} from a repository (`inspect`)")),
        "{registry}"
    );
    let fleet = CATALOGUE
        .iter()
        .filter(|entry| !entry.is_precondition())
        .filter(|entry| {
            !matches!(entry.judge, Judge::NothingObservesIt)
                && entry.scopes.contains(&ScopeName::Fleet)
        })
        .count();
    assert!(
        readme.contains(&format!("{fleet} with runs on several devices")),
        "{fleet}"
    );
}

#[test]
fn the_probe_s_own_hardware_paragraph_can_be_read() {
    let readme = readme();
    let sentence = between(&readme, "> **Minimum hardware requirements:**", "\n");
    let html = format!("<p><u>Minimum hardware requirements:</u>{sentence}</p>");
    let paragraph = conformance::hardware::read(&html).unwrap();
    assert!(paragraph.unread.is_empty(), "{paragraph:?}");
    assert_eq!(paragraph.claim.architectures, ["amd64"]);
    assert!(paragraph.claim.ram_bytes.is_some() && paragraph.claim.storage_bytes.is_some());
}
