//! From when to when a certificate is valid and of which version it is, read from its DER. Pure.
//!
//! Only as much of X.509 as leads there (RFC 5280, 4.1.2.5).

use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::SAY;

/// Tags (X.690, 8.1.2): a sequence, an integer, the tagged version of a certificate, the two forms of a time.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// From `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
}

impl Validity {
    /// What a certificate says; nothing where it cannot be read.
    pub(super) fn of(certificate: &[u8]) -> Option<Validity> {
        let mut body = body(certificate)?;
        if body.first() == Some(&VERSION) {
            any(&mut body)?;
        }
        // Serial number, algorithm, issuer.
        for _ in 0..3 {
            any(&mut body)?;
        }
        let mut validity = take(&mut body, SEQUENCE)?;
        let start = time(any(&mut validity)?)?;
        // The last second is one in which it is valid (RFC 5280, 4.1.2.5).
        let end = time(any(&mut validity)?)? + Duration::from_secs(1);
        Some(Validity { start, end })
    }

    /// Whether the end is so near that it should be said.
    pub(super) fn is_near_end(&self, now: SystemTime) -> bool {
        let whole = self.end.duration_since(self.start).unwrap_or_default();
        let left = self.end.duration_since(now).unwrap_or_default();
        left <= SAY.min(whole / 3)
    }
}

/// Which version of X.509 a certificate is of, 1 where it does not say (RFC 5280, 4.1.2.1); nothing where it cannot be read.
pub(super) fn version(certificate: &[u8]) -> Option<u8> {
    let mut body = body(certificate)?;
    if body.first() != Some(&VERSION) {
        return Some(1);
    }
    let mut said = take(&mut body, VERSION)?;
    let [counted_from_0] = take(&mut said, INTEGER)? else {
        return None;
    };
    counted_from_0.checked_add(1)
}

/// What is signed of a certificate.
fn body(certificate: &[u8]) -> Option<&[u8]> {
    let mut rest = certificate;
    let mut signed = take(&mut rest, SEQUENCE)?;
    take(&mut signed, SEQUENCE)
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`; of two digits 50 and more are of the last century.
fn time((tag, text): (u8, &[u8])) -> Option<SystemTime> {
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let whole = match (tag, digits.len()) {
        (UTC_TIME, 12) if digits < "5" => format!("20{digits}"),
        (UTC_TIME, 12) => format!("19{digits}"),
        (GENERALIZED_TIME, 14) => digits.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| whole[from..to].parse::<i8>().ok();
    let date = DateTime::new(
        whole[..4].parse().ok()?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?,
        0,
    );
    let moment = TimeZone::UTC.to_timestamp(date.ok()?).ok()?;
    Some(SystemTime::from(moment))
}

/// The content of the next element, which must have this tag.
fn take<'a>(rest: &mut &'a [u8], wanted: u8) -> Option<&'a [u8]> {
    let (tag, content) = any(rest)?;
    (tag == wanted).then_some(content)
}

/// Tag and content of the next element.
fn any<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, first], mut after) = rest.split_first_chunk()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let (digits, behind) = after.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 3 {
            return None;
        }
        length = digits
            .iter()
            .fold(0, |length, digit| length << 8 | usize::from(*digit));
        after = behind;
    }
    let (content, behind) = after.split_at_checked(length)?;
    *rest = behind;
    Some((tag, content))
}
