//! A module that never comes up: it runs for two seconds, says what it misses and ends with code 3, at every start.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Long enough to be seen running, so that nothing but the start is in doubt.
const SEARCH: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<ExitCode> {
    candidates::exit_on_sigterm()?;
    candidates::say("crash-looper: looking for a calibration table")?;
    thread::sleep(SEARCH);
    candidates::say(
        "crash-looper: no calibration table at /etc/calibration.json, giving up with exit code 3",
    )?;
    Ok(ExitCode::from(3))
}
