//! Processors by their model: `ARM Cortex-A53`, `Intel Core i5-8250U`.

use super::super::platforms::is_bits;
use super::super::tokens::{Kind, Token, word_of};
use super::super::vocabulary as words;

/// How many tokens a model at the head takes, its maker included.
pub(super) fn model(rest: &[Token]) -> Option<usize> {
    let word = |at: usize| rest.get(at).and_then(word_of).unwrap_or_default();
    let begin = usize::from(words::is_maker(word(0)));
    let hyphen = |at: usize| usize::from(is_hyphen(rest.get(at)));
    let used = match word(begin) {
        "core" => {
            let at = begin + 1 + hyphen(begin + 1);
            matches!(word(at), "i3" | "i5" | "i7" | "i9").then_some(at + 1)?
        }
        // A name of few letters: `Cortex A 53`, `Cortex-M4`.
        "cortex" if matches!(word(begin + 1 + hyphen(begin + 1)), "a" | "m" | "r") => {
            begin + 2 + hyphen(begin + 1)
        }
        family if words::is_family(family) => begin + 1,
        _ => return None,
    };
    Some(used + designation(&rest[used..]))
}

fn is_hyphen(token: Option<&Token>) -> bool {
    matches!(
        token.map(|token| &token.kind),
        Some(Kind::Mark('-' | '‐' | '‑'))
    )
}

/// What follows a family's name and belongs to it: words with digits, numbers that count nothing, and hyphens before them.
fn designation(rest: &[Token]) -> usize {
    let mut used = 0;
    loop {
        let at = used + usize::from(is_hyphen(rest.get(used)));
        let belongs = match rest.get(at).map(|token| &token.kind) {
            Some(Kind::Word(word)) => {
                word.contains(|c: char| c.is_ascii_digit())
                    && words::architecture(word).is_none()
                    && words::resource(word).is_none()
            }
            Some(Kind::Number(_)) => !counts(&rest[at..]) && !is_bits(&rest[at..]),
            Some(Kind::Mark(_)) | None => false,
        };
        if !belongs {
            return used;
        }
        used = at + 1;
        // The last letter of `8250U` is a word of its own, with nothing before it.
        if let (Some(number), Some(letter)) = (rest.get(at), rest.get(used))
            && matches!(number.kind, Kind::Number(_))
            && number.span.end == letter.span.start
            && word_of(letter).is_some_and(|word| word.len() <= 2)
        {
            used += 1;
        }
    }
}

/// A number with a unit, or of cores.
fn counts(rest: &[Token]) -> bool {
    let next = match rest.get(1) {
        Some(token) if is_hyphen(Some(token)) => rest.get(2),
        other => other,
    };
    next.and_then(word_of)
        .is_some_and(|word| words::unit(word).is_some() || words::resource(word).is_some())
        || matches!(rest.get(1).map(|token| &token.kind), Some(Kind::Mark('×')))
}
