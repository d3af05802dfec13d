//! A module that takes the placeholder of its default setting for the name of a server, and gives up.
//!
//! It knows that value by heart, since a fixture does not read its environment.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    candidates::exit_on_sigterm()?;
    candidates::say(
        "unresolved-placeholder: cannot resolve SERVER_NAME: no host is called <SERVER_NAME>",
    )?;
    Ok(ExitCode::from(2))
}
