//! Flags of `edgeproof certify`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use conformance::faults::{self, Fault};
use conformance::record::ProfileName;
use conformance::units::{Bytes, Millis};

use super::{EditionArg, LabArgs, LinkArgs, PlaceArgs, TextOrJson};
use crate::amount;

/// Flags of `certify`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof certify offer.json
  edgeproof certify offer.json --out evidence/air-quality --reserve 300MiB
  edgeproof certify offer.json --engine unix:///run/user/1000/docker.sock
  edgeproof certify offer.json --engine ssh://pi@raspberrypi.lab --load module.tar
  edgeproof certify offer.json --engine tcp://10.0.0.7:2376 --tls-certs ~/.docker
  edgeproof certify offer.json --device arm32 --device arm64 --load module-arm.tar --load module-arm64.tar
  edgeproof certify offer.json --cadence 50   (for bursts shorter than 100 ms; the kernel's watermark needs none)
  edgeproof certify offer.json --profile standard
  edgeproof certify offer.json --profile soak --duration 24h
  edgeproof certify offer.json --faults               (a module on the SDK: five minutes without edgeHub, and more)
  edgeproof certify offer.json --faults cut,outage --outage 30s
  edgeproof certify offer.json --calibration speeds.json
  edgeproof certify offer.json --certified certified/report.json
  edgeproof certify offer.json --offline               (visits no links: what rests on one is inconclusive)
  edgeproof certify offer.json --attach temperature   (a module that IoT Edge runs: measured, never touched)
  edgeproof certify offer.json --window 10s --starts 1   (custom profile: certifies nothing)")]
pub struct CertifyArgs {
    /// The offer file
    #[arg(value_name = "OFFER")]
    pub offer: PathBuf,
    /// Where it runs.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// What the lab knows beside it.
    #[command(flatten)]
    pub lab: LabArgs,
    /// How the offer's links are visited.
    #[command(flatten)]
    pub links: LinkArgs,
    /// Load this image archive (docker save) first; of several, those for the engine's platform
    #[arg(long, value_name = "ARCHIVE")]
    pub load: Vec<PathBuf>,
    /// Where the report goes; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "edgeproof-report")]
    pub out: PathBuf,
    /// How long and how deep
    #[arg(long, value_enum, default_value_t = ProfileArg::Quick)]
    pub profile: ProfileArg,
    /// How long profile soak lasts, such as 24h; below 10m it is a custom profile
    #[arg(long, value_name = "DURATION", value_parser = amount::duration)]
    pub duration: Option<Duration>,
    /// Edition of the programme
    #[arg(long, value_enum, default_value_t = EditionArg::Current)]
    pub edition: EditionArg,
    /// What the verdict speaks of
    #[arg(long, value_enum, default_value_t = ScopeArg::Device)]
    pub scope: ScopeArg,
    /// Start this image, a reference or a `docker save` archive, instead of the offer's (a recorded deviation)
    #[arg(long, value_name = "REF|ARCHIVE")]
    pub image: Option<String>,
    /// End the candidate when the device's disk has less free than this, such as 2GiB [default: 512 MiB, or a twentieth of a
    /// smaller disk, or half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = amount::size)]
    pub keep_free: Option<Bytes>,
    /// Memory that system, engine and IoT Edge runtime take first, such as 300MiB
    #[arg(long, value_name = "SIZE", value_parser = amount::size)]
    pub reserve: Option<Bytes>,
    /// Run the probe as on a device with allow_elevated_docker_permissions off: what it cannot see there is inconclusive
    #[arg(long)]
    pub without_elevated: bool,
    /// File of exceptions that the lab grants
    #[arg(long, value_name = "FILE")]
    pub grants: Option<PathBuf>,
    /// Rows of `edgeproof calibrate`, for an offer that claims a clock
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
    /// Measure this running module of IoT Edge, by module name or container id, instead of starting the candidate
    #[arg(long, value_name = "CONTAINER", conflicts_with_all = ["image", "starts", "load"])]
    pub attach: Option<String>,
    /// Pokes and faults at edgeHub, on a start of their own: all, or some of desired, method, input, cut, token, slow-twin,
    /// busy-twin, certificate, outage [default: none; profile soak plays all]
    #[arg(long, value_name = "LIST", num_args = 0..=1, default_missing_value = "all", value_parser = faults_arg, conflicts_with = "attach")]
    pub faults: Option<FaultsArg>,
    /// How long edgeHub is gone [default: 5m]; nothing else is held longer
    #[arg(long, value_name = "DURATION", value_parser = fault_span)]
    pub outage: Option<Duration>,
    /// How soon the module has to be back after each fault [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = fault_span)]
    pub recovery: Option<Duration>,
    /// Start the candidate even if its createOptions reach for the host
    #[arg(long)]
    pub allow_elevated: bool,
    /// Start the candidate on a network without a way out
    #[arg(long, conflicts_with = "attach")]
    pub hermetic: bool,
    /// Steady window, such as 10s or 5m (makes a custom profile)
    #[arg(long, value_name = "DURATION", value_parser = amount::duration)]
    pub window: Option<Duration>,
    /// Cold starts (makes a custom profile)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub starts: Option<u32>,
    /// Readings of the candidate a second (fewer than 10 make a custom profile)
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub cadence: Option<u32>,
    /// How long a start may take to become healthy (makes a custom profile)
    #[arg(long, value_name = "DURATION", value_parser = amount::duration)]
    pub start_budget: Option<Duration>,
    /// How long to wait for another run on the same engine
    #[arg(long, value_name = "DURATION", value_parser = amount::duration, default_value = "10m")]
    pub wait: Duration,
    /// How the verdict is printed
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
    /// No progress, only the result
    #[arg(short, long)]
    pub quiet: bool,
}

/// Faults by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultsArg(pub Vec<Fault>);

fn faults_arg(list: &str) -> Result<FaultsArg, String> {
    faults::named(list).map(FaultsArg)
}

fn fault_span(text: &str) -> Result<Duration, String> {
    let span = amount::duration(text)?;
    if Millis::from(span) > faults::LONGEST {
        return Err("a day is the longest".to_owned());
    }
    Ok(span)
}

/// Profiles by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileArg {
    /// Minutes: three cold starts, a steady window of 30 seconds
    Quick,
    /// The same starts, more where three do not decide, then ten minutes under IoT Edge's own restart rule
    Standard,
    /// As standard, for as long as --duration says; growth is judged
    Soak,
}

impl From<ProfileArg> for ProfileName {
    fn from(profile: ProfileArg) -> ProfileName {
        match profile {
            ProfileArg::Quick => ProfileName::Quick,
            ProfileArg::Standard => ProfileName::Standard,
            ProfileArg::Soak => ProfileName::Soak,
        }
    }
}

/// Scopes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeArg {
    /// Offer, image, and what one device can show
    Device,
    /// Everything, people's answers included
    Full,
}
