//! A module that holds more memory than its claim leaves it: 160 MiB, where 512 MB of RAM less the 400 MiB of
//! operating system, engine and runtime leave 112 MiB.

use candidates::MIB;

const HOLDS_MIB: usize = 160;

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let held = candidates::touched(HOLDS_MIB * MIB);
    candidates::say(&format!(
        "hungry: holding {} bytes ({HOLDS_MIB} MiB) of anonymous memory",
        held.len()
    ))?;
    candidates::serve("hungry")?;
    drop(held);
    Ok(())
}
