//! A known load on the processor: 30.00 % of one core, accounted by the kernel's own clock of the process.

use std::time::Duration;

const SHARE: f64 = 0.30;
const SLICE: Duration = Duration::from_millis(50);

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::say(&format!(
        "load-cpu: {:.2} % of one core in slices of {} ms",
        SHARE * 100.0,
        SLICE.as_millis()
    ))?;
    candidates::burn(SHARE, SLICE)
}
