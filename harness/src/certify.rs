//! `edgeproof certify`: a whole certification of an offer on one container engine, local hub included.
//!
//! The probe runs as a container with the createOptions of `deployment.json`, takes its run from its module twin and
//! reports over MQTT, exactly as it would with IoT Hub. This file is the order of effects; nothing judges here.

mod archive;
pub mod deployment;
pub mod elevation;
pub mod grants;
mod lab;
pub(crate) mod place;
mod progress;
mod relay;
mod several;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use conformance::certificate::Certificate;
use conformance::data::Data;
use conformance::faults::{Fault, FaultPlan};
use conformance::observation::{LinkVisit, Observed};
use conformance::offer::Offer;
use conformance::offer_calls::request_and_calls;
use conformance::record::{Deviation, Profile, ProfileName, RunOptions, ScopeName, Task};
use conformance::report::Report;
use conformance::requirements::CATALOGUE;
use conformance::sizing::{MOST_CORE_TRIES, MOST_MEMORY_TRIES};
use engine::{Caller, Engine, Owner};

use crate::cli::{CertifyArgs, ProfileArg, ScopeArg, TextOrJson};
use crate::exit::Refused;
use crate::handover::Large;
use crate::render::write::{json, write_all};
use crate::tunnel::Tunnel;
use crate::{calibrate, data, input, links, output, render};
use elevation::Elevation;
pub(crate) use lab::probe_image;
use lab::{Asked, Lab};
use place::Place;
use progress::Progress;

/// Certifies one offer, at one place or at several one after another.
///
/// # Errors
/// Wrong usage, bad input, or trouble that leaves nothing decided.
pub fn run(args: &CertifyArgs) -> anyhow::Result<ExitCode> {
    let text = input::text(&args.offer)?;
    let read = input::offer(&args.offer)?;
    for warning in &read.warnings {
        tracing::warn!(pointer = warning.pointer, "{}", warning.message);
    }
    let options = run_options(args)?;
    named_profile(args.profile.into(), &options)?;
    let data = data::of(args.lab.data.as_deref())?;
    let certified = match &args.lab.certified {
        Some(path) => Some(input::certificate(path, &read.offer)?),
        None => None,
    };
    let places = place::asked(&args.place)?;
    let facts = Facts {
        links: links::observe(&read.offer, &data, &args.links)?,
        data,
        certified,
    };
    let runtime = runtime()?;
    let order = |place: &Place| Order {
        text: &text,
        offer: &read.offer,
        profile: args.profile.into(),
        options: RunOptions {
            slowdown: place.slowdown,
            ..options.clone()
        },
        scope: match args.scope {
            ScopeArg::Device => ScopeName::Device,
            ScopeArg::Full => ScopeName::Full,
        },
        load: &args.load,
        quiet: args.quiet,
        elevation: match args.without_elevated {
            true => Elevation::TakenAway,
            false => Elevation::Allowed,
        },
        facts: &facts,
    };
    match places.as_slice() {
        [place] => {
            let report = runtime.block_on(certify(place, order(place)))?;
            told(args, &report)
        }
        places => several::run(args, places, |place| {
            runtime.block_on(certify(place, order(place)))
        }),
    }
}

/// What is asked of a probe, and how.
pub(crate) struct Order<'a> {
    /// The offer file's text.
    pub(crate) text: &'a str,
    /// The same, read.
    pub(crate) offer: &'a Offer,
    /// The profile to play, before options change its numbers.
    pub(crate) profile: ProfileName,
    /// Settings of the run.
    pub(crate) options: RunOptions,
    /// What the verdict speaks of.
    pub(crate) scope: ScopeName,
    /// Image archives to load first.
    pub(crate) load: &'a [PathBuf],
    /// No progress.
    pub(crate) quiet: bool,
    /// What the device lets the probe have.
    pub(crate) elevation: Elevation,
    /// What only the lab knows, for the judgement.
    pub(crate) facts: &'a Facts,
}

