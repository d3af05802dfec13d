//! The lab side of edgeproof: commands that lint offers, certify on one machine, and render evidence.
//!
//! Each subcommand is one file; `render` turns a report into its faces. Judging is the pure core's work: nothing here
//! decides what a finding comes to.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")
)]

pub mod amount;
pub mod assembly;
pub mod calibrate;
pub mod certify;
pub mod cli;
pub mod compare;
pub mod completions;
pub mod data;
pub mod deploy;
pub mod device;
pub mod dossier;
pub mod exit;
pub mod explain;
pub mod handover;
pub mod hub;
pub mod input;
pub mod inspect;
pub mod ledger;
pub mod links;
pub mod lint;
pub mod offer;
pub mod output;
pub mod registry;
pub mod rejudge;
pub mod render;
pub mod requirements;
pub mod results;
pub mod schema;
pub mod service;
pub mod size;
mod sockets;
pub mod tunnel;

use std::process::ExitCode;

use crate::cli::Command;

/// Runs one command to its exit code.
///
/// # Errors
/// What kept the command from ending with a verdict; [`exit::code_of`] says which exit code that is.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Certify(args) => certify::run(&args),
        Command::Size(args) => size::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Offer(args) => offer::run(&args),
        Command::Requirements(args) => requirements::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Rejudge(args) => rejudge::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Dossier(args) => dossier::run(&args),
        Command::Device(args) => device::run(&args),
        Command::Hub(args) => hub::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        Command::Results(args) => results::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}
