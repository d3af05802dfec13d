//! The words, numbers and marks of a hardware sentence, each with its place.

use std::ops::Range;

/// One word, number or mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Bytes of the text it was cut from.
    pub(super) span: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits and underscores, starting with a letter; in lower case.
    Word(String),
    /// A number, or digits in a form that is none (`18.04.1`).
    Number(Option<Decimal>),
    /// Any other character; `.` only where it ends a sentence, `×` also for the `x` in `4 x 1.2 GHz`.
    Mark(char),
}

/// A decimal number, `mantissa / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) mantissa: u128,
    pub(super) scale: u32,
    /// Why the number could be read otherwise.
    pub(super) doubt: Option<&'static str>,
}

/// Digits beyond this are no hardware claim.
const LONGEST_NUMBER: usize = 24;

impl Decimal {
    /// A whole number.
    pub(super) fn whole(number: u128) -> Decimal {
        Decimal {
            mantissa: number,
            scale: 0,
            doubt: None,
        }
    }

    /// The number in units of `unit`, rounded down; `None` where it is too large.
    pub(super) fn times(self, unit: u128) -> Option<u64> {
        let product = self.mantissa.checked_mul(unit)?;
        u64::try_from(product / 10_u128.checked_pow(self.scale)?).ok()
    }

    /// The number, if it is whole.
    pub(super) fn as_whole(self) -> Option<u64> {
        let unit = 10_u128.checked_pow(self.scale)?;
        self.mantissa
            .is_multiple_of(unit)
            .then_some(self.mantissa / unit)?
            .try_into()
            .ok()
    }

    /// Digits with a point or a comma before the fraction, or commas between thousands.
    fn parse(text: &str) -> Option<Decimal> {
        if text.len() > LONGEST_NUMBER {
            return None;
        }
        let (whole, fraction, doubt) = match text.split_once(['.', ',']) {
            None => (text.to_owned(), "", None),
            Some(_) if is_in_thousands(text) => (text.replace(',', ""), "", None),
            Some((_, fraction)) if fraction.contains(['.', ',']) => return None,
            Some((whole, fraction)) => (whole.to_owned(), fraction, doubt_about(text, fraction)),
        };
        Some(Decimal {
            mantissa: format!("{whole}{fraction}").parse().ok()?,
            scale: u32::try_from(fraction.len()).ok()?,
            doubt,
        })
    }
}

/// `1,000` and `12,345,678`.
fn is_in_thousands(text: &str) -> bool {
    let mut groups = text.split(',');
    groups
        .next()
        .is_some_and(|first| (1..=3).contains(&first.len()))
        && !text.contains('.')
        && !text.starts_with('0')
        && groups.all(|group| group.len() == 3)
}

fn doubt_about(text: &str, fraction: &str) -> Option<&'static str> {
    if text.contains(',') {
        Some("the comma is read as a decimal point")
    } else if fraction.len() == 3 {
        Some("the point is read as a decimal point, not as one between thousands")
    } else {
        None
    }
}

/// The tokens of `text` from byte `from` on.
pub(super) fn tokens(text: &str, from: usize) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = from;
    while let Some(first) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &text[at..];
        let (kind, length) = if first.is_ascii_digit() {
            let length = number_length(rest);
            (Some(Kind::Number(Decimal::parse(&rest[..length]))), length)
        } else if is_times(rest, tokens.last()) {
            (Some(Kind::Mark('×')), first.len_utf8())
        } else if first.is_alphabetic() {
            let length = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            (Some(Kind::Word(rest[..length].to_lowercase())), length)
        } else {
            let silent = first == ' ' || (first == '.' && !ends_sentence(rest, tokens.last()));
            ((!silent).then_some(Kind::Mark(first)), first.len_utf8())
        };
        if let Some(kind) = kind {
            tokens.push(Token {
                kind,
                span: at..at + length,
            });
        }
        at += length;
    }
    tokens
}

/// The word of a token that is one.
pub(super) fn word_of(token: &Token) -> Option<&str> {
    match &token.kind {
        Kind::Word(word) => Some(word),
        Kind::Number(_) | Kind::Mark(_) => None,
    }
}

/// Whether the token is this word.
pub(super) fn is_word(token: Option<&Token>, word: &str) -> bool {
    token.and_then(word_of) == Some(word)
}

/// From the first token to the last.
pub(super) fn span_of(tokens: &[Token]) -> Range<usize> {
    match tokens {
        [] => 0..0,
        [first, .., last] => first.span.start..last.span.end,
        [only] => only.span.clone(),
    }
}

/// Digits, and points and commas between digits.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let mut length = 1;
    while digit(length) || (matches!(bytes.get(length), Some(b'.' | b',')) && digit(length + 1)) {
        length += 1;
    }
    length
}

/// The `x` between two numbers; in `20.04 x64` it begins a word.
fn is_times(rest: &str, before: Option<&Token>) -> bool {
    let after_number = matches!(before.map(|token| &token.kind), Some(Kind::Number(_)));
    let architecture = ["x64", "X64", "x86", "X86"]
        .iter()
        .any(|name| rest.starts_with(name));
    after_number
        && !architecture
        && rest
            .strip_prefix(['x', 'X', '×'])
            .is_some_and(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit()))
}

/// A full stop before white space or the end, unless it belongs to an abbreviation.
fn ends_sentence(rest: &str, before: Option<&Token>) -> bool {
    let abbreviated = before
        .and_then(word_of)
        .is_some_and(|word| matches!(word, "max" | "min" | "approx" | "ca" | "incl" | "resp"));
    !abbreviated && rest[1..].chars().next().is_none_or(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let written: Vec<String> = tokens(text, 0)
            .into_iter()
            .map(|token| match token.kind {
                Kind::Word(word) => word,
                Kind::Mark(mark) => mark.to_string(),
                Kind::Number(None) => format!("?{}", &text[token.span]),
                Kind::Number(Some(number)) => {
                    let doubt = if number.doubt.is_some() { "!" } else { "" };
                    format!("{}e-{}{doubt}", number.mantissa, number.scale)
                }
            })
            .collect();
        assert_eq!(written.join(" "), expected);
    }

    #[test]
    fn words_numbers_and_marks_are_told_apart() {
        check("Linux x64, 1GB of RAM.", "linux x64 , 1e-0 gb of ram .");
        check("1.5GHz x86_64/arm32v7", "15e-1 ghz x86_64 / arm32v7");
        check(
            "4 x 1.2 GHz, 4x1GHz, 4x",
            "4e-0 × 12e-1 ghz , 4e-0 × 1e-0 ghz , 4e-0 x",
        );
    }

    #[test]
    fn decimal_commas_and_points_before_three_digits_are_doubtful() {
        check(
            "1,5 1,000 1.000 0,5 1,234,567",
            "15e-1! 1000e-0 1000e-3! 5e-1! 1234567e-0",
        );
    }

    #[test]
    fn versions_and_endless_digits_are_no_numbers() {
        check("18.04.1", "?18.04.1");
        let endless = "9".repeat(400);
        check(&endless, &format!("?{endless}"));
    }

    #[test]
    fn a_number_too_large_for_its_unit_is_none() {
        let number = Decimal::whole(20_000_000);
        assert_eq!(number.times(1 << 40), None);
        assert_eq!(number.times(1 << 30), Some(20_000_000 << 30));
        let half = Decimal {
            mantissa: 5,
            scale: 1,
            doubt: None,
        };
        assert_eq!(half.times(1 << 10), Some(512));
        assert_eq!(half.as_whole(), None);
    }
}
