//! The program of the offer that asks for a directory of the host, although nothing in here reads it.

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    candidates::serve("host-bind")
}
