//! Numbers from few repeats: where the next start will land, and how fast a series grows. Pure arithmetic.
//!
//! With three to nine starts only modest things can be said, and each interval says how it was made. Methods: Student's t
//! prediction interval (NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.6.3 and 7.1.4); order statistics, which need
//! no distribution (David, Nagaraja, "Order Statistics", 7.1); Theil–Sen slope with Kendall's interval (Sen, "Estimates of
//! the regression coefficient based on Kendall's tau", 1968).

use serde::{Deserialize, Serialize};

/// Chance that the next start lands inside [`next_start`].
pub const CONFIDENCE: f64 = 0.9;

/// Fewest points that have a slope with an interval.
pub const FEWEST_POINTS: usize = 12;

/// Where one more repeat is expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// Lower end, never below zero.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Chance that the next repeat lies inside, 0 to 1.
    pub confidence: f64,
    /// How it was made, and what no assumption at all would allow to say.
    pub method: String,
}

/// Where the next start lands with a chance of 90 %, by Student's t: mean ± t · s · √(1 + 1/n).
///
/// It supposes normal scatter. The method's words add what needs no such thing: the next of n + 1 exchangeable starts lies
/// between the lowest and the highest of the n seen with a chance of (n − 1) / (n + 1). `None` for fewer than two values,
/// and for values so large that their scatter is no number.
#[must_use]
pub fn next_start(values: &[f64]) -> Option<Interval> {
    let n = values.len();
    if n < 2 || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let spread = Spread::of(values);
    let reach = t_quantile(n - 1) * spread.deviation * (1.0 + 1.0 / float(n)).sqrt();
    let (low, high) = (spread.mean - reach, spread.mean + reach);
    (low.is_finite() && high.is_finite()).then(|| Interval {
        low: low.max(0.0),
        high,
        confidence: CONFIDENCE,
        method: format!(
            "next start, Student t from {n}; without that assumption {:.0} % lie in the range seen",
            100.0 * range_coverage(n)
        ),
    })
}

/// Chance that the next of n + 1 exchangeable values lies between the lowest and the highest of the n seen.
#[must_use]
pub fn range_coverage(n: usize) -> f64 {
    float(n.saturating_sub(1)) / float(n + 1)
}

/// Mean and standard deviation of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// How many.
    pub n: usize,
    /// Their mean; 0 for none.
    pub mean: f64,
    /// Their standard deviation with n − 1; 0 for fewer than two.
    pub deviation: f64,
}

impl Spread {
    /// Of these values.
    #[must_use]
    pub fn of(values: &[f64]) -> Spread {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / float(n.max(1));
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = if n < 2 {
            0.0
        } else {
            (squares / float(n - 1)).sqrt()
        };
        Spread { n, mean, deviation }
    }
}

/// How far two means may lie apart by chance: Welch's interval, half its width, with a chance of 90 %.
///
/// Degrees of freedom by Welch and Satterthwaite, rounded down. `None` where either sample has fewer than two values.
#[must_use]
pub fn chance_difference(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (Spread::of(a), Spread::of(b));
    if a.n < 2 || b.n < 2 {
        return None;
    }
    let (va, vb) = (
        a.deviation.powi(2) / float(a.n),
        b.deviation.powi(2) / float(b.n),
    );
    let whole = va + vb;
    if whole <= 0.0 {
        return Some(0.0);
    }
    let freedom = whole.powi(2) / (va.powi(2) / float(a.n - 1) + vb.powi(2) / float(b.n - 1));
    // Between min(n) − 1 and the sum of both: small and positive.
    let degrees = (1..=a.n + b.n)
        .rev()
        .find(|degrees| float(*degrees) <= freedom)
        .unwrap_or(1);
    Some(t_quantile(degrees) * whole.sqrt())
}

/// Student's t, 0.95 quantile (so that both tails hold 10 %). Source: NIST/SEMATECH e-Handbook, 1.3.6.7.2.
fn t_quantile(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771,
        1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706,
        1.703, 1.701, 1.699, 1.697,
    ];
    // Above 30 the quantile only falls: the last row is on the safe side.
    TABLE[degrees.clamp(1, TABLE.len()) - 1]
}

/// How fast something grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// Median of the slopes of all pairs, in units a second.
    pub per_second: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Points it rests on.
    pub n: usize,
}

impl Slope {
    /// Whether it is more than scatter: its interval lies above zero.
    #[must_use]
    pub fn is_growth(&self) -> bool {
        self.low > 0.0
    }
}

/// Theil–Sen slope of points (seconds, value) with Kendall's 95 % interval; up to 29 % of the points may be anything.
///
/// The interval takes the points for independent. A series that swings slowly is not: so growth has to show in each half of
/// the time as well, or the interval is widened to hold zero. `None` for fewer than [`FEWEST_POINTS`] points.
#[must_use]
pub fn growth(points: &[(f64, f64)]) -> Option<Slope> {
    let whole = theil_sen(points)?;
    let (first, second) = points.split_at(points.len() / 2);
    let halves = [first, second].map(|half| median_slope(half).unwrap_or_default());
    let agrees = |half: &f64| half.signum() == whole.per_second.signum() && *half != 0.0;
    if halves.iter().all(agrees) {
        return Some(whole);
    }
    Some(Slope {
        low: whole.low.min(0.0),
        high: whole.high.max(0.0),
        ..whole
    })
}

