//! A module that serves while its HEALTHCHECK, the same program called with `check`, fails every time.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    if std::env::args().nth(1).as_deref() == Some("check") {
        candidates::say("the scale is not calibrated")?;
        return Ok(ExitCode::FAILURE);
    }
    candidates::exit_on_sigterm()?;
    candidates::serve("unhealthy").map(|()| ExitCode::SUCCESS)
}
