//! A certification under way: its progress, its probe's journal as it is written, and the signals that reach into it.
//!
//! The engine must be on this machine and the tests must be root: the journal is read where the engine keeps its volumes.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use engine::{LABEL_OWNER, LABEL_RUN, Owner};
use serde_json::Value;
use tempfile::TempDir;

use crate::{docker, edgeproof, offer_of};

/// Whatever is waited for comes about within this time, also when another run has the engine first.
const PATIENCE: Duration = Duration::from_secs(240);
/// Pause between two looks: a journal has tens of milliseconds between the events that matter.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// Where the probe sees its state volume.
const STATE: &str = "/var/lib/edgeproof";

/// A harness at work.
#[derive(Debug)]
pub struct UnderWay {
    child: Child,
    out: TempDir,
    said: Receiver<String>,
    seen: Vec<String>,
}

/// The probe of a harness at work.
#[derive(Debug)]
pub struct Probe {
    /// Id of its run.
    pub run: String,
    /// Its main process, by the host's count.
    pub pid: u32,
    /// What it keeps of its run, on the engine's host.
    pub kept: PathBuf,
    /// Open since the run began, so that it can be read after its volume is gone.
    journal: File,
}

impl UnderWay {
    /// Starts `edgeproof certify` for a fixture module.
    ///
    /// # Errors
    /// The program cannot be run, or the module's image is not in the engine: such a run would be over too soon.
    pub fn start(candidate: &str, more: &[&str]) -> anyhow::Result<UnderWay> {
        UnderWay::start_with_path(candidate, more, &std::env::var("PATH").unwrap_or_default())
    }

    /// As [`UnderWay::start`], with the programs that it runs looked up in `path`.
    ///
    /// # Errors
    /// As [`UnderWay::start`].
    pub fn start_with_path(candidate: &str, more: &[&str], path: &str) -> anyhow::Result<UnderWay> {
        let image = format!("edgeproof.test/{candidate}:1.0.0");
        docker(&["image", "inspect", "--format", "{{.Id}}", &image])
            .context("the fixture's image is missing; run `make candidates`")?;
        let out = tempfile::tempdir()?;
        let mut child = Command::new(edgeproof()?)
            .arg("certify")
            .arg(offer_of(candidate))
            .arg("--out")
            .arg(out.path())
            .args(more)
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("run edgeproof certify")?;
        let (heard, said) = channel();
        listen(child.stdout.take(), &heard);
        listen(child.stderr.take(), &heard);
        Ok(UnderWay {
            child,
            out,
            said,
            seen: Vec::new(),
        })
    }

    /// Process id of the harness.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The report, if one was written.
    #[must_use]
    pub fn report(&self) -> Option<Value> {
        let bytes = fs::read(self.out.path().join("report.json")).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Whether a report was written.
    #[must_use]
    pub fn has_reported(&self) -> bool {
        self.out.path().join("report.json").exists()
    }

    /// Whether the harness has said in its progress that it does `what`.
    pub fn has_said(&mut self, what: &str) -> bool {
        self.seen.extend(self.said.try_iter());
        self.seen.contains(&format!("edgeproof: {what}"))
    }

    /// Everything that it has said up to its end, or up to what was waited for last.
    #[must_use]
    pub fn words(&self) -> String {
        self.seen.join("\n")
    }

    /// Waits until the harness says that it does `what`.
    ///
    /// # Errors
    /// It ends first, or takes too long.
    pub fn wait_for(&mut self, what: &str) -> anyhow::Result<()> {
        self.wait(what, |harness| Ok(harness.has_said(what).then_some(())))
    }

    /// Waits for the probe to take its run on.
    ///
    /// # Errors
    /// The harness ends first, or the journal cannot be read.
    pub fn probe(&mut self) -> anyhow::Result<Probe> {
        self.wait("the probe's journal", |harness| probe_of(harness.pid()))
    }

    /// Waits until the probe's journal has `event`; see [`Probe::events`].
    ///
    /// # Errors
    /// The harness ends first, or takes too long.
    pub fn wait_until(&mut self, probe: &Probe, event: &str) -> anyhow::Result<()> {
        let mut length = 0;
        self.wait(event, |_| {
            let now = probe.journal.metadata()?.len();
            if std::mem::replace(&mut length, now) == now {
                return Ok(None);
            }
            let events = probe.events()?;
            Ok(events.iter().any(|each| each == event).then_some(()))
        })
    }

    /// Waits until the probe has put a whole file beside its journal.
    ///
    /// # Errors
    /// The harness ends first, or takes too long.
    pub fn wait_for_kept(&mut self, probe: &Probe, name: &str) -> anyhow::Result<()> {
        let path = probe.kept.join(name);
        self.wait(name, |_| Ok(path.try_exists()?.then_some(())))
    }

    /// Waits for the harness to end.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn end(&mut self) -> anyhow::Result<ExitStatus> {
        let status = self.child.wait().context("wait for edgeproof")?;
        self.seen.extend(self.said.iter());
        Ok(status)
    }

