//! The program of the offer that asks for the host's GPU without a word of it, although nothing in here draws.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::serve("asks-for-gpu")
}
