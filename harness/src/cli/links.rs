//! Flags about the links of an offer.

use clap::Args;

/// How the offer's links are visited.
#[derive(Debug, Clone, Default, Args)]
pub struct LinkArgs {
    /// Visit none of the offer's links: what rests on one is inconclusive
    #[arg(long, conflicts_with = "allow_private_links")]
    pub offline: bool,
    /// Visit links to this machine, to private networks and to bare addresses too; else they are refused
    #[arg(long)]
    pub allow_private_links: bool,
}
