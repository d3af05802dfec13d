//! How the module came to edgeHub: TLS and tokens over all connections, and the steps of each start.

use conformance::observation::{EdgeConnection, EdgeUse, Start, WorkloadRequest};
use conformance::report::Report;
use conformance::units::Millis;

use super::{Table, times};

/// TLS with its suite, and what became of the tokens; without rows where an earlier probe kept neither.
pub(super) fn security(report: &Report, edge: &EdgeUse) -> Table {
    let mut rows = Vec::new();
    let suites = edge.connections.iter().filter(|one| !one.suite.is_empty());
    let mut seen: Vec<(String, usize)> = Vec::new();
    for one in suites {
        let words = format!("{} with {}", one.tls, one.suite);
        match seen.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += 1,
            None => seen.push((words, 1)),
        }
    }
    for (words, count) in seen {
        let connections = match count {
            1 => "1 connection".to_owned(),
            n => format!("{n} connections"),
        };
        rows.push(vec!["TLS".to_owned(), format!("{words}: {connections}")]);
    }
    let begun: Vec<Millis> = starts(report).iter().map(|start| start.at).collect();
    let kept = !edge.connections.is_empty();
    if let Some(renewals) = edge.renewals(&begun).filter(|_| kept) {
        let times = times(renewals as u64);
        rows.push(vec!["Token renewed".to_owned(), times]);
        let resumed = edge.connections.iter().filter(|one| one.resumed).count();
        let words = format!("{resumed} of {} connections", edge.connections.len());
        rows.push(vec!["Session resumed".to_owned(), words]);
    }
    Table {
        title: "TLS and tokens".to_owned(),
        head: vec!["What", "Seen"],
        rows,
    }
}

/// The steps of each start with the defaults, counted from the engine's start call.
pub(super) fn timeline(report: &Report, edge: &EdgeUse) -> Table {
    let everything = starts(report);
    let requests = report.observations.workload.seen();
    let requests = requests.map_or(&[][..], Vec::as_slice);
    let own = report.observations.starts.iter();
    let rows = own.enumerate().filter_map(|(index, start)| {
        let until = everything
            .iter()
            .map(|other| other.at)
            .filter(|at| *at > start.at)
            .min();
        let inside = |at: Millis| at >= start.at && until.is_none_or(|until| at < until);
        let steps = steps(edge, requests, &inside);
        let begun = start.at.0.saturating_add(start.create.0);
        let shown = steps.map(|step| {
            step.map_or_else(String::new, |at| {
                Millis(at.0.saturating_sub(begun)).to_string()
            })
        });
        let row = std::iter::once((index + 1).to_string()).chain(shown);
        steps.iter().any(Option::is_some).then(|| row.collect())
    });
    Table {
        title: "From each start on".to_owned(),
        head: vec![
            "Start",
            "Workload API asked",
            "Token signed",
            "Logged in",
            "Subscribed",
            "First message",
        ],
        rows: rows.collect(),
    }
}

/// The first of each step in the time that `inside` says.
fn steps(
    edge: &EdgeUse,
    requests: &[WorkloadRequest],
    inside: &dyn Fn(Millis) -> bool,
) -> [Option<Millis>; 5] {
    let asked = || requests.iter().filter(|one| inside(one.at));
    let sign = |one: &&WorkloadRequest| {
        let path = one.path.split('?').next().unwrap_or_default();
        path.ends_with("/sign") && one.status < 400
    };
    let of = |pick: fn(&EdgeConnection) -> Option<Millis>| {
        let seen = edge.connections.iter().filter_map(pick);
        seen.filter(|at| inside(*at)).min()
    };
    [
        asked().map(|one| one.at).min(),
        asked().find(sign).map(|one| one.at),
        of(|one| Some(one.at)),
        of(|one| one.subscribed),
        of(|one| one.first_message),
    ]
}

/// Every start of the module that a run plays, with the defaults and inside the claim.
fn starts(report: &Report) -> Vec<&Start> {
    let enveloped = report.observations.envelope.seen();
    let enveloped = enveloped.into_iter().flat_map(|run| &run.starts);
    let own = report.observations.starts.iter();
    own.chain(enveloped).collect()
}
