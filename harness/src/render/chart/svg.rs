//! Draws one chart: phase bands, grid, limits, then a band from lowest to highest sample and a line through the means.

use std::fmt::Write as _;

use conformance::observation::Phase;
use conformance::record::{Point, Series};
use conformance::units::Millis;

use super::scale::{Axis, HEIGHT, time_ticks};
use super::{Family, TimeLine, highest};
use crate::render::words;

/// Space above the plot for phase names and below it for times.
pub(super) const ABOVE: f64 = 20.0;
pub(super) const BELOW: f64 = 22.0;
/// Width of the stretched inner drawing, in its own units.
pub(super) const SPAN: f64 = 1000.0;
/// A limit this many times above everything measured is told, not drawn: it would flatten the lines.
const LIMIT_IN_VIEW: f64 = 6.0;

/// The `<svg>` element of a family; `index` makes its ids unique in the page.
pub(super) fn draw(family: &Family<'_>, time: &TimeLine<'_>, index: usize) -> String {
    let measured = family
        .series
        .iter()
        .map(|series| highest(series))
        .fold(0.0, f64::max);
    let limit = |series: &&Series| {
        series
            .limit
            .filter(|limit| *limit <= measured * LIMIT_IN_VIEW)
    };
    let shown = family
        .series
        .iter()
        .filter_map(limit)
        .fold(measured, f64::max);
    let axis = Axis::over(shown, family.unit);
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg class=\"chart\" role=\"img\" width=\"100%\" height=\"{}\" aria-labelledby=\"chart-{index}-title chart-{index}-text\">\
         <title id=\"chart-{index}-title\">{}</title><desc id=\"chart-{index}-text\">{}</desc>",
        ABOVE + HEIGHT + BELOW,
        escaped(&super::title(family)),
        escaped(&told(family, measured))
    );
    phases(&mut out, time);
    grid(&mut out, &axis);
    times(&mut out, time.end);
    let _ = write!(
        out,
        "<svg y=\"{ABOVE}\" width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 {SPAN} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    );
    for series in &family.series {
        let line = family
            .lines
            .iter()
            .position(|name| *name == series.name)
            .unwrap_or(0);
        samples(&mut out, series, line, &axis, time.end);
    }
    out.push_str("</svg>");
    values(&mut out, &axis, family.unit);
    limits(&mut out, family, &axis, time);
    out.push_str("</svg>");
    out
}

/// The chart in words, for those who cannot see it.
fn told(family: &Family<'_>, measured: f64) -> String {
    let at = family
        .series
        .iter()
        .find(|series| highest(series) >= measured)
        .map_or("", |series| series.phase.as_str());
    let mut limits: Vec<String> = family
        .series
        .iter()
        .filter_map(|series| series.limit)
        .map(|limit| words::quantity(limit, family.unit))
        .collect();
    limits.dedup();
    let limits = if limits.is_empty() {
        "no limit was set".to_owned()
    } else {
        format!("limits: {}", limits.join(", "))
    };
    format!(
        "Highest {} in phase {at}; {limits}.",
        words::quantity(measured, family.unit)
    )
}

fn phases(out: &mut String, time: &TimeLine<'_>) {
    for (index, phase) in time.phases.iter().enumerate() {
        let (left, right) = (percent(phase.from, time.end), percent(phase.to, time.end));
        let width = (right - left).max(0.0);
        let _ = write!(
            out,
            "<rect class=\"phase phase-{}\" x=\"{left:.2}%\" y=\"0\" width=\"{width:.2}%\" height=\"{}\"><title>{}, {} to {}</title></rect>",
            index % 2,
            ABOVE + HEIGHT,
            escaped(&phase.name),
            words::moment(phase.from),
            words::moment(phase.to)
        );
        phase_name(out, phase, index, left + width / 2.0, width);
    }
}

/// The name where a wide screen has room for it, else the number under which the phase is listed below the chart.
fn phase_name(out: &mut String, phase: &Phase, index: usize, middle: f64, width: f64) {
    let mut text = |class: &str, words: &str| {
        let _ = write!(
            out,
            "<text class=\"{class}\" x=\"{middle:.2}%\" y=\"14\" text-anchor=\"middle\">{}</text>",
            escaped(words)
        );
    };
    let number = (index + 1).to_string();
    // Seven pixels a letter on a chart of at least 700 pixels, and of about 300 pixels on a phone.
    let letters = u32::try_from(phase.name.chars().count()).unwrap_or(u32::MAX);
    let fits_wide = f64::from(letters) * 7.0 < width * 7.0;
    let fits_phone = width >= 2.5;
    match (fits_wide, fits_phone) {
        (true, true) => {
            text("wide", &phase.name);
            text("narrow", &number);
        }
        (false, true) => text("any", &number),
        (_, false) if width >= 1.2 => text("wide", &number),
        (_, false) => {}
    }
}

