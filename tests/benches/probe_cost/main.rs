//! What the probe costs while it samples, seen from outside, with `docker stats` and a bare `pread` loop beside it in the same minute;
//! and the sampler by itself over 10 and 50 containers of known load, with what it made of them.
//!
//! `cargo bench -p edgeproof-tests --bench probe_cost [-- --format json] [--containers 1,10,50]`; `make bench` sets up what it needs.
//! Exit code: 0 every bar is met, 1 one is missed, 2 it could not be measured, 64 wrong usage.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the result and the progress of a program"
)]

mod arguments;
mod bar;
mod crowd;
mod crowded;
mod figures;
mod floor;
mod kernel_text;
mod loads;
mod observe;
mod sampling;
mod subjects;
mod table;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use support::docker;

use arguments::{Arguments, Format, USAGE};
use bar::Bar;
use figures::{EngineLoad, Figures, Floor, Probe, Stats};
use kernel_text::Held;
use observe::{Accounts, Group};
use subjects::{Certification, DockerStats};

/// How long everything is watched.
const MINUTE: Duration = Duration::from_secs(60);
/// How long the engine is watched without `docker stats`, twice: before the probe, and beside it.
const BASELINE: Duration = Duration::from_secs(20);
/// The steady window holds a baseline, the minute, and the start of `docker stats`.
const WINDOW: Duration = Duration::from_secs(90);
/// How often the probe's memory is read.
const LOOK: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.next_if(|word| word == sampling::WORD).is_some() {
        return ended(sampling::run(words).map(|()| true));
    }
    match Arguments::read(words) {
        Ok(arguments) => ended(measured(&arguments)),
        Err(wrong) => {
            eprintln!("edgeproof: {wrong}\n{USAGE}");
            ExitCode::from(64)
        }
    }
}

/// `true`: every bar is met.
fn ended(bars_met: anyhow::Result<bool>) -> ExitCode {
    match bars_met {
        Ok(met) => ExitCode::from(u8::from(!met)),
        Err(error) => {
            eprintln!("edgeproof: not measured: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Measures and prints; whether every bar is met.
fn measured(arguments: &Arguments) -> anyhow::Result<bool> {
    let mut bars = Vec::new();
    let mut json = serde_json::json!({"schema": 3, "one": null, "several": []});
    for containers in &arguments.containers {
        let (text, part) = if *containers == 1 {
            let figures = measure()?;
            bars.extend(figures.bars());
            json["one"] = figures.json();
            (figures.text(), None)
        } else {
            let crowd = crowded::measure(*containers)?;
            bars.extend(crowd.bars());
            (crowd.text(), Some(crowd.json()))
        };
        if let (Some(part), Some(several)) = (part, json["several"].as_array_mut()) {
            several.push(part);
        }
        if arguments.format == Format::Text {
            print!("{text}");
        }
    }
    if arguments.format == Format::Json {
        println!("{json}");
    }
    Ok(bars.iter().all(Bar::met))
}

fn say(what: &str) {
    eprintln!("edgeproof: {what}");
}

fn measure() -> anyhow::Result<Figures> {
    say("the engine alone, 20 s");
    let idle = engine_load(&[])?;
    say("a certification, until its steady window");
    let mut run = Certification::start(WINDOW)?;
    run.until_steady()?;
    let (probe, candidate) = run.containers()?;
    let (outside, subject) = (Group::of(&probe)?, Group::of(&candidate)?);
    say("the engine beside the probe, 20 s");
    let baseline = engine_load(&[&candidate])?;
    say("the probe, docker stats and the bare loop, 60 s");
    let minute = watch(&outside, &subject, &candidate)?;
    ensure!(
        run.is_steady(),
        "the steady window ended within the minute: the machine is too busy"
    );
    let machine = observe::machine(outside.memory_cgroup())?;
    let image = docker(&["inspect", "--format", "{{.Image}}", &probe])?;
    let image = docker(&["image", "inspect", "--format", "{{.Size}}", &image])?;
    say("the rest of the certification");
    Ok(Figures {
        machine,
        span: minute.span,
        probe: Probe {
            cpu: minute.probe,
            held_peak: minute.held.bytes,
            kernel: minute.held.kernel,
            image: image.parse().context("read the size of the image")?,
            rhythm: run.finish()?,
        },
        stats: Stats {
            own: minute.client,
            daemon: minute.engine,
            baseline,
            idle,
            resident: minute.resident,
            foreign_events: minute.foreign_events,
        },
        floor: minute.floor,
    })
}

/// What the engine uses without `docker stats`.
fn engine_load(ours: &[&str]) -> anyhow::Result<EngineLoad> {
    let since = unix_time()?;
    let (begin, before) = (Instant::now(), observe::engine()?);
    thread::sleep(BASELINE);
    let used = observe::engine()?.since(&before);
    Ok(EngineLoad {
        cores: used.as_secs_f64() / begin.elapsed().as_secs_f64(),
        foreign_events: foreign_events(since, unix_time()?, ours)?,
    })
}

/// What one minute showed.
struct Minute {
    span: Duration,
    probe: Duration,
    held: Held,
    client: Duration,
    engine: Duration,
    resident: u64,
    floor: Floor,
    foreign_events: usize,
}

/// CPU time of all that is watched.
struct Times {
    probe: Duration,
    client: Accounts,
    engine: Accounts,
}

fn watch(probe: &Group, subject: &Group, candidate: &str) -> anyhow::Result<Minute> {
    let stats = DockerStats::start(&[candidate])?;
    let times = || -> anyhow::Result<Times> {
        Ok(Times {
            probe: probe.cpu()?,
            client: observe::tree(stats.pid())?,
            engine: observe::engine()?,
        })
    };
    let since = unix_time()?;
    let (begin, before) = (Instant::now(), times()?);
    let floor = floor::start(&[subject], MINUTE)?;
    let mut held = probe.held()?;
    while begin.elapsed() < MINUTE {
        thread::sleep(LOOK);
        held = held.max(probe.held()?);
    }
    let (span, after) = (begin.elapsed(), times()?);
    let resident = observe::resident_peak(stats.pid())?;
    drop(stats);
    let foreign_events = foreign_events(since, unix_time()?, &[candidate])?;
    let floor = floor.join().ok().context("the bare loop panicked")??;
    Ok(Minute {
        span,
        probe: after.probe.saturating_sub(before.probe),
        held,
        client: after.client.since(&before.client),
        engine: after.engine.since(&before.engine),
        resident,
        floor,
        foreign_events,
    })
}

fn unix_time() -> anyhow::Result<Duration> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock stands before 1970")
}

/// Events of the engine that are not of these containers. Asked for afterwards: whoever listens makes the engine work.
fn foreign_events(since: Duration, until: Duration, ours: &[&str]) -> anyhow::Result<usize> {
    let moment = |time: Duration| format!("{}.{:09}", time.as_secs(), time.subsec_nanos());
    let events = docker(&[
        "events",
        "--since",
        &moment(since),
        "--until",
        &moment(until),
        "--format",
        "{{.Actor.ID}}",
    ])?;
    Ok(events.lines().filter(|id| !ours.contains(id)).count())
}
