//! The command line of `edgeproof deploy`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{ProfileArg, ScopeArg, ServiceArgs, TextOrJson};
use crate::amount;

/// Flags of `deploy`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof deploy --image lab.azurecr.io/edgeproof-agent:0.1.0 --target-condition \"tags.lab='yes'\" --out probe.json
  edgeproof deploy --image lab.azurecr.io/edgeproof-agent:0.1.0 --target-condition \"deviceId='pi4-01'\" \\
    --connection-string-file hub.txt --apply
  edgeproof deploy offer.json --run monday --device pi4-01 --image lab.azurecr.io/edgeproof-agent:0.1.0 \\
    --connection-string-file hub.txt --apply
  edgeproof deploy offer.json --run monday --calls monday
  edgeproof deploy --remove --connection-string-file hub.txt --apply
  edgeproof deploy --remove --device pi4-01 --connection-string-file hub.txt --apply

Nothing is changed without --apply: what would be sent is printed. What it does to a device: docs/deploy.md.

An offer that a module twin has no room for (24 KiB packed) is handed over by direct methods once the deployment stands, to each
device that it reaches now; the same command again reaches those that were off, and begins nothing twice. With --calls those calls
are files, for `az` or REST; no hub is asked.

Exit codes:
  0   written, or applied
  2   the hub cannot be reached, or refuses; or a device has not got its run, for a reason that is told
  64  wrong usage, or what the hub would refuse
  65  bad input")]
pub struct DeployArgs {
    /// The offer that a run certifies; with --run
    #[arg(value_name = "OFFER", requires = "run")]
    pub offer: Option<PathBuf>,
    /// The probe's image as the device can pull it; needed to apply
    #[arg(long, value_name = "REF")]
    pub image: Option<String>,
    /// A layered deployment above each device's base deployment: this is the default
    #[arg(long, conflicts_with = "device")]
    pub layered: bool,
    /// One device, whose present modules and routes all stay; the hub is read for them
    #[arg(long, value_name = "ID", conflicts_with_all = ["id", "target_condition", "priority"])]
    pub device: Option<String>,
    /// Id of the deployment
    #[arg(long, value_name = "ID", default_value = "edgeproof")]
    pub id: String,
    /// Which devices, in the hub's own language; a deployment without one reaches none
    #[arg(long, value_name = "CONDITION", default_value = "")]
    pub target_condition: String,
    /// Where two deployments set the same, the higher one counts; the base deployment has to be lower
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i32).range(0..))]
    pub priority: i32,
    /// The engine's socket on the device
    #[arg(long, value_name = "PATH", default_value = "/var/run/docker.sock")]
    pub socket: String,
    /// The engine's data root on the device
    #[arg(long, value_name = "DIR", default_value = "/var/lib/docker")]
    pub data_root: String,
    /// Have this run started; lower-case letters, digits, hyphens
    #[arg(long, value_name = "ID", requires = "offer", conflicts_with = "remove")]
    pub run: Option<String>,
    /// How long and how deep the run is
    #[arg(long, value_enum, default_value_t = ProfileArg::Quick, requires = "run")]
    pub profile: ProfileArg,
    /// How long profile soak lasts, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = amount::duration, requires = "run")]
    pub duration: Option<Duration>,
    /// What the run's verdict speaks of
    #[arg(long, value_enum, default_value_t = ScopeArg::Device, requires = "run")]
    pub scope: ScopeArg,
    /// Take the deployment away, or with --device the probe and its route from that device
    #[arg(long)]
    pub remove: bool,
    /// Do it; without this, nothing is changed
    #[arg(long)]
    pub apply: bool,
    /// Where what would be sent is written; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the run as payloads of the direct methods `offer` and `start` into this new directory, and do nothing else
    #[arg(long, value_name = "DIR", requires = "run", conflicts_with_all = ["apply", "out", "image", "device", "id", "target_condition", "priority"])]
    pub calls: Option<PathBuf>,
    /// The longest that a device is waited for whose run is handed over by direct methods
    #[arg(long, value_name = "DURATION", value_parser = amount::duration, default_value = "10m", requires = "run")]
    pub wait: Duration,
    /// How what was done is printed
    #[arg(long, value_enum, default_value_t = TextOrJson::Text, requires = "apply")]
    pub format: TextOrJson,
    /// No progress, only what was done
    #[arg(short, long)]
    pub quiet: bool,
    /// Which hub.
    #[command(flatten)]
    pub service: ServiceArgs,
}
