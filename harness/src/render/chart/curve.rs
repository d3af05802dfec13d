//! The curve of a minimum search: time to healthy over the limit, what was not healthy, and the minimum.

use std::fmt::Write as _;

use conformance::observation::Observed;
use conformance::report::Report;
use conformance::sizing::answer;
use conformance::units::Millis;
use serde::Serialize;

use super::scale::{Axis, HEIGHT};
use super::svg::{ABOVE, BELOW, SPAN, escaped};
use crate::render::sizing::{CORES, MEMORY, Row, Unit, by_limit};
use crate::render::words;

/// One curve with what stands beside it.
#[derive(Debug, Serialize)]
pub struct Curve {
    /// `Memory limit and time to healthy`.
    pub title: String,
    /// The drawing: an `<svg>` element, every text in it escaped.
    pub svg: String,
    /// Whether a minimum is marked.
    pub has_minimum: bool,
    /// Every limit, the largest first.
    pub rows: Vec<LimitRow>,
}

/// All starts under one limit, as text with units.
#[derive(Debug, Serialize)]
pub struct LimitRow {
    /// The limit.
    pub limit: String,
    /// `2 of 3`.
    pub healthy: String,
    /// The slowest of the healthy starts.
    pub after: String,
    /// Highest charge, or why not.
    pub remark: String,
}

/// What one curve draws.
struct Search<'a> {
    unit: Unit,
    /// The limits' unit on the axis, and how many of the plan's steps are one of it.
    axis_unit: &'static str,
    steps: f64,
    rows: Vec<(u64, Row<'a>)>,
    minimum: Option<u64>,
    allowed: Millis,
}

/// A curve for each quantity that was searched; none, if there was no search.
#[must_use]
pub fn curves(report: &Report) -> Vec<Curve> {
    let Some(sizing) = report.observations.sizing.seen() else {
        return Vec::new();
    };
    let answer = answer(report, report.offer.plan.claim_scope).ok();
    let memory = answer.as_ref().and_then(|answer| answer.memory.seen());
    let cores = answer.as_ref().and_then(|answer| answer.millicores.seen());
    let parts = [
        ("Memory", &sizing.memory, MEMORY, "bytes", 1.0, memory),
        ("Core", &sizing.cores, CORES, "cores", 1_000.0, cores),
    ];
    let mut curves = Vec::new();
    for (index, (what, tries, unit, axis_unit, steps, minimum)) in parts.into_iter().enumerate() {
        let Observed::Seen(tries) = tries else {
            continue;
        };
        let search = Search {
            unit,
            axis_unit,
            steps,
            rows: by_limit(&tries.tries, unit).into_iter().collect(),
            minimum: minimum.map(|minimum| minimum.limit),
            allowed: sizing.allowed,
        };
        if search.rows.is_empty() {
            continue;
        }
        let title = format!("{what} limit and time to healthy");
        curves.push(Curve {
            svg: draw(&search, &title, index),
            title,
            has_minimum: search.minimum.is_some(),
            rows: search
                .rows
                .iter()
                .rev()
                .map(|row| told(row, unit))
                .collect(),
        });
    }
    curves
}

fn told((limit, row): &(u64, Row<'_>), unit: Unit) -> LimitRow {
    LimitRow {
        limit: (unit.say)(*limit),
        healthy: format!("{} of {}", row.fitted, row.tries.len()),
        after: row
            .after()
            .map_or_else(|| "–".to_owned(), |after| after.to_string()),
        remark: row.remark(),
    }
}

impl Search<'_> {
    #[allow(
        clippy::cast_precision_loss,
        reason = "limits of memory are far below 2^53"
    )]
    fn value(&self, limit: u64) -> f64 {
        limit as f64 / self.steps
    }

    /// The slowest start under a limit that came to be healthy, in time or not, in seconds.
    fn slowest(row: &Row<'_>) -> Option<f64> {
        let after = row.tries.iter().filter_map(|one| one.after).max();
        after.map(Millis::as_secs_f64)
    }

    /// In words, for those who cannot see it.
    fn words(&self) -> String {
        let healthy = |row: &&(u64, Row<'_>)| row.1.fitted == row.1.tries.len();
        let count = self.rows.iter().filter(healthy).count();
        let minimum = self.minimum.map_or_else(
            || "no minimum was proven".to_owned(),
            |minimum| format!("the minimum is {}", (self.unit.say)(minimum)),
        );
        format!(
            "{} limits, healthy every time under {count}; {minimum}. A start may take {}.",
            self.rows.len(),
            self.allowed
        )
    }
}

