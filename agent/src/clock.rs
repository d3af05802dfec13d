//! The wall clock of a board that may have none: whether it can be right, how long to wait for it, and whether it was set
//! during a run. Durations never come from it: they are counted by the monotonic clock.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use conformance::record::WallClock;
use tokio::time::sleep;

use crate::hub::clock_text;

/// 2026-01-01T00:00:00Z in seconds since 1970: this program did not exist before.
pub const MADE: u64 = 1_767_225_600;
/// A clock that was corrected may be so much behind the files that were written before.
const CORRECTION: Duration = Duration::from_secs(300);
/// How long a start waits for the clock to become one that can be right. Longer does not help: a device without a time server
/// shall still answer its hub, which is then asked again and again with whatever the clock says.
const WAIT: Duration = Duration::from_secs(120);
/// Pause between two looks at the clock.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A clock that is disciplined is slewed by less than this in any run; more is a step.
const STEP: Duration = Duration::from_secs(1);
/// Directories below the state directory whose files are looked at.
const KEPT: [&str; 3] = ["runs", "queue", "offers"];

/// The earliest time that it can be, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earliest {
    at: SystemTime,
    why: String,
}

impl Earliest {
    /// When this program was made, or when the newest file of the state directory was written, whichever is later.
    #[must_use]
    pub fn of(state: &Path) -> Earliest {
        let made = Earliest {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(MADE),
            why: "this program was made".to_owned(),
        };
        let newest = newest_below(state);
        let kept = newest.and_then(|at| at.checked_sub(CORRECTION));
        match kept {
            Some(at) if at > made.at => Earliest {
                at,
                why: format!("the newest file in {} was written", state.display()),
            },
            Some(_) | None => made,
        }
    }

    /// Whether `now` can be right.
    ///
    /// # Errors
    /// What the clock says, and why that cannot be.
    pub fn judge(&self, now: SystemTime) -> Result<(), String> {
        if now >= self.at {
            return Ok(());
        }
        let text = jiff::Timestamp::try_from(now)
            .map_or_else(|_| "a time beyond all calendars".to_owned(), seconds);
        Err(format!("the clock says {text}, before {}", self.why))
    }
}

