//! A well-behaved program with a memory limit of 1 MiB in its create options: engines refuse less than 4 or 6 MB.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::serve("bad-option")
}
