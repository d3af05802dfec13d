//! Flags of `edgeproof size`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use conformance::offer::ClaimScope;
use conformance::units::Bytes;

use super::{PlaceArgs, TextOrJson};
use crate::amount;

/// Flags of `size`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof size offer.json
  edgeproof size offer.json --apply                      (writes the sentence into the offer's description)
  edgeproof size offer.json --scope-of-claim module --format json | jq .memory
  edgeproof size offer.json --engine ssh://pi@raspberrypi.lab --load module.tar
  edgeproof size offer.json --device arm32 --load module-arm.tar

Exit codes:
  0   found
  2   could not be decided
  64  wrong usage
  65  bad input, or a description whose hardware paragraph cannot be replaced")]
pub struct SizeArgs {
    /// The offer file
    #[arg(value_name = "OFFER")]
    pub offer: PathBuf,
    /// Where it runs.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Load this image archive (docker save) first; of several, those for the engine's platform
    #[arg(long, value_name = "ARCHIVE")]
    pub load: Vec<PathBuf>,
    /// Where the report with every try goes; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "edgeproof-size")]
    pub out: PathBuf,
    /// Write the sentence into the offer's description; no other byte of the file changes
    #[arg(long)]
    pub apply: bool,
    /// What the claim speaks of, instead of the offer's claimScope
    #[arg(long, value_enum, value_name = "SCOPE")]
    pub scope_of_claim: Option<ClaimScopeArg>,
    /// Start this image, a reference or a `docker save` archive, instead of the offer's
    #[arg(long, value_name = "REF|ARCHIVE")]
    pub image: Option<String>,
    /// Memory that system, engine and IoT Edge runtime take first, such as 300MiB
    #[arg(long, value_name = "SIZE", value_parser = amount::size)]
    pub reserve: Option<Bytes>,
    /// Start the candidate even if its createOptions reach for the host
    #[arg(long)]
    pub allow_elevated: bool,
    /// Start the candidate on a network without a way out
    #[arg(long)]
    pub hermetic: bool,
    /// Steady window without limits, and on every repeat of the minimum, such as 10s or 5m [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = amount::duration)]
    pub window: Option<Duration>,
    /// How long the start without limits may take to become healthy [default: 90s]
    #[arg(long, value_name = "DURATION", value_parser = amount::duration)]
    pub start_budget: Option<Duration>,
    /// How long to wait for another run on the same engine
    #[arg(long, value_name = "DURATION", value_parser = amount::duration, default_value = "10m")]
    pub wait: Duration,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
    /// No progress, only the result
    #[arg(short, long)]
    pub quiet: bool,
}

/// What a claim speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClaimScopeArg {
    /// The whole device: system, engine and runtime take their reserve first
    Device,
    /// The module alone
    Module,
}

impl From<ClaimScopeArg> for ClaimScope {
    fn from(scope: ClaimScopeArg) -> ClaimScope {
        match scope {
            ClaimScopeArg::Device => ClaimScope::Device,
            ClaimScopeArg::Module => ClaimScope::Module,
        }
    }
}
