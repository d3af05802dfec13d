//! `edgeproof results`: follows the runs of deployed probes through IoT Hub and stores their reports.
//!
//! Where a run stands is read from module twins, the report is asked for by direct method. Messages are not read here.

pub mod fetch;
pub mod follow;
pub mod standing;

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::ensure;
use conformance::report::RunVerdict;
use serde_json::json;

use crate::certify::{Interrupted, interrupted, runtime};
use crate::cli::{ResultsArgs, TextOrJson};
use crate::deploy::mistakes;
use crate::exit::Refused;
use crate::output;
use crate::render::text::plain;
use crate::service::{Service, access};
use follow::{Outcome, Wanted};

/// Looks at the devices, once or until all have ended; the exit code is the worst.
///
/// # Errors
/// Wrong usage, bad input, or a hub that cannot be used.
pub fn run(args: &ResultsArgs) -> anyhow::Result<ExitCode> {
    let mut wrong = args.device.iter().filter_map(|id| mistakes::device_id(id));
    if let Some(mistake) = wrong.next() {
        return Err(Refused::Usage(mistake).into());
    }
    let hub = access::open(&args.service)?;
    let (devices, outcomes) = runtime()?.block_on(async {
        tokio::select! {
            followed = followed(&hub, args) => followed,
            () = interrupted() => Err(Interrupted.into()),
        }
    })?;
    let printed = match args.format {
        TextOrJson::Text => text(&devices, &outcomes),
        TextOrJson::Json => json_text(&devices, &outcomes)?,
    };
    output::print(&printed)?;
    Ok(ExitCode::from(worst(&outcomes).exit_code()))
}

async fn followed(
    hub: &Service,
    args: &ResultsArgs,
) -> anyhow::Result<(Vec<String>, Vec<Outcome>)> {
    let mut devices = match &args.query {
        None => args.device.clone(),
        Some(condition) => named_by(hub, condition).await?,
    };
    let mut seen = std::collections::BTreeSet::new();
    devices.retain(|device| seen.insert(device.clone()));
    let wanted = Wanted {
        devices: &devices,
        run: args.run.as_deref(),
        wait: args.follow.then_some(args.wait),
        out: &args.out,
        quiet: args.quiet,
    };
    let outcomes = follow::follow(hub, &wanted).await?;
    Ok((devices, outcomes))
}

/// The devices that meet a condition.
async fn named_by(hub: &Service, condition: &str) -> anyhow::Result<Vec<String>> {
    let found = hub
        .query(&format!("SELECT * FROM devices WHERE {condition}"))
        .await?;
    let devices: Vec<String> = found
        .iter()
        .filter_map(|twin| Some(twin["deviceId"].as_str()?.to_owned()))
        .collect();
    ensure!(
        !devices.is_empty(),
        "no device meets the condition {condition}"
    );
    Ok(devices)
}

/// The worst of all; a device without a report is undecided.
#[must_use]
pub fn worst(outcomes: &[Outcome]) -> RunVerdict {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Report(report, _) => report.verdict,
            Outcome::Without(_) => RunVerdict::Undecided,
        })
        .reduce(RunVerdict::worse)
        .unwrap_or(RunVerdict::Undecided)
}

fn text(devices: &[String], outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for (device, outcome) in devices.iter().zip(outcomes) {
        let _ = match outcome {
            Outcome::Report(report, page) => {
                let page = page.as_ref().map(|page| page.display().to_string());
                writeln!(
                    out,
                    "{device}: {}\n  Report: {}",
                    report.headline(),
                    page.unwrap_or_default()
                )
            }
            Outcome::Without(why) => writeln!(out, "{device}: no report: {}", plain(why)),
        };
    }
    out
}

fn json_text(devices: &[String], outcomes: &[Outcome]) -> anyhow::Result<String> {
    let rows = devices
        .iter()
        .zip(outcomes)
        .map(|(device, outcome)| match outcome {
            Outcome::Report(report, page) => json!({
                "device": device, "run": report.run.id, "verdict": report.verdict.word(),
                "headline": report.headline(), "page": page,
            }),
            Outcome::Without(why) => {
                json!({"device": device, "verdict": RunVerdict::Undecided.word(), "why": why})
            }
        });
    let whole = json!({"verdict": worst(outcomes).word(), "devices": rows.collect::<Vec<_>>()});
    Ok(serde_json::to_string_pretty(&whole)?)
}
