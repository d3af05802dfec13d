//! The command line of `edgeproof calibrate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::PlaceArgs;
use crate::amount;

/// Flags of `calibrate`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof calibrate
  edgeproof calibrate --engine ssh://pi@raspberrypi.lab --out speeds.json
  edgeproof certify offer.json --calibration speeds.json

A claimed clock is judged only where the file has a row of the device at hand and one of a device with the claimed clock,
both of one architecture and more than 30 % apart. A row whose speed drifted by more than 5 % is void: exit code 2.")]
pub struct CalibrateArgs {
    /// Which device; the row of an emulated one says so, and decides nothing.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// How many times the kernel is timed
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=100))]
    pub runs: u32,
    /// File of rows; the row of this device is added to it, or takes its earlier row's place
    #[arg(long, value_name = "FILE", default_value = "calibration.json")]
    pub out: PathBuf,
    /// How long to wait for a run on the same engine
    #[arg(long, value_name = "DURATION", value_parser = amount::duration, default_value = "10m")]
    pub wait: Duration,
}