fn grid(out: &mut String, axis: &Axis) {
    let bottom = ABOVE + HEIGHT;
    let mut line = |class: &str, y: f64| {
        let _ = write!(
            out,
            "<line class=\"{class}\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        );
    };
    line("axis", bottom);
    for tick in axis.ticks() {
        line("grid", ABOVE + axis.y(tick));
    }
}

/// The values of the grid lines; drawn over the samples, so that a line cannot hide them.
fn values(out: &mut String, axis: &Axis, unit: &str) {
    for tick in axis.ticks() {
        let _ = write!(
            out,
            "<text class=\"tick\" x=\"4\" y=\"{:.1}\">{}</text>",
            ABOVE + axis.y(tick) + 12.0,
            escaped(&words::quantity(tick, unit))
        );
    }
}

fn times(out: &mut String, end: Millis) {
    let y = ABOVE + HEIGHT + 15.0;
    let _ = write!(out, "<text class=\"tick\" x=\"0\" y=\"{y}\">0:00</text>");
    for tick in time_ticks(end) {
        let x = tick / span(end) * 100.0;
        let anchor = if x > 94.0 { "end" } else { "middle" };
        let at = Millis(words::bytes(tick).0);
        let _ = write!(
            out,
            "<line class=\"axis\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{}\" y2=\"{}\"/><text class=\"tick\" x=\"{x:.2}%\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
            ABOVE + HEIGHT,
            ABOVE + HEIGHT + 4.0,
            words::moment(at)
        );
    }
}

fn samples(out: &mut String, series: &Series, line: usize, axis: &Axis, end: Millis) {
    let x = |point: &Point| percent(point.at, end) * SPAN / 100.0;
    let upper = series
        .points
        .iter()
        .map(|point| (x(point), axis.y(point.max)));
    let lower = series
        .points
        .iter()
        .rev()
        .map(|point| (x(point), axis.y(point.min)));
    let mut middle: Vec<(f64, f64)> = series
        .points
        .iter()
        .map(|point| (x(point), axis.y(point.mean)))
        .collect();
    if let [(x, y)] = middle[..] {
        // A line through a single point would be invisible.
        middle = vec![(x - 1.5, y), (x + 1.5, y)];
    }
    let _ = write!(
        out,
        "<polygon class=\"spread line-{line}\" points=\"{}\"/><polyline class=\"line line-{line}\" points=\"{}\"/>",
        points(upper.chain(lower)),
        points(middle.into_iter())
    );
}

fn points(all: impl Iterator<Item = (f64, f64)>) -> String {
    let pairs: Vec<String> = all.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    pairs.join(" ")
}

/// Limits over the phases they were in force in; a limit that the phase before had too is not named again.
fn limits(out: &mut String, family: &Family<'_>, axis: &Axis, time: &TimeLine<'_>) {
    let mut named: Vec<f64> = Vec::new();
    for series in &family.series {
        let Some(limit) = series.limit else { continue };
        let (left, right) = reach(series, time);
        let above = limit > axis.top;
        let y = ABOVE + axis.y(limit);
        if !above {
            let _ = write!(
                out,
                "<line class=\"limit\" x1=\"{left:.2}%\" x2=\"{right:.2}%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            );
        }
        if named
            .iter()
            .any(|known| (known - limit).abs() < f64::EPSILON)
        {
            continue;
        }
        named.push(limit);
        let words = format!(
            "limit {}{}",
            words::quantity(limit, family.unit),
            if above { ", far above" } else { "" }
        );
        let (x, anchor) = if left > 50.0 {
            (right, "end")
        } else {
            (left, "start")
        };
        let text_y = if y < ABOVE + 12.0 { y + 13.0 } else { y - 5.0 };
        let _ = write!(
            out,
            "<text class=\"limit-name\" x=\"{x:.2}%\" y=\"{text_y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(&words)
        );
    }
}

/// From where to where a series' limit held: its phase, or its points where the phase is not on the time line.
fn reach(series: &Series, time: &TimeLine<'_>) -> (f64, f64) {
    let phase = time.phases.iter().find(|phase| phase.name == series.phase);
    let first = phase.map_or_else(
        || series.points.first().map(|point| point.at),
        |phase| Some(phase.from),
    );
    let last = phase.map_or_else(
        || series.points.last().map(|point| point.at),
        |phase| Some(phase.to),
    );
    (
        percent(first.unwrap_or_default(), time.end),
        percent(last.unwrap_or_default(), time.end),
    )
}

fn percent(at: Millis, end: Millis) -> f64 {
    (at.as_secs_f64() * 1000.0 / span(end) * 100.0).clamp(0.0, 100.0)
}

fn span(end: Millis) -> f64 {
    end.as_secs_f64() * 1000.0
}

/// Text inside SVG elements and attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
