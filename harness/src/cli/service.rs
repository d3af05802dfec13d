//! Flags that say which IoT Hub.

use std::path::PathBuf;

use clap::Args;

/// Flags that say which hub's service API is used.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    // Not clap's `env`: help would print the value, and it holds a key.
    /// File that holds the hub's service connection string; without it $EDGEPROOF_HUB_CONNECTION_STRING is read
    #[arg(long, value_name = "FILE")]
    pub connection_string_file: Option<PathBuf>,
    /// PEM file of a local hub's authority; then no other one is trusted
    #[arg(long, value_name = "FILE", env = "EDGEPROOF_HUB_CA")]
    pub hub_ca: Option<PathBuf>,
}
