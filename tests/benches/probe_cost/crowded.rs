//! The sampler over several containers at once, with `docker stats` and the bare loop beside it in the same minute.

use std::path::Path;
use std::thread;
use std::time::Instant;

use agent::settings::DEFAULT_WAIT;
use anyhow::Context as _;
use engine::{Engine, Lock, Owner, Role, Stamp};
use support::{docker, edgeproof, repository};

use crate::crowd::{Account, Crowd, Load, SPIKE_SEEN, Watched};
use crate::figures::Stats;
use crate::kernel_text::{Row, beginnings};
use crate::loads::{self, Loads};
use crate::observe::{self, Group};
use crate::sampling::Sampling;
use crate::subjects::DockerStats;
use crate::{MINUTE, engine_load, floor, foreign_events, say, unix_time};

/// Measures over so many containers, with the engine to itself.
///
/// # Errors
/// A load does not run, or the engine's own host is not this one.
pub(crate) fn measure(containers: usize) -> anyhow::Result<Crowd> {
    let image = probe_image()?;
    let waiting = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("start the runtime of the lock")?;
    let lock = waiting.block_on(lock(&image))?;
    let crowd = alone(containers, &image);
    waiting.block_on(lock.release())?;
    crowd
}

async fn lock(image: &str) -> anyhow::Result<Lock> {
    let engine = Engine::connect(Path::new("/var/run/docker.sock")).await?;
    let stamp = Stamp {
        run: "bench".to_owned(),
        owner: Owner::this(Path::new("/proc"))?,
        role: Role::Lock,
    };
    let lock = engine.lock(stamp, image, DEFAULT_WAIT.into(), |why| say(&why));
    Ok(lock.await?)
}

/// The probe's image, in the engine.
fn probe_image() -> anyhow::Result<String> {
    let deployment = repository().join("deployment.json");
    let text = std::fs::read_to_string(&deployment)
        .with_context(|| format!("read {}", deployment.display()))?;
    let text = text.split("\"image\": \"").nth(1);
    let image = text.and_then(|text| text.split('"').next());
    let image = image.context("no image in deployment.json")?.to_owned();
    if docker(&["image", "inspect", &image]).is_err() {
        let archive = edgeproof()?.with_file_name("edgeproof-agent.tar");
        docker(&["load", "--input", &archive.to_string_lossy()])?;
    }
    Ok(image)
}

fn alone(containers: usize, image: &str) -> anyhow::Result<Crowd> {
    let runtime_floor = loads::runtime_floor(image)?;
    say(&format!("{containers} containers of known load"));
    let loads = Loads::start(containers)?;
    let ids = loads.ids();
    say("the engine beside them, 20 s");
    let idle = engine_load(&ids)?;
    let watched = loads.all.iter().map(|(_, id, pid)| (id.clone(), *pid));
    let sampling = Sampling::start(&watched.collect::<Vec<_>>())?;
    say("the engine beside the sampler, 20 s");
    let baseline = engine_load(&ids)?;
    let groups: Vec<Group> = ids
        .iter()
        .map(|id| Group::of(id))
        .collect::<Result<_, _>>()?;
    say("the sampler, docker stats and the bare loop, 60 s");
    let stats = DockerStats::start(&ids)?;
    let times = || -> anyhow::Result<_> {
        Ok((
            observe::tree(sampling.pid())?,
            observe::tree(stats.pid())?,
            observe::engine()?,
        ))
    };
    let since = unix_time()?;
    let (begin, before) = (Instant::now(), times()?);
    let bare = floor::start(&groups.iter().collect::<Vec<_>>(), MINUTE)?;
    thread::sleep(MINUTE);
    let (span, after) = (begin.elapsed(), times()?);
    let (resident, rows) = (observe::resident_peak(stats.pid())?, stats.rows());
    drop(stats);
    let held = observe::status(sampling.pid(), "RssAnon:")?;
    let sockets = observe::sockets(sampling.pid())?;
    let bare = bare.join().ok().context("the bare loop panicked")??;
    let foreign_events = foreign_events(since, unix_time()?, &ids)?;
    let accounts = sampling.finish()?;
    let files = loads.all.iter().find(|(load, ..)| *load == Load::Files);
    let blocks = loads::blocks(&files.context("no files load")?.1)?;
    Ok(Crowd {
        span,
        watched: watched_by_all(&loads, accounts, &rows),
        own: after.0.since(&before.0),
        held,
        sockets,
        stats: Stats {
            own: after.1.since(&before.1),
            daemon: after.2.since(&before.2),
            baseline,
            idle,
            resident,
            foreign_events,
        },
        floor: bare,
        runtime_floor,
        blocks,
    })
}

fn watched_by_all(loads: &Loads, accounts: Vec<Account>, rows: &[Row]) -> Vec<Watched> {
    let each = loads.all.iter().zip(accounts);
    each.map(|((load, id, _), account)| {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.id == *id).collect();
        Watched {
            load: *load,
            account,
            stats_spikes: spikes(&rows),
            stats_cores: mean(&rows),
        }
    })
    .collect()
}

#[allow(clippy::cast_precision_loss, reason = "a size far below 2^53")]
fn spikes(rows: &[&Row]) -> usize {
    let within: Vec<bool> = rows
        .iter()
        .map(|row| row.memory > SPIKE_SEEN as f64)
        .collect();
    beginnings(&within)
}

#[allow(clippy::cast_precision_loss, reason = "some dozens of rows")]
fn mean(rows: &[&Row]) -> f64 {
    rows.iter().map(|row| row.cores).sum::<f64>() / rows.len() as f64
}
