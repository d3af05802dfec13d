//! The command line of `edgeproof results`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{ServiceArgs, TextOrJson};
use crate::amount;

/// Flags of `results`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof results --device pi4-01 --device pi4-02 --connection-string-file hub.txt
  edgeproof results --query \"tags.lab='yes'\" --run monday --follow --out monday --connection-string-file hub.txt
  edgeproof dossier monday/*/report.json   (several devices to one verdict)

Reports are asked for by the direct method `report`, so a device has to be online for it. With --events they are read from the
messages that the probes have sent, online or not, as long as the hub keeps them (a day unless set):
  edgeproof results --device pi4-01 --run monday --events events.txt --follow

Exit codes, the worst of all devices:
  0   conformant
  1   not conformant
  2   could not be decided: no report of a device, for a reason that is told
  64  wrong usage
  65  bad input")]
pub struct ResultsArgs {
    /// A device; repeatable
    #[arg(
        long,
        value_name = "ID",
        conflicts_with = "query",
        required_unless_present = "query"
    )]
    pub device: Vec<String>,
    /// All devices that meet a condition of the hub's query language
    #[arg(long, value_name = "CONDITION")]
    pub query: Option<String>,
    /// Which run; without it the one that the device was last asked for by its twin, or else the one that it tells of
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// Wait until every device's run has ended, and show how far each is
    #[arg(long)]
    pub follow: bool,
    /// The longest that --follow waits
    #[arg(long, value_name = "DURATION", value_parser = amount::duration, default_value = "1h", requires = "follow")]
    pub wait: Duration,
    /// File that holds the connection string of the hub's Event Hubs-compatible endpoint (Endpoint=sb://…;EntityPath=…): reports are
    /// read from messages. Of a program that was built with the feature azure
    #[arg(long, value_name = "FILE", requires = "run")]
    pub events: Option<PathBuf>,
    /// Only messages that came within this time; all that the hub keeps unless told
    #[arg(long, value_name = "DURATION", value_parser = amount::duration, requires = "events")]
    pub since: Option<Duration>,
    /// Consumer group that messages are read with
    #[arg(
        long,
        value_name = "NAME",
        default_value = "$Default",
        requires = "events"
    )]
    pub consumer_group: String,
    /// Where reports go, a directory for each device; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "edgeproof-results")]
    pub out: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = TextOrJson::Text)]
    pub format: TextOrJson,
    /// No progress, only the result
    #[arg(short, long)]
    pub quiet: bool,
    /// Which hub.
    #[command(flatten)]
    pub service: ServiceArgs,
}
