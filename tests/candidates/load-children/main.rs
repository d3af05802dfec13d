//! A known load by short-lived processes: each second a child that uses 200 ms of CPU time and ends; the parent uses next to none.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

const USED: Duration = Duration::from_millis(200);
const PERIOD: Duration = Duration::from_secs(1);
/// The one argument of a child.
const CHILD: &str = "child";

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some(CHILD) {
        candidates::burn_for(USED);
        return Ok(());
    }
    candidates::exit_on_sigterm()?;
    candidates::say(&format!(
        "load-children: a process each {} ms that uses {} ms of CPU time",
        PERIOD.as_millis(),
        USED.as_millis()
    ))?;
    let program = std::env::current_exe().context("find the own program")?;
    let mut next = Instant::now();
    loop {
        Command::new(&program)
            .arg(CHILD)
            .status()
            .context("run a child")?;
        next += PERIOD;
        // On a busy machine a child takes longer than its period: the next one follows at once, and none is made up for.
        next = next.max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
