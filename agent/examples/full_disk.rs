//! Fills a small file system with reports and says what each of them lost: `full_disk DIRECTORY`, run by
//! `scripts/test-outbox.sh`. It fails where the order of `docs/outbox.md` does not hold, or where a restart finds anything else.

#![allow(clippy::print_stdout, reason = "what it found is its output")]

use std::path::PathBuf;

use agent::outbox::{Limits, Outbox};
use anyhow::{Context as _, ensure};
use conformance::report::Report;

/// More reports than any file system for this has room for.
const MOST: usize = 1_000;

fn main() -> anyhow::Result<()> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    let runs = directory
        .context("usage: full_disk DIRECTORY")?
        .join("runs");
    let outbox = Outbox::open(&runs, Limits::default())?;
    let mut last = 0;
    let mut kept = [0_usize; 5];
    for number in 0..MOST {
        let stored = outbox.put(&report(number)?)?;
        if !stored.on_disk {
            let waiting = outbox.totals();
            println!(
                "whole, without series, without long observations, findings alone, summary alone: {kept:?}; then the disk took nothing"
            );
            drop(outbox);
            let again = Outbox::open(&runs, Limits::default())?.totals();
            ensure!(
                kept[0] > 0 && kept[1..].iter().sum::<usize>() > 0,
                "nothing was degraded"
            );
            ensure!(
                again.messages + 2 == waiting.messages,
                "a restart finds {again:?} of {waiting:?}"
            );
            return Ok(());
        }
        let step = step(&stored.left_out)?;
        ensure!(
            step >= last,
            "report {number} lost less than the one before it: {:?}",
            stored.left_out
        );
        last = step;
        kept[step] += 1;
    }
    anyhow::bail!("{MOST} reports do not fill it")
}

/// Which step of the order it is.
fn step(left_out: &[String]) -> anyhow::Result<usize> {
    let has = |pointer: &str| left_out.iter().any(|one| one == pointer);
    Ok(match left_out.len() {
        0 => 0,
        _ if has("/") => 4,
        _ if has("/observations") => 3,
        1 if has("/series") => 1,
        _ if has("/series") => 2,
        _ => anyhow::bail!("an order of its own: {left_out:?}"),
    })
}

fn report(number: usize) -> anyhow::Result<Report> {
    let text = include_str!("../../tests/reports/recorded-hungry.json");
    let mut report: Report = serde_json::from_str(text)?;
    report.run.id = format!("r-{number}");
    Ok(report)
}
