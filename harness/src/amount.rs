//! Sizes and durations as people write them on a command line.

use std::time::Duration;

use conformance::units::Bytes;

/// A size with its unit: `300MiB`, `1.5 GiB`, `512MB` (decimal).
///
/// # Errors
/// What is wrong, and what a size looks like.
pub fn size(text: &str) -> Result<Bytes, String> {
    const UNITS: [(&str, f64); 8] = [
        ("B", 1.0),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("KIB", 1024.0),
        ("MIB", 1_048_576.0),
        ("GIB", 1_073_741_824.0),
        ("TIB", 1_099_511_627_776.0),
    ];
    const WANTED: &str = "write a number and a unit, such as 300MiB, 1GiB or 512MB";
    let (number, unit) = split(text).ok_or(WANTED)?;
    let factor = UNITS
        .iter()
        .find(|(name, _)| *name == unit.to_ascii_uppercase())
        .map(|(_, factor)| *factor)
        .ok_or_else(|| match unit {
            "" => format!("a size needs its unit; {WANTED}"),
            unit => format!("unknown unit `{unit}`; {WANTED}"),
        })?;
    let bytes = number * factor;
    if bytes > 1e18 {
        return Err(format!("that is more than any device has; {WANTED}"));
    }
    Ok(crate::render::words::bytes(bytes))
}

/// A duration as numbers with units: `30s`, `5m`, `1m30s`, `250ms`, `2h`.
///
/// # Errors
/// What is wrong, and what a duration looks like.
pub fn duration(text: &str) -> Result<Duration, String> {
    const WANTED: &str = "write a number and a unit, such as 30s, 5m, 1m30s or 250ms";
    let mut rest = text.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(letters);
        let number: f64 = number.parse().map_err(|_| WANTED)?;
        seconds += number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "" => return Err(format!("a duration needs its unit; {WANTED}")),
                unit => return Err(format!("unknown unit `{unit}`; {WANTED}")),
            };
        rest = next.trim_start();
    }
    if seconds <= 0.0 {
        return Err(format!("a duration is longer than nothing; {WANTED}"));
    }
    if seconds > 366.0 * 86_400.0 {
        return Err(format!("that is more than a year; {WANTED}"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// A positive number and what follows it.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    (number > 0.0).then_some((number, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        let cases = [
            ("300MiB", 300 << 20),
            ("1.5 GiB", 3 << 29),
            ("512mb", 512_000_000),
            ("7B", 7),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text), Ok(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("250ms", 250),
            ("2h", 7_200_000),
            ("1.5m", 90_000),
        ] {
            assert_eq!(
                duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_size_or_duration_is_refused_with_an_example() {
        for text in [
            "",
            "300",
            "MiB",
            "-1GiB",
            "0MiB",
            "3 bananas",
            "1e30GiB",
            "1.2.3MiB",
            "999999999999GiB",
        ] {
            assert!(
                size(text).is_err_and(|why| why.contains("300MiB")),
                "{text}"
            );
        }
        for text in [
            "",
            "30",
            "s",
            "-5s",
            "0s",
            "3 fortnights",
            "9999999h",
            "1m30",
        ] {
            assert!(
                duration(text).is_err_and(|why| why.contains("30s")),
                "{text}"
            );
        }
    }
}
