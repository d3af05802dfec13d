//! What a probe has kept of its lives in its state directory: the steps it took, and how often it found its run cut.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::lane::word;
use super::outcome::Life;

/// What the probe told of its lives.
pub(super) fn lives(state: &Path) -> anyhow::Result<Vec<Life>> {
    let path: PathBuf = state.join(agent::deaths::STEPS);
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let mut lives: Vec<Life> = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).context("read a step")?;
        if line["born"] == true {
            lives.push(Life::default());
        }
        let Some(life) = lives.last_mut() else {
            bail!("a step before any life")
        };
        life.steps.extend(word(&line["step"]["what"]));
        if let (Some(step), Some(at)) =
            (line["asked"]["step"].as_u64(), line["asked"]["at"].as_i64())
        {
            life.asked = Some((step, at));
        }
        if let Some(side) = line["died"]["side"].as_str() {
            life.died = Some(format!("{side}:{}", line["died"]["step"]));
        }
    }
    Ok(lives)
}

/// How often the journal says that the run was interrupted.
pub(super) fn interruptions(state: &Path, run: &str) -> usize {
    let journal = state.join("runs").join(run).join("journal.jsonl");
    let text = fs::read_to_string(journal).unwrap_or_default();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["event"]["event"] == "interrupted")
        .count()
}
