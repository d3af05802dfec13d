//! The words of a query text, each with its place.

use serde_json::{Number, Value};

use super::QueryError;

/// Longest query in bytes.
const TEXT: usize = 16 * 1024;

/// One word and where it begins, counted from 1 in characters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Letters, digits, `_`, `$` and `-`; the words of the language are among them.
    Name(String),
    /// `[[…]]`: a name with any characters.
    Bracketed(String),
    Literal(Value),
    Sign(&'static str),
}

/// The signs, longer ones first.
const SIGNS: [&str; 13] = [
    "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".",
];

/// The words of a text, and the place after its end.
pub(super) fn words(text: &str) -> Result<(Vec<Word>, usize), QueryError> {
    if text.len() > TEXT {
        return Err(QueryError {
            at: 1,
            wanted: format!("a text of at most {TEXT} bytes"),
        });
    }
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text[..text.len() - rest.len()].chars().count() + 1;
        let Some(first) = rest.chars().next() else {
            return Ok((words, at));
        };
        let (kind, length) = word(rest, first).map_err(|wanted| QueryError { at, wanted })?;
        words.push(Word { at, kind });
        rest = &rest[length..];
    }
}

fn word(rest: &str, first: char) -> Result<(Kind, usize), String> {
    if matches!(first, '\'' | '"') {
        return quoted(rest, first);
    }
    if let Some(inner) = rest.strip_prefix("[[") {
        let end = inner.find("]]").ok_or("the end of the name, `]]`,")?;
        return Ok((Kind::Bracketed(inner[..end].to_owned()), end + 4));
    }
    if first.is_ascii_digit() || first == '-' {
        let inside = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let number: Number = serde_json::from_str(&rest[..end]).map_err(|_| "a number")?;
        return Ok((Kind::Literal(Value::Number(number)), end));
    }
    if first.is_alphabetic() || matches!(first, '_' | '$') {
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-');
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        return Ok((Kind::Name(rest[..end].to_owned()), end));
    }
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        // `*` stands alone, and only after SELECT.
        None if first == '*' => Ok((Kind::Sign("*"), 1)),
        None => Err("a word of the query language".to_owned()),
        Some(sign) => Ok((Kind::Sign(sign), sign.len())),
    }
}

/// A text between quotes, which stand doubled inside.
fn quoted(rest: &str, quote: char) -> Result<(Kind, usize), String> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((place, character)) = characters.next() {
        if character != quote {
            text.push(character);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            text.push(quote);
        } else {
            return Ok((Kind::Literal(Value::String(text)), place + quote.len_utf8()));
        }
    }
    Err(format!("the end of the text, `{quote}`,"))
}
