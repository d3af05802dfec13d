//! What the tests share: the built programs, the engine as its own command-line tool shows it, runs of `certify`.

pub mod campaign;
pub mod certificate;
pub mod expectation;
pub mod program;
pub mod recorder;
pub mod render_node;
pub mod schema;
pub mod second_engine;
pub mod sshd;
pub mod under_way;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, ensure};
use conformance::run_request::sha256_hex;
use serde_json::Value;

/// Short enough for a test; the report says that it certifies nothing.
pub const SHORT: [&str; 4] = ["--window", "2s", "--starts", "1"];

/// Top of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default()
}

/// The harness as a lab has it: `target/release/edgeproof`, with the probe's image archive beside it.
///
/// # Errors
/// It was not built.
pub fn edgeproof() -> anyhow::Result<PathBuf> {
    let program = repository().join("target/release/edgeproof");
    ensure!(
        program.is_file() && program.with_file_name("edgeproof-agent.tar").is_file(),
        "{} or the probe's archive beside it is missing; run `make build`",
        program.display()
    );
    Ok(program)
}

/// The archive of the probe's image, beside the harness.
///
/// # Errors
/// It was not built.
pub fn probe_archive() -> anyhow::Result<PathBuf> {
    Ok(edgeproof()?.with_file_name("edgeproof-agent.tar"))
}

/// Loads the probe's image into the engine: the helpers of a run are made of it.
///
/// # Errors
/// It was not built, or the engine does not take it.
pub fn load_probe() -> anyhow::Result<()> {
    let archive = probe_archive()?;
    let archive = archive.to_str().context("a path in UTF-8")?;
    docker(&["load", "--quiet", "--input", archive])?;
    Ok(())
}

/// Containers, networks and volumes of one run on the engine, one id a line.
///
/// # Errors
/// It cannot be asked.
pub fn of_run(run: &str) -> anyhow::Result<String> {
    let label = format!("label=edgeproof.run={run}");
    Ok([
        docker(&["ps", "--all", "--quiet", "--filter", &label])?,
        docker(&["network", "ls", "--quiet", "--filter", &label])?,
        docker(&["volume", "ls", "--quiet", "--filter", &label])?,
    ]
    .concat())
}

/// The offer file of a fixture module.
#[must_use]
pub fn offer_of(candidate: &str) -> PathBuf {
    repository()
        .join("tests/candidates")
        .join(candidate)
        .join("offer.json")
}

/// An offer of 165 kB that hardly packs: a fixture's own, with a member that no requirement looks at.
///
/// # Errors
/// The fixture cannot be read.
pub fn large_offer() -> anyhow::Result<String> {
    let mut offer: Value = serde_json::from_slice(&std::fs::read(offer_of("well-behaved"))?)?;
    let noise = (0..2_500_u32).map(|n| sha256_hex(&n.to_le_bytes()));
    offer["notes"] = noise.collect::<String>().into();
    Ok(offer.to_string())
}

/// Runs Docker's own command-line tool.
///
/// # Errors
/// It is not installed, or says no.
pub fn docker(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("docker")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("run docker; install docker.io (scripts/engine.sh does)")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "docker {}: {}",
        arguments.join(" "),
        words.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Everything of edgeproof's on the engine and on this machine: nothing, if all is well.
///
/// # Errors
/// The engine cannot be asked.
pub fn leftovers() -> anyhow::Result<Vec<String>> {
    let ours = "label=edgeproof.run";
    let lists = [
        docker(&[
            "ps",
            "--all",
            "--filter",
            ours,
            "--format",
            "container {{.Names}}",
        ])?,
        docker(&[
            "network",
            "ls",
            "--filter",
            ours,
            "--format",
            "network {{.Name}}",
        ])?,
        docker(&[
            "volume",
            "ls",
            "--filter",
            ours,
            "--format",
            "volume {{.Name}}",
        ])?,
    ];
    let mut left: Vec<String> = lists
        .iter()
        .flat_map(|list| list.lines())
        .map(str::to_owned)
        .collect();
    left.extend(
        docker(&[
            "volume",
            "ls",
            "--filter",
            "name=edgeproof",
            "--format",
            "volume {{.Name}}",
        ])?
        .lines()
        .map(str::to_owned),
    );
    left.sort();
    left.dedup();
    let directories =
        std::fs::read_dir(std::env::temp_dir()).context("list the temporary directory")?;
    left.extend(
        directories
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("edgeproof-run-"))
            .map(|name| format!("socket directory {name}")),
    );
    Ok(left)
}

/// All is well: see [`leftovers`].
///
/// # Errors
/// Something is left, and what.
pub fn nothing_is_left() -> anyhow::Result<()> {
    let left = leftovers()?;
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

/// What a run of `certify` came to.
#[derive(Debug)]
pub struct Certified {
    /// Exit code.
    pub exit: Option<i32>,
    /// `report.json`, if one was written.
    pub report: Option<Value>,
    /// Standard output and error.
    pub words: String,
}

impl Certified {
    /// The verdict of one finding.
    #[must_use]
    pub fn verdict_of(&self, id: &str) -> Option<&str> {
        self.finding(id)?.get("verdict")?.as_str()
    }

    /// One finding.
    #[must_use]
    pub fn finding(&self, id: &str) -> Option<&Value> {
        let findings = self.report.as_ref()?.get("findings")?.as_array()?;
        findings.iter().find(|finding| finding["id"] == id)
    }
}

/// Runs `edgeproof certify OFFER --out DIR` with more arguments and waits for it.
///
/// # Errors
/// The program cannot be run.
pub fn certify(offer: &Path, out: &Path, more: &[&str]) -> anyhow::Result<Certified> {
    let output = ran("certify", offer, out, more)?;
    let report = std::fs::read(out.join("report.json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let words = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Certified {
        exit: output.status.code(),
        report,
        words,
    })
}

/// Runs `edgeproof size OFFER --out DIR` with more arguments and waits for it.
///
/// # Errors
/// The program cannot be run.
pub fn size(offer: &Path, out: &Path, more: &[&str]) -> anyhow::Result<Output> {
    ran("size", offer, out, more)
}

fn ran(command: &str, offer: &Path, out: &Path, more: &[&str]) -> anyhow::Result<Output> {
    Command::new(edgeproof()?)
        .arg(command)
        .arg(offer)
        .arg("--out")
        .arg(out)
        .args(more)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("run edgeproof {command}"))
}
