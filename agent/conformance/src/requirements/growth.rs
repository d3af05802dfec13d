//! What grows without end: memory, storage and logs, carried on to the end of the support window. Warnings, never failures.

use crate::measurement::growth::{MEMORY_SERIES, STORAGE_SERIES, slope};
use crate::observation::Output;
use crate::record::{ProfileName, Record};
use crate::statistics::Slope;
use crate::units::{Bytes, Millis};

/// How long a module is expected to run on a device without anybody's hand: a quarter of a year, edgeproof's own figure.
pub(super) const SUPPORT_WINDOW: Millis = Millis(90 * 24 * 3_600_000);

/// What limits a log, for the createOptions. Source: Microsoft Learn, "Prepare to deploy your IoT Edge solution in
/// production", Place limits on log size.
pub(super) const ROTATION: &str = r#"{"HostConfig":{"LogConfig":{"Type":"json-file","Config":{"max-size":"10m","max-file":"3"}}}}"#;

/// Memory that grew in a soak and would cross `limit`, in words.
pub(super) fn of_memory(record: &Record, now: Bytes, limit: Bytes) -> Option<String> {
    crosses(record, MEMORY_SERIES, now, limit)
        .map(|slope| in_words("non-reclaimable memory", slope))
}

/// Storage that grew in a soak and would cross `limit`, in words.
pub(super) fn of_storage(record: &Record, now: Bytes, limit: Bytes) -> Option<String> {
    crosses(record, STORAGE_SERIES, now, limit).map(|slope| in_words("storage", slope))
}

/// Growth is judged where a run lasted as long as a soak: minutes show warming up, not growth.
fn crosses(record: &Record, series: &str, now: Bytes, limit: Bytes) -> Option<Slope> {
    if record.run.profile.name != ProfileName::Soak {
        return None;
    }
    let slope = slope(record, series).filter(Slope::is_growth)?;
    let then = float(now) + slope.low * SUPPORT_WINDOW.as_secs_f64();
    (then > float(limit)).then_some(slope)
}

fn in_words(what: &str, slope: Slope) -> String {
    const DAY_IN_MIB: f64 = 86_400.0 / 1_048_576.0;
    format!(
        "{what} grew by {:.2} MiB a day ({:.2} to {:.2}, Theil–Sen over {} points), which crosses the claim within 90 days",
        slope.per_second * DAY_IN_MIB,
        slope.low * DAY_IN_MIB,
        slope.high * DAY_IN_MIB,
        slope.n
    )
}

/// A log without limit that would fill what is left of the storage claimed, in words.
pub(super) fn of_logs(record: &Record, now: Bytes, limit: Bytes) -> Option<String> {
    let output = record.observations.output.seen()?;
    if output.limit.is_some() || output.window.0 == 0 {
        return None;
    }
    let rate = float(output.bytes) / output.window.as_secs_f64();
    let then = float(now) + rate * SUPPORT_WINDOW.as_secs_f64();
    (then > float(limit)).then(|| log_in_words(output, rate, float(limit.saturating_sub(now))))
}

fn log_in_words(output: &Output, rate: f64, left: f64) -> String {
    let lines = match output.lines {
        Some(lines) => format!(
            "{:.1} lines and ",
            count(lines) / output.window.as_secs_f64()
        ),
        None => String::new(),
    };
    let hours = left / rate / 3600.0;
    let when = if hours < 48.0 {
        format!("{hours:.1} hours")
    } else {
        format!("{:.0} days", hours / 24.0)
    };
    format!(
        "its log grows by {lines}{rate:.0} bytes a second without a limit and fills the storage claimed within {when}"
    )
}

fn float(bytes: Bytes) -> f64 {
    count(bytes.0)
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Observed;
    use crate::record::{Point, Profile, Series};
    use crate::sample;

    fn soaked(per_second: f64) -> Record {
        let mut record = sample::record();
        record.run.profile = Profile::soak(Millis(3_600_000));
        let steady = sample::usage(Millis(40_000), Millis(3_640_000));
        record.observations.steady = Observed::Seen(steady);
        let point = |second: u32| {
            let bytes = 2e7 + per_second * f64::from(second);
            Point {
                at: Millis(40_000 + u64::from(second) * 1000),
                min: bytes,
                mean: bytes,
                max: bytes,
            }
        };
        let series = |name: &str| Series {
            name: name.to_owned(),
            unit: "bytes".to_owned(),
            phase: "start 3".to_owned(),
            limit: None,
            points: (0..60).map(|minute| point(minute * 60)).collect(),
        };
        record.series = vec![series(MEMORY_SERIES), series(STORAGE_SERIES)];
        record
    }

    #[test]
    fn a_slow_leak_crosses_in_a_quarter_and_a_slower_one_does_not() {
        let (now, limit) = (Bytes::mib(20), Bytes::mib(112));
        let told = of_memory(&soaked(100.0), now, limit).unwrap();
        assert_eq!(
            told,
            "non-reclaimable memory grew by 8.24 MiB a day (8.24 to 8.24, Theil–Sen over 45 points), which crosses the claim within 90 days"
        );
        assert_eq!(of_memory(&soaked(10.0), now, limit), None);
        assert!(of_storage(&soaked(100.0), now, limit).is_some());
    }

    #[test]
    fn only_a_soak_judges_growth() {
        let mut record = soaked(100.0);
        record.run.profile.name = ProfileName::Standard;
        assert_eq!(of_memory(&record, Bytes::mib(20), Bytes::mib(112)), None);
    }

    #[test]
    fn a_log_without_a_limit_fills_the_claim_and_a_rotated_one_does_not() {
        let mut record = sample::record();
        let (now, limit) = (Bytes(12_000_000), Bytes(100_000_000));
        assert_eq!(of_logs(&record, now, limit), None);
        let mut output = Output {
            window: Millis(30_000),
            bytes: Bytes(3_000_000),
            lines: Some(30_000),
            limit: None,
        };
        record.observations.output = Observed::Seen(output.clone());
        assert_eq!(
            of_logs(&record, now, limit).unwrap(),
            "its log grows by 1000.0 lines and 100000 bytes a second without a limit and fills the storage claimed within 0.2 hours"
        );
        output.limit = Some(Bytes::mib(30));
        record.observations.output = Observed::Seen(output);
        assert_eq!(of_logs(&record, now, limit), None);
    }
}
