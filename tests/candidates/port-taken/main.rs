//! A well-behaved program that publishes port 18742 of its host; the test holds that port.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::serve("port-taken")
}
