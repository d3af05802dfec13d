//! A module that writes a log line of 100 bytes every millisecond, for ever.

use std::thread;
use std::time::Duration;

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    thread::spawn(|| -> anyhow::Result<()> {
        loop {
            candidates::say(&"t".repeat(99))?;
            thread::sleep(Duration::from_millis(1));
        }
    });
    candidates::serve("log-flood")
}
