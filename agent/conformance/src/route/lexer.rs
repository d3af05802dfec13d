//! Splits a route into edgeHub's tokens: the longest match wins, and of equals the earlier rule (`GrammarLexer.g4`).
//!
//! Every text becomes tokens: what no rule fits is a token of its own, which the parser refuses.

use super::Span;

/// A token with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Lexeme,
    pub(super) at: Span,
}

/// The kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexeme {
    Select,
    From,
    Where,
    Into,
    And,
    Or,
    Not,
    True,
    False,
    Null,
    Undefined,
    Text,
    UnterminatedText,
    Integer,
    Hex,
    Real,
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    Comma,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Concat,
    Coalesce,
    /// `$name`
    System,
    Name,
    /// A run of name characters with brackets in it but no `$` before it.
    StrayPath,
    /// One character that no rule fits.
    Unknown,
    End,
}

/// The tokens of a route, an `End` last, and the comments that were passed over.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) tokens: Vec<Token>,
    pub(super) comments: Vec<Span>,
}

/// Splits `text`.
pub(super) fn tokens(text: &str) -> Tokens {
    let mut found = Tokens {
        tokens: Vec::new(),
        comments: Vec::new(),
    };
    let last_comment_end = text.rfind("*/");
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &text[at..];
        if matches!(c, ' ' | '\t' | '\r' | '\n') {
            at += 1;
            continue;
        }
        if rest.starts_with("/*") && last_comment_end.is_some_and(|end| end >= at + 2) {
            let length = rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
            found.comments.push(span(at, length));
            at += length;
            continue;
        }
        let (kind, length) = token(c, rest);
        found.tokens.push(Token {
            kind,
            at: span(at, length),
        });
        at += length;
    }
    found.tokens.push(Token {
        kind: Lexeme::End,
        at: span(text.len(), 0),
    });
    found
}

const fn span(start: usize, length: usize) -> Span {
    Span {
        start,
        end: start + length,
    }
}

/// The token that `rest` begins with, and its length in bytes.
fn token(c: char, rest: &str) -> (Lexeme, usize) {
    match c {
        '(' => (Lexeme::Open, 1),
        ')' => (Lexeme::Close, 1),
        '{' => (Lexeme::OpenBrace, 1),
        '}' => (Lexeme::CloseBrace, 1),
        ',' => (Lexeme::Comma, 1),
        '/' => (Lexeme::Slash, 1),
        '=' => (Lexeme::Equal, 1),
        '<' if rest.starts_with("<>") => (Lexeme::NotEqual, 2),
        '<' if rest.starts_with("<=") => (Lexeme::LessEqual, 2),
        '<' => (Lexeme::Less, 1),
        '>' if rest.starts_with(">=") => (Lexeme::GreaterEqual, 2),
        '>' => (Lexeme::Greater, 1),
        '?' if rest.starts_with("??") => (Lexeme::Coalesce, 2),
        '"' => text(rest, '"'),
        '\'' => {
            let quoted = text(rest, '\'');
            let word = word(rest);
            if word.1 > quoted.1 { word } else { quoted }
        }
        '!' if rest.starts_with("!=") => (Lexeme::NotEqual, 2),
        _ if is_path_character(c) => word(rest),
        _ => (Lexeme::Unknown, c.len_utf8()),
    }
}

/// `'…'` or `"…"`: the escapes are `\"`, `\'`, `\\` and `\uXXXX`; a line feed may stand inside.
fn text(rest: &str, quote: char) -> (Lexeme, usize) {
    let mut at = 1;
    loop {
        let ahead = rest.get(at..).unwrap_or_default();
        match ahead.chars().next() {
            Some(c) if c == quote => return (Lexeme::Text, at + 1),
            Some('\\') => match escape(ahead) {
                Some(length) => at += length,
                None => return (Lexeme::UnterminatedText, at),
            },
            Some(c) => at += c.len_utf8(),
            None => return (Lexeme::UnterminatedText, at),
        }
    }
}

/// The length of the escape that `ahead` begins with.
fn escape(ahead: &str) -> Option<usize> {
    let bytes = ahead.as_bytes();
    match bytes.get(1)? {
        b'"' | b'\'' | b'\\' => Some(2),
        b'u' => bytes
            .get(2..6)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .map(|_| 6),
        _ => None,
    }
}

/// What may stand in a name, brackets included.
pub(super) fn is_path_character(c: char) -> bool {
    !matches!(
        c,
        '(' | ')'
            | '<'
            | '>'
            | '@'
            | ','
            | ';'
            | ':'
            | '\\'
            | '"'
            | '/'
            | '?'
            | '='
            | '{'
            | '}'
            | ' '
            | '\t'
            | '\n'
            | '\r'
    )
}

