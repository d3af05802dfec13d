//! Charts of every measured series over the run: what was used, the limits in force, and the phases.
//!
//! The drawing is inline SVG without a fixed width: lines live in a stretched inner drawing, texts stand outside it at
//! percentages, so one chart serves a phone, a wide screen and paper at a readable size. Colours are classes of the
//! page's style sheet. See docs/decisions/0003-charts.md.

mod curve;
mod scale;
mod svg;

use conformance::observation::Phase;
use conformance::record::Series;
use conformance::report::Report;
use conformance::units::Millis;
use serde::Serialize;

use crate::render::words;

pub use curve::{Curve, LimitRow, curves};

/// One chart with what stands beside it.
#[derive(Debug, Serialize)]
pub struct Chart {
    /// Name for anchors: `memory`.
    pub id: String,
    /// What it shows: `Memory over time`.
    pub title: String,
    /// The drawing: an `<svg>` element, every text in it escaped.
    pub svg: String,
    /// What each line stands for, in drawing order; a line's class is `line-N`.
    pub lines: Vec<String>,
    /// Phases, numbered as in the drawing.
    pub phases: Vec<PhaseMark>,
    /// The numbers behind the drawing, by line and phase.
    pub rows: Vec<Row>,
    /// Whether a limit is drawn.
    pub has_limit: bool,
}

/// A phase as marked in a chart.
#[derive(Debug, Serialize)]
pub struct PhaseMark {
    /// Its name.
    pub name: String,
    /// `0:04 to 0:15`.
    pub when: String,
}

/// One line's numbers in one phase, as text with units.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The line.
    pub name: String,
    /// The phase.
    pub phase: String,
    /// Lowest sample.
    pub low: String,
    /// Mean of the buckets.
    pub mean: String,
    /// Highest sample.
    pub high: String,
    /// The limit in force.
    pub limit: String,
}

/// The run's time line, shared by all charts.
#[derive(Debug)]
struct TimeLine<'a> {
    phases: &'a [Phase],
    end: Millis,
}

/// What one chart draws: every series of one family and unit.
#[derive(Debug)]
struct Family<'a> {
    name: &'a str,
    unit: &'a str,
    /// Names of the lines, in order of first appearance.
    lines: Vec<&'a str>,
    series: Vec<&'a Series>,
}

/// A chart for each family of series (`memory.…`, `cpu.…`, `pids`), in the report's order.
#[must_use]
pub fn charts(report: &Report) -> Vec<Chart> {
    let time = TimeLine {
        phases: &report.observations.phases,
        end: end_of(report),
    };
    families(&report.series)
        .iter()
        .enumerate()
        .map(|(index, family)| Chart {
            id: format!("chart-{index}"),
            title: title(family),
            svg: svg::draw(family, &time, index),
            lines: family.lines.iter().map(|name| line_title(name)).collect(),
            phases: time.phases.iter().map(mark).collect(),
            rows: family.series.iter().map(|series| row(series)).collect(),
            has_limit: family.series.iter().any(|series| series.limit.is_some()),
        })
        .collect()
}

fn end_of(report: &Report) -> Millis {
    let phases = report.observations.phases.iter().map(|phase| phase.to);
    let points = report
        .series
        .iter()
        .flat_map(|series| series.points.iter().map(|point| point.at));
    phases
        .chain(points)
        .max()
        .unwrap_or(Millis(1))
        .max(Millis(1))
}

fn families(series: &[Series]) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for one in series.iter().filter(|one| !one.points.is_empty()) {
        let name = one.name.split('.').next().unwrap_or(&one.name);
        let position = families
            .iter()
            .position(|family| family.name == name && family.unit == one.unit)
            .unwrap_or_else(|| {
                families.push(Family {
                    name,
                    unit: &one.unit,
                    lines: Vec::new(),
                    series: Vec::new(),
                });
                families.len() - 1
            });
        let family = &mut families[position];
        if !family.lines.contains(&one.name.as_str()) {
            family.lines.push(&one.name);
        }
        family.series.push(one);
    }
    families
}

fn title(family: &Family<'_>) -> String {
    let subject = match family.name {
        "memory" => "Memory",
        "cpu" => "CPU",
        "pids" => "Processes and threads",
        "network" => "Network",
        "storage" => "Storage",
        other => other,
    };
    format!("{subject} over time")
}

fn line_title(name: &str) -> String {
    match name {
        "memory.usage" => "charged to the container".to_owned(),
        "memory.nonreclaimable" => "not reclaimable".to_owned(),
        "cpu.cores" => "cores in use".to_owned(),
        "pids" => "processes and threads".to_owned(),
        other => other.to_owned(),
    }
}

fn mark(phase: &Phase) -> PhaseMark {
    PhaseMark {
        name: phase.name.clone(),
        when: format!(
            "{} to {}",
            words::moment(phase.from),
            words::moment(phase.to)
        ),
    }
}

fn row(series: &Series) -> Row {
    let say = |value: f64| words::quantity(value, &series.unit);
    Row {
        name: line_title(&series.name),
        phase: series.phase.clone(),
        low: say(series
            .points
            .iter()
            .map(|point| point.min)
            .fold(f64::INFINITY, f64::min)),
        mean: say(mean(series)),
        high: say(highest(series)),
        limit: series.limit.map_or_else(|| "none".to_owned(), say),
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a series has far fewer than 2^52 points"
)]
fn mean(series: &Series) -> f64 {
    series.points.iter().map(|point| point.mean).sum::<f64>() / series.points.len() as f64
}

fn highest(series: &Series) -> f64 {
    series
        .points
        .iter()
        .map(|point| point.max)
        .fold(0.0, f64::max)
}