    /// Looks again and again until there is something: within reason, and only as long as the harness is at work.
    fn wait<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&mut UnderWay) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let ended = self.child.try_wait()?;
            if ended.is_some() {
                self.seen.extend(self.said.iter());
            }
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if let Some(status) = ended {
                bail!("{status} before `{what}`:\n{}", self.words());
            }
            thread::sleep(LOOK_AGAIN);
        }
        bail!("no `{what}` within {PATIENCE:?}:\n{}", self.words())
    }
}

impl Drop for UnderWay {
    /// A test that failed leaves no harness behind, not even a stopped one.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Probe {
    /// What has happened in the run so far: a phase by its name (`limits`), everything else by its kind (`judged`).
    ///
    /// # Errors
    /// The journal cannot be read, or has a line that is no event.
    pub fn events(&self) -> anyhow::Result<Vec<String>> {
        let mut bytes = vec![0; usize::try_from(self.journal.metadata()?.len())?];
        self.journal.read_exact_at(&mut bytes, 0)?;
        // The last line may be half written.
        let whole = bytes.iter().rposition(|&byte| byte == b'\n');
        let text = std::str::from_utf8(&bytes[..whole.unwrap_or(0)])?;
        text.lines().map(event).collect()
    }
}

/// Hears a pipe to its end, whoever listens: a full one would hold the harness up.
fn listen(pipe: Option<impl Read + Send + 'static>, heard: &Sender<String>) {
    let heard = heard.clone();
    thread::spawn(move || {
        let lines = pipe
            .into_iter()
            .flat_map(|pipe| BufReader::new(pipe).lines());
        for line in lines.map_while(Result::ok) {
            let _ = heard.send(line);
        }
    });
}

/// The word for one line of a journal.
fn event(line: &str) -> anyhow::Result<String> {
    let line: Value = serde_json::from_str(line).context("read a line of the probe's journal")?;
    let event = &line["event"];
    let word = match event["event"].as_str() {
        Some("phase") => event["name"].as_str(),
        other => other,
    };
    Ok(word
        .context("a line of the journal has no event")?
        .to_owned())
}

/// The probe that belongs to the harness with this process id, if it is there and has begun its journal.
///
/// # Errors
/// The engine cannot be asked, or the state volume cannot be read.
pub fn probe_of(harness: u32) -> anyhow::Result<Option<Probe>> {
    let probes = docker(&["ps", "--quiet", "--filter", "label=edgeproof.role=probe"])?;
    for id in probes.lines() {
        // It may have ended between list and look.
        let Ok(text) = docker(&["inspect", "--format", "{{json .}}", id]) else {
            continue;
        };
        let seen: Value = serde_json::from_str(&text)?;
        let label = |name: &str| seen["Config"]["Labels"][name].as_str().unwrap_or_default();
        let owner = label(LABEL_OWNER).parse::<Owner>();
        if !matches!(owner, Ok(Owner::Process { pid, .. }) if pid == harness) {
            continue;
        }
        let pid = seen["State"]["Pid"].as_u64().unwrap_or_default();
        let (pid, run) = (u32::try_from(pid)?, label(LABEL_RUN).to_owned());
        let kept = state_volume(&seen)?.join("runs").join(&run);
        return Ok(journal(&kept)?.map(|journal| Probe {
            run,
            pid,
            kept,
            journal,
        }));
    }
    Ok(None)
}

/// Where a probe's state volume is on the engine's host.
fn state_volume(probe: &Value) -> anyhow::Result<PathBuf> {
    let mounts = probe["Mounts"].as_array().into_iter().flatten();
    let source = mounts
        .filter(|mount| mount["Destination"] == STATE)
        .find_map(|mount| mount["Source"].as_str());
    let path = PathBuf::from(source.context("the probe has no state volume")?);
    fs::read_dir(&path).with_context(|| {
        format!(
            "read {}: these tests follow the probe's journal there; run them as root, on the engine's own machine",
            path.display()
        )
    })?;
    Ok(path)
}

/// The journal, once the run has begun.
fn journal(kept: &Path) -> anyhow::Result<Option<File>> {
    let path = kept.join("journal.jsonl");
    match File::open(&path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Sends a signal, `KILL` for instance, to processes, and not through the engine, which would take its time.
///
/// # Errors
/// One of them is not there.
pub fn signal(name: &str, pids: &[u32]) -> anyhow::Result<()> {
    let done = Command::new("kill")
        .arg(format!("-{name}"))
        .args(pids.iter().map(u32::to_string))
        .status()
        .context("run kill; install procps")?;
    ensure!(done.success(), "kill -{name} {pids:?}: {done}");
    Ok(())
}
