//! Cutting a hardware sentence into parts that speak of one thing each.

use super::tokens::{Kind, Token, word_of};
use super::vocabulary as words;

/// Cuts at commas, semicolons, ends of lines and sentences, bullets and `and`.
pub(super) fn parts(tokens: &[Token]) -> Vec<&[Token]> {
    let is_cut = |token: &Token| match &token.kind {
        Kind::Mark(mark) => matches!(mark, ',' | ';' | '\n' | '.' | '•' | '·' | '|' | '&'),
        Kind::Word(word) => word == "and" || word == "plus",
        Kind::Number(_) => false,
    };
    tokens
        .split(is_cut)
        .filter(|part| !part.is_empty())
        .flat_map(before_gpu)
        .collect()
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