/// Waits until the clock can be right, at most two minutes; what was wrong with it then, if anything. It may be dropped.
pub async fn wait(earliest: &Earliest, now: impl Fn() -> SystemTime) -> Result<(), String> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        let Err(why) = earliest.judge(now()) else {
            if told {
                let after = begun.elapsed();
                tracing::info!(?after, now = clock_text(now()), "the clock was set");
            }
            return Ok(());
        };
        if begun.elapsed() >= WAIT {
            tracing::warn!(why, "nobody sets the clock; going on as it is");
            return Err(why);
        }
        if !told {
            tracing::warn!(why, most = ?WAIT, "waiting for the clock to be set");
            told = true;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// The wall clock beside the monotonic one, from the beginning of a run.
#[derive(Debug, Clone)]
pub struct Course {
    wall: SystemTime,
    began: Instant,
    implausible: Option<String>,
}

impl Course {
    /// Begins to watch.
    #[must_use]
    pub fn begin(earliest: &Earliest, wall: SystemTime) -> Course {
        Course {
            wall,
            began: Instant::now(),
            implausible: earliest.judge(wall).err(),
        }
    }

    /// Why the time at the beginning could not be right, if it could not.
    #[must_use]
    pub fn implausible(&self) -> Option<&str> {
        self.implausible.as_deref()
    }

    /// What became of the wall clock since.
    #[must_use]
    pub fn told(&self, wall: SystemTime) -> WallClock {
        WallClock {
            stepped_millis: stepped(self.wall, wall, self.began.elapsed()),
            implausible: self.implausible.clone(),
        }
    }
}

/// Whether the clock was set, in words; `None` for what discipline alone does.
#[must_use]
pub fn step_in_words(clock: &WallClock) -> Option<String> {
    let far = Duration::from_millis(clock.stepped_millis.unsigned_abs());
    let way = if clock.stepped_millis < 0 {
        "back"
    } else {
        "forward"
    };
    (far >= STEP).then(|| {
        format!(
            "the wall clock was set {way} by {:.1} s during the run; no duration comes from it",
            far.as_secs_f64()
        )
    })
}

/// By how many milliseconds a wall clock went on beyond the time that went by; below zero, it was set back.
#[must_use]
pub fn stepped(from: SystemTime, to: SystemTime, went_by: Duration) -> i64 {
    let millis = |length: Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    let wall = match to.duration_since(from) {
        Ok(forward) => millis(forward),
        Err(back) => -millis(back.duration()),
    };
    wall.saturating_sub(millis(went_by))
}

fn seconds(time: jiff::Timestamp) -> String {
    format!("{time:.0}")
}

/// When the newest file was written of those that the probe keeps, two levels deep. What cannot be read tells nothing.
fn newest_below(state: &Path) -> Option<SystemTime> {
    let directories = KEPT.iter().map(|name| state.join(name));
    let below = directories.flat_map(|directory| entries(&directory));
    let files = below.flat_map(|entry| {
        let mut files = entries(&entry);
        files.push(entry);
        files
    });
    files
        .filter_map(|path| fs::metadata(path).ok()?.modified().ok())
        .max()
}

fn entries(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_clock_before_this_program_or_its_files_cannot_be_right() {
        let state = tempfile::tempdir().unwrap();
        let bare = Earliest::of(state.path());
        assert_eq!(bare.judge(at(MADE)), Ok(()));
        assert_eq!(
            bare.judge(at(100)).unwrap_err(),
            "the clock says 1970-01-01T00:01:40Z, before this program was made"
        );
        let run = state.path().join("runs/r1");
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("journal.jsonl"), "x").unwrap();
        let written = fs::metadata(run.join("journal.jsonl")).unwrap();
        let written = written.modified().unwrap();
        let kept = Earliest::of(state.path());
        assert_eq!(kept.judge(written), Ok(()));
        assert_eq!(kept.judge(written - CORRECTION / 2), Ok(()));
        let told = kept.judge(written - CORRECTION * 2).unwrap_err();
        assert!(told.contains("the newest file in "), "{told}");
    }

    #[test]
    fn a_step_is_what_the_time_that_went_by_does_not_explain() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(stepped(at(100), at(110), Duration::from_secs(10)), 0);
        assert_eq!(
            stepped(at(100), at(110) + hour, Duration::from_secs(10)),
            3_600_000
        );
        assert_eq!(
            stepped(at(7_200), at(3_610), Duration::from_secs(10)),
            -3_600_000
        );
        let told = |stepped_millis| {
            let implausible = None;
            step_in_words(&WallClock {
                stepped_millis,
                implausible,
            })
        };
        assert_eq!(told(999), None);
        assert!(told(-90_000).unwrap().contains("set back by 90.0 s"));
        assert!(told(1_000).unwrap().contains("set forward by 1.0 s"));
    }

    #[tokio::test]
    async fn the_wait_ends_as_soon_as_the_clock_is_set() {
        let state = tempfile::tempdir().unwrap();
        let looks = AtomicU64::new(0);
        let clock = || match looks.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => at(100),
            _ => at(MADE + 1),
        };
        assert_eq!(wait(&Earliest::of(state.path()), clock).await, Ok(()));
        assert!(looks.load(Ordering::Relaxed) >= 3);
    }

    #[test]
    fn a_run_knows_that_it_began_at_a_time_that_cannot_be() {
        let state = tempfile::tempdir().unwrap();
        let course = Course::begin(&Earliest::of(state.path()), at(100));
        assert!(course.implausible().unwrap().contains("1970"));
        let told = course.told(at(MADE));
        assert!(told.stepped_millis > 1_700_000_000_000, "{told:?}");
        assert!(step_in_words(&told).unwrap().contains("forward"));
    }
}
