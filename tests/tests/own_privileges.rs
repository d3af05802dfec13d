//! What the probe asks of a device: the manifest, the table that justifies it, and the code that uses it say the same.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeSet;
use std::fs;

use engine::{CALLS, Caller};
use serde_json::Value;
use support::repository;

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// The createOptions of the probe in `deployment.json`.
fn create_options() -> Value {
    let manifest: Value = serde_json::from_str(&read("deployment.json")).unwrap();
    let settings = &manifest["modulesContent"]["$edgeAgent"]["properties.desired.modules.edgeproof"]
        ["settings"];
    serde_json::from_str(settings["createOptions"].as_str().unwrap()).unwrap()
}

/// Every single thing that createOptions ask for, as key and value.
fn asked(options: &Value) -> BTreeSet<(String, String)> {
    let top: Vec<&String> = options.as_object().unwrap().keys().collect();
    assert_eq!(
        top,
        ["HostConfig"],
        "what else is asked for has no table yet"
    );
    let host = options["HostConfig"].as_object().unwrap();
    let mut asked = BTreeSet::new();
    for (key, value) in host {
        let values: Vec<String> = match value.as_array() {
            Some(items) => items.iter().map(one).collect(),
            None => vec![one(value)],
        };
        asked.extend(values.into_iter().map(|value| (key.clone(), value)));
    }
    asked
}

fn one(value: &Value) -> String {
    match (value.as_str(), value["Source"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(source)) => format!("{source}:{}", value["Target"].as_str().unwrap()),
        (None, None) => value.to_string(),
    }
}

/// A row: what is asked for, the reason, file and text of the code, and what is lost without it.
struct Row {
    asked: (String, String),
    why: String,
    code: Vec<String>,
    without: String,
}

/// The texts between backticks.
fn marked(cell: &str) -> Vec<String> {
    let odd = cell.split('`').skip(1).step_by(2);
    odd.map(str::to_owned).collect()
}

fn rows() -> Vec<Row> {
    let page = read("docs/deploy.md");
    let (_, table) = page.split_once("| in createOptions |").unwrap();
    let lines = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [first, why, code, without] = cells.as_slice() else {
                panic!("four columns: {line}");
            };
            let [key, value] = <[String; 2]>::try_from(marked(first)).unwrap();
            Row {
                asked: (key, value),
                why: (*why).to_owned(),
                code: marked(code),
                without: (*without).to_owned(),
            }
        })
        .collect()
}

#[test]
fn nothing_is_asked_for_without_a_row_and_no_row_is_without_an_entry() {
    let rows = rows();
    let told: BTreeSet<(String, String)> = rows.iter().map(|row| row.asked.clone()).collect();
    assert_eq!(told.len(), rows.len(), "a row stands twice");
    let asked = asked(&create_options());
    let missing: Vec<_> = asked.difference(&told).collect();
    let idle: Vec<_> = told.difference(&asked).collect();
    assert!(
        missing.is_empty(),
        "in deployment.json without a row: {missing:?}"
    );
    assert!(
        idle.is_empty(),
        "rows without an entry in deployment.json: {idle:?}"
    );
    for row in &rows {
        assert!(
            row.why.len() > 20 && row.without.len() > 10,
            "{:?} has no reason or no loss",
            row.asked
        );
    }
}

#[test]
fn every_path_is_one_that_the_code_uses() {
    let mut paths = 0;
    for row in rows() {
        let (key, value) = &row.asked;
        if key != "Binds" && key != "Mounts" {
            continue;
        }
        paths += 1;
        let target = value.split(':').nth(1).unwrap();
        let [file, text] = row.code.as_slice() else {
            panic!(
                "{value}: a file and its text are wanted, not {:?}",
                row.code
            );
        };
        let source = read(file);
        // What tests say is no use.
        let source = source.split("#[cfg(test)]").next().unwrap();
        assert!(source.contains(text.as_str()), "{file} does not say {text}");
        let place = target.strip_prefix("/host/").unwrap_or(target);
        assert!(
            text.contains(&format!("\"{place}\"")),
            "{target} is not what {text} uses"
        );
    }
    assert_eq!(paths, 5);
}

