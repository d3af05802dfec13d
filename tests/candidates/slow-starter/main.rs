//! A module that needs 20 s before its port listens, as programs with a model to load do. Nothing about that is wrong.

use std::thread;
use std::time::Duration;

const WARM_UP: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::say(&format!(
        "slow-starter: warming up for {} s",
        WARM_UP.as_secs()
    ))?;
    thread::sleep(WARM_UP);
    candidates::serve("slow-starter")
}
