//! The command line of `edgeproof hub`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Flags of `hub`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof hub
  edgeproof hub offer.json   (with the offer's default twin)
  edgeproof hub --module filter --dir /tmp/edge --format json > events.jsonl

Start a module at it, once it runs:
  docker run --rm --env-file edgeproof-hub/module.env --add-host edgeproof-gateway:host-gateway \\
    -v \"$PWD/edgeproof-hub/workload.sock:/var/run/iotedge/workload.sock\" IMAGE
  (set -a; . edgeproof-hub/process.env; python3 main.py)   (without a container, on this machine)

Type while it runs:
  desired {\"interval\": 5}      change desired properties; null deletes
  method reset {\"hard\": true}  call a direct method
  input in1 {\"t\": 21.5}        send a message to one of the module's inputs
  twin                         show the whole twin
  help                         show all of this

The faults of `certify --faults`, by hand; each effect is a line:
  cut                          cut the module's connection without a word
  token 3                      the same, and refuse its next N logins, 1 unless told; 0 takes it back
  slow-twin 10s                the same, and for so long answer its twin requests so much later
  busy-twin 10s                the same, and for so long answer its twin requests with 429
  certificate                  restart edgeHub with a new certificate of the same authority
  outage 30s                   edgeHub is gone for so long
  over                         take back at once whatever lasts

It needs no cloud. End it with Ctrl-C.")]
pub struct HubArgs {
    /// The offer whose default twin the module gets; without one the twin is empty
    #[arg(value_name = "OFFER")]
    pub offer: Option<PathBuf>,
    /// The module's name
    #[arg(long, value_name = "NAME", default_value = "module")]
    pub module: String,
    /// The device's name
    #[arg(long, value_name = "NAME", default_value = "edgeproof-device")]
    pub device: String,
    /// The name by which a container finds edgeHub
    #[arg(long, value_name = "HOST", default_value = "edgeproof-gateway")]
    pub gateway: String,
    /// Address to listen on; modules dial ports 8883, 5671 and 443 of it
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub listen: IpAddr,
    /// Directory of the workload socket and of the files with the module's environment; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "edgeproof-hub")]
    pub dir: PathBuf,
    /// How events are printed
    #[arg(long, value_enum, default_value_t = HubFormat::Text)]
    pub format: HubFormat,
}

/// How `hub` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HubFormat {
    /// A line a person can read
    Text,
    /// One JSON object a line
    Json,
}
