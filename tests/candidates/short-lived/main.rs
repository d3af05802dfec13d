//! A module that serves for twelve seconds after every start and then gives up with code 4: IoT Edge starts it again.

use std::thread;
use std::time::Duration;

/// Longer than a start is watched for (10 s), so that it ends in the steady window.
const LIFE: Duration = Duration::from_secs(12);

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    thread::spawn(|| {
        thread::sleep(LIFE);
        std::process::exit(4)
    });
    candidates::serve("short-lived")
}
