//! What the module and edgeHub had to say to each other besides messages: twin, methods, inputs, subscriptions.

use conformance::observation::{EdgeUse, MethodUse};
use conformance::report::Report;
use serde_json::Value;

use super::{Table, times};

/// Filters by which a client hears direct methods and inputs begin or go on like this (topics of edgeHub).
const METHODS: &str = "$iothub/methods/POST/";
const INPUTS: &str = "/inputs/";

pub(super) fn table(report: &Report, edge: &EdgeUse) -> Table {
    Table {
        title: "Module twin and subscriptions".to_owned(),
        head: vec!["What", "Seen"],
        rows: rows(report, edge),
    }
}

fn rows(report: &Report, edge: &EdgeUse) -> Vec<Vec<String>> {
    let row = |what: &str, seen: String| vec![what.to_owned(), seen];
    let twin = &edge.twin;
    let hears = |part: &str| {
        let heard = edge
            .subscriptions
            .iter()
            .any(|filter| filter.contains(part));
        yes_or_no(heard)
    };
    let mut rows = vec![
        row("Read whole", times(twin.reads)),
        row("Hears changes", yes_or_no(twin.hears_changes)),
        row("Reported", times(twin.reported)),
    ];
    if !twin.names.is_empty() {
        rows.push(row("Reported names", twin.names.join(", ")));
    }
    let back = reported_back(report, &twin.names);
    if !back.is_empty() {
        rows.push(row("Defaults reported back", back.join(", ")));
    }
    if !edge.subscriptions.is_empty() {
        rows.push(row("Hears methods", hears(METHODS)));
        rows.push(row("Hears inputs", hears(INPUTS)));
    }
    if !edge.methods.is_empty() {
        let methods: Vec<String> = edge.methods.iter().map(method).collect();
        rows.push(row("Methods answered", methods.join(", ")));
    }
    if !edge.subscriptions.is_empty() {
        rows.push(row("Subscribed to", edge.subscriptions.join(", ")));
    }
    rows
}

/// Names of the default twin that the module reported too: the usual way to say that a desired property was taken.
fn reported_back<'a>(report: &Report, names: &'a [String]) -> Vec<&'a str> {
    let Ok(Value::Object(twin)) = serde_json::from_str(&report.offer.plan.twin) else {
        return Vec::new();
    };
    let names = names.iter().map(String::as_str);
    names.filter(|name| twin.contains_key(*name)).collect()
}

fn method(one: &MethodUse) -> String {
    format!("{} {}, last {}", one.name, times(one.answers), one.status)
}

fn yes_or_no(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}
