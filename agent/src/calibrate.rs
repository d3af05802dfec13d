//! How fast this processor is: a short fixed kernel of integers and memory, timed by the CPU time that it takes.
//!
//! Its figure means nothing by itself. It is only ever compared with the same kernel's on another device.

use std::hint::black_box;
use std::time::Duration;

use conformance::calibration::Row;
use rustix::time::{ClockId, clock_gettime};

use crate::sampler::{Roots, host};

/// Changes with every change of the kernel below: rows of different kernels are not compared.
const KERNEL: &str = concat!("edgeproof-kernel-1/", env!("CARGO_PKG_VERSION"));
/// Words of the table that the kernel walks: 256 KiB, the size of a small device's second-level cache.
const WORDS: usize = 64 * 1024;
/// Steps of one run: some 100 ms on a core of 2.6 GHz, with optimisation.
const STEPS: u32 = 20_000_000;

/// Too few runs to compare their halves.
#[derive(Debug, thiserror::Error)]
#[error("calibrate needs 2 to 100 runs, not {0}")]
pub struct Runs(u32);

/// Times the kernel `n` times, after one run that only warms up.
///
/// # Errors
/// `n` is below 2 or above 100.
pub fn row(n: u32) -> Result<Row, Runs> {
    if !(2..=100).contains(&n) {
        return Err(Runs(n));
    }
    let mut table = vec![0_u32; WORDS];
    timed(&mut table);
    let speeds: Vec<f64> = (0..n).map(|_| timed(&mut table)).collect();
    let device = host::device(&Roots {
        proc: "/proc".into(),
        cgroup: "/sys/fs/cgroup".into(),
        data_root: None,
        data_root_on_host: "/var/lib/docker".into(),
    });
    let (before, after) = speeds.split_at(speeds.len() / 2);
    let drift = (median(after) / median(before) - 1.0).abs();
    Ok(Row {
        board: device.board,
        cpu_model: device.cpu_model,
        architecture: device.architecture,
        hz: device.host.clock.seen().map(|clock| clock.hz),
        emulated: device.emulated,
        kernel: if cfg!(debug_assertions) {
            format!("{KERNEL}/unoptimised")
        } else {
            KERNEL.to_owned()
        },
        speed: median(&speeds),
        low: speeds.iter().copied().fold(f64::INFINITY, f64::min),
        high: speeds.iter().copied().fold(0.0, f64::max),
        n,
        drift,
        agent: concat!("edgeproof-agent ", env!("CARGO_PKG_VERSION")).to_owned(),
        made: jiff::Timestamp::now().to_string(),
    })
}

/// Millions of steps per CPU second of one run.
fn timed(table: &mut [u32]) -> f64 {
    let before = thread_time();
    black_box(kernel(table, STEPS));
    let took = thread_time().saturating_sub(before).as_secs_f64();
    f64::from(STEPS) / 1e6 / took.max(1e-9)
}

fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// A multiply, a shift, a dependent load and a store a step: half arithmetic, half memory.
fn kernel(table: &mut [u32], steps: u32) -> u32 {
    let mut state = 0x9E37_79B9_u32;
    let last = table.len() - 1;
    for _ in 0..steps {
        // The table's length is a power of two.
        let at = (state >> 7) as usize & last;
        let word = table[at] ^ state;
        table[at] = word.rotate_left(5);
        state = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    }
    state
}

/// The middle one, of an even number the lower.
fn median(speeds: &[f64]) -> f64 {
    let mut sorted = speeds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_does_the_same_work_everywhere() {
        let mut table = vec![0_u32; 1024];
        let first = kernel(&mut table, 10_000);
        let mut again = vec![0_u32; 1024];
        assert_eq!(kernel(&mut again, 10_000), first);
        assert_eq!(table, again);
        let touched = table.iter().filter(|word| **word != 0).count();
        assert!(touched > 1_000, "only {touched} of 1024 words were touched");
    }

    #[test]
    fn a_row_tells_median_spread_and_device() {
        let row = row(2).unwrap();
        assert!(row.low <= row.speed && row.speed <= row.high, "{row:?}");
        assert!(row.drift.is_finite());
        assert!(row.architecture.is_some());
        assert!(super::row(1).is_err() && super::row(101).is_err());
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }
}
