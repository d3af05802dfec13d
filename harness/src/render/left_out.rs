//! What a report had to leave out for want of room ([`docs/outbox.md`](../../../docs/outbox.md)), in words that every face shows.

use conformance::report::Report;

/// What is missing; `None` of a report that is whole.
pub(super) fn notice(report: &Report) -> Option<String> {
    let left_out: Vec<String> = report.left_out.iter().map(|place| named(place)).collect();
    (!left_out.is_empty()).then(|| {
        format!(
            "This report is not whole: the probe had no room for {}. Verdict and findings were made before; what is gone is unseen where they are judged again.",
            left_out.join(", ")
        )
    })
}

/// A JSON pointer into the report; those that stand for a section of it in words.
fn named(place: &str) -> String {
    match place {
        "/series" => "the series".to_owned(),
        "/observations" => "the observations".to_owned(),
        "/" => "the report itself".to_owned(),
        other => other.to_owned(),
    }
}
