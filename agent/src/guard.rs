//! Ends a candidate before it takes the device with it: one that fills the disk or the table of processes.
//!
//! Two looks a second at two numbers, beside whatever else is watched, and a bell of the sampler's, which looks more often: a bomb
//! of processes fills the table within a second. The engine's event of the end goes its usual way; why it
//! was ended is asked here afterwards. Nothing is ended on account of what others did: where the candidate's part cannot be
//! told, the words say so and the cause is not the module's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use conformance::observation::{Cause, Health};
use conformance::units::Bytes;
use engine::{Engine, Inspect};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

use crate::bench::Bench;
use crate::sampler::storage::{self, Places, Room};
use crate::sampler::{ContainerFiles, Roots, Sampler};
use crate::trials::defaults::places;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Space that system, engine and probe need to go on, unless told otherwise; on a small disk a twentieth of it.
const KEPT_FREE: Bytes = Bytes(512 << 20);

/// Processes and threads that no module of an edge device has any use for, however large the device: beside more of them the
/// engine itself takes minutes to end what it is asked to.
const MOST_TASKS: u64 = 10_000;

/// Watches over one container until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    breach: Arc<Mutex<Option<Breach>>>,
    task: JoinHandle<()>,
}

/// Why a candidate was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    cause: Cause,
    words: String,
}

impl Breach {
    /// As the health of the start that it ended.
    pub(crate) fn health(self) -> Health {
        Health::Unhealthy {
            cause: self.cause,
            detail: self.words,
            missing: vec!["running".to_owned()],
        }
    }
}

/// How far a candidate may go on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    /// Processes and threads of its own; `None` if the kernel does not tell how many there may be.
    tasks: Option<u64>,
    /// Room on the disk when it was started, and the least that has to stay.
    room: Option<(Room, Room)>,
}

impl Guard {
    /// Begins to watch a container that was just started.
    pub(crate) fn over(bench: &Bench<'_>, running: &Inspect, sampler: Option<&Sampler>) -> Guard {
        let breach = Arc::new(Mutex::new(None));
        let tasks = most_tasks(&bench.roots.proc);
        let bell = sampler
            .zip(tasks)
            .map(|(sampler, most)| sampler.alarm(most));
        let kept_free = bench.options.keep_free_bytes;
        let watching = Watching {
            engine: bench.engine.clone(),
            roots: bench.roots.clone(),
            places: places(bench, running),
            id: running.id.clone(),
            tasks: ContainerFiles::tasks(bench.layout, &running.id),
            bounds: Bounds {
                tasks,
                room: storage::room(bench.roots)
                    .ok()
                    .map(|room| (room, least(room, kept_free))),
            },
            bell: bell.unwrap_or_default(),
            breach: Arc::clone(&breach),
        };
        Guard {
            breach,
            task: tokio::spawn(watching.watch()),
        }
    }

