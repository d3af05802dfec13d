//! The command line: commands, flags, and their examples.

mod calibrate;
mod device;
mod hub;
mod place;
mod size;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use conformance::record::{Edition, ProfileName};
use conformance::units::Bytes;
use tracing::level_filters::LevelFilter;

use crate::amount;

pub use calibrate::CalibrateArgs;
pub use device::{
    AccelerationArg, DeviceArgs, DeviceCommand, DeviceExecArgs, DeviceListArgs, DeviceRmArgs,
    DeviceStartArgs, DeviceStopArgs,
};
pub use hub::{HubArgs, HubFormat};
pub use place::PlaceArgs;
pub use size::SizeArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0   conformant
  1   not conformant
  2   could not be decided
  64  wrong usage
  65  bad input";

/// Proves on a real device that an IoT Edge module is what its marketplace offer says it is.
#[derive(Debug, Parser)]
#[command(name = "edgeproof", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Log more to standard error: once for what is done, twice for how
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands; each is one file.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole certification of an offer on one container engine
    Certify(Box<CertifyArgs>),
    /// Find the smallest hardware an offer can claim: RAM, cores, storage, and the sentence for its description
    Size(Box<SizeArgs>),
    /// Judge an offer's text and settings, without device or network
    Lint(LintArgs),
    /// List the requirements of the programme
    Requirements(RequirementsArgs),
    /// Explain one requirement: what it wants, where it is from, how to meet it
    Explain(ExplainArgs),
    /// Print the JSON Schema of a file
    Schema(SchemaArgs),
    /// Judge a stored report again by this version's catalogue
    Rejudge(RejudgeArgs),
    /// Compare two stored reports of one offer: what differs by more than the noise
    Compare(CompareArgs),
    /// Merge the reports of several devices into one verdict
    Dossier(DossierArgs),
    /// Boot, list and end emulated devices, each with a container engine of its own
    Device(DeviceArgs),
    /// Run the edge runtime alone: an offline edgeHub and workload API for a module under development
    Hub(HubArgs),
    /// Measure how fast a device is, so that a claimed clock can be judged
    Calibrate(CalibrateArgs),
    /// Print what a shell needs to complete these commands
    Completions(CompletionsArgs),
}

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
  edgeproof certify offer.json --calibration speeds.json
  edgeproof certify offer.json --attach temperature   (a module that IoT Edge runs: measured, never touched)
  edgeproof certify offer.json --window 10s --starts 1   (custom profile: certifies nothing)")]
pub struct CertifyArgs {
    /// The offer file
    #[arg(value_name = "OFFER")]
    pub offer: PathBuf,
    /// Where it runs.
    #[command(flatten)]
    pub place: PlaceArgs,
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
    /// Memory that system, engine and IoT Edge runtime take first, such as 300MiB
    #[arg(long, value_name = "SIZE", value_parser = amount::size)]
    pub reserve: Option<Bytes>,
    /// File of exceptions that the lab grants
    #[arg(long, value_name = "FILE")]
    pub grants: Option<PathBuf>,
    /// Rows of `edgeproof calibrate`, for an offer that claims a clock
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
    /// Measure this running module of IoT Edge, by module name or container id, instead of starting the candidate
    #[arg(long, value_name = "CONTAINER", conflicts_with_all = ["image", "starts", "load"])]
    pub attach: Option<String>,
    /// Start the candidate even if its createOptions reach for the host
    #[arg(long)]
    pub allow_elevated: bool,
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

/// Flags of `lint`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof lint offer.json
  edgeproof lint offer.json --format json | jq .claim
  edgeproof lint offer.json --format sarif > offer.sarif")]
pub struct LintArgs {
    /// The offer file
    #[arg(value_name = "OFFER")]
    pub offer: PathBuf,
    /// Edition of the programme
    #[arg(long, value_enum, default_value_t = EditionArg::Current)]
    pub edition: EditionArg,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = LintFormat::Text)]
    pub format: LintFormat,
}

