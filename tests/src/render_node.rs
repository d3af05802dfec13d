//! A render node in `/dev/dri`, on machines without a GPU too: there `/dev/null`'s numbers under a render node's name stand in.
//! A module can open it; nothing in `/sys` speaks of a GPU for it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Where the kernel puts the first one.
pub const RENDER_NODE: &str = "/dev/dri/renderD128";

/// While it lives there is a [`RENDER_NODE`]; what had to be made for that goes with it.
#[derive(Debug)]
pub struct RenderNode {
    made: bool,
    made_directory: bool,
}

impl RenderNode {
    /// Makes what is missing.
    ///
    /// # Errors
    /// The test is not root, or `/dev` takes no nodes.
    pub fn at_hand() -> anyhow::Result<RenderNode> {
        let node = Path::new(RENDER_NODE);
        let mut at_hand = RenderNode {
            made: false,
            made_directory: false,
        };
        if node.exists() {
            return Ok(at_hand);
        }
        let directory = node.parent().context("a node has a directory")?;
        if !directory.is_dir() {
            fs::create_dir(directory)
                .with_context(|| format!("make {}; run this test as root", directory.display()))?;
            at_hand.made_directory = true;
        }
        // 1:3 is the null device (kernel, Documentation/admin-guide/devices.txt).
        let output = Command::new("mknod")
            .args(["--mode=666", RENDER_NODE, "c", "1", "3"])
            .output()
            .context("run mknod, of coreutils")?;
        ensure!(
            output.status.success(),
            "mknod {RENDER_NODE}: {}; run this test as root, on the engine's own machine",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        at_hand.made = true;
        Ok(at_hand)
    }
}

impl Drop for RenderNode {
    fn drop(&mut self) {
        if self.made {
            let _gone = fs::remove_file(RENDER_NODE);
        }
        if let Some(directory) = Path::new(RENDER_NODE)
            .parent()
            .filter(|_| self.made_directory)
        {
            let _gone = fs::remove_dir(directory);
        }
    }
}
