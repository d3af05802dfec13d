//! Wordings around a quantity: those that make it no minimum, those that only sound like it, and rough ones.

use super::tokens::{Kind, Token, word_of};

/// What a wording does to the quantity it stands by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// `up to`, `at most`, `or less`: no minimum.
    Upper,
    /// `no less than`: a minimum after all.
    Lower,
    /// `about`.
    Rough,
}

/// The wording at the head of `rest`, and how many tokens it takes.
pub(super) fn bound(rest: &[Token]) -> Option<(usize, Bound)> {
    let word = |index: usize| rest.get(index).and_then(word_of).unwrap_or_default();
    let mark = |index: usize| match rest.get(index).map(|token| &token.kind) {
        Some(Kind::Mark(mark)) => Some(*mark),
        Some(Kind::Word(_) | Kind::Number(_)) | None => None,
    };
    let than = usize::from(word(2) == "than");
    Some(match (word(0), word(1)) {
        ("max" | "maximum" | "maximal" | "maximally", _) => (1, Bound::Upper),
        ("at", "most") | ("up", "to") | ("less" | "fewer", "than") => (2, Bound::Upper),
        ("or", "less" | "fewer" | "below" | "under" | "smaller" | "lower") => (2, Bound::Upper),
        ("no" | "not", "more" | "over" | "above") => (2 + than, Bound::Upper),
        ("no" | "not", "less" | "fewer" | "below" | "under") => (2 + than, Bound::Lower),
        ("under" | "below", _) if is_number(rest.get(1)) => (1, Bound::Upper),
        (
            "about" | "approximately" | "approx" | "around" | "circa" | "ca" | "roughly" | "nearly"
            | "almost",
            _,
        ) => (1, Bound::Rough),
        _ => match (mark(0)?, mark(1)) {
            ('<', Some('=')) => (2, Bound::Upper),
            ('<' | '≤', _) => (1, Bound::Upper),
            ('~' | '≈', _) => (1, Bound::Rough),
            _ => return None,
        },
    })
}

fn is_number(token: Option<&Token>) -> bool {
    matches!(token.map(|token| &token.kind), Some(Kind::Number(_)))
}
