//! Containers of known load, beside each other; removed with their owner, or by the next run.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use support::docker;

use crate::crowd::Load;

/// The label of all of them. It is none of the probe's: no run sweeps them while they are measured.
const LABEL: &str = "edgeproof.bench=probe-cost";
/// How long a load has to be up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Loads that run.
#[derive(Debug)]
pub(crate) struct Loads {
    /// What each does, its container, and the id of its main process.
    pub(crate) all: Vec<(Load, String, u32)>,
}

impl Loads {
    /// Starts so many containers: one of each load, a second and third of some where there is room, the rest idle.
    ///
    /// # Errors
    /// An image is missing (`scripts/candidates.sh`), or a load does not come up.
    pub(crate) fn start(containers: usize) -> anyhow::Result<Loads> {
        clear()?;
        warm()?;
        let one = [
            Load::Spike(200),
            Load::Spike(5),
            Load::Cpu,
            Load::Children,
            Load::Files,
        ];
        let more = [
            Load::Spike(200),
            Load::Spike(5),
            Load::Cpu,
            Load::Children,
            Load::Spike(200),
            Load::Spike(5),
        ];
        let mut wanted: Vec<Load> = one.to_vec();
        if containers >= 50 {
            wanted.extend(more);
        }
        wanted.resize(containers, Load::Idle);
        let mut loads = Loads { all: Vec::new() };
        for load in wanted {
            let id = run(load)?;
            loads.all.push((load, id, 0));
        }
        for (_, id, pid) in &mut loads.all {
            let text = docker(&["inspect", "--format", "{{.State.Pid}}", id])?;
            *pid = text.parse().context("read a process id")?;
        }
        for (_, id, _) in loads.all.iter().filter(|(load, ..)| *load == Load::Files) {
            wait_for(id, "bytes of blocks")?;
        }
        Ok(loads)
    }

    /// Container ids.
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.all.iter().map(|(_, id, _)| id.as_str()).collect()
    }
}

impl Drop for Loads {
    fn drop(&mut self) {
        let _ = clear();
    }
}

fn run(load: Load) -> anyhow::Result<String> {
    let (name, argument) = match load {
        Load::Spike(held) => ("load-spike", Some(held.to_string())),
        Load::Cpu => ("load-cpu", None),
        Load::Children => ("load-children", None),
        Load::Files => ("load-files", None),
        Load::Idle => ("well-behaved", None),
    };
    let image = format!("edgeproof.test/{name}:1.0.0");
    let mut arguments = vec![
        "run", "--detach", "--pull", "never", "--label", LABEL, &image,
    ];
    arguments.extend(argument.as_deref());
    docker(&arguments).context("start a load (scripts/candidates.sh makes their images)")
}

/// A program's own file is charged to the first container that reads it and to none after: read it before it is measured.
fn warm() -> anyhow::Result<()> {
    wait_for(&run(Load::Spike(5))?, "load-spike")?;
    clear()
}

fn wait_for(id: &str, word: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !docker(&["logs", id])?.contains(word) {
        ensure!(begun.elapsed() < PATIENCE, "no `{word}` in the log of {id}");
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Removes every load, those of a run that was killed among them.
fn clear() -> anyhow::Result<()> {
    let filter = format!("label={LABEL}");
    let ids = docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter])?;
    let mut arguments = vec!["rm", "--force", "--volumes"];
    arguments.extend(ids.lines());
    if !ids.is_empty() {
        docker(&arguments)?;
    }
    Ok(())
}

/// Blocks of a container's writable layer by the sampler's own walk, and by du(1).
///
/// # Errors
/// The engine's data root cannot be read.
pub(crate) fn blocks(id: &str) -> anyhow::Result<(u64, u64)> {
    let upper = docker(&["inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", id])?;
    let upper = PathBuf::from(upper);
    let root = PathBuf::from(docker(&["info", "--format", "{{.DockerRootDir}}"])?);
    let roots = agent::sampler::Roots {
        proc: "/proc".into(),
        cgroup: "/sys/fs/cgroup".into(),
        data_root: Some(root.clone()),
        data_root_on_host: root,
    };
    let places = agent::sampler::storage::Places {
        layer: Ok(agent::sampler::layer::Layer::Upper(upper.clone())),
        mounts: Vec::new(),
        log: None,
    };
    let walked = agent::sampler::storage::layer(&roots, &places);
    let walked = walked
        .map_err(|unseen| anyhow::anyhow!("walk the writable layer: {unseen:?}"))?
        .0;
    let du = std::process::Command::new("du")
        .args(["-s", "-B1"])
        .arg(&upper)
        .output()
        .context("run du")?;
    let du = String::from_utf8_lossy(&du.stdout);
    let du = du.split_whitespace().next().context("du said nothing")?;
    Ok((walked, du.parse().context("read a number of du's")?))
}

/// Peak of a container that does nothing: what the engine's own start-up leaves in every watermark.
///
/// # Errors
/// The probe's image is not in the engine.
pub(crate) fn runtime_floor(image: &str) -> anyhow::Result<u64> {
    let arguments = ["run", "--detach", "--pull", "never", "--label", LABEL];
    let mut arguments = arguments.to_vec();
    arguments.extend([image, "noop", "60"]);
    let id = docker(&arguments).context("start a container that does nothing")?;
    thread::sleep(Duration::from_secs(1));
    let peak = crate::observe::Group::of(&id)?.watermark();
    docker(&["rm", "--force", &id])?;
    peak
}
