//! A well-behaved program whose offer asks for a device node that does not exist.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::serve("missing-device")
}
