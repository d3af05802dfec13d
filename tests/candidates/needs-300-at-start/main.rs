//! A module that needs 300 MiB to come up and 80 MiB afterwards: it reads in a model, keeps what it needs of it, and serves.
//!
//! The larger part is held for half a second, so that a reader at ten ticks a second cannot miss it, and then given back.

use std::thread;
use std::time::Duration;

use candidates::MIB;

const KEEPS_MIB: usize = 80;
const AT_START_MIB: usize = 300;
const HELD_FOR: Duration = Duration::from_millis(500);

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let kept = candidates::touched(KEEPS_MIB * MIB);
    let model = candidates::touched((AT_START_MIB - KEEPS_MIB) * MIB);
    candidates::say(&format!("needs-300-at-start: holding {AT_START_MIB} MiB"))?;
    thread::sleep(HELD_FOR);
    // So large an allocation is a mapping of its own: the kernel has it back at once (mallopt(3), M_MMAP_THRESHOLD).
    drop(model);
    candidates::say(&format!("needs-300-at-start: keeping {} bytes", kept.len()))?;
    candidates::serve("needs-300-at-start")?;
    drop(kept);
    Ok(())
}
