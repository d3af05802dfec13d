//! How fast memory and storage grew in the steady window: a robust slope with its interval, from the record's own series.

use super::Measurement;
use crate::record::Record;
use crate::statistics::{Slope, growth};

/// The part of the window that is left out: caches fill and pools warm up.
const WARM_UP: u64 = 4;

const DAY: f64 = 86_400.0;

/// Series name of the storage that a module wrote: writable layer, volumes and logs together, in bytes.
pub const STORAGE_SERIES: &str = "storage.written";
/// Series name of the memory that a module holds and the kernel cannot take back, in bytes.
pub const MEMORY_SERIES: &str = "memory.nonreclaimable";

/// The slope of a series over the last three quarters of the steady window, in bytes a second.
///
/// `None` where the window, or the series in it, was not seen, or has too few points.
#[must_use]
pub fn slope(record: &Record, series: &str) -> Option<Slope> {
    let steady = record.observations.steady.seen()?;
    let span = steady.to.0.saturating_sub(steady.from.0);
    let from = steady.from.0 + span / WARM_UP;
    let mut points: Vec<(f64, f64)> = record
        .series
        .iter()
        .filter(|one| one.name == series && !one.phase.starts_with("envelope"))
        .flat_map(|one| &one.points)
        .filter(|point| point.at.0 >= from && point.at <= steady.to)
        .map(|point| (point.at.as_secs_f64(), point.mean))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    growth(&points)
}

/// `memory.growth` and `storage.growth`, where the platform's rule was played.
pub(super) fn measured(record: &Record) -> Vec<Measurement> {
    if record.run.profile.care.is_none() {
        return Vec::new();
    }
    let named = [
        ("memory.growth", MEMORY_SERIES),
        ("storage.growth", STORAGE_SERIES),
    ];
    named
        .into_iter()
        .filter_map(|(name, series)| {
            let slope = slope(record, series)?;
            let daily = [slope.per_second, slope.low, slope.high].map(|each| each * DAY);
            if !daily.iter().all(|each| each.is_finite()) {
                return None;
            }
            let [value, low, high] = daily;
            Some(Measurement {
                name: name.to_owned(),
                phase: "steady".to_owned(),
                value,
                unit: "bytes/day".to_owned(),
                n: slope.n,
                low,
                high,
                method:
                    "Theil–Sen slope, Kendall's 95 % interval, first quarter of the window left out"
                        .to_owned(),
                interval: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Point, Profile, Series};
    use crate::sample;
    use crate::units::Millis;

    /// The sample with a memory series through its steady window that holds these bytes every second.
    fn holding(bytes: impl Fn(u64) -> f64) -> Record {
        let mut record = sample::record();
        record.run.profile = Profile::standard();
        let points = (0..30)
            .map(|second| Point {
                at: Millis(38_300 + second * 1000),
                min: bytes(second),
                mean: bytes(second),
                max: bytes(second),
            })
            .collect();
        record.series = vec![Series {
            name: MEMORY_SERIES.to_owned(),
            unit: "bytes".to_owned(),
            phase: "start 3".to_owned(),
            limit: None,
            points,
        }];
        record
    }

    #[test]
    fn a_leak_is_measured_a_day_and_a_warm_up_is_not() {
        #[allow(clippy::cast_precision_loss, reason = "small")]
        let leak = measured(&holding(|second| 1e6 + 100.0 * second as f64));
        assert_eq!(leak[0].name, "memory.growth");
        assert!((leak[0].value - 8.64e6).abs() < 1.0, "{leak:?}");
        let warm = slope(
            &holding(|second| if second < 7 { 0.0 } else { 5e6 }),
            MEMORY_SERIES,
        );
        assert!(!warm.unwrap().is_growth());
    }

    #[test]
    fn a_growth_that_is_no_number_a_day_is_not_told() {
        #[allow(clippy::cast_precision_loss, reason = "small")]
        let absurd = measured(&holding(|second| 1e304 * second as f64));
        assert!(absurd.is_empty(), "{absurd:?}");
    }

    #[test]
    fn profile_quick_says_nothing_of_growth() {
        let mut record = holding(|_| 1.0);
        record.run.profile = Profile::quick();
        assert!(measured(&record).is_empty());
    }
}
