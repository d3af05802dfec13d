//! Where else the module wanted to go, as tables that every face of a report shows alike.

use conformance::observation::{AskedName, Connection, Egress, Names, Observed, Remotes};
use conformance::report::Report;

use crate::render::edge::Table;
use crate::render::words;

/// The heading above the tables.
pub(crate) const HEADING: &str = "Other destinations";

/// The tables; none, where nothing looked, or nothing was to be seen on a network with a way out.
pub(crate) fn tables(report: &Report) -> Vec<Table> {
    let Some(egress) = report.observations.egress.seen() else {
        return Vec::new();
    };
    let tables = [
        Table {
            title: "What was looked at".to_owned(),
            head: vec!["What", "Seen"],
            rows: looks(egress),
        },
        names(egress.names.seen()),
        remotes(egress.remotes.seen()),
    ];
    tables
        .into_iter()
        .filter(|table| !table.rows.is_empty())
        .collect()
}

/// What a reader has to know of the network and of the looks; nothing, where all went as usual.
fn looks(egress: &Egress) -> Vec<Vec<String>> {
    let row = |what: &str, seen: String| vec![what.to_owned(), seen];
    let mut rows = Vec::new();
    if egress.hermetic {
        let seen = "none: the run was hermetic, edgeHub was all that could be reached";
        rows.push(row("Way out", seen.to_owned()));
    }
    if let Observed::Unseen(unseen) = &egress.names {
        rows.push(row("Names", format!("not seen: {}", unseen.because)));
    }
    if let Observed::Unseen(unseen) = &egress.remotes {
        rows.push(row("Connections", format!("not seen: {}", unseen.because)));
    }
    rows
}

fn names(names: Option<&Names>) -> Table {
    let further = names.map_or(0, |names| names.further);
    Table {
        title: match further {
            0 => "Names asked for".to_owned(),
            n => format!("Names asked for, and {n} questions for others"),
        },
        head: vec!["Name", "First", "Questions", "Answer", "Addresses"],
        rows: names.map_or_else(Vec::new, |names| names.asked.iter().map(name).collect()),
    }
}

fn name(one: &AskedName) -> Vec<String> {
    vec![
        one.name.clone(),
        words::moment(one.at),
        one.times.to_string(),
        one.answer.words().to_owned(),
        one.addresses.join(", "),
    ]
}

fn remotes(remotes: Option<&Remotes>) -> Table {
    let further = remotes.map_or(0, |remotes| remotes.further);
    Table {
        title: match further {
            0 => "Connections".to_owned(),
            n => format!("Connections, and {n} sights of others"),
        },
        head: vec!["To", "First", "Protocol", "Name", "Answered"],
        rows: remotes.map_or_else(Vec::new, |remotes| {
            remotes.to.iter().map(connection).collect()
        }),
    }
}

fn connection(one: &Connection) -> Vec<String> {
    let address = if one.address.contains(':') {
        format!("[{}]", one.address)
    } else {
        one.address.clone()
    };
    vec![
        format!("{address}:{}", one.port),
        words::moment(one.at),
        one.protocol.words().to_owned(),
        one.name.clone().unwrap_or_default(),
        match one.answered {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        }
        .to_owned(),
    ]
}