/// Flags of `requirements`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof requirements
  edgeproof requirements --format json | jq '.requirements[] | select(.judged)'
  edgeproof requirements --format markdown > CATALOGUE.md")]
pub struct RequirementsArgs {
    /// How the list is printed
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// Flags of `explain`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof explain IEM-HW-03
  edgeproof explain hw-03
  edgeproof explain declared-ram-is-enough")]
pub struct ExplainArgs {
    /// Id or slug of the requirement; capitals and the leading IEM- may be left out
    #[arg(value_name = "ID")]
    pub id: String,
}

/// Flags of `schema`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof schema offer > offer.schema.json
  edgeproof schema report > report.schema.json
  edgeproof schema dossier > dossier.schema.json")]
pub struct SchemaArgs {
    /// Which file
    #[arg(value_enum)]
    pub file: SchemaOf,
}

/// Flags of `rejudge`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof rejudge edgeproof-report/report.json
  edgeproof rejudge report.json --format json > again.json")]
pub struct RejudgeArgs {
    /// A stored report.json
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// How the result is printed; json is the whole report
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
}

/// Flags of `compare`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof compare before/report.json after/report.json
  edgeproof compare before/report.json after/report.json --format json | jq '.numbers[] | select(.change != \"same\")'

Exit codes:
  0   the same within noise, and no finding changed
  1   a number differs by more than the noise, or a finding changed
  65  no reports, or reports of two offers")]
pub struct CompareArgs {
    /// A stored report.json
    #[arg(value_name = "A")]
    pub first: PathBuf,
    /// Another one of the same offer, later or elsewhere
    #[arg(value_name = "B")]
    pub second: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
}

/// Flags of `dossier`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof dossier arm32/report.json arm64/report.json x64/report.json
  edgeproof dossier pi4=monday/report.json box=tuesday/report.json --out evidence
  edgeproof dossier */report.json --format json | jq .verdict")]
pub struct DossierArgs {
    /// Stored reports of one offer, one per device; a device without a name is called like its report's directory
    #[arg(value_name = "[DEVICE=]REPORT", required = true)]
    pub reports: Vec<String>,
    /// Where the dossier and every device's report go; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How the dossier is printed
    #[arg(long, value_enum, default_value_t = DossierFormat::Text)]
    pub format: DossierFormat,
}

/// Flags of `completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof completions bash > /etc/bash_completion.d/edgeproof
  edgeproof completions zsh > ~/.zfunc/_edgeproof
  edgeproof completions fish > ~/.config/fish/completions/edgeproof.fish")]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub shell: ShellArg,
}

/// Shells by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShellArg {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// Fish
    Fish,
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

/// Editions by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EditionArg {
    /// Today's programme
    Current,
    /// The process note of September 2018
    #[value(name = "2018")]
    Edition2018,
}

impl From<EditionArg> for Edition {
    fn from(edition: EditionArg) -> Edition {
        match edition {
            EditionArg::Current => Edition::Current,
            EditionArg::Edition2018 => Edition::Edition2018,
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

/// Text for people, JSON for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Formats of `lint`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// For people
    Text,
    /// Verdict, claim and findings
    Json,
    /// For build servers
    Junit,
    /// For code scanning
    Sarif,
    /// For pull requests
    Markdown,
}

/// Formats of `dossier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DossierFormat {
    /// For people
    Text,
    /// For programs: the whole dossier
    Json,
    /// For pull requests
    Markdown,
}

/// Formats of `requirements`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// The catalogue as a document
    Markdown,
}

/// Files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The offer file
    Offer,
    /// report.json
    Report,
    /// dossier.json
    Dossier,
}

/// What is logged after so many `-v`: warnings, then steps, then details.
#[must_use]
pub const fn logging_level(verbose: u8) -> LevelFilter {
    match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed_and_every_command_has_examples() {
        let mut command = Cli::command();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands_mut() {
            let name = subcommand.get_name().to_owned();
            let help = subcommand.render_long_help().to_string();
            assert!(
                help.contains(&format!("edgeproof {name} ")),
                "{name} has no example:\n{help}"
            );
        }
    }
}
