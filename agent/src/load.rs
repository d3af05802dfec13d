//! Bodies of the sacrificial containers: programs with a known appetite, started from the probe's own image.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use conformance::units::Bytes;
use rustix::time::{ClockId, clock_gettime};

/// Memory is taken in steps of this size: larger than any threshold of an allocator, so each is a mapping of its own.
const STEP_MIB: u64 = 1;

/// Keeps one core busy for this many seconds.
pub fn spin(seconds: u64) {
    let end = Duration::from_secs(seconds);
    let begun = Instant::now();
    while begun.elapsed() < end {
        for turn in 0..10_000_u32 {
            black_box(turn);
        }
    }
}

/// Touches anonymous memory step by step and holds it, until `mib` are held; after each step says `held N MiB`.
///
/// Every line is flushed: when the kernel kills the process, the last line tells what it held.
///
/// # Errors
/// If a line cannot be written.
pub fn eat(mib: u64, out: &mut impl Write) -> io::Result<()> {
    let step = usize::try_from(STEP_MIB * Bytes::MIB).unwrap_or(usize::MAX);
    let mut held = Vec::new();
    for count in 1..=mib / STEP_MIB {
        // Any byte but zero: a zeroed allocation would come from pages that nobody has touched.
        held.push(black_box(vec![0xA5_u8; step]));
        writeln!(out, "held {} MiB", count * STEP_MIB)?;
        out.flush()?;
    }
    black_box(&held);
    Ok(())
}

/// What a container that ran [`eat`] held by its own account: the last whole line of its output.
#[must_use]
pub fn held(output: &str) -> Option<Bytes> {
    output.lines().rev().find_map(|line| {
        let mib: u64 = line
            .trim()
            .strip_prefix("held ")?
            .strip_suffix(" MiB")?
            .parse()
            .ok()?;
        mib.checked_mul(Bytes::MIB).map(Bytes)
    })
}

/// What the golden module holds, takes and writes.
pub const GOLDEN_MEMORY: Bytes = Bytes::mib(48);
/// Its CPU in each period of 100 ms: 30 % of a core.
const GOLDEN_BURN: Duration = Duration::from_millis(30);
const GOLDEN_PERIOD: Duration = Duration::from_millis(100);
/// What it writes into its writable layer: a whole number of file-system blocks.
const GOLDEN_STORAGE: usize = 4 << 20;
const GOLDEN_PIECE: usize = 64 << 10;

/// Holds memory, writes a file into `directory` and takes 30 % of a core for this many seconds. Before, and in each period, it
/// says what it has taken so far, by the clock that all containers of a host share: `at MONOTONIC_US cpu_us N`; and in the
/// end `golden memory N storage N`.
///
/// # Errors
/// The file or the line cannot be written.
pub fn golden(seconds: u64, directory: &Path, out: &mut impl Write) -> io::Result<()> {
    let begun = Instant::now();
    let end = Duration::from_secs(seconds);
    taken_so_far(out)?;
    let held = black_box(vec![
        0xA5_u8;
        usize::try_from(GOLDEN_MEMORY.0).unwrap_or(usize::MAX)
    ]);
    let file = directory.join("golden");
    let mut written = File::create(&file)?;
    // In small pieces, which are given back: they are no part of the memory told.
    let piece = incompressible(GOLDEN_PIECE);
    for _ in 0..GOLDEN_STORAGE / GOLDEN_PIECE {
        written.write_all(&piece)?;
    }
    written.sync_all()?;
    taken_so_far(out)?;
    let mut due = Instant::now();
    while begun.elapsed() < end {
        let before = cpu_time();
        while cpu_time().saturating_sub(before) < GOLDEN_BURN {
            for turn in 0..1_000_u32 {
                black_box(turn);
            }
        }
        due += GOLDEN_PERIOD;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        taken_so_far(out)?;
    }
    black_box(&held);
    let held = held.len();
    writeln!(out, "golden memory {held} storage {GOLDEN_STORAGE}")?;
    out.flush()
}

