//! The floor: a thread that wakes ten times a second, reads the sampler's files with `pread`, and does nothing with them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::figures::Floor;
use crate::kernel_text;
use crate::observe::Group;

/// The probe's cadence.
const PERIOD: Duration = Duration::from_millis(100);

/// Longest file read, in bytes.
const BUFFER: usize = 16 * 1024;

/// Starts the loop over the files of these containers; it ends by itself after `span`.
///
/// # Errors
/// A file cannot be opened.
pub(crate) fn start(
    groups: &[&Group],
    span: Duration,
) -> anyhow::Result<JoinHandle<anyhow::Result<Floor>>> {
    let of = |files: fn(&Group) -> Vec<PathBuf>| {
        let paths: Vec<PathBuf> = groups.iter().flat_map(|group| files(group)).collect();
        open(paths)
    };
    let every = of(Group::files_of_a_tick)?;
    let tenth = of(Group::files_of_a_tenth_tick)?;
    Ok(thread::spawn(move || run(&every, &tenth, span)))
}

fn open(paths: Vec<PathBuf>) -> anyhow::Result<Vec<File>> {
    paths
        .iter()
        .map(|path| File::open(path).with_context(|| format!("open {}", path.display())))
        .collect()
}

fn run(every: &[File], tenth: &[File], span: Duration) -> anyhow::Result<Floor> {
    let mut buffer = vec![0; BUFFER];
    let mut read = |files: &[File]| -> anyhow::Result<()> {
        for file in files {
            file.read_at(&mut buffer, 0)
                .context("read a file of the candidate")?;
        }
        Ok(())
    };
    let begin = Instant::now();
    let before = own_time()?;
    let mut ticks: u32 = 0;
    while PERIOD * ticks < span {
        thread::sleep((begin + PERIOD * ticks).saturating_duration_since(Instant::now()));
        read(every)?;
        if ticks.is_multiple_of(10) {
            read(tenth)?;
        }
        ticks += 1;
    }
    Ok(Floor {
        cpu: own_time()?.saturating_sub(before),
        ticks: ticks.into(),
        files: (every.len(), tenth.len()),
    })
}

fn own_time() -> anyhow::Result<Duration> {
    let place = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(place).with_context(|| format!("read {place}"))?;
    kernel_text::cpu_time(&text).with_context(|| format!("read a number in {place}"))
}
