//! Cores in use over windows of one second, their 95th percentile and highest, in constant memory.

use std::time::Duration;

/// Length of a window.
const WINDOW: Duration = Duration::from_secs(1);

/// Bins of the percentile: each 1 % wider than the one before, from 0.0001 cores to beyond 1000.
const BINS: usize = 1700;
const SMALLEST: f64 = 0.0001;
const GROWTH: f64 = 1.01;

/// Windows of one second over a counter of CPU time.
#[derive(Debug)]
pub(super) struct Rates {
    begun: Option<(Duration, u64)>,
    windows: u64,
    max: f64,
    /// Windows by their cores, in bins; the last takes what is beyond.
    bins: Vec<u32>,
}

impl Rates {
    pub(super) fn new() -> Rates {
        Rates {
            begun: None,
            windows: 0,
            max: 0.0,
            bins: vec![0; BINS],
        }
    }

    /// Forgets every window and begins anew at this moment and counter.
    pub(super) fn restart(&mut self, begun: Option<(Duration, u64)>) {
        self.begun = begun;
        self.windows = 0;
        self.max = 0.0;
        self.bins.fill(0);
    }

    /// Takes a reading; tells the cores of the window if it ends one.
    pub(super) fn add(&mut self, at: Duration, cpu_ns: u64) -> Option<f64> {
        let Some((from, before)) = self.begun else {
            self.begun = Some((at, cpu_ns));
            return None;
        };
        let span = at.saturating_sub(from);
        if span < WINDOW {
            return None;
        }
        let cores = cores(cpu_ns.saturating_sub(before), span);
        self.begun = Some((at, cpu_ns));
        self.windows += 1;
        self.max = self.max.max(cores);
        if let Some(bin) = self.bins.get_mut(bin(cores)) {
            *bin = bin.saturating_add(1);
        }
        Some(cores)
    }

    /// The 95th percentile (nearest rank, to 1 %) and the highest; `None` before the first whole window.
    pub(super) fn p95_and_max(&self) -> Option<(f64, f64)> {
        if self.windows == 0 {
            return None;
        }
        let rank = self.windows.saturating_mul(95).div_ceil(100);
        let mut below = 0;
        for (index, count) in self.bins.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank {
                return Some((upper_edge(index).min(self.max), self.max));
            }
        }
        Some((self.max, self.max))
    }
}

/// CPU seconds per second.
#[allow(
    clippy::cast_precision_loss,
    reason = "CPU times are far below 2^53 ns, a hundred days of one core"
)]
pub(super) fn cores(cpu_ns: u64, span: Duration) -> f64 {
    if span.is_zero() {
        return 0.0;
    }
    cpu_ns as f64 / 1e9 / span.as_secs_f64()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes the nearest index; negative ones become 0, and the largest is cut off"
)]
fn bin(cores: f64) -> usize {
    let index = ((cores / SMALLEST).ln() / GROWTH.ln()).ceil();
    (index as usize).min(BINS - 1)
}

/// Bin 0 is for windows that used next to nothing.
fn upper_edge(bin: usize) -> f64 {
    match i32::try_from(bin) {
        Ok(0) | Err(_) => 0.0,
        Ok(power) => SMALLEST * GROWTH.powi(power),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds windows of exactly one second with these cores.
    fn windows(cores: impl IntoIterator<Item = f64>) -> Rates {
        let mut rates = Rates::new();
        let (mut at, mut used) = (Duration::ZERO, 0.0);
        rates.add(at, 0);
        for window in cores {
            at += WINDOW;
            used += window * 1e9;
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "small positive test values"
            )]
            rates.add(at, used as u64);
        }
        rates
    }

    #[test]
    fn the_percentile_leaves_out_the_rarest_windows() {
        let rates = windows((0..100).map(|window| if window < 4 { 1.5 } else { 0.3 }));
        let (p95, max) = rates.p95_and_max().unwrap();
        assert!((p95 - 0.3).abs() < 0.003, "{p95}");
        assert!((max - 1.5).abs() < 1e-6, "{max}");
    }

    #[test]
    fn readings_within_a_second_make_no_window() {
        let mut rates = Rates::new();
        rates.add(Duration::ZERO, 0);
        assert_eq!(rates.add(Duration::from_millis(900), 500_000_000), None);
        assert_eq!(rates.p95_and_max(), None);
        let cores = rates.add(Duration::from_millis(1250), 500_000_000);
        assert_eq!(cores, Some(0.4));
    }

    #[test]
    fn an_idle_container_uses_no_cores() {
        assert_eq!(windows([0.0; 10]).p95_and_max(), Some((0.0, 0.0)));
    }

    #[test]
    fn absurd_rates_land_in_the_last_bin() {
        assert_eq!(bin(f64::MAX), BINS - 1);
        assert_eq!(bin(0.0), 0);
        assert_eq!(bin(f64::NAN), 0);
    }
}
