//! What the device's GPU did, whoever used it: v3d's counters of jobs and busy time, and the load that a Jetson or NVML tells.
//!
//! Device-wide: it may show that nobody used the GPU, never that the candidate did.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};
use conformance::observation::{EngineLoad, GpuLoad, Observed};

use super::super::{Roots, surroundings::sys_root};
use super::nvml;

/// `load` of NVIDIA's driver for Jetson: thousandths of the time at work, of lately. Either place is looked at.
const JETSON: [&str; 2] = ["devices/gpu.0/load", "devices/platform/gpu.0/load"];

/// One queue's counters since the driver was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Queue {
    jobs: u64,
    /// Nanoseconds.
    runtime: u64,
}

/// A render node and its queues.
type Counted = (String, Result<BTreeMap<String, Queue>, Unseen>);

/// A reading that a later one is compared with.
#[derive(Debug)]
pub struct Watch {
    sys: PathBuf,
    nvidia: bool,
    begin: Vec<Counted>,
}

impl Watch {
    /// Reads the counters now.
    #[must_use]
    pub fn begin(roots: &Roots) -> Watch {
        Watch {
            nvidia: nvml::is_loaded(&roots.proc),
            ..Watch::over(sys_root(roots))
        }
    }

    fn over(sys: PathBuf) -> Watch {
        let begin = counters(&sys);
        Watch {
            sys,
            nvidia: false,
            begin,
        }
    }

    /// What was done since; nothing looked at where the device has no GPU that tells it.
    #[must_use]
    pub fn end(self) -> Observed<GpuLoad> {
        if self.begin.is_empty() {
            let nvidia = || self.nvidia.then(|| nvml::load(&nvml::ask()?));
            let told = jetson(&self.sys).or_else(nvidia);
            return told.map_or_else(Observed::default, Into::into);
        }
        since(&self.begin, &counters(&self.sys)).into()
    }
}

/// Every `gpu_stats` by the render node of its device.
fn counters(sys: &Path) -> Vec<Counted> {
    let entries = fs::read_dir(sys.join("class/drm"));
    let mut nodes: Vec<String> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|node| node.starts_with("renderD"))
        .collect();
    nodes.sort();
    let read = |node: String| {
        let path = sys.join("class/drm").join(&node).join("device/gpu_stats");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                return Some((node, Err(unseen(&format!("{}: {error}", path.display())))));
            }
        };
        let why = format!("{} is in a layout that is not known", path.display());
        Some((node, queues(&text).ok_or_else(|| unseen(&why))))
    };
    nodes.into_iter().filter_map(read).collect()
}

/// Reads v3d's `gpu_stats` by the names in its first line (Linux 6.7, drivers/gpu/drm/v3d/v3d_sysfs.c):
/// `queue timestamp jobs runtime`, times in nanoseconds. `None` for any other layout.
fn queues(text: &str) -> Option<BTreeMap<String, Queue>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next()?.split_whitespace().collect();
    let column = |name: &str| names.iter().position(|known| *known == name);
    let (queue, jobs, runtime) = (column("queue")?, column("jobs")?, column("runtime")?);
    let mut queues = BTreeMap::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let counted = Queue {
            jobs: words.get(jobs)?.parse().ok()?,
            runtime: words.get(runtime)?.parse().ok()?,
        };
        queues.insert((*words.get(queue)?).to_owned(), counted);
    }
    (!queues.is_empty()).then_some(queues)
}

/// The differences of two readings; a queue that is gone, or that counts backwards, tells nothing at all.
fn since(begin: &[Counted], end: &[Counted]) -> Result<GpuLoad, Unseen> {
    let mut load = GpuLoad {
        source: "gpu_stats of the driver, for the whole device".to_owned(),
        ..GpuLoad::default()
    };
    for (node, before) in begin {
        let before = before.as_ref().map_err(Clone::clone)?;
        let after = end.iter().find(|(known, _)| known == node);
        let (_, after) = after.ok_or_else(|| unseen(&format!("{node} went away meanwhile")))?;
        let after = after.as_ref().map_err(Clone::clone)?;
        for (name, before) in before {
            let difference = after.get(name).and_then(|after| {
                Some(EngineLoad {
                    jobs: after.jobs.checked_sub(before.jobs)?,
                    busy_us: after.runtime.checked_sub(before.runtime)? / 1_000,
                })
            });
            let difference =
                difference.ok_or_else(|| unseen(&format!("{node}: {name} began to count anew")))?;
            load.engines.insert(format!("{node}/{name}"), difference);
        }
    }
    Ok(load)
}