fn theil_sen(points: &[(f64, f64)]) -> Option<Slope> {
    let n = points.len();
    if n < FEWEST_POINTS {
        return None;
    }
    let slopes = slopes(points);
    if slopes.is_empty() {
        return None;
    }
    // Kendall's variance without ties: with ties the true one is smaller, so the interval is on the safe side.
    let deviation = (float(n) * float(n - 1) * float(2 * n + 5) / 18.0).sqrt();
    let reach = 1.96 * deviation;
    let count = slopes.len();
    let rank = |at: f64| slopes[(0..count).find(|i| float(*i) >= at).unwrap_or(count - 1)];
    Some(Slope {
        per_second: median(&slopes),
        low: rank((float(count) - reach) / 2.0 - 1.0),
        high: rank(f64::midpoint(float(count), reach)),
        n,
    })
}

fn median_slope(points: &[(f64, f64)]) -> Option<f64> {
    let slopes = slopes(points);
    (!slopes.is_empty()).then(|| median(&slopes))
}

/// Slopes of all pairs, in order of size.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    let mut slopes = Vec::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let later = &points[i + 1..];
        let rises = later
            .iter()
            .map(|(later_x, later_y)| (later_y - y) / (later_x - x));
        slopes.extend(rises.filter(|slope| slope.is_finite()));
    }
    slopes.sort_by(f64::total_cmp);
    slopes
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of repeats and points")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-3, "{a} is not {b}");
    }

    #[test]
    fn the_next_start_is_expected_by_students_t() {
        // Mean 11, s = 1: 2.920 · √(4/3) = 3.3717.
        let next = next_start(&[10.0, 11.0, 12.0]).unwrap();
        near(next.low, 11.0 - 3.3717);
        near(next.high, 11.0 + 3.3717);
        assert_eq!(
            next.method,
            "next start, Student t from 3; without that assumption 50 % lie in the range seen"
        );
    }

    #[test]
    fn an_end_of_an_interval_is_read_back_as_it_was_written() {
        // Found on 32-bit ARM: the quick way to read a number is off by its last bit here.
        let high = 0.190_000_000_000_000_17_f64;
        let text = serde_json::to_string(&high).unwrap();
        let again: f64 = serde_json::from_str(&text).unwrap();
        assert_eq!(again.to_bits(), high.to_bits());
    }

    #[test]
    fn one_start_says_nothing_of_the_next() {
        assert_eq!(next_start(&[7.0]), None);
        assert_eq!(next_start(&[]), None);
        assert_eq!(next_start(&[0.0, 1e308]), None);
        assert_eq!(chance_difference(&[1.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn the_coverage_of_a_range_is_that_of_order_statistics() {
        near(range_coverage(3), 0.5);
        near(range_coverage(9), 0.8);
        near(range_coverage(1), 0.0);
    }

    #[test]
    fn welch_s_interval_is_that_of_the_book() {
        // Equal spreads and sizes: 2 · (n − 1) = 4 degrees, 2.132 · √(2/3).
        let half = chance_difference(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap();
        near(half, 2.132 * (2.0_f64 / 3.0).sqrt());
        near(chance_difference(&[5.0, 5.0], &[5.0, 5.0]).unwrap(), 0.0);
    }

    fn line(slope: f64, noise: fn(usize) -> f64) -> Vec<(f64, f64)> {
        (0..60)
            .map(|i| (float(i), 100.0 + slope * float(i) + noise(i)))
            .collect()
    }

    #[test]
    fn a_leak_is_seen_through_outliers() {
        let slope = growth(&line(2.0, |i| if i % 7 == 3 { 500.0 } else { 0.0 })).unwrap();
        near(slope.per_second, 2.0);
        assert!(slope.is_growth(), "{slope:?}");
    }

    #[test]
    fn scatter_and_a_single_step_are_no_growth() {
        let scatter = growth(&line(0.0, |i| float(i * 7919 % 13))).unwrap();
        assert!(!scatter.is_growth(), "{scatter:?}");
        let step = growth(&line(0.0, |i| if i > 40 { 50.0 } else { 0.0 })).unwrap();
        assert!(!step.is_growth(), "{step:?}");
        assert_eq!(growth(&line(1.0, |_| 0.0)[..11]), None);
    }

    proptest! {
        #[test]
        fn intervals_hold_their_own_middle(values in proptest::collection::vec(0.0..1e12_f64, 2..40)) {
            let mean = Spread::of(&values).mean;
            let next = next_start(&values).unwrap();
            prop_assert!(next.low <= mean + 1e-3 && mean <= next.high + 1e-3);
            prop_assert!(next.low >= 0.0);
        }

        #[test]
        fn a_slope_lies_in_its_interval_and_turns_with_its_points(values in proptest::collection::vec(-1e9..1e9_f64, 12..60)) {
            let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(i, y)| (float(i), *y)).collect();
            let slope = growth(&points).unwrap();
            prop_assert!(slope.low <= slope.per_second && slope.per_second <= slope.high);
            let turned: Vec<(f64, f64)> = points.iter().map(|(x, y)| (*x, -*y)).collect();
            let turned = growth(&turned).unwrap();
            prop_assert!((turned.per_second + slope.per_second).abs() <= 1e-6 * slope.per_second.abs().max(1.0));
        }
    }
}
