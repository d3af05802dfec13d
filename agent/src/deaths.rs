//! Deaths on purpose, for the fault campaign (`docs/faults.md`): told to, the probe ends itself at once before or after a
//! step, without any clean-up, as `kill -9` or a power cut would end it; or it asks itself to stop, as SIGTERM asks.
//!
//! A step is one effect on the state directory: a line of a journal, a file that is written, renamed or removed. Everything
//! that the probe does elsewhere lies between two steps, so that *after step n* is before the effect of what was written
//! there, and *before step n + 1* is after it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use anyhow::Context as _;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

/// The variable that asks for deaths: one word for each life of the probe, such as `before:17,after:3,term:8`; `never` is a
/// life without one, and so is every life beyond the list.
pub const VARIABLE: &str = "EDGEPROOF_DIE";
/// What was done: a JSON line for every life, step and death, in the state directory.
pub const STEPS: &str = "steps.jsonl";
/// How an engine tells a process that SIGKILL ended.
const EXIT_CODE: i32 = 137;

static ARMED: OnceLock<Armed> = OnceLock::new();

/// How a life ends at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
    /// SIGTERM after it, to which the probe then does what it does.
    Asked,
}

/// Where one life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    side: Side,
    step: u64,
}

/// The points of all lives; `None`: that life is left alone.
#[derive(Debug, PartialEq, Eq)]
struct Plan(Vec<Option<Point>>);

/// What this life is told.
#[derive(Debug)]
struct Armed {
    life: usize,
    point: Option<Point>,
    taken: AtomicU64,
    told: Mutex<File>,
}

impl FromStr for Plan {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Plan> {
        let points = text.split(',').map(|word| {
            let (side, step) = match word.split_once(':') {
                None if word == "never" => return Ok(None),
                Some(("before", step)) => (Side::Before, step),
                Some(("after", step)) => (Side::After, step),
                Some(("term", step)) => (Side::Asked, step),
                None | Some(_) => {
                    anyhow::bail!("`{word}`: never, before:STEP, after:STEP or term:STEP")
                }
            };
            let step = step.parse().with_context(|| format!("step `{step}`"))?;
            Ok(Some(Point { side, step }))
        });
        points.collect::<anyhow::Result<_>>().map(Plan)
    }
}

/// Begins a life that is to end where `plan`, the value of [`VARIABLE`], says. Lives are counted in the state directory.
///
/// # Errors
/// The plan cannot be read, or the state directory not be written.
pub fn arm(state: &Path, plan: &str) -> anyhow::Result<()> {
    let plan: Plan = plan.parse().with_context(|| VARIABLE.to_owned())?;
    let path = state.join(STEPS);
    let opened = || -> std::io::Result<(usize, File)> {
        std::fs::create_dir_all(state)?;
        let told = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok((lives(&std::fs::read_to_string(&path)?), told))
    };
    let (before, told) = opened().with_context(|| format!("use {}", path.display()))?;
    let armed = Armed {
        life: before + 1,
        point: plan.0.get(before).copied().flatten(),
        taken: AtomicU64::new(0),
        told: Mutex::new(told),
    };
    tracing::warn!(life = armed.life, point = ?armed.point, "{VARIABLE} is set: this probe ends itself on purpose");
    armed.tell("born", json!(true));
    // Only the first call counts; a process has one life.
    let _ = ARMED.set(armed);
    Ok(())
}

/// Takes one step; the probe may end before or after it. Nothing more than `act` where no death was asked for.
pub(crate) fn step<T>(what: impl FnOnce() -> String, act: impl FnOnce() -> T) -> T {
    let Some(armed) = ARMED.get() else {
        return act();
    };
    let step = armed.taken.fetch_add(1, Ordering::Relaxed) + 1;
    armed.tell("step", json!({"number": step, "what": what()}));
    armed.pass(Side::Before, step);
    let done = act();
    armed.pass(Side::After, step);
    armed.pass(Side::Asked, step);
    done
}

impl Armed {
    fn pass(&self, side: Side, step: u64) {
        if self.point != Some(Point { side, step }) {
            return;
        }
        let word = match side {
            Side::Before => "before",
            Side::After => "after",
            Side::Asked => {
                let now = jiff::Timestamp::now().as_millisecond();
                self.tell("asked", json!({"step": step, "at": now}));
                let me = rustix::process::getpid();
                if let Err(error) = kill_process(me, Signal::TERM) {
                    tracing::error!(%error, "no SIGTERM to itself");
                }
                return;
            }
        };
        self.tell("died", json!({"side": word, "step": step}));
        // No destructor runs. SIGKILL to itself would not do: the kernel shields the first process of a container.
        std::process::exit(EXIT_CODE);
    }

    fn tell(&self, name: &str, what: Value) {
        let line = json!({"life": self.life, name: what});
        if let Ok(mut told) = self.told.lock()
            && let Err(error) = writeln!(told, "{line}")
        {
            tracing::warn!(%error, "the step is not told");
        }
    }
}

fn lives(told: &str) -> usize {
    told.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["born"] == true)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_a_word_for_each_life() {
        let point = |side, step| Some(Point { side, step });
        let plan: Plan = "before:17,never,after:3,term:8".parse().unwrap();
        let wanted = [
            point(Side::Before, 17),
            None,
            point(Side::After, 3),
            point(Side::Asked, 8),
        ];
        assert_eq!(plan, Plan(wanted.to_vec()));
        for bad in ["", "17", "at:3", "before:", "after:x", "before:1,"] {
            assert!(bad.parse::<Plan>().is_err(), "{bad}");
        }
    }

    #[test]
    fn lives_are_counted_in_what_was_told() {
        let told = "{\"life\":1,\"born\":true}\n{\"life\":1,\"step\":{\"number\":1}}\n{\"life\":2,\"born\":true}\n{\"li";
        assert_eq!((lives(""), lives(told)), (0, 2));
    }

    #[test]
    fn a_step_that_nobody_asked_to_die_at_is_only_taken() {
        let unasked = || unreachable!("what the step is called is not needed");
        assert_eq!(step(unasked, || 7), 7);
    }
}
