//! Architectures and operating systems of a hardware sentence, where they take more than one word.

use super::tokens::{Kind, Token, is_word, word_of};
use super::vocabulary as words;

/// An architecture with the words that belong to it, and a doubt where it could be another.
pub(super) fn architecture(
    rest: &[Token],
) -> Option<(usize, (&'static str, Option<&'static str>))> {
    if is_bits(rest) {
        let used = bits_length(rest);
        let family = rest.get(used).and_then(word_of)?;
        return by_bits(family, bits_at(rest)?).map(|found| (used + 1, (found, None)));
    }
    let word = word_of(rest.first()?)?;
    let in_brackets = matches!(rest.get(1).map(|token| &token.kind), Some(Kind::Mark('(')))
        && is_bits(rest.get(2..).unwrap_or_default());
    let joint = usize::from(
        in_brackets
            || matches!(
                rest.get(1).map(|token| &token.kind),
                Some(Kind::Mark('-' | '/'))
            ),
    );
    let after = rest.get(1 + joint..).unwrap_or_default();
    // `ARM 64 MB` is ARM and a quantity.
    if let Some(found) = bits_at(after).and_then(|bits| by_bits(word, bits))
        && (is_bits(after) || !is_quantity(after))
    {
        let used = if is_bits(after) {
            bits_length(after)
        } else {
            1
        };
        return Some((1 + joint + used, (found, None)));
    }
    let variant = after.first().and_then(word_of);
    match (word, variant) {
        ("arm", Some("v8")) => return Some((2 + joint, ("arm64", None))),
        ("arm", Some("v7")) => return Some((2 + joint, ("arm/v7", None))),
        ("arm", Some("v6")) => return Some((2 + joint, ("arm/v6", None))),
        ("arm", Some("v5")) => return Some((2 + joint, ("arm/v5", None))),
        ("arm64" | "aarch64", Some("v8")) => return Some((2 + joint, ("arm64", None))),
        ("arm32", Some("v7")) => return Some((2 + joint, ("arm/v7", None))),
        ("arm", _) => {
            return Some((
                1,
                ("arm/v7", Some("read as 32-bit ARM; write arm32 or arm64")),
            ));
        }
        ("x86", _) => return Some((1, ("386", Some("read as 32-bit x86; write x64 for 64-bit")))),
        _ => {}
    }
    words::architecture(word).map(|found| (1, (found, None)))
}

/// `32/64-bit ARM`, `ARM 32/64-bit`, `ARM (32/64-bit)`: both architectures of a family.
pub(super) fn both_widths(rest: &[Token]) -> Option<(usize, [&'static str; 2])> {
    let both = |family: &str| Some([by_bits(family, 32)?, by_bits(family, 64)?]);
    if let Some(used) = two_widths(rest) {
        let family = rest.get(used).and_then(word_of)?;
        return Some((used + 1, both(family)?));
    }
    let family = word_of(rest.first()?)?;
    let joint = usize::from(matches!(rest.get(1)?.kind, Kind::Mark('(' | '-')));
    let used = two_widths(rest.get(1 + joint..)?)?;
    Some((1 + joint + used, both(family)?))
}

/// How many tokens `32/64-bit` takes.
fn two_widths(rest: &[Token]) -> Option<usize> {
    bits_at(rest)?;
    let after = rest.get(2..)?;
    let slash = matches!(rest[1].kind, Kind::Mark('/'));
    (slash && is_bits(after)).then(|| 2 + bits_length(after))
}

fn by_bits(family: &str, bits: u64) -> Option<&'static str> {
    match (family, bits) {
        ("arm", 32) => Some("arm/v7"),
        ("arm", 64) => Some("arm64"),
        ("x86", 32) => Some("386"),
        ("x86", 64) => Some("amd64"),
        _ => None,
    }
}

/// The number 32 or 64 at the head.
fn bits_at(rest: &[Token]) -> Option<u64> {
    match rest.first()?.kind {
        Kind::Number(Some(number)) => number.as_whole().filter(|bits| matches!(bits, 32 | 64)),
        Kind::Number(None) | Kind::Word(_) | Kind::Mark(_) => None,
    }
}

/// `64-bit`, `32 bits`.
pub(super) fn is_bits(rest: &[Token]) -> bool {
    bits_at(rest).is_some()
        && rest
            .get(bits_length(rest) - 1)
            .and_then(word_of)
            .is_some_and(|word| matches!(word, "bit" | "bits"))
}

pub(super) fn bits_length(rest: &[Token]) -> usize {
    2 + usize::from(matches!(
        rest.get(1).map(|token| &token.kind),
        Some(Kind::Mark('-' | '‐' | '‑'))
    ))
}

/// Words and versions that follow the name of an operating system; a number with a unit is none.
pub(super) fn editions(rest: &[Token]) -> usize {
    let mut used = 0;
    while let Some(token) = rest.get(used) {
        let belongs = match &token.kind {
            Kind::Word(word) if word == "or" => used > 0 && is_version(&rest[used + 1..]),
            Kind::Word(word) => words::is_edition(word),
            Kind::Number(None) => true,
            Kind::Number(Some(_)) => is_version(&rest[used..]),
            Kind::Mark('/') => {
                is_word(rest.get(used + 1), "linux") || is_version(&rest[used + 1..])
            }
            Kind::Mark(_) => false,
        };
        if !belongs {
            break;
        }
        used += 1;
    }
    used
}

/// A number that is neither bits nor a quantity nor the beginning of a range.
fn is_version(rest: &[Token]) -> bool {
    matches!(rest.first().map(|token| &token.kind), Some(Kind::Number(_)))
        && !is_bits(rest)
        && !is_quantity(rest)
        && !matches!(
            rest.get(1).map(|token| &token.kind),
            Some(Kind::Mark('×' | '-' | '+' | '–' | '—'))
        )
}

/// A number before a unit or a resource.
fn is_quantity(rest: &[Token]) -> bool {
    rest.get(1)
        .and_then(word_of)
        .is_some_and(|word| words::unit(word).is_some() || words::resource(word).is_some())
}
