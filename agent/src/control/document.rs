//! How things stand, as JSON: the reported property `conformance` and the answer of `status`.

use serde_json::{Value, json};

use super::book::Ending;
use super::desk::{Control, Order, UnderWay};
use super::store::Closed;
use crate::hub::MAX_PART_BYTES;

/// Bytes of one text in the twin, which takes 4,096.
const TEXT_BYTES: usize = 1_000;
/// Bytes of one mistake.
const MISTAKE_BYTES: usize = 300;
/// Mistakes in the twin or in an answer; the rest is counted.
const MOST_MISTAKES: usize = 20;

/// Where a run stands.
struct Standing<'a> {
    run: Option<&'a str>,
    state: &'static str,
    phase: Option<String>,
    progress: u8,
    of: Option<&'a Closed>,
}

/// The reported property `conformance`, whole: every member is set anew, null removes one.
pub(super) fn reported(control: &Control) -> Value {
    let now = standing(control);
    let judged = now.of.and_then(|closed| closed.judged.as_ref());
    let mistakes = shortened(&control.mistakes);
    json!({
        "run": now.run,
        "state": now.state,
        "phase": now.phase,
        "progress": now.progress,
        "verdict": judged.map(|judged| &judged.verdict),
        "headline": judged.map(|judged| shortened_to(&judged.headline, TEXT_BYTES)),
        "counts": judged.map(|judged| &judged.counts),
        "queue": queue(control),
        "mistakes": (!mistakes.is_empty()).then_some(mistakes),
        "outbox": outbox(control),
    })
}

/// The reported property once, for a run that a restart or a stop interrupted.
pub(super) fn interrupted(control: &Control, run: &str, phase: &str) -> Value {
    let mut value = reported(control);
    value["run"] = json!(run);
    value["state"] = json!("interrupted");
    value["phase"] = json!(shortened_to(phase, TEXT_BYTES));
    for name in ["progress", "verdict", "headline", "counts"] {
        value[name] = Value::Null;
    }
    value
}

/// The answer of `status`.
pub(super) fn status(control: &Control) -> Value {
    let now = standing(control);
    let last = control.last.as_ref().map(|(run, closed)| {
        let judged = closed.judged.as_ref();
        let headline = judged
            .map(|judged| &judged.headline)
            .or(closed.why.as_ref());
        json!({
            "run": run,
            "verdict": judged.map(|judged| &judged.verdict),
            "headline": headline.map(|words| shortened_to(words, TEXT_BYTES)),
        })
    });
    json!({
        "state": now.state,
        "run": now.run,
        "phase": now.phase,
        "progress": now.progress,
        "queue": queue(control),
        "last": last,
        "outbox": outbox(control),
    })
}

/// The one word for how things stand.
pub(super) fn state(control: &Control) -> &'static str {
    standing(control).state
}

fn standing(control: &Control) -> Standing<'_> {
    if let Some(under_way) = &control.under_way {
        return running(under_way);
    }
    if let Some(parcel) = control.to_send.front() {
        return Standing {
            run: Some(&parcel.run),
            state: "running",
            phase: Some("sending the report".to_owned()),
            progress: 100,
            of: None,
        };
    }
    let Some((run, closed)) = &control.last else {
        return Standing {
            run: None,
            state: "idle",
            phase: None,
            progress: 0,
            of: None,
        };
    };
    let why = closed.why.as_deref();
    Standing {
        run: Some(run),
        state: closed.ending.word(),
        phase: why.map(|why| shortened_to(why, TEXT_BYTES)),
        progress: if closed.ending == Ending::Done {
            100
        } else {
            0
        },
        of: Some(closed),
    }
}

fn running(under_way: &UnderWay) -> Standing<'_> {
    let progress = under_way.progress.borrow();
    let phase = match *under_way.order.borrow() {
        Order::GoOn => shortened_to(&progress.phase, TEXT_BYTES),
        Order::Cancel => "canceling".to_owned(),
        Order::Stop => "stopping".to_owned(),
    };
    Standing {
        run: Some(&under_way.run),
        // A run that is judged or cleaned up is not done before its report is on its way.
        state: if progress.state == "waiting" {
            "waiting"
        } else {
            "running"
        },
        phase: Some(phase),
        progress: progress.percent,
        of: None,
    }
}

fn queue(control: &Control) -> Vec<&str> {
    control.book.queue().collect()
}

/// Reports that were not handed over, and what was and has not reached the hub.
fn outbox(control: &Control) -> Value {
    let mut all = control.held;
    for parcel in &control.to_send {
        all.messages += parcel.length.div_ceil(MAX_PART_BYTES).max(1);
        all.bytes += parcel.length as u64;
    }
    json!({"messages": all.messages, "bytes": all.bytes})
}

/// As many mistakes as a twin has room for, and how many more there are.
pub(super) fn shortened(mistakes: &[String]) -> Vec<String> {
    let told = mistakes.iter().take(MOST_MISTAKES);
    let mut told: Vec<String> = told
        .map(|mistake| shortened_to(mistake, MISTAKE_BYTES))
        .collect();
    let more = mistakes.len().saturating_sub(MOST_MISTAKES);
    if more > 0 {
        told.push(format!(": {more} more"));
    }
    told
}

/// At most so many bytes of a text, on one line.
fn shortened_to(text: &str, most: usize) -> String {
    let mut short = String::new();
    for c in text.chars() {
        // A control character takes six bytes in JSON.
        let c = if c.is_control() { ' ' } else { c };
        if short.len() + c.len_utf8() > most {
            short.truncate(short.floor_char_boundary(most.saturating_sub(3)));
            short.push('…');
            break;
        }
        short.push(c);
    }
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::control::book::{MOST_QUEUED, Source, Ticket};
    use crate::hub::MAX_REPORTED_BYTES;

    #[test]
    fn a_long_text_says_that_it_goes_on() {
        assert_eq!(shortened_to("a\nb", 10), "a b");
        assert_eq!(shortened_to("0123456789", 10), "0123456789");
        assert_eq!(shortened_to("0123456789a", 10), "0123456…");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn no_text_is_longer_than_its_bound(text in ".{0,60}", most in 3usize..40) {
            prop_assert!(shortened_to(&text, most).len() <= most);
        }

        #[test]
        fn the_whole_property_fits_a_twin_whatever_is_wrong(mistakes in prop::collection::vec("(?s).{0,40}", 0..60)) {
            let state = tempfile::tempdir().unwrap();
            let mut control = Control::open(state.path()).unwrap();
            control.mistakes = mistakes;
            for mistake in &mut control.mistakes {
                *mistake = mistake.repeat(30);
            }
            for n in 0..MOST_QUEUED {
                control.book.ask(Ticket {
                    run: format!("{n:064}"),
                    digest: String::new(),
                    source: Source::Method,
                    begun: false,
                });
            }
            let bytes = reported(&control).to_string().len();
            prop_assert!(bytes <= MAX_REPORTED_BYTES, "{bytes}");
        }
    }
}
