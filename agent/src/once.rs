//! One offer, certified here and now, report to a file: no hub needed.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use conformance::offer;
use conformance::record::{Profile, RunOptions, ScopeName};
use conformance::report::{Report, RunVerdict};

use crate::events::{Events, RunEvent};
use crate::journal::{Journal, write_whole};
use crate::probe::{Assignment, Probe};
use crate::settings::Settings;
use crate::stop::Stop;

/// The offer file has mistakes; all of them, one a line.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {count} mistakes\n{list}")]
pub struct BadOffer {
    path: String,
    count: usize,
    list: String,
}

/// Certifies the offer in a file and writes `report.json`; the verdict decides the exit code.
///
/// # Errors
/// [`BadOffer`] for the offer's own mistakes; else the engine or the disk.
pub async fn run(
    settings: &Settings,
    offer: &Path,
    report: &Path,
    options: RunOptions,
) -> anyhow::Result<RunVerdict> {
    let mut stop = Stop::listen().context("hear signals")?;
    let text =
        std::fs::read_to_string(offer).with_context(|| format!("read {}", offer.display()))?;
    let read = offer::read(&text).map_err(|mistakes| BadOffer {
        path: offer.display().to_string(),
        count: mistakes.len(),
        list: mistakes
            .iter()
            .map(|mistake| format!("  {mistake}"))
            .collect::<Vec<_>>()
            .join("\n"),
    })?;
    let probe = tokio::select! {
        opened = Probe::open(settings) => opened?,
        () = stop.asked() => bail!("interrupted before anything was on the engine"),
    };
    let run = new_run_id()?;
    let journal = Journal::create(probe.runs(), &run)?;
    let events = Events::new(Instant::now(), Some(journal));
    events.emit(RunEvent::Started {
        run: run.clone(),
        offer_sha256: conformance::run_request::sha256_hex(text.as_bytes()),
    });
    let assignment = Assignment {
        run: run.clone(),
        profile: Profile::quick(),
        scope: ScopeName::Device,
        offer: read.offer,
        options,
        started: jiff::Timestamp::now().to_string(),
    };
    let certified = tokio::select! {
        certified = probe.certify(assignment, &events) => Some(certified),
        () = stop.asked() => None,
    };
    let removed = probe.clean_up(&run).await;
    events.emit(RunEvent::CleanedUp { removed });
    let why = match &certified {
        None => Some("interrupted".to_owned()),
        Some(Err(error)) => Some(error.to_string()),
        Some(Ok(_)) => None,
    };
    if let Some(why) = why {
        events.emit(RunEvent::Failed { why });
    }
    let Some(certified) = certified else {
        bail!("interrupted; nothing is left on the engine")
    };
    let judged: Report = certified?;
    write_whole(report, &serde_json::to_vec_pretty(&judged)?)?;
    Ok(judged.verdict)
}

/// A fresh run id: sixteen hexadecimal digits.
///
/// # Errors
/// The system gives no random numbers.
pub fn new_run_id() -> anyhow::Result<String> {
    let id = getrandom::u64().map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(format!("{id:016x}"))
}