/// What only the lab knows: it joins the report after the probe has made it.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The dated data that judge.
    pub(crate) data: Arc<Data>,
    /// The certificate that the offer has from before.
    pub(crate) certified: Option<Certificate>,
    /// Where the offer's links led.
    pub(crate) links: Observed<Vec<LinkVisit>>,
}

impl Facts {
    /// What a lab knows that was told nothing.
    pub(crate) fn shipped() -> Facts {
        Facts {
            data: Data::shipped(),
            certified: None,
            links: Observed::default(),
        }
    }
}

/// The runtime that one run needs.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")
}

/// Writes and prints one device's report.
fn told(args: &CertifyArgs, report: &Report) -> anyhow::Result<ExitCode> {
    let files = write_all(report, &args.out)?;
    match args.format {
        TextOrJson::Json => output::print(&json(report))?,
        TextOrJson::Text => {
            let place = page_of(&files);
            output::print(&format!("{}{place}", render::text::render(report)))?;
        }
    }
    Ok(ExitCode::from(report.verdict.exit_code()))
}

/// `Report: …/report.html`, as the last line.
fn page_of(files: &[PathBuf]) -> String {
    let is_page = |path: &&PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "html")
    };
    let page = files.iter().find(is_page);
    page.map_or_else(String::new, |path| {
        format!("\nReport: {}\n", path.display())
    })
}

/// The profile of this name under these options.
fn named_profile(name: ProfileName, options: &RunOptions) -> Result<Profile, Refused> {
    Profile::named(name, options)
        .map_err(|mistake| Refused::Usage(mistake.replace("/options/duration", "--duration")))
}

fn run_options(args: &CertifyArgs) -> Result<RunOptions, Refused> {
    Ok(RunOptions {
        starts: args.starts,
        window: args.window.map(Into::into),
        duration: args.duration.map(Into::into),
        start_budget: args.start_budget.map(Into::into),
        reserve_bytes: args.reserve,
        keep_free_bytes: args.keep_free,
        wait: Some(args.wait.into()),
        allow_elevated: args.allow_elevated,
        hermetic: args.hermetic,
        edition: args.edition.into(),
        image: args.image.clone(),
        calibration: args
            .calibration
            .as_deref()
            .map(calibrate::rows)
            .transpose()?
            .unwrap_or_default(),
        attach: args.attach.clone(),
        grants: args
            .grants
            .as_deref()
            .map(grants::read)
            .transpose()?
            .unwrap_or_default(),
        slowdown: None,
        cadence_hz: args.cadence,
        faults: faults(args),
        outage: args.outage.map(Into::into),
        recovery: args.recovery.map(Into::into),
        task: Task::Certify,
    })
}

/// What was asked for; a soak plays everything unless told otherwise.
fn faults(args: &CertifyArgs) -> Option<Vec<Fault>> {
    let all =
        || (args.profile == ProfileArg::Soak && args.attach.is_none()).then(|| Fault::ALL.to_vec());
    args.faults
        .as_ref()
        .map_or_else(all, |asked| Some(asked.0.clone()))
}

