//! A module that does what it says: listens on the port it declares, answers, and ends when asked to.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::serve("well-behaved")
}