    /// Why it was ended, if it was; the newest time, where it was started again. Waits while an end is being looked into.
    pub(crate) async fn breach(&self) -> Option<Breach> {
        self.breach.lock().await.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Watching {
    engine: Engine,
    roots: Roots,
    places: Places,
    id: String,
    tasks: Option<PathBuf>,
    bounds: Bounds,
    /// Rings while there are too many processes.
    bell: Arc<Notify>,
    breach: Arc<Mutex<Option<Breach>>>,
}

impl Watching {
    async fn watch(self) {
        loop {
            // Either is a reason to look.
            let _waited = tokio::time::timeout(LOOK, self.bell.notified()).await;
            let tasks = self.tasks.as_deref().and_then(number);
            let now = storage::room(&self.roots).ok();
            if let Some(danger) = danger(&self.bounds, tasks, now) {
                let mut breach = self.breach.lock().await;
                *breach = Some(self.end(danger).await);
            }
        }
    }

    async fn end(&self, danger: Danger) -> Breach {
        let stopped = self.engine.stop(&self.id, Duration::ZERO).await;
        let mut breach = match danger {
            Danger::Tasks { now, most } => Breach {
                cause: Cause::EndangersDevice,
                words: format!(
                    "the probe ended it: {now} processes and threads, where {most} are the most that this device is let come to"
                ),
            },
            Danger::Disk(fall) => {
                let (roots, places) = (self.roots.clone(), self.places.clone());
                let walk = move || storage::measure(&roots, &places, Bytes(0));
                let used = tokio::task::spawn_blocking(walk).await.ok();
                let written = used.and_then(|used| {
                    let parts = [&used.writable, &used.volumes, &used.logs];
                    let bytes = parts
                        .into_iter()
                        .try_fold(0_u64, |sum, part| Some(sum.saturating_add(part.seen()?.0)))?;
                    Some((Bytes(bytes), used.inodes.seen().copied()))
                });
                fall.attributed(written)
            }
        };
        if let Err(error) = stopped {
            breach.words = format!("{}; it could not be ended: {error}", breach.words);
        }
        tracing::warn!(why = breach.words, "candidate ended");
        breach
    }
}

/// A bound that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Danger {
    Tasks { now: u64, most: u64 },
    Disk(Fall),
}

/// Room on the disk that went while a candidate ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fall {
    before: Room,
    now: Room,
    least: Room,
}

fn danger(bounds: &Bounds, tasks: Option<u64>, now: Option<Room>) -> Option<Danger> {
    if let (Some(now), Some(most)) = (tasks, bounds.tasks)
        && now > most
    {
        return Some(Danger::Tasks { now, most });
    }
    let (now, (before, least)) = (now?, bounds.room?);
    let low = now.free < least.free || now.free_inodes < least.free_inodes;
    low.then_some(Danger::Disk(Fall { before, now, least }))
}

impl Fall {
    /// Whose doing it was, by what the candidate has written: bytes, and files where they were counted.
    fn attributed(self, written: Option<(Bytes, Option<u64>)>) -> Breach {
        let Fall { before, now, least } = self;
        let of_bytes = now.free < least.free;
        let fell = match of_bytes {
            true => format!(
                "free space of the device's disk fell from {} to {} while it ran, and {} have to stay",
                before.free, now.free, least.free
            ),
            false => format!(
                "free inodes of the device's disk fell from {} to {} while it ran, and {} have to stay",
                before.free_inodes, now.free_inodes, least.free_inodes
            ),
        };
        let its = match (of_bytes, written) {
            (true, Some((bytes, _))) => {
                let gone = before.free.0.saturating_sub(now.free.0);
                Some((bytes.0 >= gone / 2, format!("it had written {bytes}")))
            }
            (false, Some((_, Some(files)))) => {
                let gone = before.free_inodes.saturating_sub(now.free_inodes);
                Some((files >= gone / 2, format!("it had made {files} files")))
            }
            (false, Some((_, None))) | (_, None) => None,
        };
        let (cause, whose) = match its {
            Some((true, words)) => (Cause::EndangersDevice, words),
            Some((false, words)) => (
                Cause::Engine,
                format!("{words}, which is less than half of that"),
            ),
            None => (
                Cause::Engine,
                "how much of that it had written could not be seen".to_owned(),
            ),
        };
        Breach {
            cause,
            words: format!("the probe ended it: {fell}; {whose}"),
        }
    }
}

/// The least room that has to stay: what was asked for, else half at most of what there is, so that a candidate is let begin.
fn least(room: Room, kept_free: Option<Bytes>) -> Room {
    let usual = KEPT_FREE.0.min(room.all.0 / 20).min(room.free.0 / 2);
    Room {
        free: kept_free.unwrap_or(Bytes(usual)),
        free_inodes: (room.all_inodes / 20).min(room.free_inodes / 2),
        ..room
    }
}

