//! A hub that refuses a signature says nothing of clocks, but its answer carries its own: the header `Date`. Pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A token lives for so long beyond the moment in which it is made, by this computer's clock; minutes of skew are no trouble yet.
const TROUBLE: Duration = Duration::from_secs(120);

/// How far this computer's clock is from the hub's, in words, where that is far enough to spoil a token; `date` is the header's
/// text (RFC 9110, 5.6.7), `now` this computer's time when the answer came.
pub(super) fn in_words(date: &str, now: SystemTime) -> Option<String> {
    let theirs = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(date)
        .ok()?;
    let ours = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let ours = i64::try_from(ours.as_secs()).unwrap_or(i64::MAX);
    let ahead = ours.saturating_sub(theirs.as_second());
    let way = if ahead < 0 { "behind" } else { "ahead of" };
    (ahead.unsigned_abs() > TROUBLE.as_secs()).then(|| {
        format!(
            "this computer's clock is {} s {way} the hub's, whose answer is of {date}: set the clock",
            ahead.unsigned_abs()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Fri, 27 Nov 2026 00:00:00 GMT";
    const AT: u64 = 1_795_737_600;

    #[test]
    fn a_clock_that_is_off_is_told_with_its_direction_and_one_that_is_right_is_not() {
        let told = |seconds: u64| in_words(DATE, UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(told(AT), None);
        assert_eq!(told(AT - 120), None);
        let behind = told(AT - 7_200).unwrap();
        assert!(behind.contains("7200 s behind the hub's"), "{behind}");
        let ahead = told(AT + 500).unwrap();
        assert!(ahead.contains("500 s ahead of the hub's"), "{ahead}");
        assert!(told(100).unwrap().contains("behind"));
    }

    #[test]
    fn a_date_that_is_none_tells_nothing() {
        for date in ["", "yesterday", "2026-11-27T00:00:00Z"] {
            assert_eq!(in_words(date, UNIX_EPOCH), None, "{date}");
        }
    }
}
