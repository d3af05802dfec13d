//! The `edgeproof` program: settings, logging, one call, exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use harness::cli::{Cli, logging_level};
use harness::exit;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    tracing_subscriber::fmt()
        .with_max_level(logging_level(cli.verbose))
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    match harness::run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            // Nothing can be done about a standard error that is closed.
            let _ = writeln!(anstream::stderr(), "{}", exit::told(&error));
            ExitCode::from(exit::code_of(&error))
        }
    }
}

/// Help and version are no mistakes; everything else clap finds is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be done about a terminal that is closed.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(exit::USAGE)
    } else {
        ExitCode::SUCCESS
    }
}
