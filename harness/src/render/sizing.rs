//! A minimum search as people and programs read it: every limit tried, the curve, the reserve, the sentence to paste.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use conformance::finding::Unseen;
use conformance::hardware;
use conformance::observation::{Limits, Observed, Sizing, StorageLimitProof, Tries, Try};
use conformance::offer::ClaimScope;
use conformance::report::Report;
use conformance::sizing::{Answer, Minimum, answer};
use conformance::units::{Bytes, Millis};
use serde::Serialize;

use crate::render::text::{BOLD, folded, plain};
use crate::render::words;

/// Schema identifier of the JSON printed.
const SCHEMA: &str = "edgeproof/size/1";
/// How numbers of an offer are made from numbers measured.
const ROUNDING: &str = "RAM is rounded up to the next 16 MB, above 256 MB to 32 MB, above 512 MB to 64 MB; storage to 10 MB, above 100 MB to 50 MB, above 1 GB to 100 MB.";
/// Cells of the longest bar.
const BAR: u64 = 24;

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema: &'static str,
    run: &'a str,
    /// Whether the least memory was found.
    found: bool,
    #[serde(flatten)]
    answer: Option<&'a Answer>,
    /// Why there is no answer at all.
    unseen: Option<&'a Unseen>,
    /// The sentence for the description, HTML.
    paragraph: Option<String>,
    /// Whether it was written into the offer file.
    applied: bool,
    /// Every start.
    starts: Option<&'a Sizing>,
}

/// The answer as JSON.
#[must_use]
pub fn json(report: &Report, answered: &Result<Answer, Unseen>, applied: bool) -> String {
    let answer = answered.as_ref().ok();
    let found = answer.is_some_and(|answer| answer.memory.seen().is_some());
    let document = Document {
        schema: SCHEMA,
        run: &report.run.id,
        found,
        answer,
        unseen: answered.as_ref().err(),
        paragraph: answer
            .filter(|_| found)
            .map(|answer| hardware::write(&answer.claim)),
        applied,
        starts: report.observations.sizing.seen(),
    };
    serde_json::to_string_pretty(&document).expect("an answer has string keys and no failing parts")
}

/// The answer for a terminal.
#[must_use]
pub fn text(report: &Report, answered: &Result<Answer, Unseen>) -> String {
    let mut out = headline(report, answered);
    let (Ok(answer), Some(sizing)) = (answered, report.observations.sizing.seen()) else {
        return out;
    };
    let unlimited = &sizing.unlimited;
    let _ = writeln!(
        out,
        "\nWithout limits: healthy after {}, highest charge {}, of it {} that cannot be reclaimed.\n\
         Under limits a start counts as healthy within {}: twice as long, or one second more.",
        unlimited.after, unlimited.peak, unlimited.nonreclaimable_peak, sizing.allowed
    );
    out.push_str(&part("Memory", &answer.memory, &sizing.memory, MEMORY));
    out.push_str(&part("Cores", &answer.millicores, &sizing.cores, CORES));
    if sizing.storage.seen().is_some() {
        out.push_str(&part(
            "Writable layer",
            &answer.writable,
            &sizing.storage,
            STORAGE,
        ));
    }
    out.push_str(&storage(report, answer));
    out.push_str(&sentence(answer));
    out
}

fn headline(report: &Report, answered: &Result<Answer, Unseen>) -> String {
    let words = match answered {
        Ok(answer) => match &answer.memory {
            Observed::Seen(minimum) => format!(
                "found: {} of memory{}",
                Bytes(minimum.limit),
                if minimum.adapts {
                    " is the smallest limit proven; the module adapts to its limit"
                } else {
                    " for the module"
                }
            ),
            Observed::Unseen(unseen) => undecided(unseen),
        },
        Err(unseen) => undecided(unseen),
    };
    let offer = &report.offer;
    format!(
        "{BOLD}{}{BOLD:#}\n{} ({})\n",
        plain(&words),
        plain(&offer.listing.name),
        plain(&report.candidate.reference)
    )
}

fn undecided(unseen: &Unseen) -> String {
    format!(
        "undecided ({}): {}",
        words::reason(unseen.reason),
        unseen.because
    )
}

/// How a quantity's limits are read and written.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    of: fn(&Limits) -> u64,
    pub(super) say: fn(u64) -> String,
}

pub(super) const MEMORY: Unit = Unit {
    of: Limits::memory_bytes,
    say: |limit| Bytes(limit).to_string(),
};
pub(super) const CORES: Unit = Unit {
    of: Limits::millicores,
    say: |limit| format!("{}.{:02} cores", limit / 1_000, limit % 1_000 / 10),
};

