//! `edgeproof calibrate`: how fast a device is, by a fixed kernel in the probe's image, as a row of a file.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use conformance::calibration::{Calibration, Row, SCHEMA};
use engine::{Caller, Engine, Owner, Role, Stamp};
use serde_json::json;

use crate::certify::{Interrupted, interrupted, place, probe_image, run_id};
use crate::cli::CalibrateArgs;
use crate::exit::{Refused, UNDECIDED};
use crate::tunnel::Tunnel;
use crate::{input, output};

/// How long the kernel may take on the slowest device.
const PATIENCE: Duration = Duration::from_secs(600);

/// Measures the device, and writes its row.
///
/// # Errors
/// The engine does not answer, or the file cannot be read or written.
pub fn run(args: &CalibrateArgs) -> anyhow::Result<ExitCode> {
    let mut rows = if args.out.exists() {
        rows(&args.out)?
    } else {
        Vec::new()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let row = runtime.block_on(measure(args))?;
    output::print(&told(&row))?;
    if let Some(why) = row.void().filter(|_| !row.emulated) {
        output::note(&format!(
            "void, and not written: {why}; run again on a quiet device"
        ));
        return Ok(ExitCode::from(UNDECIDED));
    }
    rows.retain(|known| !same_device(known, &row));
    rows.push(row);
    write(&args.out, rows)?;
    Ok(ExitCode::SUCCESS)
}

/// The rows of a file.
///
/// # Errors
/// [`Refused::BadInput`] if it is no such file.
pub fn rows(path: &Path) -> Result<Vec<Row>, Refused> {
    let bad = |why: String| Refused::BadInput(format!("{}: {why}", path.display()));
    let file: Calibration = serde_json::from_str(&input::text(path)?)
        .map_err(|error| bad(format!("no file of calibrated rows: {error}")))?;
    if file.schema != SCHEMA {
        return Err(bad(format!("schema {} is not {SCHEMA}", file.schema)));
    }
    Ok(file.rows)
}

fn write(path: &Path, rows: Vec<Row>) -> anyhow::Result<()> {
    let file = Calibration {
        schema: SCHEMA.to_owned(),
        rows,
    };
    let mut text = serde_json::to_string_pretty(&file).context("write the rows as JSON")?;
    text.push('\n');
    // Written beside and moved, so that a full disk does not cost the rows of other devices.
    let beside = path.with_extension("new");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // It may not even be there.
        let _ = std::fs::remove_file(&beside);
    }
    written.with_context(|| format!("write {}", path.display()))
}

fn same_device(known: &Row, row: &Row) -> bool {
    known.cpu_model == row.cpu_model
        && known.board == row.board
        && known.architecture == row.architecture
}

async fn measure(args: &CalibrateArgs) -> anyhow::Result<Row> {
    let place = place::one(&args.place)?;
    let run = run_id()?;
    let me = Owner::this_process(Path::new("/proc"))?;
    let tunnel = Tunnel::open(&place.engine, &format!("{run}-engine"), &me).await?;
    let mut engine = Engine::connect_as(Caller::Lab, tunnel.socket()).await?;
    // A process of this machine owns nothing on an engine elsewhere: there the container is its own owner, and no lock is held.
    let is_here = place.engine.is_here();
    if is_here {
        engine = engine.with_proc_root(Path::new("/proc"));
    }
    let owner = if is_here { me } else { Owner::Itself };
    let image = probe_image(&engine, &engine.facts().await?.platform).await?;
    let stamp = Stamp {
        run: run.clone(),
        owner: owner.clone(),
        role: Role::Sacrifice,
    };
    let mut lock = None;
    let timed = async {
        if is_here {
            let held = engine.lock(stamp.clone(), &image, args.wait, |why| output::note(&why));
            lock = Some(held.await?);
        }
        let kernel = kernel(&engine, &image, &stamp, args.runs);
        let timed = tokio::time::timeout(PATIENCE, kernel).await;
        timed.context("the kernel did not end within 10 minutes")?
    };
    let timed = tokio::select! {
        timed = timed => timed,
        () = interrupted() => Err(Interrupted.into()),
    };
    let removed = engine.remove_run(&run, &owner).await;
    if let Some(lock) = lock {
        // The run's removal may have taken the lock along.
        let _ = lock.release().await;
    }
    let mut row = timed?;
    removed?;
    row.emulated |= place.slowdown.is_some();
    Ok(row)
}

/// Runs the kernel in a container of the probe's image.
async fn kernel(engine: &Engine, image: &str, stamp: &Stamp, runs: u32) -> anyhow::Result<Row> {
    let body = json!({
        "Image": image,
        "Cmd": ["calibrate", runs.to_string()],
        "HostConfig": {"NetworkMode": "none", "CapDrop": ["ALL"], "ReadonlyRootfs": true, "SecurityOpt": ["no-new-privileges"]},
    });
    let name = format!("edgeproof-{}-calibrate", stamp.run);
    let created = engine.create(&name, &body, stamp).await?;
    engine.start(&created.id).await?;
    let code = engine.wait_exit(&created.id).await?;
    let lines = engine.last_lines(&created.id, 60).await?.join("\n");
    anyhow::ensure!(code == 0, "the kernel ended with exit code {code}: {lines}");
    serde_json::from_str(&lines).with_context(|| format!("read the row that was measured: {lines}"))
}

/// The row in words.
fn told(row: &Row) -> String {
    let of = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "unknown".to_owned());
    let clock = row.hz.map_or("no clock told".to_owned(), |hz| {
        format!("{} MHz", hz / 1_000_000)
    });
    format!(
        "{} ({}, {}, {clock}): {:.1} million steps per CPU second, {:.1} to {:.1} in {} runs, drift {:.1} %{}\n",
        of(&row.cpu_model),
        of(&row.board),
        of(&row.architecture),
        row.speed,
        row.low,
        row.high,
        row.n,
        row.drift * 100.0,
        if row.emulated {
            ", emulated: decides nothing"
        } else {
            ""
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(model: &str) -> Row {
        Row {
            board: None,
            cpu_model: Some(model.to_owned()),
            architecture: Some("x86_64".to_owned()),
            hz: Some(2_600_000_000),
            emulated: false,
            kernel: "k".to_owned(),
            speed: 310.0,
            low: 300.0,
            high: 311.0,
            n: 10,
            drift: 0.01,
            agent: "edgeproof-agent".to_owned(),
            made: "2026-11-26T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn rows_survive_their_file_and_a_foreign_file_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("speeds.json");
        write(&path, vec![row("a"), row("b")]).unwrap();
        assert_eq!(rows(&path).unwrap(), [row("a"), row("b")]);
        std::fs::write(&path, "{\"schema\": \"other\", \"rows\": []}").unwrap();
        assert!(
            rows(&path)
                .unwrap_err()
                .to_string()
                .contains("schema other")
        );
        std::fs::write(&path, "[]").unwrap();
        assert!(matches!(rows(&path), Err(Refused::BadInput(_))));
    }

    #[test]
    fn a_row_is_told_with_its_spread() {
        assert_eq!(
            told(&row("Atom")),
            "Atom (unknown, x86_64, 2600 MHz): 310.0 million steps per CPU second, 300.0 to 311.0 in 10 runs, drift 1.0 %\n"
        );
    }
}
