//! A module that takes 64 MiB at its start, inside create options of its own that leave it 32 MiB.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let held = candidates::touched(64 * candidates::MIB);
    candidates::say(&format!("starved: holds {} bytes", held.len()))?;
    candidates::serve("starved")
}
