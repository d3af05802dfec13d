//! A well-behaved program that the entry point of its image does not name.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::serve("missing-file")
}
