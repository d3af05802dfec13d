//! A time series in constant memory: when its buckets run out, neighbours are merged and the buckets become twice as long.

use std::time::Duration;

use conformance::record::Point;
use conformance::units::Millis;

/// Buckets of one series: some ten thousand bytes of JSON at most.
const BUCKETS: usize = 120;

/// Samples of one quantity over time.
#[derive(Debug)]
pub(super) struct Buckets {
    from: Duration,
    width: Duration,
    buckets: Vec<Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    min: f64,
    max: f64,
    sum: f64,
    samples: u32,
}

impl Bucket {
    const EMPTY: Bucket = Bucket {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        sum: 0.0,
        samples: 0,
    };

    fn add(&mut self, value: f64) {
        self.merge(Bucket {
            min: value,
            max: value,
            sum: value,
            samples: 1,
        });
    }

    fn merge(&mut self, other: Bucket) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.samples = self.samples.saturating_add(other.samples);
    }
}

impl Buckets {
    /// Buckets from a moment of the run on, at first each of this width.
    pub(super) fn new(from: Duration, width: Duration) -> Buckets {
        Buckets {
            from,
            width: width.max(Duration::from_millis(1)),
            buckets: vec![Bucket::EMPTY; BUCKETS],
        }
    }

    /// Adds a sample; allocates nothing.
    pub(super) fn add(&mut self, at: Duration, value: f64) {
        let since = at.saturating_sub(self.from);
        loop {
            // In 64 bits, which last for centuries: a division of 128 is dear on a small processor.
            let index = nanos(since) / nanos(self.width);
            let place = usize::try_from(index).unwrap_or(usize::MAX);
            if let Some(bucket) = self.buckets.get_mut(place) {
                bucket.add(value);
                return;
            }
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.width = self.width.saturating_mul(2);
        for index in 0..self.buckets.len() {
            let mut merged = Bucket::EMPTY;
            for bucket in self.buckets.iter().skip(2 * index).take(2) {
                merged.merge(*bucket);
            }
            if let Some(place) = self.buckets.get_mut(index) {
                *place = merged;
            }
        }
    }

    /// The buckets that hold samples.
    pub(super) fn points(&self) -> Vec<Point> {
        let starts = (0_u32..).map(|index| self.from + self.width.saturating_mul(index));
        let filled = starts
            .zip(&self.buckets)
            .filter(|(_, bucket)| bucket.samples > 0);
        filled
            .map(|(start, bucket)| Point {
                at: Millis::from(start),
                min: bucket.min,
                mean: bucket.sum / f64::from(bucket.samples),
                max: bucket.max,
            })
            .collect()
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn few_samples_keep_their_moments() {
        let mut buckets = Buckets::new(seconds(5), seconds(1));
        buckets.add(seconds(5), 2.0);
        buckets.add(seconds(5), 4.0);
        buckets.add(seconds(7), 8.0);
        let points = buckets.points();
        assert_eq!(points.len(), 2);
        assert_eq!(
            (points[0].at, points[0].min, points[0].mean, points[0].max),
            (Millis(5000), 2.0, 3.0, 4.0)
        );
        assert_eq!((points[1].at, points[1].mean), (Millis(7000), 8.0));
    }

    #[test]
    fn a_day_of_samples_stays_bounded_and_keeps_its_extremes() {
        let mut buckets = Buckets::new(Duration::ZERO, Duration::from_millis(100));
        for tick in 0..864_000_u32 {
            let value = if tick == 500_001 { 99.0 } else { 1.0 };
            buckets.add(Duration::from_millis(100) * tick, value);
        }
        let points = buckets.points();
        assert!((60..=120).contains(&points.len()), "{}", points.len());
        assert_eq!(
            points.iter().map(|point| point.max).fold(0.0, f64::max),
            99.0
        );
        let spike = points.iter().position(|point| point.max == 99.0).unwrap();
        assert!(points[spike].at <= Millis(50_000_100));
        assert!(points[spike + 1].at > Millis(50_000_100));
        assert!(points.iter().all(|point| point.min == 1.0));
    }
}
