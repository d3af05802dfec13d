//! A bar, and the two tables that every part of the bench prints: bars kept or missed, and CPU in the same minute. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// One thing promised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bar {
    /// What.
    pub(crate) name: &'static str,
    /// Measured.
    pub(crate) value: f64,
    /// What it may be.
    pub(crate) limit: Limit,
    /// Of both.
    pub(crate) unit: &'static str,
}

/// Which side of a number is the good one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Bar {
    pub(crate) fn at_most(name: &'static str, value: f64, limit: f64, unit: &'static str) -> Bar {
        let limit = Limit::AtMost(limit);
        Bar {
            name,
            value,
            limit,
            unit,
        }
    }

    pub(crate) fn at_least(name: &'static str, value: f64, limit: f64, unit: &'static str) -> Bar {
        let limit = Limit::AtLeast(limit);
        Bar {
            name,
            value,
            limit,
            unit,
        }
    }

    /// Whether it is kept. A number that is none is not.
    pub(crate) fn met(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.value <= limit,
            Limit::AtLeast(limit) => self.value >= limit,
        }
    }

    /// For machines.
    pub(crate) fn json(&self) -> Value {
        let (side, limit) = match self.limit {
            Limit::AtMost(limit) => ("atMost", limit),
            Limit::AtLeast(limit) => ("atLeast", limit),
        };
        json!({"name": self.name, "value": self.value, side: limit, "unit": self.unit, "met": self.met()})
    }
}

/// Bars, one a line.
pub(crate) fn of_bars(bars: &[Bar]) -> String {
    let mut text = String::new();
    for bar in bars {
        let word = if bar.met() { "met" } else { "MISSED" };
        let (side, limit) = match bar.limit {
            Limit::AtMost(limit) => ("at most", limit),
            Limit::AtLeast(limit) => ("at least", limit),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:<53} {:>8.3} {:<14} {side:<8} {limit:<5} {word}",
            bar.name, bar.value, bar.unit
        );
    }
    text
}

/// CPU times of one minute: each in seconds, in percent of a core, and as a multiple of the first.
pub(crate) fn of_costs(rows: &[(&str, f64)], span: Duration) -> String {
    let mut text = format!(
        "  {:<40} {:>9} {:>11} {:>8}\n",
        "CPU in the same minute", "s", "% of a core", "first = 1"
    );
    let first = rows.first().map_or(f64::NAN, |(_, seconds)| *seconds);
    for (name, seconds) in rows {
        let percent = 100.0 * seconds / span.as_secs_f64();
        let ratio = seconds / first;
        let _ = writeln!(
            text,
            "  {name:<40} {seconds:>9.4} {percent:>11.3} {ratio:>9.2}"
        );
    }
    text
}
