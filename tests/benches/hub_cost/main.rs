//! What the stand-in's hub costs, seen from outside, with mosquitto beside it in the same run: a thousand clients that are logged in
//! over TLS and say nothing, and messages at QoS 1 from one client.
//!
//! `cargo bench -p edgeproof-tests --bench hub_cost -- --hub PROGRAM --broker PROGRAM --libraries DIRECTORY [--format json]`; `scripts/bench-hub.sh` sets
//! up what it needs. Exit code: 0 every bar is met, 1 one is missed, 2 it could not be measured, 64 wrong usage.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the result and the progress of a program"
)]

#[path = "../probe_cost/bar.rs"]
mod bar;
mod clients;
mod figures;
mod servers;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use bar::Bar;
use clients::Crowd;
use figures::{Figures, Idle, Rate, median};
use servers::Server;

const USAGE: &str = "usage: cargo bench -p edgeproof-tests --bench hub_cost -- --hub PROGRAM --broker PROGRAM --libraries DIRECTORY [--format text|json]";

/// Clients that say nothing.
const IDLE: usize = 1000;
/// How long they do.
const QUIET: Duration = Duration::from_secs(10);
/// Messages of one turn, and turns of each server, in alternation.
const MESSAGES: usize = 20_000;
const TURNS: usize = 3;

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    match measured(&arguments) {
        Ok(figures) => {
            if arguments.json {
                println!("{}", figures.json());
            } else {
                print!("{}", figures.text());
            }
            ExitCode::from(u8::from(!figures.bars().iter().all(Bar::met)))
        }
        Err(error) => {
            eprintln!("edgeproof: not measured: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// How it is called.
struct Arguments {
    hub: String,
    broker: String,
    /// Where the broker's libraries are.
    libraries: String,
    json: bool,
}

impl Arguments {
    /// `None`: wrong usage. Cargo adds `--bench`.
    fn read(words: impl Iterator<Item = String>) -> Option<Arguments> {
        let (mut hub, mut broker, mut libraries, mut json) = (None, None, None, false);
        let mut words = words.filter(|word| word != "--bench");
        while let Some(name) = words.next() {
            let value = words.next()?;
            match (name.as_str(), value.as_str()) {
                ("--hub", _) => hub = Some(value),
                ("--broker", _) => broker = Some(value),
                ("--libraries", _) => libraries = Some(value),
                ("--format", "json") => json = true,
                ("--format", "text") => json = false,
                _ => return None,
            }
        }
        Some(Arguments {
            hub: hub?,
            broker: broker?,
            libraries: libraries?,
            json,
        })
    }
}

fn measured(arguments: &Arguments) -> anyhow::Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start a runtime")?;
    let hub = Server::hub(&arguments.hub, IDLE).context("start the hub")?;
    let broker =
        Server::mosquitto(&arguments.broker, &arguments.libraries).context("start mosquitto")?;
    let mut rates = [Vec::new(), Vec::new()];
    for turn in 1..=TURNS {
        eprintln!("edgeproof: {MESSAGES} messages at QoS 1 to each, turn {turn} of {TURNS}");
        for (server, rates) in [&hub, &broker].into_iter().zip(&mut rates) {
            rates.push(clients::publish(server, MESSAGES)?);
        }
    }
    let [ours, theirs] = rates;
    let idle = |server: &Server, name: &str| {
        eprintln!("edgeproof: {IDLE} clients of {name} that say nothing");
        runtime.block_on(idle(server))
    };
    Ok(Figures {
        messages: MESSAGES,
        hub: (idle(&hub, "the hub")?, median_of(&ours)),
        mosquitto: (idle(&broker, "mosquitto")?, median_of(&theirs)),
    })
}

/// Rate and cost of the middle turn, each by itself.
fn median_of(turns: &[Rate]) -> Rate {
    Rate {
        a_second: median(turns.iter().map(|turn| turn.a_second)),
        cpu: median(turns.iter().map(|turn| turn.cpu)),
    }
}

/// Logs them all in, waits, asks each whether it is still there.
async fn idle(server: &Server) -> anyhow::Result<Idle> {
    let before = server.memory()?;
    let mut crowd = Crowd::default();
    for number in 0..IDLE {
        let joined = crowd.join(server, number).await;
        joined.with_context(|| format!("log in client {number}"))?;
    }
    let cpu = server.cpu()?;
    tokio::time::sleep(QUIET).await;
    let (idle_cpu, full) = (server.cpu()?.saturating_sub(cpu), server.memory()?);
    Ok(Idle {
        before,
        full,
        cpu: idle_cpu.as_secs_f64() / QUIET.as_secs_f64(),
        clients: IDLE,
        answered: crowd.answered().await,
    })
}
