//! A module that never comes up: it says what it misses and ends with code 3, however often it is started.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    candidates::exit_on_sigterm()?;
    candidates::say(
        "crash-looper: no calibration table at /etc/calibration.json, giving up with exit code 3",
    )?;
    Ok(ExitCode::from(3))
}