fn taken_so_far(out: &mut impl Write) -> io::Result<()> {
    let (now, taken) = (monotonic().as_micros(), cpu_time().as_micros());
    writeln!(out, "at {now} cpu_us {taken}")?;
    out.flush()
}

/// The clock of [`Instant`], counted from the start of the host.
#[must_use]
pub fn monotonic() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// CPU time of this process, user and system.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// Bytes that a compressing file system cannot make smaller: a linear congruential generator's (Numerical Recipes, 32 bit).
fn incompressible(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

/// What a container that ran [`golden`] said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoldenAccount {
    /// What it held.
    pub memory: Bytes,
    /// What it wrote.
    pub storage: Bytes,
    /// CPU time that it had taken, by [`monotonic`] moments, in their order.
    taken: Vec<(Duration, Duration)>,
}

impl GoldenAccount {
    /// Reads its output; `None` if it did not come to its end.
    #[must_use]
    pub fn read(output: &str) -> Option<GoldenAccount> {
        let mut taken: Vec<(Duration, Duration)> = output.lines().filter_map(mark).collect();
        taken.sort_unstable();
        output
            .lines()
            .rev()
            .find_map(|line| match *line.split_whitespace().collect::<Vec<_>>() {
                ["golden", "memory", memory, "storage", storage] => Some(GoldenAccount {
                    memory: Bytes(memory.parse().ok()?),
                    storage: Bytes(storage.parse().ok()?),
                    taken: taken.clone(),
                }),
                _ => None,
            })
    }

    /// First and last moment it tells of.
    #[must_use]
    pub fn span(&self) -> Option<(Duration, Duration)> {
        Some((self.taken.first()?.0, self.taken.last()?.0))
    }

    /// Cores on average over a span; `None` if it tells of less than half of it. Before it began and after it ended it took
    /// nothing, and its group may be there for longer.
    ///
    /// The span is the one in which it was measured: a slow device begins late, when filling and writing are partly over.
    #[must_use]
    pub fn cores(&self, from: Duration, to: Duration) -> Option<f64> {
        let (first, last) = self.span()?;
        let (from_told, to_told) = (from.max(first), to.min(last));
        let told = to_told.checked_sub(from_told)?;
        let span = to.saturating_sub(from);
        let enough = !told.is_zero() && told * 2 >= span;
        let taken = self.taken_at(to_told)? - self.taken_at(from_told)?;
        enough.then(|| taken / span.as_secs_f64())
    }

    /// CPU seconds by a moment between the first and the last told, on the straight line between its neighbours.
    fn taken_at(&self, moment: Duration) -> Option<f64> {
        let after = self.taken.iter().find(|(at, _)| *at >= moment)?;
        let before = self.taken.iter().rev().find(|(at, _)| *at <= moment)?;
        let between = after.0.saturating_sub(before.0).as_secs_f64();
        let share = match between {
            0.0 => 0.0,
            _ => moment.saturating_sub(before.0).as_secs_f64() / between,
        };
        let grown = after.1.saturating_sub(before.1).as_secs_f64();
        Some(before.1.as_secs_f64() + share * grown)
    }
}

/// `at MONOTONIC_US cpu_us N`.
fn mark(line: &str) -> Option<(Duration, Duration)> {
    let micros = |word: &str| word.parse().ok().map(Duration::from_micros);
    match *line.split_whitespace().collect::<Vec<_>>() {
        ["at", now, "cpu_us", taken] => Some((micros(now)?, micros(taken)?)),
        _ => None,
    }
}

/// Writes up to so many MiB into a file in `directory` and says how far it came: `wrote N`. A full disk is no error.
///
/// # Errors
/// The file cannot be made, or the line not be written.
pub fn fill(mib: u64, directory: &Path, out: &mut impl Write) -> io::Result<()> {
    let mut file = File::create(directory.join("fill"))?;
    let step = incompressible(1 << 20);
    let mut wrote = 0_u64;
    for _ in 0..mib {
        let written = file.write_all(&step).and_then(|()| file.sync_data());
        if written.is_err() {
            break;
        }
        wrote += Bytes::MIB;
    }
    writeln!(out, "wrote {wrote}")?;
    out.flush()
}

