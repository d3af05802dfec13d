//! Flags about what only the lab knows beside offer and run.

use std::path::PathBuf;

use clap::Args;

/// What the lab knows beside offer and run.
#[derive(Debug, Clone, Default, Args)]
pub struct LabArgs {
    /// Judge by the lab's own tables: a directory with tier-1.json, certified-devices.json or both
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The report that certified this offer before: says whether that certificate is stale, and why
    #[arg(long, value_name = "REPORT")]
    pub certified: Option<PathBuf>,
}
