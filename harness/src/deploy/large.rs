//! A run whose offer no twin has room for, handed to every device that a deployment reaches, some at a time; and what came of it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::handover::{Handover, Large, NotTaken, Taken};
use crate::output;
use crate::render::text::plain;
use crate::service::Service;

/// Devices that are handed their offer at the same time: an S1 unit takes 160 KB a second of direct methods.
const AT_ONCE: usize = 8;

/// What is wanted.
#[derive(Debug)]
pub struct Wanted {
    /// The devices, each once.
    pub devices: Vec<String>,
    /// How long each is waited for.
    pub within: Duration,
    /// No progress.
    pub quiet: bool,
}

/// What came of it on each device, in their order.
#[derive(Debug)]
pub struct Outcomes {
    run: String,
    of_devices: Vec<(String, Result<Taken, NotTaken>)>,
}

/// Which devices a deployment with this condition reaches, as a condition of the hub's query language: edge devices alone.
#[must_use]
pub fn reached_by(target_condition: &str) -> String {
    match target_condition.trim() {
        "*" => "capabilities.iotEdge = true".to_owned(),
        some => format!("({some}) AND capabilities.iotEdge = true"),
    }
}

/// Hands the run to each device as soon as its probe listens; a device that stays off takes nobody else's turn.
///
/// # Errors
/// A task of this program ends by itself.
pub async fn to_all(hub: &Service, large: Large, wanted: Wanted) -> anyhow::Result<Outcomes> {
    let run = large.request.id.clone();
    let (large, turns) = (Arc::new(large), Arc::new(Semaphore::new(AT_ONCE)));
    let mut tasks = JoinSet::new();
    for (index, device) in wanted.devices.iter().enumerate() {
        let (hub, device, large) = (hub.clone(), device.clone(), Arc::clone(&large));
        let (turns, within, quiet) = (Arc::clone(&turns), wanted.within, wanted.quiet);
        tasks.spawn(async move {
            let note = |words: &str| {
                if !quiet {
                    output::note(&format!("{device}: {}", plain(words)));
                }
            };
            let not_yet = |why: &NotTaken| note(&format!("not yet: {why}"));
            let handover = Handover {
                hub: &hub,
                run: &large,
                within,
                turns: &turns,
            };
            let done = handover.to(&device, not_yet).await;
            if done.is_ok() {
                note(&words_of(&large.request.id, &done));
            }
            (index, done)
        });
    }
    let mut done: Vec<Option<Result<Taken, NotTaken>>> =
        wanted.devices.iter().map(|_| None).collect();
    while let Some(ended) = tasks.join_next().await {
        let (index, outcome) = ended.context("hand the run over")?;
        done[index] = Some(outcome);
    }
    let of_devices = wanted.devices.into_iter().zip(done);
    Ok(Outcomes {
        run,
        of_devices: of_devices
            .filter_map(|(device, outcome)| Some((device, outcome?)))
            .collect(),
    })
}

impl Outcomes {
    /// Whether every device has the run.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.of_devices.iter().all(|(_, outcome)| outcome.is_ok())
    }

    /// One line for each device.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (device, outcome) in &self.of_devices {
            let line = format!("{device}: {}", words_of(&self.run, outcome));
            let _ = writeln!(out, "{}", plain(&line));
        }
        out
    }

    /// The same for machines.
    #[must_use]
    pub fn json(&self) -> Value {
        let of_device = |(device, outcome): &(String, Result<Taken, NotTaken>)| match outcome {
            Ok(Taken::Queued(position)) => {
                json!({"device": device, "run": self.run, "taken": "queued", "position": position})
            }
            Ok(Taken::Known) => json!({"device": device, "run": self.run, "taken": "known"}),
            Err(why) => json!({"device": device, "run": self.run, "why": why.to_string()}),
        };
        self.of_devices.iter().map(of_device).collect()
    }
}

fn words_of(run: &str, outcome: &Result<Taken, NotTaken>) -> String {
    match outcome {
        Ok(Taken::Queued(0)) => format!("run {run} handed over; it is next"),
        Ok(Taken::Queued(position)) => {
            format!("run {run} handed over; {position} come before it")
        }
        Ok(Taken::Known) => format!("run {run} was handed over before"),
        Err(why) => format!("run {run} not handed over: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_narrowed_to_edge_devices_whole() {
        assert_eq!(reached_by(" * "), "capabilities.iotEdge = true");
        assert_eq!(
            reached_by("tags.a='x' OR tags.b='y'"),
            "(tags.a='x' OR tags.b='y') AND capabilities.iotEdge = true"
        );
    }

    #[test]
    fn every_device_is_told_and_one_without_the_run_makes_the_whole_incomplete() {
        let of_device = |device: &str, outcome| (device.to_owned(), outcome);
        let mut outcomes = Outcomes {
            run: "monday".to_owned(),
            of_devices: vec![
                of_device("a", Ok(Taken::Queued(0))),
                of_device("b", Ok(Taken::Known)),
            ],
        };
        assert!(outcomes.is_whole());
        let off = of_device("c\u{1b}[31m", Err(NotTaken::Offline));
        outcomes.of_devices.push(off);
        assert!(!outcomes.is_whole());
        let text = outcomes.text();
        assert!(
            text.contains("not handed over: the probe is offline"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(
            outcomes.json(),
            json!([
                {"device": "a", "run": "monday", "taken": "queued", "position": 0},
                {"device": "b", "run": "monday", "taken": "known"},
                {"device": "c\u{1b}[31m", "run": "monday", "why": "the probe is offline"},
            ])
        );
    }
}
