//! The program of the offer that asks for a privileged container, although nothing in here needs one.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::serve("privileged")
}
