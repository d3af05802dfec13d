//! The program of the offer that cannot do without the host's GPU and does not claim it: it opens the node once, and ends where
//! there is none.

use std::fs::File;

use anyhow::anyhow;

/// The first render node of the kernel (Documentation/gpu/drm-uapi.rst, "Render nodes").
const NODE: &str = "/dev/dri/renderD128";

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    // One line: what a log's reader sees last says it all.
    File::open(NODE).map_err(|error| anyhow!("this module needs a GPU: open {NODE}: {error}"))?;
    candidates::serve("needs-gpu")
}
