//! Bodies of the sacrificial containers: programs with a known appetite, started from the probe's own image.

use std::hint::black_box;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use conformance::units::Bytes;

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
