//! Axes: where a value stands and which ticks a person would choose.

use conformance::units::Millis;

/// Height of the plot area in user units of the drawing.
pub(super) const HEIGHT: f64 = 180.0;

/// A vertical axis from zero to `top`.
#[derive(Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) top: f64,
    pub(super) step: f64,
}

impl Axis {
    /// An axis that holds `highest`, with about four steps that are round in the unit's own way.
    pub(super) fn over(highest: f64, unit: &str) -> Axis {
        let highest = if highest.is_finite() && highest > 0.0 {
            highest
        } else {
            1.0
        };
        let base = if unit == "bytes" {
            binary_unit(highest)
        } else {
            1.0
        };
        let least = if unit == "count" { 1.0 } else { 0.0 };
        let step = (round_step(highest / base / 4.0) * base).max(least);
        Axis {
            top: (highest * 1.08 / step).ceil() * step,
            step,
        }
    }

    /// Distance from the plot's upper edge, inside the plot.
    pub(super) fn y(&self, value: f64) -> f64 {
        HEIGHT * (1.0 - (value / self.top).clamp(0.0, 1.0))
    }

    /// The ticks above zero, lowest first.
    pub(super) fn ticks(&self) -> Vec<f64> {
        ticks(self.step, self.top * 1.000_001)
    }
}

/// Ticks of the time axis in milliseconds: about five, at round numbers of seconds or minutes.
pub(super) fn time_ticks(end: Millis) -> Vec<f64> {
    const STEPS: [f64; 12] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
    ];
    let seconds = end.as_secs_f64();
    let step = STEPS
        .into_iter()
        .find(|step| seconds / step <= 6.0)
        .unwrap_or_else(|| round_step(seconds / 5.0));
    ticks(step * 1000.0, seconds * 1000.0)
}

fn ticks(step: f64, end: f64) -> Vec<f64> {
    let mut all = Vec::new();
    let mut next = step;
    while next <= end && all.len() < 24 {
        all.push(next);
        next += step;
    }
    all
}

fn binary_unit(value: f64) -> f64 {
    [
        1024.0_f64.powi(4),
        1024.0_f64.powi(3),
        1024.0_f64.powi(2),
        1024.0,
    ]
    .into_iter()
    .find(|unit| value >= *unit)
    .unwrap_or(1.0)
}

/// The next of 1, 2, 5, 10 … (any power of ten) at or above `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10.0_f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|step| *step >= raw * 0.999_999)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_axes_have_binary_steps() {
        let axis = Axis::over(72.0 * 1024.0 * 1024.0, "bytes");
        assert_eq!(axis.step, 20.0 * 1024.0 * 1024.0);
        assert_eq!(axis.ticks().len(), 4);
    }

    #[test]
    fn an_axis_holds_its_highest_value_and_survives_nonsense() {
        for highest in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9, 0.3, 17.0, 1e15] {
            let axis = Axis::over(highest, "cores");
            assert!(
                axis.top.is_finite() && axis.top > 0.0,
                "{highest}: {axis:?}"
            );
            assert!(!axis.ticks().is_empty(), "{highest}: {axis:?}");
            if highest.is_finite() {
                assert!(axis.y(highest) >= 0.0);
            }
        }
    }

    #[test]
    fn time_ticks_are_few_and_round() {
        assert_eq!(
            time_ticks(Millis(47_000)),
            [10_000.0, 20_000.0, 30_000.0, 40_000.0]
        );
        assert_eq!(time_ticks(Millis(0)), Vec::<f64>::new());
        for end in [1, 900, 95_000, 650_000, 86_400_000, u64::MAX] {
            assert!(time_ticks(Millis(end)).len() <= 6, "{end}");
        }
    }
}
