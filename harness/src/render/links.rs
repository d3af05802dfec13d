//! Where an offer's links led, as a table that every face of a report shows alike.

use conformance::observation::{LinkAnswer, LinkEnd, LinkVisit};
use conformance::report::Report;

use crate::render::edge::Table;

/// The heading above the table.
pub(crate) const HEADING: &str = "Links";
/// How much of a page's digest is shown to people; programs get all of it.
const DIGEST: usize = 12;

/// The table; none, where no link was visited.
pub(crate) fn tables(report: &Report) -> Vec<Table> {
    let visits = report.observations.links.seen();
    let visits = visits.into_iter().flatten();
    let rows: Vec<Vec<String>> = visits.filter_map(row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    vec![Table {
        title: "Visits".to_owned(),
        head: vec!["Link", "Stands at", "Visited", "Came to", "Page"],
        rows,
    }]
}

fn row(visit: &LinkVisit) -> Option<Vec<String>> {
    let (came_to, page) = match &visit.end {
        LinkEnd::Answered(answer) => answered(answer),
        LinkEnd::Failed(failure) => (failure.because.clone(), String::new()),
        LinkEnd::LeftAlone(_) => return None,
    };
    Some(vec![
        visit.url.clone(),
        visit.pointers.join(", "),
        visit.at.clone(),
        came_to,
        page,
    ])
}

fn answered(answer: &LinkAnswer) -> (String, String) {
    let from = match answer.redirects {
        0 => String::new(),
        _ => format!(" from {}", answer.url),
    };
    let came_to = format!("{}{from}", answer.status);
    if answer.read.0 == 0 {
        return (came_to, String::new());
    }
    let cut = if answer.whole { "" } else { "the first " };
    let digest = answer.sha256.get(..DIGEST).unwrap_or_default();
    let media_type = answer.media_type.as_deref().unwrap_or("no type told");
    let page = format!("{media_type}, {cut}{}, sha256:{digest}", answer.read);
    (came_to, page)
}
