//! What a constant's text stands for.

use super::Type;
use crate::route::ast::Literal;
use crate::route::value::Value;

/// Value and type; a number that .NET cannot read is undefined.
pub(super) fn value(literal: &Literal) -> (Value, Type) {
    match literal {
        Literal::Bool(truth) => (Value::Bool(*truth), Type::Bool),
        Literal::Null => (Value::Null, Type::Null),
        Literal::Undefined => (Value::Undefined, Type::Undefined),
        Literal::Text(quoted) => (Value::Text(unescaped(quoted)), Type::Text),
        Literal::Number(text) => number(text.parse().ok()),
        Literal::Hex(text) => number(hex(text.get(2..).unwrap_or_default())),
    }
}

fn number(number: Option<f64>) -> (Value, Type) {
    match number {
        Some(number) => (Value::Number(number), Type::Number),
        None => (Value::Undefined, Type::Undefined),
    }
}

/// Up to sixteen digits, the highest bit being the sign.
fn hex(digits: &str) -> Option<f64> {
    let number = u64::from_str_radix(digits, 16).ok()?.cast_signed();
    // Splitting keeps the conversion exact where it can be and rounded once where it cannot.
    let (high, low) = (number >> 32, number & 0xFFFF_FFFF);
    let high = i32::try_from(high).ok()?;
    let low = u32::try_from(low).ok()?;
    Some(f64::from(high) * 4_294_967_296.0 + f64::from(low))
}

/// The text between the quotation marks. edgeHub decodes `\uXXXX` everywhere first, and the other escapes after it.
fn unescaped(quoted: &str) -> String {
    let inside = quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or_default();
    if !inside.contains('\\') {
        return inside.to_owned();
    }
    let mut units: Vec<u16> = Vec::new();
    let mut rest = inside;
    while let Some(c) = rest.chars().next() {
        let unit = rest
            .strip_prefix("\\u")
            .or_else(|| rest.strip_prefix("\\U"))
            .and_then(|digits| digits.get(..4))
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u16::from_str_radix(digits, 16).ok());
        match unit {
            Some(unit) => {
                units.push(unit);
                rest = &rest[6..];
            }
            None => {
                units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    let decoded = String::from_utf16_lossy(&units);
    let mut text = String::with_capacity(decoded.len());
    let mut characters = decoded.chars().peekable();
    while let Some(c) = characters.next() {
        let escaped = characters
            .peek()
            .copied()
            .filter(|next| c == '\\' && matches!(next, '"' | '\'' | '\\'));
        match escaped {
            Some(next) => {
                text.push(next);
                characters.next();
            }
            None => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_in_edge_hubs_two_steps() {
        for (quoted, text) in [
            (r#""a\"b""#, "a\"b"),
            (r"'it\'s \\ fine'", r"it's \ fine"),
            (r"'Tch\u00FCss'", "Tchüss"),
            (r"'\ud83d\ude00'", "😀"),
            // The first step finds \u0041 behind an escaped backslash too.
            (r"'\\u0041'", r"\A"),
        ] {
            assert_eq!(unescaped(quoted), text, "{quoted}");
        }
    }

    #[test]
    fn numbers_are_doubles_and_some_are_undefined() {
        for (literal, expected) in [
            (Literal::Number("0100".to_owned()), Some(100.0)),
            (Literal::Number("-.5e1".to_owned()), Some(-5.0)),
            (Literal::Number("1e999".to_owned()), Some(f64::INFINITY)),
            (Literal::Number("e5".to_owned()), None),
            (Literal::Hex("0xDeadBeef".to_owned()), Some(3_735_928_559.0)),
            (Literal::Hex("0xFFFFFFFFFFFFFFFF".to_owned()), Some(-1.0)),
            (Literal::Hex("0x10000000000000000".to_owned()), None),
        ] {
            let seen = value(&literal).0.as_number();
            assert_eq!(seen, expected, "{literal:?}");
        }
    }
}
