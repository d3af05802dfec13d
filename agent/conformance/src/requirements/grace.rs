//! How long a link that was found dead may stay so before it fails.

use crate::record::Record;

/// Days from the first check that found a link dead to the last day on which that is a warning.
pub(super) const DAYS: i64 = 30;

/// Since when a link that is dead now is known to be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grace {
    /// The check that found it dead first, RFC 3339.
    pub(super) since: String,
    /// Days from then to this check.
    pub(super) days: i64,
}

impl Grace {
    /// By the earlier certificate, and by this check alone where that does not know the link as dead.
    pub(super) fn of(record: &Record, url: &str) -> Grace {
        let visits = record.observations.links.seen().into_iter().flatten();
        let mut visits = visits.filter(|visit| visit.url == url);
        let now = visits.next().map_or("", |visit| visit.at.as_str());
        let known = record.certified.iter().flat_map(|one| &one.links);
        let mut known = known.filter(|link| link.url == url);
        let since = known.next().and_then(|link| link.dead_since.as_deref());
        let since = since.unwrap_or(now);
        let days = day(now)
            .zip(day(since))
            .map_or(0, |(now, since)| now - since);
        Grace {
            since: since.to_owned(),
            days,
        }
    }

    /// Whether it has had its time.
    pub(super) fn is_over(&self) -> bool {
        self.days > DAYS
    }

    /// `found dead first on 2026-11-20T09:00:00Z, 0 days ago; after 30 days it fails`.
    pub(super) fn in_words(&self) -> String {
        let fails = if self.is_over() {
            format!("more than {DAYS} days")
        } else {
            format!("after {DAYS} days it fails")
        };
        format!(
            "found dead first on {}, {} days ago; {fails}",
            self.since, self.days
        )
    }
}

/// The day of a time in RFC 3339, counted from 1 March of the year 0.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn day(time: &str) -> Option<i64> {
    let mut parts = time.get(..10)?.split('-').map(str::parse::<i64>);
    let (year, month, day) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March have their leap day last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_months_and_leap_years() {
        let between = |from: &str, to: &str| day(to).unwrap() - day(from).unwrap();
        assert_eq!(between("2026-11-20T23:00:00Z", "2026-11-21T01:00:00Z"), 1);
        assert_eq!(between("2026-11-20T09:00:00Z", "2026-12-20T09:00:00Z"), 30);
        assert_eq!(between("2028-02-28", "2028-03-01"), 2);
        assert_eq!(between("2026-01-01", "2027-01-01"), 365);
        for other in ["", "soon", "2026-13-01", "2026-11"] {
            assert_eq!(day(other), None, "{other}");
        }
    }
}
