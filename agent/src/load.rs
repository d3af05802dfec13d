//! Bodies of the sacrificial containers: programs with a known appetite, started from the probe's own image.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use conformance::observation::Footprint;
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

/// Holds memory, writes a file into `directory` and takes 30 % of a core for this many seconds, then says what it really took:
/// `golden memory N storage N cpu_us N wall_us N`.
///
/// # Errors
/// The file or the line cannot be written.
pub fn golden(seconds: u64, directory: &Path, out: &mut impl Write) -> io::Result<()> {
    let begun = Instant::now();
    let end = Duration::from_secs(seconds);
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
    let mut due = begun;
    while begun.elapsed() < end {
        let before = cpu_time();
        while cpu_time().saturating_sub(before) < GOLDEN_BURN {
            for turn in 0..1_000_u32 {
                black_box(turn);
            }
        }
        due += GOLDEN_PERIOD;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    black_box(&held);
    writeln!(
        out,
        "golden memory {} storage {GOLDEN_STORAGE} cpu_us {} wall_us {}",
        held.len(),
        cpu_time().as_micros(),
        begun.elapsed().as_micros()
    )?;
    out.flush()
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
#[must_use]
pub fn golden_account(output: &str) -> Option<Footprint<Bytes, f64>> {
    let line = output
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("golden "))?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |name: &str| -> Option<u64> {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1)?.parse().ok()
    };
    let wall = Duration::from_micros(number("wall_us")?);
    let cpu = Duration::from_micros(number("cpu_us")?);
    if wall.is_zero() {
        return None;
    }
    Some(Footprint {
        memory: Bytes(number("memory")?),
        cores: cpu.as_secs_f64() / wall.as_secs_f64(),
        storage: Bytes(number("storage")?),
    })
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
        golden(1, directory.path(), &mut out).unwrap();
        let told = golden_account(&String::from_utf8(out).unwrap()).unwrap();
        assert_eq!(told.memory, GOLDEN_MEMORY);
        assert_eq!(told.storage, Bytes::mib(4));
        assert!(told.cores > 0.05, "{told:?}");
        let file = directory.path().join("golden").metadata().unwrap();
        assert_eq!(file.len(), told.storage.0);
    }

    #[test]
    fn an_account_that_is_cut_is_none() {
        let whole = "x\ngolden memory 9 storage 8 cpu_us 30 wall_us 100\n";
        assert_eq!(golden_account(whole).unwrap().memory, Bytes(9));
        for cut in [
            "",
            "golden memory 9 storage 8 cpu_us 30 wall_us",
            "golden memory 9 storage 8 cpu_us 30 wall_us 0",
            "exec failed",
        ] {
            assert_eq!(golden_account(cut), None, "{cut}");
        }
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
