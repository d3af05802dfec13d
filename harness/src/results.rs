//! `edgeproof results`: follows the runs of deployed probes through IoT Hub and stores their reports.
//!
//! Where a run stands is read from module twins, the report is asked for by direct method; or, with `--events`, both are what the
//! probes have sent as messages.

#[cfg(feature = "azure")]
pub mod endpoint;
pub mod fetch;
pub mod follow;
pub mod gather;
pub mod messages;
pub mod standing;

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::ensure;
use conformance::report::RunVerdict;
use serde_json::json;

use crate::certify::uninterrupted;
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
    let (devices, outcomes) = match &args.events {
        Some(string) => from_messages(args, string)?,
        None => {
            let hub = access::open(&args.service)?;
            uninterrupted(followed(&hub, args))?
        }
    };
    let printed = match args.format {
        TextOrJson::Text => text(&devices, &outcomes),
        TextOrJson::Json => json_text(&devices, &outcomes)?,
    };
    output::print(&printed)?;
    Ok(ExitCode::from(worst(&outcomes).exit_code()))
}

/// Reads what the probes have sent; the service API is needed only where a query names the devices.
#[cfg(feature = "azure")]
fn from_messages(
    args: &ResultsArgs,
    string: &std::path::Path,
) -> anyhow::Result<(Vec<String>, Vec<Outcome>)> {
    let source = endpoint::Source::new(args, &crate::input::text(string)?)?;
    endpoint::trust(args.service.hub_ca.as_deref())?;
    let hub = args.query.as_ref().map(|_| access::open(&args.service));
    let hub = hub.transpose()?;
    uninterrupted(async {
        let devices = devices(hub.as_ref(), args).await?;
        let wanted = gather::Wanted {
            devices: &devices,
            run: args.run.as_deref().unwrap_or_default(),
            wait: args.follow.then_some(args.wait),
            out: &args.out,
            quiet: args.quiet,
        };
        let outcomes = gather::gather(endpoint::read(source), &wanted).await?;
        Ok((devices, outcomes))
    })
}

#[cfg(not(feature = "azure"))]
fn from_messages(
    _args: &ResultsArgs,
    _string: &std::path::Path,
) -> anyhow::Result<(Vec<String>, Vec<Outcome>)> {
    Err(Refused::Usage(
        "--events needs a program that was built with `--features azure`; without it reports are asked for by direct method"
            .to_owned(),
    )
    .into())
}

async fn followed(
    hub: &Service,
    args: &ResultsArgs,
) -> anyhow::Result<(Vec<String>, Vec<Outcome>)> {
    let devices = devices(Some(hub), args).await?;
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

/// The devices that are asked for, each once.
async fn devices(hub: Option<&Service>, args: &ResultsArgs) -> anyhow::Result<Vec<String>> {
    let mut devices = match (&args.query, hub) {
        (Some(condition), Some(hub)) => {
            let found = hub.devices_where(condition).await?;
            ensure!(
                !found.is_empty(),
                "no device meets the condition {condition}"
            );
            found
        }
        (None, _) | (_, None) => args.device.clone(),
    };
    let mut seen = std::collections::BTreeSet::new();
    devices.retain(|device| seen.insert(device.clone()));
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
