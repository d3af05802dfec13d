//! The probe's program: settings, log, one call, exit code.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use agent::alone::NotAlone;
use agent::settings::{Command, HELP, Usage, read};
use agent::{calibrate, load, module, once};
use anyhow::Context;

/// Exit code for wrong usage.
const USAGE: u8 = 64;
/// Exit code for bad input.
const BAD_INPUT: u8 = 65;
/// Exit code when another probe has the state directory: a later start may do better.
const TAKEN: u8 = 75;
/// What work on other threads may take once all is done.
const THREADS_END_WITHIN: Duration = Duration::from_millis(200);
/// Exit code when nothing could be decided.
const UNDECIDED: u8 = 2;

fn main() -> ExitCode {
    match command_line().map_err(anyhow::Error::from).and_then(obey) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&error);
            ExitCode::from(if error.is::<Usage>() {
                USAGE
            } else if error.is::<once::BadOffer>() {
                BAD_INPUT
            } else if matches!(error.downcast_ref(), Some(NotAlone::Taken { .. })) {
                TAKEN
            } else {
                UNDECIDED
            })
        }
    }
}

fn command_line() -> Result<Command, Usage> {
    read(std::env::args_os().skip(1), &|name| {
        std::env::var(name).ok()
    })
}

fn obey(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Help => {
            say(HELP);
            Ok(0)
        }
        Command::Version => {
            say(concat!("edgeproof-agent ", env!("CARGO_PKG_VERSION")));
            Ok(0)
        }
        Command::Noop(length) => {
            load::noop(length);
            Ok(0)
        }
        Command::Spin(length) => {
            load::spin(length);
            Ok(0)
        }
        Command::Eat(mib) => {
            load::eat(mib, &mut std::io::stdout().lock())?;
            Ok(0)
        }
        Command::Fill(mib) => {
            load::fill(mib, Path::new("/"), &mut std::io::stdout().lock())?;
            Ok(0)
        }
        Command::Golden(length) => {
            load::golden(length, Path::new("/"), &mut std::io::stdout().lock())?;
            Ok(0)
        }
        Command::Calibrate(runs) => {
            let row = calibrate::row(runs)?;
            say(&serde_json::to_string_pretty(&row)?);
            Ok(0)
        }
        Command::Relay { port, socket } => {
            let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
            runtime()?
                .block_on(relay::device::run(port, &socket, input, output))
                .with_context(|| format!("relay port {port} and {}", socket.display()))?;
            Ok(0)
        }
        Command::Once {
            settings,
            offer,
            report,
            options,
        } => {
            let verdict = to_the_end(once::run(&settings, &offer, &report, *options))?;
            Ok(verdict.exit_code())
        }
        Command::Module(settings) => {
            to_the_end(module::run(&settings))?;
            Ok(0)
        }
    }
}

/// A look-up of a name that no server answers holds a thread for as long as the resolver is patient, which may be half a minute
/// (resolv.conf(5), `timeout` and `attempts`): the end does not wait for it.
fn to_the_end<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(THREADS_END_WITHIN);
    done
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .init();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")
}

#[allow(clippy::print_stdout, reason = "help and version are asked for")]
fn say(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "the one place where an error is told")]
fn complain(error: &anyhow::Error) {
    eprintln!("edgeproof-agent: {error:#}");
}