/// The whole run of name characters. Every shorter rule loses against it.
fn word(rest: &str) -> (Lexeme, usize) {
    let length = rest.find(|c| !is_path_character(c)).unwrap_or(rest.len());
    let word = &rest[..length];
    let is_path = word.contains(['[', ']']);
    let kind = match word.as_bytes() {
        [b'$', _, ..] => Lexeme::System,
        _ if is_path => Lexeme::StrayPath,
        _ => keyword(word).unwrap_or(Lexeme::Name),
    };
    (kind, length)
}

fn keyword(word: &str) -> Option<Lexeme> {
    const ANY_CASE: [(&str, Lexeme); 7] = [
        ("select", Lexeme::Select),
        ("from", Lexeme::From),
        ("where", Lexeme::Where),
        ("into", Lexeme::Into),
        ("and", Lexeme::And),
        ("or", Lexeme::Or),
        ("not", Lexeme::Not),
    ];
    let any_case = ANY_CASE
        .iter()
        .find(|(keyword, _)| keyword.eq_ignore_ascii_case(word))
        .map(|(_, lexeme)| *lexeme);
    any_case.or_else(|| number(word)).or(match word {
        "true" => Some(Lexeme::True),
        "false" => Some(Lexeme::False),
        "null" => Some(Lexeme::Null),
        "undefined" => Some(Lexeme::Undefined),
        "+" => Some(Lexeme::Plus),
        "-" => Some(Lexeme::Minus),
        "*" => Some(Lexeme::Star),
        "%" => Some(Lexeme::Percent),
        "||" => Some(Lexeme::Concat),
        _ => None,
    })
}

/// `-12`, `0x1F`, `.5`, `1.5e-3`, and, as the grammar has it, `e5`.
fn number(word: &str) -> Option<Lexeme> {
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    if hex.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        return Some(Lexeme::Hex);
    }
    let digits = word.strip_prefix('-').unwrap_or(word);
    if are_digits(digits) {
        return Some(Lexeme::Integer);
    }
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let exponent_fits = exponent
        .is_none_or(|exponent| are_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, part)) => (whole.is_empty() || are_digits(whole)) && are_digits(part),
        None => exponent.is_some() && (mantissa.is_empty() || are_digits(mantissa)),
    };
    (exponent_fits && mantissa_fits).then_some(Lexeme::Real)
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = tokens(text);
        let shown: Vec<String> = found
            .tokens
            .iter()
            .map(|token| format!("{:?}:{}", token.kind, &text[token.at.start..token.at.end]))
            .collect();
        assert_eq!(shown.join(" "), format!("{expected} End:").trim(), "{text}");
    }

    #[test]
    fn the_longest_match_wins_and_of_equals_the_earlier_rule() {
        check("a!=b", "Name:a! Equal:= Name:b");
        check("a != b", "Name:a NotEqual:!= Name:b");
        check("a-b -5 - 5", "Name:a-b Integer:-5 Minus:- Integer:5");
        check("fRoM from. FROM[", "From:fRoM Name:from. StrayPath:FROM[");
        check("true TRUE", "True:true Name:TRUE");
        check("x='y'", "Name:x Equal:= Text:'y'");
        check("'y'z 'a b'c", "Name:'y'z Text:'a b' Name:c");
        check("|| |||", "Concat:|| Name:|||");
        check("$ $a[0].b $[", "Name:$ System:$a[0].b System:$[");
    }

    #[test]
    fn numbers_are_what_the_grammar_calls_numbers() {
        check("0x1F 0xG 007 -.5", "Hex:0x1F Name:0xG Integer:007 Real:-.5");
        check("1e5 e5 -e5 1.e5", "Real:1e5 Real:e5 Real:-e5 Name:1.e5");
        check("1.5e+3 1..2 5.", "Real:1.5e+3 Name:1..2 Name:5.");
    }

    #[test]
    fn a_comment_needs_its_end() {
        check(
            "/messages/* x",
            "Slash:/ Name:messages Slash:/ Star:* Name:x",
        );
        check("/a/*/b/*/ x", "Slash:/ Name:a Name:x");
        check("/*/", "Slash:/ Star:* Slash:/");
        check("/**/", "");
    }

    #[test]
    fn texts_end_at_their_quotation_mark_or_are_unterminated() {
        check(r#""a\"b\u00e9" c"#, r#"Text:"a\"b\u00e9" Name:c"#);
        check(r"'a\q' b", r"UnterminatedText:'a Unknown:\ Name:q' Name:b");
        check("\"a", "UnterminatedText:\"a");
        check("'a\nb'", "Text:'a\nb'");
    }
}