/// A quarter of the processes and threads that the kernel has room for (proc(5), `pid_max` and `threads-max`), [`MOST_TASKS`] at most.
fn most_tasks(proc_root: &Path) -> Option<u64> {
    let kernel = proc_root.join("sys/kernel");
    let pids = number(&kernel.join("pid_max"))?;
    let threads = number(&kernel.join("threads-max"))?;
    Some((pids.min(threads) / 4).min(MOST_TASKS))
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn room(free: u64, free_inodes: u64) -> Room {
        Room {
            all: Bytes(16 * GB),
            free: Bytes(free),
            all_inodes: 1_000_000,
            free_inodes,
        }
    }

    fn bounds(before: Room) -> Bounds {
        Bounds {
            tasks: Some(1_700),
            room: Some((before, least(before, None))),
        }
    }

    #[test]
    fn within_its_bounds_a_candidate_is_let_alone() {
        let bounds = bounds(room(4 * GB, 900_000));
        let now = Some(room(GB, 60_000));
        assert_eq!(danger(&bounds, Some(1_700), now), None);
        assert_eq!(danger(&bounds, None, None), None);
    }

    #[test]
    fn too_many_processes_too_little_space_and_too_few_inodes_are_each_a_danger() {
        let bounds = bounds(room(4 * GB, 900_000));
        let tasks = danger(&bounds, Some(1_701), None);
        assert_eq!(
            tasks,
            Some(Danger::Tasks {
                now: 1_701,
                most: 1_700
            })
        );
        for now in [room(GB / 2, 900_000), room(4 * GB, 49_999)] {
            let seen = danger(&bounds, Some(3), Some(now));
            assert!(matches!(seen, Some(Danger::Disk(_))), "{now:?}");
        }
    }

    #[test]
    fn on_a_disk_that_is_nearly_full_already_half_of_the_rest_may_go() {
        let before = room(GB / 5, 20_000);
        let least = least(before, None);
        assert_eq!((least.free, least.free_inodes), (Bytes(GB / 10), 10_000));
        let told = super::least(room(4 * GB, 900_000), Some(Bytes(3 * GB)));
        assert_eq!(told.free, Bytes(3 * GB), "what was asked for holds");
    }

    #[test]
    fn it_is_the_module_s_doing_only_where_it_wrote_at_least_half_of_what_went() {
        let fall = Fall {
            before: room(4 * GB, 900_000),
            now: room(GB / 2, 900_000),
            least: room(KEPT_FREE.0, 50_000),
        };
        let cause = |written| fall.attributed(written).cause;
        assert_eq!(cause(Some((Bytes(2 * GB), None))), Cause::EndangersDevice);
        assert_eq!(cause(Some((Bytes(GB), Some(7)))), Cause::Engine);
        assert_eq!(cause(None), Cause::Engine);
        let files = Fall {
            now: room(4 * GB, 10_000),
            ..fall
        };
        let told = files.attributed(Some((Bytes(0), Some(890_000))));
        assert_eq!(told.cause, Cause::EndangersDevice);
        assert!(
            told.words.contains("it had made 890000 files"),
            "{}",
            told.words
        );
        let uncounted = files.attributed(Some((Bytes(0), None)));
        assert_eq!(uncounted.cause, Cause::Engine);
    }

    #[test]
    fn the_kernel_s_smaller_table_decides() {
        let proc = tempfile::tempdir().unwrap();
        let kernel = proc.path().join("sys/kernel");
        fs::create_dir_all(&kernel).unwrap();
        assert_eq!(most_tasks(proc.path()), None);
        fs::write(kernel.join("pid_max"), "32768\n").unwrap();
        fs::write(kernel.join("threads-max"), "7000\n").unwrap();
        assert_eq!(most_tasks(proc.path()), Some(1_750));
        fs::write(kernel.join("pid_max"), "4194304\n").unwrap();
        fs::write(kernel.join("threads-max"), "190000\n").unwrap();
        assert_eq!(most_tasks(proc.path()), Some(MOST_TASKS));
    }
}