#[test]
fn every_place_below_host_that_the_code_opens_is_mounted() {
    let source = read("agent/src/probe.rs");
    let source = source.split("#[cfg(test)]").next().unwrap();
    let used: Vec<&str> = source
        .split("root.join(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(used, ["proc", "sys/fs/cgroup", "docker"]);
    let asked = asked(&create_options());
    for place in used {
        let target = format!("/host/{place}");
        let mounted = asked
            .iter()
            .any(|(_, value)| value.split(':').nth(1) == Some(target.as_str()));
        assert!(mounted, "{target} is used and not mounted");
    }
}

#[test]
fn everything_of_the_host_is_mounted_read_only() {
    let options = create_options();
    let binds = options["HostConfig"]["Binds"].as_array().unwrap();
    for bind in binds.iter().filter_map(Value::as_str) {
        assert!(
            !bind.starts_with('/') || bind.ends_with(":ro"),
            "{bind} is writable"
        );
    }
    for mount in options["HostConfig"]["Mounts"].as_array().unwrap() {
        assert_eq!(mount["ReadOnly"], true, "{mount}");
        assert_eq!(mount["BindOptions"]["NonRecursive"], true, "{mount}");
    }
}

#[test]
fn every_call_on_the_engine_has_a_row_and_no_row_is_without_a_call() {
    let page = read("docs/deploy.md");
    let (_, table) = page.split_once("| call | made by | for |").unwrap();
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let told: Vec<(String, String)> = rows
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [call, by, why] = cells.as_slice() else {
                panic!("three columns: {line}");
            };
            assert!(why.len() > 10, "{call} has no reason");
            (marked(call).concat(), (*by).to_owned())
        })
        .collect();
    let listed: Vec<(String, String)> = CALLS
        .iter()
        .map(|call| {
            let by = match call.by {
                Caller::Probe => "probe",
                Caller::Lab => "lab",
            };
            (call.to_string(), by.to_owned())
        })
        .collect();
    assert_eq!(told, listed);
}

/// Calls that change a file or a directory.
const WRITING: [&str; 9] = [
    "fs::write(",
    "File::create",
    "OpenOptions",
    "create_dir",
    "fs::remove_",
    "fs::rename",
    "set_permissions",
    "hard_link",
    "pwrite",
];

/// Every Rust file below a directory, from the repository's top, without what tests say.
fn sources(directory: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![repository().join(directory)];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(repository())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            // The last is declared for tests alone.
            let of_tests = ["tests.rs", "outbox/replay.rs"]
                .iter()
                .any(|end| name.ends_with(end))
                || name.contains("/captured");
            if path.is_dir() {
                waiting.push(path);
            } else if name.ends_with(".rs") && !of_tests {
                let text = read(&name);
                let code = text.split("#[cfg(test)]\nmod").next().unwrap().to_owned();
                found.push((name, code));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn only_what_keeps_the_state_writes_files_and_nothing_that_reads_the_kernel_s_does() {
    let sources = [sources("agent/src"), sources("agent/engine/src")].concat();
    let writers: Vec<&str> = sources
        .iter()
        .filter(|(_, code)| WRITING.iter().any(|call| code.contains(call)))
        .map(|(name, _)| name.as_str())
        .collect();
    // Each writes or makes below the state directory, which it is given; `load` is what the sacrificial containers run.
    assert_eq!(
        writers,
        [
            "agent/src/alone.rs",
            "agent/src/control/offers.rs",
            "agent/src/control/store.rs",
            "agent/src/deaths.rs",
            "agent/src/journal.rs",
            "agent/src/load.rs",
            "agent/src/outbox/disk.rs",
            "agent/src/probe.rs",
        ]
    );
    let read = sources
        .iter()
        .filter(|(name, _)| name.starts_with("agent/src/sampler/"));
    assert!(
        read.count() > 30,
        "the sampler's files are not where they were"
    );
}