const STORAGE: Unit = Unit {
    of: Limits::storage_room,
    say: |limit| Bytes(limit).to_string(),
};

fn part(title: &str, minimum: &Observed<Minimum>, tries: &Observed<Tries>, unit: Unit) -> String {
    let mut out = format!("\n{BOLD}{title}{BOLD:#}\n");
    match minimum {
        Observed::Seen(minimum) => out.push_str(&indented(&proven(minimum, unit))),
        Observed::Unseen(unseen) => out.push_str(&indented(&undecided(unseen))),
    }
    if let Some(tries) = tries.seen() {
        out.push_str(&curve(&tries.tries, unit));
    }
    out
}

fn proven(minimum: &Minimum, unit: Unit) -> String {
    let limit = (unit.say)(minimum.limit);
    let mut text = format!(
        "{limit} is enough, {} of {} times",
        minimum.fitted, minimum.fitted
    );
    match minimum.below {
        Some(below) => text.push_str(&format!("; {} is not", (unit.say)(below))),
        None => text
            .push_str(", and hardly a smaller limit can be tried: the engine's own start needs it"),
    }
    text.push_str(&format!(" ({} starts).", minimum.tries));
    if minimum.adapts {
        text.push_str(" It took clearly less there than without limits, and stayed healthy: it adapts to its limit. This is the smallest limit proven, not what it would like to have.");
    }
    if minimum.unstable {
        text.push_str(" Starts under the same or lower limits disagreed: unstable, so a higher limit was taken.");
    }
    if !minimum.settled {
        text.push_str(
            " The starts were used up before both ends were as near as planned and repeated.",
        );
    }
    text
}

/// All starts under one limit.
#[derive(Default)]
pub(super) struct Row<'a> {
    pub(super) fitted: usize,
    pub(super) tries: Vec<&'a Try>,
}

pub(super) fn by_limit(tries: &[Try], unit: Unit) -> BTreeMap<u64, Row<'_>> {
    let mut rows: BTreeMap<u64, Row<'_>> = BTreeMap::new();
    for one in tries {
        let row = rows.entry((unit.of)(&one.limits)).or_default();
        row.fitted += usize::from(one.fits);
        row.tries.push(one);
    }
    rows
}

/// A line per limit, the largest first: how many starts were healthy, the slowest of them as a bar, peak or cause.
fn curve(tries: &[Try], unit: Unit) -> String {
    let rows = by_limit(tries, unit);
    let slowest = rows
        .values()
        .filter_map(Row::after)
        .max()
        .unwrap_or_default();
    let mut out = format!(
        "  {:>12}  {:<8} {:>9}  {:<24} {}\n",
        "limit", "healthy", "after", "", "highest charge, or why not"
    );
    for (limit, row) in rows.iter().rev() {
        let after = row.after();
        let _ = writeln!(
            out,
            "  {:>12}  {} {:<6} {:>9}  {:<24} {}",
            (unit.say)(*limit),
            if row.fitted == row.tries.len() {
                "✓"
            } else {
                "✗"
            },
            format!("{}/{}", row.fitted, row.tries.len()),
            after.map_or_else(|| "–".to_owned(), |after| after.to_string()),
            after.map_or_else(String::new, |after| bar(after, slowest)),
            plain(&row.remark()),
        );
    }
    out
}

impl Row<'_> {
    /// The slowest of its starts that were healthy.
    pub(super) fn after(&self) -> Option<Millis> {
        let healthy = self.tries.iter().filter(|one| one.fits);
        healthy.filter_map(|one| one.after).max()
    }

    /// Why one of them did not fit, else the highest charge of all.
    pub(super) fn remark(&self) -> String {
        let why = self.tries.iter().find(|one| !one.fits);
        if let Some(why) = why.and_then(|one| one.detail.as_deref()) {
            return why.to_owned();
        }
        let peak = self.tries.iter().filter_map(|one| one.peak).max();
        peak.map_or_else(|| "not seen".to_owned(), |peak| peak.to_string())
    }
}

fn bar(after: Millis, slowest: Millis) -> String {
    let cells = (after.0 * BAR).div_ceil(slowest.0.max(1));
    "▇".repeat(usize::try_from(cells).unwrap_or(0))
}

