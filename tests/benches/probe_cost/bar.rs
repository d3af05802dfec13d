//! A bar, and the table of bars kept or missed. Pure.

use std::fmt::Write as _;

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
