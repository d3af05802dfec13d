//! A module that needs its maker: it asks for a name at its start and gives up where there is no address.

use std::net::ToSocketAddrs;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Below `.test`, which nobody has (RFC 6761).
const HOME: &str = "models.contoso.test:443";
/// Long enough to be seen running, so that nothing but the start is in doubt.
const PAUSE: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<ExitCode> {
    candidates::exit_on_sigterm()?;
    thread::sleep(PAUSE);
    match HOME.to_socket_addrs() {
        Ok(_) => candidates::serve("needs-home")?,
        Err(error) => candidates::say(&format!("needs-home: no model from {HOME}: {error}"))?,
    }
    Ok(ExitCode::from(4))
}
