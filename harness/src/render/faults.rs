//! How the module bore pokes and faults, as tables that every face of a report shows alike.

use conformance::faults::memory_growth;
use conformance::observation::{
    FaultEnd, FaultMemory, FaultRun, FaultTrial, Observed, PlayedFault,
};
use conformance::report::Report;

use crate::render::edge::Table;
use crate::render::words;

/// The heading above the tables.
pub(crate) const HEADING: &str = "Pokes and faults";

/// The tables; none, where nobody asked for any.
pub(crate) fn tables(report: &Report) -> Vec<Table> {
    let faults = &report.observations.faults;
    if *faults == Observed::default() {
        return Vec::new();
    }
    match faults {
        Observed::Seen(FaultTrial::Played(run)) => {
            vec![table_of(run), before(report, run)]
        }
        Observed::Seen(FaultTrial::NotApplicable { why }) => {
            vec![said("Not applicable", why)]
        }
        Observed::Unseen(unseen) => {
            let why = format!("{}: {}", words::reason(unseen.reason), unseen.because);
            vec![said("Not played", &why)]
        }
    }
}

fn said(what: &str, why: &str) -> Table {
    Table {
        title: "What came of it".to_owned(),
        head: vec!["What", "Seen"],
        rows: vec![vec![what.to_owned(), why.to_owned()]],
    }
}

fn table_of(run: &FaultRun) -> Table {
    Table {
        title: format!("One after the other, {} for each to be back", run.recovery),
        head: vec!["What", "At", "Done", "It", "Then", "Memory"],
        rows: run.played.iter().map(row).collect(),
    }
}

fn row(one: &PlayedFault) -> Vec<String> {
    vec![
        one.fault.words().to_owned(),
        words::moment(one.at),
        one.done.clone(),
        one.said.clone(),
        end(&one.end),
        one.memory.seen().map(memory).unwrap_or_default(),
    ]
}

fn end(end: &FaultEnd) -> String {
    match end {
        FaultEnd::Back { after } => format!("back after {after}"),
        FaultEnd::Missing { missing, waited } => {
            format!("not back after {waited}: {} missing", missing.join(", "))
        }
        FaultEnd::Ended { exit, last_lines } => {
            let memory = if exit.oom_killed {
                ", killed for memory"
            } else {
                ""
            };
            let last = last_lines.iter().rev().map(|line| line.trim());
            let last = last.into_iter().find(|line| !line.is_empty());
            let last = last.map_or_else(String::new, |line| format!("; last line: {line}"));
            format!(
                "ended after {} with exit code {}{memory}{last}",
                exit.at, exit.code
            )
        }
        FaultEnd::Unheard => "nothing was done: it has not subscribed to it".to_owned(),
        FaultEnd::Unseen(unseen) => format!("not seen: {}", unseen.because),
    }
}

fn memory(seen: &FaultMemory) -> String {
    let after = match seen.after {
        Some(after) => format!(", {after} after"),
        None => String::new(),
    };
    format!(
        "{} before, {} meanwhile{after}",
        seen.before, seen.meanwhile
    )
}

fn before(report: &Report, run: &FaultRun) -> Table {
    let row = |what: &str, seen: String| vec![what.to_owned(), seen];
    let mut rows = Vec::new();
    if let Some(flow) = &run.before {
        let heard = [
            (flow.hears_changes, "desired properties"),
            (flow.hears_methods, "direct methods"),
            (flow.hears_inputs, "inputs"),
        ];
        let heard: Vec<&str> = heard
            .into_iter()
            .filter_map(|(heard, what)| heard.then_some(what))
            .collect();
        rows.push(row(
            "Subscribed to",
            match heard.as_slice() {
                [] => "nothing that can be sent to it".to_owned(),
                heard => heard.join(", "),
            },
        ));
        let awaited = if flow.sends() {
            "awaited again after each fault"
        } else {
            "too few to be awaited again"
        };
        let messages = usize::try_from(flow.messages).unwrap_or(usize::MAX);
        let sent = words::number(messages, "message");
        rows.push(row("Sent", format!("{sent} in {}, {awaited}", flow.over)));
    }
    rows.push(row("Starts", run.starts.to_string()));
    rows.push(row("Memory over the longest life", growth(report)));
    Table {
        title: "Left alone before, and over the whole".to_owned(),
        head: vec!["What", "Seen"],
        rows,
    }
}

/// A slope with its interval, and no more than it supports.
fn growth(report: &Report) -> String {
    let Some(slope) = memory_growth(&report.series) else {
        return "too few readings for a slope".to_owned();
    };
    let an_hour = |per_second: f64| per_second * 3_600.0 / 1_048_576.0;
    let told = format!(
        "{:+.2} MiB an hour ({:+.2} to {:+.2}, Theil–Sen over {} points)",
        an_hour(slope.per_second),
        an_hour(slope.low),
        an_hour(slope.high),
        slope.n
    );
    if slope.is_growth() {
        format!("{told}: it grew; whether without end, a soak shows")
    } else {
        format!("{told}: no growth shown")
    }
}
