//! The table of CPU in the same minute. Pure.

use std::fmt::Write as _;
use std::time::Duration;

/// CPU times of one minute: each in seconds, in percent of a core, and as a multiple of the first.
pub(crate) fn of_costs(rows: &[(&str, f64)], span: Duration) -> String {
    let mut text = format!(
        "  {:<40} {:>9} {:>11} {:>8}\n",
        "CPU in the same minute", "s", "% of a core", "first = 1"
    );
    let first = rows.first().map_or(f64::NAN, |(_, seconds)| *seconds);
    for (name, seconds) in rows {
        let percent = 100.0 * seconds / span.as_secs_f64();
        let ratio = seconds / first;
        let _ = writeln!(
            text,
            "  {name:<40} {seconds:>9.4} {percent:>11.3} {ratio:>9.2}"
        );
    }
    text
}
