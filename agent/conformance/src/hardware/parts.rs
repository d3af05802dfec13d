//! Cutting a hardware sentence into parts that speak of one thing each.

use super::tokens::{Kind, Token, word_of};
use super::vocabulary as words;

/// Cuts at commas, semicolons, ends of lines and sentences, bullets and `and`.
pub(super) fn parts(tokens: &[Token]) -> Vec<&[Token]> {
    let mut parts = Vec::new();
    let mut begun = 0;
    for at in 0..tokens.len() {
        if is_cut(&tokens[begun..=at]) {
            parts.push(&tokens[begun..at]);
            begun = at + 1;
        }
    }
    parts.push(&tokens[begun..]);
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .flat_map(before_gpu)
        .collect()
}

/// Whether the last of these tokens ends the part that they make.
fn is_cut(part: &[Token]) -> bool {
    match part.last().map(|token| &token.kind) {
        Some(Kind::Mark(mark)) => {
            matches!(
                mark,
                ',' | ';' | '\n' | '.' | '•' | '·' | '|' | '&' | '،' | '、'
            )
        }
        Some(Kind::Word(word)) => {
            matches!(word.as_str(), "and" | "plus" | "und" | "et") && !is_between(part)
        }
        Some(Kind::Number(_)) | None => false,
    }
}

/// The `and` of `between 1 GB and`.
fn is_between(part: &[Token]) -> bool {
    let mut before = part.iter().rev().skip(1);
    let nearest = before.by_ref().take(3);
    nearest.filter_map(word_of).any(|word| word == "between")
}

/// `1 GB of RAM with NVIDIA GPU` and `Linux arm64 (NVIDIA Jetson)` are two parts; in `NVIDIA GPU with 4 GB` the memory
/// is the GPU's.
fn before_gpu(part: &[Token]) -> Vec<&[Token]> {
    let is_gpu = |token: &Token| word_of(token).is_some_and(words::is_gpu);
    let Some(gpu) = part.iter().position(is_gpu) else {
        return vec![part];
    };
    let is_joint = |token: &Token| match &token.kind {
        Kind::Word(word) => word == "with" || word == "or",
        Kind::Mark(mark) => *mark == '(',
        Kind::Number(_) => false,
    };
    let joint = part[..gpu]
        .iter()
        .rposition(is_joint)
        .filter(|joint| part[..*joint].iter().any(is_of_its_own));
    match joint {
        Some(joint) => {
            let after = &part[joint + 1..];
            let closing = after
                .iter()
                .position(|token| token.kind == Kind::Mark(')'))
                .filter(|_| part[joint].kind == Kind::Mark('('));
            let (gpu, rest) = after.split_at(closing.unwrap_or(after.len()));
            [&part[..joint], gpu, rest]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect()
        }
        None => vec![part],
    }
}

/// Something that is said of the device and not of its GPU.
fn is_of_its_own(token: &Token) -> bool {
    match &token.kind {
        Kind::Number(_) => true,
        Kind::Word(word) => words::os(word).is_some() || words::architecture(word).is_some(),
        Kind::Mark(_) => false,
    }
}
