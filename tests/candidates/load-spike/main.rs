//! A known load on memory: 8 MiB held throughout, and 64 MiB more for 200 ms every 3 s; 72 MiB at the peak.
//!
//! One argument, a number of milliseconds, is how long the 64 MiB are held instead.

use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use candidates::MIB;

const BASE_MIB: usize = 8;
const SPIKE_MIB: usize = 64;
const HELD: Duration = Duration::from_millis(200);
const PERIOD: Duration = Duration::from_secs(3);

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let held = match std::env::args().nth(1) {
        Some(text) => Duration::from_millis(text.parse().context("read milliseconds")?),
        None => HELD,
    };
    let base = candidates::touched(BASE_MIB * MIB);
    candidates::say(&format!(
        "load-spike: base {} bytes; {} bytes more for {} ms every {} ms; peak {} bytes and the program's own pages",
        base.len(),
        SPIKE_MIB * MIB,
        held.as_millis(),
        PERIOD.as_millis(),
        (BASE_MIB + SPIKE_MIB) * MIB,
    ))?;
    loop {
        // Larger than any threshold of the allocator: mapped for itself, and unmapped when dropped.
        let spike = std::hint::black_box(candidates::touched(SPIKE_MIB * MIB));
        thread::sleep(held);
        drop(spike);
        std::hint::black_box(&base);
        thread::sleep(PERIOD.saturating_sub(held));
    }
}
