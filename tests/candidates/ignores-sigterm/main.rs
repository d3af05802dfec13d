//! A module without a SIGTERM handler: as process 1 of its container it never notices the request to end,
//! and is killed when the patience of the engine is over.

fn main() -> anyhow::Result<()> {
    candidates::serve("ignores-sigterm")
}
