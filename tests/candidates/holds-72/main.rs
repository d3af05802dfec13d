//! A known load on memory: touches and holds 72 MiB, and serves. One offer claims less, another claims plenty.

use candidates::MIB;

const HOLDS_MIB: usize = 72;

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let held = candidates::touched(HOLDS_MIB * MIB);
    candidates::say(&format!(
        "holds-72: holding {} bytes ({HOLDS_MIB} MiB) of anonymous memory",
        held.len()
    ))?;
    candidates::serve("holds-72")?;
    drop(held);
    Ok(())
}