/// The load of a Jetson's GPU at this moment; `None` where there is none.
fn jetson(sys: &Path) -> Option<Result<GpuLoad, Unseen>> {
    let path = JETSON
        .iter()
        .map(|path| sys.join(path))
        .find(|path| path.is_file())?;
    let text = fs::read_to_string(&path).unwrap_or_default();
    let thousandths = text
        .trim()
        .parse::<u16>()
        .ok()
        .filter(|load| *load <= 1_000);
    let load = thousandths.map(|load| GpuLoad {
        source: "load of the Jetson's driver at the end, for the whole device".to_owned(),
        load: Some(f64::from(load) / 1_000.0),
        ..GpuLoad::default()
    });
    let why = format!("{} holds no number of thousandths", path.display());
    Some(load.ok_or_else(|| unseen(&why)))
}

fn unseen(why: &str) -> Unseen {
    Unseen::new(
        Reason::CannotMeasure,
        format!("what the GPU of the device did cannot be told: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Composed from the example in the comment of drivers/gpu/drm/v3d/v3d_sysfs.c (Linux 6.7), not recorded.
    const BEFORE: &str = "queue\ttimestamp\tjobs\truntime\nbin\t239043069420\t22620\t17438164056\nrender\t239043069420\t22619\t27284814161\n";

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for (path, text) in files {
            write(tree.path(), path, text);
        }
        tree
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    const STATS: &str = "class/drm/renderD128/device/gpu_stats";

    /// What is told of two readings of v3d's file.
    fn told(before: &str, after: &str) -> Observed<GpuLoad> {
        let tree = tree(&[(STATS, before)]);
        let watch = Watch::over(tree.path().to_owned());
        write(tree.path(), STATS, after);
        watch.end()
    }

    #[test]
    fn jobs_and_busy_time_of_the_window_are_differences() {
        let after = BEFORE
            .replace("22619\t27284814161", "22621\t27284914161")
            .replace("239043069420", "239143069420");
        let observed = told(BEFORE, &after);
        let load = observed.seen().unwrap();
        let render = load.engines["renderD128/render"];
        assert_eq!((render.jobs, render.busy_us), (2, 100));
        assert!(!load.nobody());
        assert!(told(BEFORE, BEFORE).seen().unwrap().nobody());
    }

    #[test]
    fn another_layout_and_a_counter_that_began_anew_are_unseen() {
        let anew = BEFORE.replace("22620", "3");
        let cut = "queue\ttimestamp\tjobs\truntime\nbin\t239043069420\n";
        for (before, after) in [
            ("v3d_bin 12;34;5\n", "v3d_bin 13;36;5\n"),
            (cut, cut),
            (BEFORE, &anew),
            (BEFORE, ""),
        ] {
            let observed = told(before, after);
            let Observed::Unseen(unseen) = observed else {
                panic!("{observed:?}")
            };
            assert_eq!(unseen.reason, Reason::CannotMeasure);
        }
    }

    /// Composed from NVIDIA's description of the file (0 to 1000), not recorded.
    #[test]
    fn a_jetson_tells_its_load_and_not_that_nobody_used_it() {
        for place in JETSON {
            let tree = tree(&[(place, "0\n")]);
            let observed = Watch::over(tree.path().to_owned()).end();
            let load = observed.seen().unwrap();
            assert_eq!((load.load, load.nobody()), (Some(0.0), false));
            write(tree.path(), place, "many\n");
            assert!(Watch::over(tree.path().to_owned()).end().seen().is_none());
        }
    }

    #[test]
    fn a_device_without_such_a_gpu_has_not_been_looked_at() {
        let tree = tree(&[("class/drm/renderD128/device/uevent", "DRIVER=i915\n")]);
        assert_eq!(
            Watch::over(tree.path().to_owned()).end(),
            Observed::default()
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "(queue|jobs|runtime|bin|[0-9]{0,22}|[\\t \\n]){0,24}") {
            let _ = queues(&text);
        }
    }
}
