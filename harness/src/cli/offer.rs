//! The command line of `edgeproof offer`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Flags of `offer`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof offer init --out offer.json
  edgeproof offer import deployment.template.json modules/filter/module.json --module filter --out offer.json")]
pub struct OfferArgs {
    /// What to do
    #[command(subcommand)]
    pub command: OfferCommand,
}

/// Where offer files come from.
#[derive(Debug, Clone, Subcommand)]
pub enum OfferCommand {
    /// Write an offer file to fill in, with what belongs where
    Init(OfferInitArgs),
    /// Make an offer file from an IoT Edge solution: deployment.json or its template, module.json
    Import(OfferImportArgs),
}

/// Flags of `offer init`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof offer init --out offer.json
  edgeproof lint offer.json              (names every place that is still open)")]
pub struct OfferInitArgs {
    /// Where the file goes.
    #[command(flatten)]
    pub to: OfferOutArgs,
}

/// Flags of `offer import`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof offer import deployment.json
  edgeproof offer import deployment.template.json modules/filter/module.json --module filter --out offer.json
  edgeproof offer import module.json --set CONTAINER_REGISTRY_ADDRESS=contoso.azurecr.io

What is left out, guessed or still open is told on standard error.

Exit codes:
  0   made
  64  wrong usage, or --out names a file that is there
  65  bad input, with every mistake of every file")]
pub struct OfferImportArgs {
    /// A deployment manifest, its template, or a module.json; one of a module that the deployment builds may be beside it
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The module, where the deployment has several
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    /// The value of a variable `${NAME}` of the solution
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = variable)]
    pub variables: Vec<(String, String)>,
    /// Where the file goes.
    #[command(flatten)]
    pub to: OfferOutArgs,
}

/// Where an offer file goes.
#[derive(Debug, Clone, Args)]
pub struct OfferOutArgs {
    /// The offer file to write, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the file if it is there
    #[arg(long, requires = "out")]
    pub force: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as NAME=VALUE".to_owned()),
    }
}
