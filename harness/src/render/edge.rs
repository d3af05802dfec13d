//! What the module did at edgeHub, as tables that every face of a report shows alike.

use conformance::client_type::ClientType;
use conformance::observation::{EdgeBreach, EdgeConnection, EdgeUse, OutputUse};
use conformance::report::Report;
use serde::Serialize;

use crate::render::words;

mod course;
mod talk;

/// The heading above the tables.
pub(crate) const HEADING: &str = "At edgeHub";

/// A table of texts; every row has as many as `head`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Table {
    /// What its rows are.
    pub(crate) title: String,
    /// Names of the columns; the first names the row.
    pub(crate) head: Vec<&'static str>,
    /// The rows; an empty text where there is nothing to say.
    pub(crate) rows: Vec<Vec<String>>,
}

/// The tables; none, where edgeHub was not seen or the module left nothing there.
pub(crate) fn tables(report: &Report) -> Vec<Table> {
    let Some(edge) = report.observations.edge.seen() else {
        return Vec::new();
    };
    if *edge == EdgeUse::default() {
        return Vec::new();
    }
    let tables = [
        connections(edge),
        course::security(report, edge),
        course::timeline(report, edge),
        Table {
            title: "Messages".to_owned(),
            head: vec![
                "Output", "First", "Messages", "Rate", "QoS 1", "Repeated", "Bytes", "Largest",
                "Unrouted",
            ],
            rows: edge.outputs.iter().map(output).collect(),
        },
        talk::table(report, edge),
        Table {
            title: "Against the contract".to_owned(),
            head: vec!["Rule", "First", "Times", "Seen first"],
            rows: edge.breaches.iter().map(breach).collect(),
        },
    ];
    tables
        .into_iter()
        .filter(|table| !table.rows.is_empty())
        .collect()
}

fn connections(edge: &EdgeUse) -> Table {
    let shown = edge.connections.len();
    let logins = usize::try_from(edge.logins).unwrap_or(usize::MAX);
    let title = if logins > shown {
        format!("Connections: the first {shown} of {logins}")
    } else {
        "Connections".to_owned()
    };
    Table {
        title,
        head: vec![
            "At",
            "Protocol",
            "TLS",
            "SDK",
            "ProductInfo",
            "Model",
            "Token life",
            "Keep-alive",
            "Ended",
        ],
        rows: edge.connections.iter().map(connection).collect(),
    }
}

fn connection(one: &EdgeConnection) -> Vec<String> {
    let read = one.client_type.as_deref().map(ClientType::read);
    let sdk = read.and_then(|read| read.sdk_in_words());
    let ended = one
        .ended
        .as_ref()
        .map(|end| format!("{}, {}", words::moment(end.at), end.reason));
    vec![
        words::moment(one.at),
        one.transport.words().to_owned(),
        match &one.server_name {
            Some(name) => format!("{} for {name}", one.tls),
            None => format!("{} without a server name", one.tls),
        },
        sdk.unwrap_or_else(|| "none named".to_owned()),
        read.map_or("", |read| read.product_info).to_owned(),
        one.model_id.clone().unwrap_or_default(),
        one.token_life
            .map_or_else(|| "no token".to_owned(), |life| format!("{life} s")),
        match one.keep_alive.0 {
            0 => "none".to_owned(),
            _ => one.keep_alive.to_string(),
        },
        ended.unwrap_or_else(|| "not seen".to_owned()),
    ]
}

fn output(one: &OutputUse) -> Vec<String> {
    vec![
        one.output
            .clone()
            .unwrap_or_else(|| "(none named)".to_owned()),
        words::moment(one.first),
        one.messages.to_string(),
        rate(one).map_or_else(String::new, |rate| format!("{rate:.2}/s")),
        one.acknowledged.to_string(),
        match one.repeated {
            0 => String::new(),
            n => n.to_string(),
        },
        one.bytes.to_string(),
        one.largest.to_string(),
        // Nought is also what a record holds where no route was evaluated.
        match one.unrouted {
            0 => String::new(),
            n => format!("{n}, dropped"),
        },
    ]
}

/// Messages a second, from the first to the last; pauses between starts are in it.
#[allow(
    clippy::cast_precision_loss,
    reason = "two digits are shown; a run has fewer messages than a float tells apart"
)]
fn rate(one: &OutputUse) -> Option<f64> {
    let span = one
        .last?
        .0
        .checked_sub(one.first.0)
        .filter(|span| *span > 0)?;
    (one.messages > 1).then(|| (one.messages - 1) as f64 * 1_000.0 / span as f64)
}

fn breach(one: &EdgeBreach) -> Vec<String> {
    vec![
        one.rule.clone(),
        words::moment(one.at),
        one.times.to_string(),
        one.detail.clone(),
    ]
}

fn times(n: u64) -> String {
    match n {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        _ => format!("{n} times"),
    }
}
