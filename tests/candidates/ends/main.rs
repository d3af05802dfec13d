//! A module that ends with exit code 0 as soon as it finds nothing to do.

use std::thread;
use std::time::Duration;

/// Long enough to be seen running, so that nothing but its end is in doubt.
const SEARCH: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<()> {
    thread::sleep(SEARCH);
    candidates::say("ends: nothing to import, done")
}
