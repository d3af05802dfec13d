//! The two programs under watch, each a child that does not outlive the bench: a certification, and `docker stats`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use support::{docker, edgeproof, offer_of, repository};

use crate::figures::Rhythm;
use crate::kernel_text::{self, Row};

/// A run of `edgeproof certify`.
#[derive(Debug)]
pub(crate) struct Certification {
    child: Child,
    out: PathBuf,
    /// Every line of standard error so far.
    progress: Arc<Mutex<Vec<String>>>,
}

/// A command that gets SIGINT when the bench dies, however it dies: both programs clean up on it.
fn tied(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "INT", program])
        .stdin(Stdio::null());
    command
}

impl Certification {
    /// Starts one of the well-behaved candidate, with this steady window.
    ///
    /// # Errors
    /// It is not built or cannot be run.
    pub(crate) fn start(window: Duration) -> anyhow::Result<Certification> {
        let program = edgeproof()?;
        let out = repository().join("target/bench/probe-cost");
        // A report of an earlier run must not be taken for this one's.
        if out.exists() {
            fs::remove_dir_all(&out).with_context(|| format!("empty {}", out.display()))?;
        }
        let mut child = tied(&program.to_string_lossy())
            .arg("certify")
            .arg(offer_of("well-behaved"))
            .arg("--out")
            .arg(&out)
            .args(["--starts", "1", "--window"])
            .arg(format!("{}s", window.as_secs()))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("run setpriv (package util-linux) with edgeproof certify")?;
        let stderr = child.stderr.take().context("take standard error")?;
        let progress = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&progress);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Ok(Certification {
            child,
            out,
            progress,
        })
    }

    /// Whether the newest word is that it is in the steady window.
    pub(crate) fn is_steady(&self) -> bool {
        let lines = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        lines.last().is_some_and(|line| line == "edgeproof: steady")
    }

    /// Waits for the steady window.
    ///
    /// # Errors
    /// The run ends without one.
    pub(crate) fn until_steady(&mut self) -> anyhow::Result<()> {
        while !self.is_steady() {
            if let Some(status) = self
                .child
                .try_wait()
                .context("wait for edgeproof certify")?
            {
                bail!(
                    "edgeproof certify ended before its steady window, {status}: {}",
                    self.words()
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn words(&self) -> String {
        let lines = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        lines.join("; ")
    }

    /// Container ids of its probe and of its candidate.
    ///
    /// # Errors
    /// One of them does not run.
    pub(crate) fn containers(&self) -> anyhow::Result<(String, String)> {
        let running = docker(&[
            "ps",
            "--no-trunc",
            "--filter",
            "label=edgeproof.role",
            "--format",
            r#"{{.ID}} {{.Label "edgeproof.role"}} {{.Label "edgeproof.owner"}}"#,
        ])?;
        let find = |role: &str, owned: &dyn Fn(&str) -> bool| {
            running.lines().find_map(|line| {
                let mut words = line.split(' ');
                let id = words.next()?;
                let fits = words.next() == Some(role) && words.next().is_some_and(owned);
                fits.then(|| id.to_owned())
            })
        };
        // The owner of the probe is the process, `process:BOOT:PID:START`; that of the candidate is the probe.
        let pid = self.child.id().to_string();
        let probe = find("probe", &|owner| owner.split(':').nth(2) == Some(&pid))
            .with_context(|| format!("no probe of process {pid} runs:\n{running}"))?;
        let candidate = find("candidate", &|owner| owner == format!("container:{probe}"))
            .with_context(|| format!("no candidate of the probe runs:\n{running}"))?;
        Ok((probe, candidate))
    }

    /// Waits for the end; how the sampler kept to its times, by the report.
    ///
    /// # Errors
    /// There is no report, or it has no steady window.
    pub(crate) fn finish(mut self) -> anyhow::Result<Rhythm> {
        let status = self.child.wait().context("wait for edgeproof certify")?;
        let path = self.out.join("report.json");
        let bytes = fs::read(&path).with_context(|| {
            format!(
                "read {}; edgeproof certify ended with {status}: {}",
                path.display(),
                self.words()
            )
        })?;
        let report: Value = serde_json::from_slice(&bytes).context("read the report")?;
        let steady = &report["observations"]["steady"]["seen"];
        let number = |pointer: &str| {
            let value = steady.pointer(pointer).and_then(Value::as_u64);
            value.with_context(|| format!("no {pointer} in the report's steady window: {steady}"))
        };
        Ok(Rhythm {
            taken: number("/ticks/taken")?,
            due: number("/ticks/due")?,
            late_max: Duration::from_micros(number("/ticks/lateMaxUs")?),
            window: Duration::from_millis(number("/to")?.saturating_sub(number("/from")?)),
        })
    }
}

impl Drop for Certification {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // It removes everything of its own on SIGINT, and that takes a moment.
            let pid = self.child.id().to_string();
            let _ = Command::new("kill").args(["-INT", &pid]).status();
            let _ = self.child.wait();
        }
    }
}

/// The engine's own tool, streaming.
#[derive(Debug)]
pub(crate) struct DockerStats {
    child: Child,
    rows: Arc<Mutex<Vec<Row>>>,
}

impl DockerStats {
    /// Starts it and waits for its first numbers, so that its start-up is not in the minute.
    ///
    /// # Errors
    /// It cannot be run, or ends.
    pub(crate) fn start(containers: &[&str]) -> anyhow::Result<DockerStats> {
        let mut child = tied("docker")
            .args([
                "stats",
                "--no-trunc",
                "--format",
                "{{.ID}} {{.CPUPerc}} {{.MemUsage}}",
            ])
            .args(containers)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("run setpriv (package util-linux) with docker stats")?;
        let stdout = child.stdout.take().context("take standard output")?;
        let rows = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&rows);
        let stats = DockerStats { child, rows };
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        // Until the engine has answered, the columns show dashes.
        let first = lines.find(|line| kernel_text::row(line).is_some());
        ensure!(first.is_some(), "docker stats ended without a number");
        // Whoever reads no longer would make it wait.
        thread::spawn(move || {
            for row in lines.filter_map(|line| kernel_text::row(&line)) {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(row);
            }
        });
        Ok(stats)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said since its first numbers.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.clone()
    }
}

impl Drop for DockerStats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
