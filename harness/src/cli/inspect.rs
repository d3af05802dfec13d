//! Flags of `inspect`.

use std::path::PathBuf;

use clap::Args;

use super::{EditionArg, LintFormat, PlaceArgs};

/// Flags of `inspect`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  edgeproof inspect offer.json --ledger tags.jsonl
  edgeproof inspect contoso.azurecr.io/air-quality:1.0.1
  edgeproof inspect offer.json --mirror localhost:5000
  edgeproof inspect offer.json --image layout/ --format json | jq .repository.tags
  edgeproof inspect offer.json --from-engine --engine ssh://pi@raspberrypi
  edgeproof inspect module.tar
  edgeproof inspect module.tar --clamav /srv/signatures --scan-report guard.json
  edgeproof inspect offer.json --tested report.json --published marketplace.azurecr.io/contoso/air-quality

A registry is asked without signing in first, then with what `docker login` left, or with --credentials: a file of the same
form. Only this machine itself is spoken to without TLS.")]
pub struct InspectArgs {
    /// An offer file, an image reference, a `docker save` archive or an OCI layout
    #[arg(value_name = "OFFER|REF|ARCHIVE|LAYOUT")]
    pub target: String,
    /// Read the offer's images from this archive or layout; no registry is asked
    #[arg(long, value_name = "ARCHIVE|LAYOUT", conflicts_with = "mirror")]
    pub image: Option<PathBuf>,
    /// Read the offer's images from an engine's store: the default engine's, or that of --engine or --device; no registry is asked
    #[arg(long, conflicts_with_all = ["image", "mirror"])]
    pub from_engine: bool,
    /// Which engine's store.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Ask this registry in place of the offer's; a recorded deviation
    #[arg(long, value_name = "HOST")]
    pub mirror: Option<String>,
    /// Speak to this host without TLS; may be given more than once
    #[arg(long, value_name = "HOST")]
    pub plain_http: Vec<String>,
    /// Trust this authority too (PEM)
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<PathBuf>,
    /// Sign in with what this file has, in the form of ~/.docker/config.json
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Remember which digest each tag leads to, and compare with what is remembered
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Read every layer of the default tag, however large; else 256 MiB of what travels
    #[arg(long)]
    pub verify_layers: bool,
    /// Look for malware with ClamAV and these signatures (a file or directory); else with its own, where it is installed with them
    #[arg(long, value_name = "DATABASE")]
    pub clamav: Option<PathBuf>,
    /// Look for no malware, also where ClamAV is installed
    #[arg(long, conflicts_with = "clamav")]
    pub no_clamav: bool,
    /// Attach the report of another malware scanner (`edgeproof schema scan-report`); may be given more than once
    #[arg(long, value_name = "FILE")]
    pub scan_report: Vec<PathBuf>,
    /// The published copy to compare with, asked for without signing in
    #[arg(long, value_name = "REPOSITORY")]
    pub published: Option<String>,
    /// A report of the test, to compare what was tested with what is there
    #[arg(long, value_name = "REPORT")]
    pub tested: Option<PathBuf>,
    /// Judge by the lab's own tables: a directory with tier-1.json, certified-devices.json or both
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Edition of the programme
    #[arg(long, value_enum, default_value_t = EditionArg::Current)]
    pub edition: EditionArg,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t = LintFormat::Text)]
    pub format: LintFormat,
}