/// Has a probe carry out one order at one place, and cleans up after it.
///
/// # Errors
/// No report came; what kept it.
pub(crate) async fn certify(place: &Place, order: Order<'_>) -> anyhow::Result<Report> {
    let Order {
        text,
        offer,
        profile,
        mut options,
        scope,
        load,
        quiet,
        elevation,
        facts,
    } = order;
    let run = run_id()?;
    let me = Owner::this_process(Path::new("/proc"))?;
    let tunnel = Tunnel::open(&place.engine, &format!("{run}-engine"), &me).await?;
    let mut engine = Engine::connect_as(Caller::Lab, tunnel.socket()).await?;
    let is_here = place.engine.is_here();
    if is_here {
        engine = engine.with_proc_root(Path::new("/proc"));
    }
    let mut progress = if quiet {
        Progress::Quiet
    } else {
        Progress::shown()
    };
    if !load.is_empty() {
        progress.step("loading image archives");
        archive::load_for(&engine, &engine.facts().await?.platform, load).await?;
    }
    if let Some(archive) = options
        .image
        .as_deref()
        .map(Path::new)
        .filter(|path| path.is_file())
    {
        progress.step("loading the image archive");
        let loaded = engine.load_archive(archive).await?;
        options.image = Some(
            loaded
                .into_iter()
                .next()
                .with_context(|| format!("{} holds no image", archive.display()))?,
        );
    }
    let named = Profile::named(profile, &options).map_err(anyhow::Error::msg)?;
    let patience = patience(named, &options);
    let asked = request_and_calls(&run, profile, scope, text, options);
    let (request, calls) = asked.map_err(Refused::BadInput)?;
    let asked = Asked {
        run: Large { request, calls },
        elevation,
    };
    tracing::info!(run, offer = offer.plan.image.reference(), "certifying");
    let mut lab = Lab::new(engine, is_here, run).await?;
    let followed = tokio::select! {
        followed = lab.certify(&asked, &mut progress) => followed,
        () = interrupted() => Err(Interrupted.into()),
        () = tokio::time::sleep(patience) => Err(anyhow::anyhow!("no report within {} minutes", patience.as_secs() / 60)),
    };
    progress.step("cleaning up");
    let cleaned = lab.clean_up().await;
    progress.finish();
    let (report, fills) = followed?;
    cleaned.context("clean up; the next start sweeps what is left")?;
    Ok(with_lab_facts(report, fills, facts))
}

/// Somebody pressed Ctrl-C, or asked this program to end.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// The report with what only the lab knows, judged again.
fn with_lab_facts(report: Report, fills: Vec<Deviation>, facts: &Facts) -> Report {
    let mut record = report.into_record();
    record.data = Arc::clone(&facts.data);
    record.certified.clone_from(&facts.certified);
    record.observations.links = facts.links.clone();
    record.deviations.extend(fills);
    Report::judge(record, CATALOGUE)
}

/// How long a run can take by its own numbers, with room for a slow engine.
fn patience(profile: Profile, options: &RunOptions) -> Duration {
    let profile = profile.with_options(options);
    let each = Duration::from(profile.start_budget)
        + Duration::from(profile.settle)
        + Duration::from_secs(60);
    let starts = match options.task {
        Task::Certify => each * profile.most_starts.unwrap_or(profile.starts) * 2,
        Task::Size => {
            let tries = MOST_MEMORY_TRIES + MOST_CORE_TRIES;
            each * profile.starts + (each + Duration::from(profile.window)) * tries
        }
    };
    let faults = FaultPlan::of(&profile, options).longest(&profile);
    options.wait.map(Duration::from).unwrap_or_default()
        + starts
        + Duration::from(faults)
        + Duration::from(profile.window)
        + Duration::from_secs(900)
}

/// A fresh run id.
pub(crate) fn run_id() -> anyhow::Result<String> {
    let random = getrandom::u64().map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(format!("{random:016x}"))
}

/// Runs to its end, or to Ctrl-C.
pub(crate) fn uninterrupted<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        tokio::select! {
            done = work => done,
            () = interrupted() => Err(Interrupted.into()),
        }
    });
    // What is read in a thread of its own does not hold up the end.
    runtime.shutdown_background();
    ended
}

pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::units::Millis;

    #[test]
    fn a_run_is_given_more_time_than_its_own_numbers_add_up_to() {
        let asked = |profile| patience(profile, &RunOptions::default());
        assert!(asked(Profile::quick()) > Duration::from_secs(6 * 100 + 30));
        assert!(asked(Profile::standard()) > Duration::from_secs(18 * 100 + 600));
        let day = Millis(86_400_000);
        assert!(asked(Profile::soak(day)) > Duration::from(day));
    }
}
