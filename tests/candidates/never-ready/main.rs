//! A module that runs for ever and never listens on the port that its offer declares.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::say("never-ready: waiting for a field bus that nobody has")?;
    candidates::idle()
}
