//! `edgeproof lint` on default routes: what edgeHub would make of each, and the finding about them.
//!
//! Every offer here is the well-behaved one, with one thing changed.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use support::program::program;

/// Exit code and JSON of linting the well-behaved offer with these routes.
fn lint(routes: Value) -> (i32, Value) {
    let text = fs::read_to_string(support::offer_of("well-behaved")).unwrap();
    let mut offer: Value = serde_json::from_str(&text).unwrap();
    // Every route is named in the text, so that its documentation is no question here.
    let names = routes.as_object().unwrap().keys();
    let names: String = names
        .map(|name| format!("<p>Route <b>{name}</b></p>"))
        .collect();
    let text = offer["listing"]["description"].as_str().unwrap();
    offer["listing"]["description"] = json!(format!("{names}{text}"));
    offer["plan"]["routes"] = routes;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("offer.json");
    fs::write(&file, offer.to_string()).unwrap();
    let output = Command::new(program())
        .args(["lint", "--format", "json"])
        .arg(&file)
        .output()
        .unwrap();
    let lint = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), lint)
}

fn finding(lint: &Value) -> &Value {
    let findings = lint["findings"].as_array().unwrap();
    findings
        .iter()
        .find(|finding| finding["id"] == "IEM-CFG-06")
        .unwrap()
}

#[test]
fn sound_routes_are_listed_with_their_ends_and_pass() {
    let (exit, lint) = lint(json!({
        "alarms": "FROM /messages/modules/airquality/outputs/alarm WHERE as_number(index) > 50 INTO $upstream",
        "learn": {"route": "FROM /messages/* INTO BrokeredEndpoint(\"/modules/airquality/inputs/history\")", "priority": 1}
    }));
    assert_eq!(exit, 0, "{}", finding(&lint));
    assert_eq!(
        lint["routes"],
        json!([
            {"name": "alarms", "parse": "ok", "types": "ok", "source": "/messages/modules/airquality/outputs/alarm", "sink": "$upstream"},
            {"name": "learn", "parse": "ok", "types": "ok", "source": "/messages/*", "sink": "BrokeredEndpoint(\"/modules/airquality/inputs/history\")"}
        ])
    );
    assert_eq!(finding(&lint)["verdict"], "pass");
}

#[test]
fn an_offer_without_routes_lists_none() {
    let (exit, lint) = lint(json!({}));
    assert_eq!((exit, &lint["routes"]), (0, &json!([])));
    assert_eq!(finding(&lint)["verdict"], "not-applicable");
}

#[test]
fn each_step_of_edge_hub_is_told_with_the_column() {
    for (route, step, told) in [
        (
            "FROM /messages/modules/e1/* INTO $upstream",
            "parse",
            "column 24: ",
        ),
        (
            "FROM /messages/* WHERE temperature > 25 INTO $upstream",
            "types",
            "column 36: ",
        ),
    ] {
        let (exit, lint) = lint(json!({"r": route}));
        assert_eq!(exit, 1, "{route}");
        let message = lint["routes"][0][step].as_str().unwrap();
        assert!(message.starts_with(told), "{message}");
        let saw = finding(&lint)["saw"].as_str().unwrap();
        assert!(saw.starts_with(&format!("/plan/routes/r, {told}")), "{saw}");
        assert_eq!(finding(&lint)["verdict"], "fail");
    }
}

#[test]
fn a_placeholder_and_a_foreign_module_warn() {
    for route in [
        "FROM /messages/modules/<FROM_MODULE_NAME>/outputs/* INTO $upstream",
        "FROM /messages/modules/somebody/outputs/* INTO $upstream",
    ] {
        let (exit, lint) = lint(json!({"r": route}));
        assert_eq!(
            (exit, &finding(&lint)["verdict"]),
            (0, &json!("warn")),
            "{lint}"
        );
    }
}

#[test]
fn explain_says_what_a_bad_route_does_to_the_device() {
    let output = Command::new(program())
        .args(["explain", "CFG-06"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("refuses its whole configuration"), "{text}");
    assert!(text.contains("silently takes no route"), "{text}");
}
