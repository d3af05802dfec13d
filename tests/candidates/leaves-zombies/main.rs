//! A module that starts a helper every half second and never waits for one: each stays behind as a zombie.

use std::process::Command;
use std::thread;
use std::time::Duration;

/// Four helpers in the shortest window that the tests play.
const PERIOD: Duration = Duration::from_millis(500);

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("helper") {
        return Ok(());
    }
    candidates::exit_on_sigterm()?;
    let forking = thread::spawn(|| -> anyhow::Result<()> {
        loop {
            // Dropping a child does not wait for it (std::process::Child).
            drop(Command::new("/leaves-zombies").arg("helper").spawn()?);
            thread::sleep(PERIOD);
        }
    });
    candidates::serve("leaves-zombies")?;
    forking.join().unwrap_or(Ok(()))
}
