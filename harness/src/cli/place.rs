//! Flags that say where something runs.

use std::path::PathBuf;

use clap::Args;

/// Flags that say which engine, or which device of this machine.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    // Not clap's `env`: a variable that is set would conflict with --device.
    /// The container engine that runs probe and candidate: unix://PATH, tcp://HOST:PORT (TLS), ssh://[USER@]HOST [env: DOCKER_HOST] [default: unix:///var/run/docker.sock]
    #[arg(long, value_name = "URL")]
    pub engine: Option<String>,
    /// An emulated device that runs here (`edgeproof device start`), instead of --engine; several of `certify` make a dossier
    #[arg(long, value_name = "NAME", conflicts_with = "engine")]
    pub device: Vec<String>,
    /// Directory with ca.pem, cert.pem and key.pem for an engine behind TLS
    #[arg(long, value_name = "DIR", env = "DOCKER_CERT_PATH")]
    pub tls_certs: Option<PathBuf>,
}