fn storage(report: &Report, answer: &Answer) -> String {
    let mut out = format!("\n{BOLD}Storage{BOLD:#}\n");
    let driver = report
        .device
        .engine
        .seen()
        .map_or("its storage driver", |engine| &engine.storage_driver);
    let text = match (&answer.storage, &answer.writable) {
        (Observed::Seen(bytes), Observed::Seen(_)) => format!(
            "{:.1} MB in all: image, volumes and logs as they were measured without limits, and the room that was found for the writable layer. Volumes and logs no quota bounds.",
            megabytes(*bytes)
        ),
        (Observed::Seen(bytes), Observed::Unseen(unseen)) if quota_bites(report) => format!(
            "{:.1} MB were taken without limits: image, writable layer, volumes and logs. {}, so the measured figure is rounded up, not searched.",
            megabytes(*bytes),
            plain(&undecided(unseen))
        ),
        (Observed::Seen(bytes), Observed::Unseen(_)) => format!(
            "{:.1} MB were taken without limits: image, writable layer, volumes and logs. Nothing limits storage here ({}), so the measured figure is rounded up, not searched.",
            megabytes(*bytes),
            plain(driver)
        ),
        (Observed::Unseen(unseen), _) => {
            format!("{}; the claim of storage stays", undecided(unseen))
        }
    };
    out.push_str(&indented(&text));
    out
}

fn quota_bites(report: &Report) -> bool {
    let proof = report.observations.limits.storage.seen();
    proof.is_some_and(StorageLimitProof::bites)
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn megabytes(bytes: Bytes) -> f64 {
    bytes.0 as f64 / 1e6
}

fn sentence(answer: &Answer) -> String {
    let Some(memory) = answer.memory.seen() else {
        return String::new();
    };
    let mut out = format!("\n{BOLD}For the offer{BOLD:#}\n");
    let need = Bytes(memory.limit);
    let reserve = &answer.reserve;
    let sum = match answer.scope {
        ClaimScope::Device => format!(
            "The claim speaks of the device: {need} for the module and a reserve of {} ({}).",
            reserve.memory, reserve.source
        ),
        ClaimScope::Module => {
            format!("The claim speaks of the module alone: {need}, no reserve.")
        }
    };
    out.push_str(&indented(&format!("{sum} {ROUNDING}")));
    out.push_str(&unclaimed(answer).map_or_else(String::new, |words| indented(&words)));
    let _ = writeln!(out, "\n{}", plain(&hardware::write(&answer.claim)));
    out
}

/// What every start had and the claim does not name.
fn unclaimed(answer: &Answer) -> Option<String> {
    let accelerators = answer.unclaimed_accelerators.join(", ");
    (!accelerators.is_empty()).then(|| {
        format!(
            "Every start was given {}, as the createOptions ask, and the claim names no accelerator: see IEM-HW-06 (edgeproof certify).",
            plain(&accelerators)
        )
    })
}

/// The search as facts of a report: what was found, and every limit with what became of it. None, if there was no search.
pub(super) fn rows(report: &Report) -> Vec<(&'static str, String)> {
    let Some(sizing) = report.observations.sizing.seen() else {
        return Vec::new();
    };
    let scope = report.offer.plan.claim_scope;
    let Ok(answer) = answer(report, scope) else {
        return Vec::new();
    };
    let told = |minimum: &Observed<Minimum>, unit| match minimum {
        Observed::Seen(minimum) => proven(minimum, unit),
        Observed::Unseen(unseen) => undecided(unseen),
    };
    let mut rows = vec![
        ("Least memory", told(&answer.memory, MEMORY)),
        ("Starts under memory limits", limits(&sizing.memory, MEMORY)),
        ("Fewest cores", told(&answer.millicores, CORES)),
        ("Starts under core limits", limits(&sizing.cores, CORES)),
    ];
    if sizing.storage.seen().is_some() {
        rows.push(("Least room to write", told(&answer.writable, STORAGE)));
        rows.push((
            "Starts under storage limits",
            limits(&sizing.storage, STORAGE),
        ));
    }
    if answer.memory.seen().is_some() {
        rows.push(("For the offer", hardware::write(&answer.claim)));
    }
    rows.extend(unclaimed(&answer).map(|words| ("Not in the claim", words)));
    rows
}

/// Every limit in a line of text, the largest first.
fn limits(tries: &Observed<Tries>, unit: Unit) -> String {
    let Some(tries) = tries.seen() else {
        return "none".to_owned();
    };
    let rows = by_limit(&tries.tries, unit);
    let told = rows.iter().rev().map(|(limit, row)| {
        let after = row.after();
        let after = after.map_or_else(String::new, |after| format!(" after {after}"));
        format!(
            "{}: {} of {} healthy{after} ({})",
            (unit.say)(*limit),
            row.fitted,
            row.tries.len(),
            row.remark()
        )
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Running text, indented.
fn indented(text: &str) -> String {
    format!("  {}", folded(text, 2))
}
