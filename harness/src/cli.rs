//! The command line: commands, flags, and their examples.

mod calibrate;
mod certify;
mod deploy;
mod device;
mod hub;
mod inspect;
mod lab;
mod links;
mod offer;
mod place;
mod results;
mod service;
mod size;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use conformance::record::Edition;
use tracing::level_filters::LevelFilter;

pub use calibrate::CalibrateArgs;
pub use certify::{CertifyArgs, FaultsArg, ProfileArg, ScopeArg};
pub use deploy::DeployArgs;
pub use device::{
    AccelerationArg, DeviceArgs, DeviceCommand, DeviceExecArgs, DeviceListArgs, DeviceRmArgs,
    DeviceStartArgs, DeviceStopArgs,
};
pub use hub::{HubArgs, HubFormat};
pub use inspect::InspectArgs;
pub use lab::LabArgs;
pub use links::LinkArgs;
pub use offer::{OfferArgs, OfferCommand, OfferImportArgs, OfferInitArgs, OfferOutArgs};
pub use place::PlaceArgs;
pub use results::ResultsArgs;
pub use service::ServiceArgs;
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
    /// Judge an offer's text and settings and visit its links, without a device
    Lint(LintArgs),
    /// Judge the repository that an offer names: its tags, platforms and images
    Inspect(Box<InspectArgs>),
    /// Begin an offer file, or make one from an IoT Edge solution
    Offer(OfferArgs),
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
    /// Put the probe on devices through IoT Hub, with a run if wanted, or take it away
    Deploy(Box<DeployArgs>),
    /// Follow the runs of deployed probes through IoT Hub and store their reports
    Results(ResultsArgs),
    /// Measure how fast a device is, so that a claimed clock can be judged
    Calibrate(CalibrateArgs),
    /// Print what a shell needs to complete these commands
    Completions(CompletionsArgs),
}

/// Flags of `lint`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof lint offer.json
  edgeproof lint offer.json --format json | jq .claim
  edgeproof lint offer.json --format sarif > offer.sarif
  edgeproof lint offer.json --certified certified/report.json
  edgeproof lint offer.json --data tables
  edgeproof lint offer.json --offline                 (visits no links: what rests on one is inconclusive)
  edgeproof lint offer.json --allow-private-links     (pages on this machine or in the lab's network)")]
pub struct LintArgs {
    /// The offer file
    #[arg(value_name = "OFFER")]
    pub offer: PathBuf,
    /// What the lab knows beside it.
    #[command(flatten)]
    pub lab: LabArgs,
    /// How its links are visited.
    #[command(flatten)]
    pub links: LinkArgs,
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
  edgeproof schema dossier > dossier.schema.json
  edgeproof schema tier-1 > tier-1.schema.json")]
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
  edgeproof rejudge report.json --format json > again.json
  edgeproof rejudge report.json --data tables")]
pub struct RejudgeArgs {
    /// A stored report.json
    #[arg(value_name = "REPORT")]
    pub report: PathBuf,
    /// What the lab knows beside it; without these flags, as the report has it.
    #[command(flatten)]
    pub lab: LabArgs,
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

/// Text for people, JSON for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Formats of `lint` and `inspect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LintFormat {
    /// For people
    Text,
    /// Verdict, findings and what was read
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
    /// tier-1.json of --data
    #[value(name = "tier-1")]
    Tier1,
    /// certified-devices.json of --data
    CertifiedDevices,
    /// The report of a malware scanner for `inspect --scan-report`
    ScanReport,
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
