//! A module that takes the placeholder of its default setting for the name of a server, and gives up.
//!
//! It knows that value by heart, since a fixture does not read its environment.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Long enough to be seen running, so that nothing but the setting is in doubt.
const SEARCH: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<ExitCode> {
    candidates::exit_on_sigterm()?;
    thread::sleep(SEARCH);
    candidates::say(
        "unresolved-placeholder: cannot resolve SERVER_NAME: no host is called <SERVER_NAME>",
    )?;
    Ok(ExitCode::from(2))
}