fn draw(search: &Search<'_>, title: &str, index: usize) -> String {
    let largest = search.rows.last().map_or(0, |(limit, _)| *limit);
    let x = Axis::over(search.value(largest), search.axis_unit);
    let slowest = search
        .rows
        .iter()
        .filter_map(|(_, row)| Search::slowest(row));
    let y = Axis::over(
        slowest.fold(search.allowed.as_secs_f64(), f64::max),
        "seconds",
    );
    let at = |limit: u64| search.value(limit) / x.top * 100.0;
    let mut out = format!(
        "<svg class=\"chart\" role=\"img\" width=\"100%\" height=\"{}\" aria-labelledby=\"curve-{index}-title curve-{index}-text\">\
         <title id=\"curve-{index}-title\">{}</title><desc id=\"curve-{index}-text\">{}</desc>",
        ABOVE + HEIGHT + BELOW,
        escaped(title),
        escaped(&search.words())
    );
    grid(&mut out, &x, &y, search.axis_unit);
    lines(&mut out, search, &y, &at);
    marks(&mut out, search, &y, &at);
    minimum(&mut out, search, &at);
    out.push_str("</svg>");
    out
}

fn grid(out: &mut String, x: &Axis, y: &Axis, unit: &str) {
    let bottom = ABOVE + HEIGHT;
    let _ = write!(
        out,
        "<line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"{bottom}\" y2=\"{bottom}\"/>"
    );
    for tick in y.ticks() {
        let at = ABOVE + y.y(tick);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"tick\" x=\"4\" y=\"{:.1}\">{}</text>",
            at + 12.0,
            escaped(&words::quantity(tick, "seconds"))
        );
    }
    for tick in x.ticks() {
        let percent = tick / x.top * 100.0;
        let anchor = if percent > 94.0 { "end" } else { "middle" };
        let _ = write!(
            out,
            "<line class=\"axis\" x1=\"{percent:.2}%\" x2=\"{percent:.2}%\" y1=\"{bottom}\" y2=\"{}\"/><text class=\"tick\" x=\"{percent:.2}%\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            bottom + 4.0,
            bottom + 15.0,
            escaped(&words::quantity(tick, unit))
        );
    }
}

/// The slowest healthy start of each limit as one line, and how long a start may take as another.
fn lines(out: &mut String, search: &Search<'_>, y: &Axis, at: &impl Fn(u64) -> f64) {
    let healthy = search.rows.iter().filter_map(|(limit, row)| {
        let after = row.after()?.as_secs_f64();
        Some(format!(
            "{:.1},{:.1}",
            at(*limit) * SPAN / 100.0,
            y.y(after)
        ))
    });
    let healthy: Vec<String> = healthy.collect();
    let allowed = y.y(search.allowed.as_secs_f64());
    let _ = write!(
        out,
        "<svg y=\"{ABOVE}\" width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {SPAN} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <polyline class=\"line line-0\" points=\"{}\"/><polyline class=\"line line-1\" points=\"0,{allowed:.1} {SPAN},{allowed:.1}\"/></svg>",
        healthy.join(" ")
    );
}

/// ✓ where every start under a limit was healthy, else ✗; one that never was healthy stands at the upper edge.
fn marks(out: &mut String, search: &Search<'_>, y: &Axis, at: &impl Fn(u64) -> f64) {
    for (limit, row) in &search.rows {
        let mark = if row.fitted == row.tries.len() {
            "✓"
        } else {
            "✗"
        };
        let height = Search::slowest(row).map_or(0.0, |slowest| y.y(slowest));
        let _ = write!(
            out,
            "<text class=\"any\" x=\"{:.2}%\" y=\"{:.1}\" text-anchor=\"middle\">{mark}</text>",
            at(*limit),
            ABOVE + height + 4.0
        );
    }
}

fn minimum(out: &mut String, search: &Search<'_>, at: &impl Fn(u64) -> f64) {
    let Some(minimum) = search.minimum else {
        return;
    };
    let x = at(minimum);
    let anchor = if x > 50.0 { "end" } else { "start" };
    let _ = write!(
        out,
        "<line class=\"limit\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{ABOVE}\" y2=\"{}\"/><text class=\"limit-name\" x=\"{x:.2}%\" y=\"13\" text-anchor=\"{anchor}\">minimum {}</text>",
        ABOVE + HEIGHT,
        escaped(&(search.unit.say)(minimum))
    );
}