/// What a container that ran [`fill`] wrote by its own account.
#[must_use]
pub fn wrote(output: &str) -> Option<Bytes> {
    let mut lines = output.lines().rev();
    lines.find_map(|line| line.trim().strip_prefix("wrote ")?.parse().ok().map(Bytes))
}

/// Does nothing for this many seconds: its container shows what the runtime's own start-up takes.
pub fn noop(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_tells_what_was_held() {
        let mut out = Vec::new();
        eat(3, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "held 1 MiB\nheld 2 MiB\nheld 3 MiB\n");
        assert_eq!(held(&text), Some(Bytes::mib(3)));
    }

    #[test]
    fn a_line_cut_by_the_kill_does_not_count() {
        assert_eq!(held("held 1 MiB\nheld 12 M"), Some(Bytes::mib(1)));
        assert_eq!(held("exec failed"), None);
    }

    #[test]
    fn the_golden_module_tells_what_it_really_took() {
        let directory = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        let begun = monotonic();
        golden(1, directory.path(), &mut out).unwrap();
        let told = GoldenAccount::read(&String::from_utf8(out).unwrap()).unwrap();
        assert_eq!(told.memory, GOLDEN_MEMORY);
        assert_eq!(told.storage, Bytes::mib(4));
        let cores = told.cores(begun, monotonic()).unwrap();
        assert!((0.05..=1.05).contains(&cores), "{told:?}");
        let file = directory.path().join("golden").metadata().unwrap();
        assert_eq!(file.len(), told.storage.0);
    }

    #[test]
    fn the_account_is_of_the_span_that_was_measured() {
        // A second at a whole core, then three at 30 %.
        let told = "at 1000000 cpu_us 0\nat 2000000 cpu_us 1000000\nat 5000000 cpu_us 1900000\ngolden memory 9 storage 8\n";
        let told = GoldenAccount::read(told).unwrap();
        let cores = |from, to| {
            let second = Duration::from_secs_f64;
            told.cores(second(from), second(to))
                .map(|cores| (cores * 1000.0).round() / 1000.0)
        };
        assert_eq!(cores(1.0, 5.0), Some(0.475));
        assert_eq!(cores(2.0, 5.0), Some(0.3));
        assert_eq!(cores(1.5, 3.5), Some(0.475));
        // Begun before it, or ended after it: idle there, unless that is the larger part.
        assert_eq!(cores(0.0, 5.0), Some(0.38));
        assert_eq!(cores(4.0, 5.5), Some(0.2));
        assert_eq!(cores(4.9, 6.0), None);
        assert_eq!(cores(7.0, 8.0), None);
        assert_eq!(cores(3.0, 3.0), None);
    }

    #[test]
    fn an_account_that_is_cut_is_none() {
        let whole = "x\nat 5 cpu_us 1\ngolden memory 9 storage 8\n";
        assert_eq!(GoldenAccount::read(whole).unwrap().memory, Bytes(9));
        for cut in [
            "",
            "at 5 cpu_us 1\n",
            "golden memory 9 storage",
            "exec failed",
        ] {
            assert_eq!(GoldenAccount::read(cut), None, "{cut}");
        }
        let silent = GoldenAccount::read("at x cpu_us 1\ngolden memory 9 storage 8").unwrap();
        assert_eq!(silent.cores(Duration::ZERO, Duration::MAX), None);
    }

    #[test]
    fn what_was_filled_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        fill(2, directory.path(), &mut out).unwrap();
        assert_eq!(wrote(&String::from_utf8(out).unwrap()), Some(Bytes::mib(2)));
        assert_eq!(wrote("exec failed"), None);
    }

    #[test]
    fn a_closed_output_ends_the_meal() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(eat(1, &mut Closed).is_err());
    }
}
