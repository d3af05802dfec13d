//! How many times slower than this machine a device is: the same fixed work on both, timed.
//!
//! The work is of three kinds, as a module's start is: computing, interpreting, starting processes. The figure is for
//! limits of time and for nothing else; an emulated processor is slow at some things and not at others.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::shell;

/// 16 MiB through SHA-256, 20 000 turns of a loop, 20 processes; a pair of times for each of two rounds. The file is
/// made before: a pipe would tell how fast emulated cores wake each other, which is slowest of all and rare in a module.
const WORK: &str = r#"
set -e
file=$(mktemp)
head -c 16777216 /dev/zero > "$file"
for round in 1 2; do
  cut -d ' ' -f 1 /proc/uptime
  sha256sum < "$file" > /dev/null
  i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done
  i=0; while [ $i -lt 20 ]; do i=$((i+1)); sh -c :; done
  cut -d ' ' -f 1 /proc/uptime
done
rm "$file"
"#;
/// What a round takes on the machine where the limits of a boot were found, when it has nothing else to do.
const USUAL: Duration = Duration::from_millis(150);

/// How long the work takes here.
///
/// # Errors
/// There is no shell.
pub(super) fn here() -> anyhow::Result<Duration> {
    let output = Command::new("sh")
        .args(["-c", WORK])
        .stdin(Stdio::null())
        .output()
        .context("start sh")?;
    told(
        "this machine",
        output.status.code(),
        &output.stdout,
        &output.stderr,
    )
}

/// How long the work takes in a device.
///
/// # Errors
/// The device does not answer.
pub(super) fn there(directory: &Path, silence: Duration) -> anyhow::Result<Duration> {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let code = shell::run(directory, WORK, silence, &mut output, &mut errors)?;
    told("the device", Some(code), &output, &errors)
}

fn told(whose: &str, code: Option<i32>, output: &[u8], errors: &[u8]) -> anyhow::Result<Duration> {
    if code != Some(0) {
        let why = String::from_utf8_lossy(errors);
        bail!("the work that tells the speed of {whose} failed: {why}");
    }
    let times = String::from_utf8_lossy(output);
    shortest(&times).with_context(|| format!("no times in what {whose} says: {times}"))
}

/// How many times slower the device is; never less than once.
#[must_use]
pub(super) fn slowdown(there: Duration, here: Duration) -> f64 {
    let ratio = there.as_secs_f64() / here.as_secs_f64().max(0.001);
    // More than one digit behind the point would say more than is known.
    (ratio * 10.0).round().max(10.0) / 10.0
}

/// How many times longer than usual a boot may take on this machine as it is now.
#[must_use]
pub(super) fn patience(here: Duration) -> f64 {
    (here.as_secs_f64() / USUAL.as_secs_f64()).clamp(1.0, 8.0)
}

/// The shortest round of pairs of times.
fn shortest(text: &str) -> Option<Duration> {
    let times: Vec<f64> = text
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    times
        .chunks_exact(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|seconds| *seconds >= 0.0)
        .min_by(f64::total_cmp)
        .map(Duration::from_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_round_counts() {
        assert_eq!(
            shortest("10.00\n14.00\n14.02\n16.52\n"),
            Some(Duration::from_millis(2500))
        );
        assert_eq!(shortest(""), None);
        assert_eq!(shortest("sh: not found\n"), None);
    }

    #[test]
    fn no_device_is_told_as_faster_than_its_host() {
        let second = Duration::from_secs(1);
        assert!((slowdown(second, second * 2) - 1.0).abs() < f64::EPSILON);
        assert!((slowdown(second * 35, second * 2) - 17.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_loaded_machine_is_given_more_time_but_not_forever() {
        assert!((patience(Duration::from_millis(1)) - 1.0).abs() < f64::EPSILON);
        assert!((patience(USUAL * 3) - 3.0).abs() < 1e-9);
        assert!((patience(USUAL * 100) - 8.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_work_runs_here() {
        assert!(here().unwrap() > Duration::ZERO);
    }
}
