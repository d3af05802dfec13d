//! The sampler in a process of its own, so that its cost can be told from outside: one thread over every container given.
//!
//! `probe_cost --sample ID:PID…` says `ready`, samples until its standard input closes, and writes what it saw as JSON.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use agent::sampler::{ContainerFiles, Roots, Rounds, Sampler, layout};
use anyhow::{Context as _, ensure};
use conformance::observation::{PeakMethod, Usage};
use conformance::record::Series;

use crate::crowd::{Account, SPIKE_SEEN};
use crate::{kernel_text, observe};

const CADENCE_HZ: u32 = 10;
/// The word that makes this program the sampling process.
pub(crate) const WORD: &str = "--sample";

/// The sampling process.
#[derive(Debug)]
pub(crate) struct Sampling {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Sampling {
    /// Starts it, and waits until it samples.
    ///
    /// # Errors
    /// A container cannot be read.
    pub(crate) fn start(containers: &[(String, u32)]) -> anyhow::Result<Sampling> {
        let program = std::env::current_exe().context("find the own program")?;
        let mut child = Command::new(program)
            .arg(WORD)
            .args(containers.iter().map(|(id, pid)| format!("{id}:{pid}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the sampling process")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("take standard output")?;
        let mut sampling = Sampling {
            child,
            input,
            output: BufReader::new(output),
        };
        let mut line = String::new();
        sampling
            .output
            .read_line(&mut line)
            .context("read from the sampling process")?;
        ensure!(line == "ready\n", "the sampling process ended early");
        Ok(sampling)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it: what it saw, container by container.
    ///
    /// # Errors
    /// It failed.
    pub(crate) fn finish(mut self) -> anyhow::Result<Vec<Account>> {
        drop(self.input.take());
        let mut text = String::new();
        self.output
            .read_to_string(&mut text)
            .context("read from the sampling process")?;
        serde_json::from_str(&text).context("read the accounts of the sampling process")
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        // It ends as soon as its input does.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// The body of the process.
///
/// # Errors
/// A container cannot be read.
pub(crate) fn run(containers: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let roots = Roots {
        proc: "/proc".into(),
        cgroup: "/sys/fs/cgroup".into(),
        data_root: None,
        data_root_on_host: "/var/lib/docker".into(),
    };
    let layout = layout::detect(&roots);
    let rounds = Rounds::start(Instant::now(), CADENCE_HZ);
    let mut watched = Vec::new();
    for container in containers {
        let (id, pid) = container.split_once(':').context("ID:PID is wanted")?;
        let pid: u32 = pid.parse().context("read a process id")?;
        let files = ContainerFiles::open(&roots, &layout, id)?;
        let before = scheduled(pid)?;
        watched.push((pid, before, Instant::now(), rounds.sample(files, Some(pid))));
    }
    let mut out = std::io::stdout();
    writeln!(out, "ready")
        .and_then(|()| out.flush())
        .context("say ready")?;
    // Nothing is ever written to it: this waits for its end.
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .context("wait for the end of standard input")?;
    let accounts = watched
        .into_iter()
        .map(|(pid, before, begun, sampler)| account(pid, before, begun, sampler));
    let accounts: Vec<Account> = accounts.collect::<anyhow::Result<_>>()?;
    serde_json::to_writer(&mut out, &accounts).context("write the accounts")
}

fn account(
    pid: u32,
    before: Duration,
    begun: Instant,
    sampler: Sampler,
) -> anyhow::Result<Account> {
    let truth =
        scheduled(pid)?.saturating_sub(before).as_secs_f64() / begun.elapsed().as_secs_f64();
    let (usage, series) = sampler.finish();
    let memory = usage.memory.seen().context("no memory was seen")?;
    Ok(Account {
        peak: memory.peak.0,
        watermark: memory.peak_method == PeakMethod::Watermark,
        nonreclaimable: memory.nonreclaimable_peak.0,
        cache: memory.breakdown.file.map(|bytes| bytes.0),
        spikes: spikes(&series),
        cores: usage.cpu.seen().context("no CPU time was seen")?.cores_mean,
        cores_truth: truth,
        anon_truth: anonymous(pid)?,
        taken: usage.ticks.taken,
        due: usage.ticks.due,
        late_p99_us: usage.ticks.late_p99_us.unwrap_or(0),
        late_max_us: usage.ticks.late_max_us,
        window_ms: window(&usage),
    })
}

fn window(usage: &Usage) -> u64 {
    usage.to.0.saturating_sub(usage.from.0)
}

/// Stretches of buckets whose highest sample is within a spike.
#[allow(clippy::cast_precision_loss, reason = "a size far below 2^53")]
fn spikes(series: &[Series]) -> usize {
    let usage = series.iter().find(|series| series.name == "memory.usage");
    let points = usage.map_or(&[][..], |series| &series.points);
    let within: Vec<bool> = points
        .iter()
        .map(|point| point.max > SPIKE_SEEN as f64)
        .collect();
    kernel_text::beginnings(&within)
}

/// CPU time of a process with its children, those that have ended and were waited for included: `schedstat` of what lives,
/// `cutime` and `cstime` of proc_pid_stat(5), in steps of 10 ms, for the rest. Another account than the cgroup's.
fn scheduled(pid: u32) -> anyhow::Result<Duration> {
    let stat = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&stat).with_context(|| format!("read {stat}"))?;
    let ended = kernel_text::time_of_children(&stat).context("read the time of children")?;
    Ok(ended + observe::tree(pid)?.sum())
}

/// Anonymous memory that a process holds, by its own `status`.
fn anonymous(pid: u32) -> anyhow::Result<u64> {
    observe::status(pid, "RssAnon:")
}
