//! Values of a condition while it runs, and what edgeHub's operators make of them.
//!
//! edgeHub has two ways to work: statically typed, and on body values, whose type shows only in the message
//! (`QueryValue.cs`). They differ where a value is missing, and the names here say which is meant.

use std::cmp::Ordering;

use super::ast::Operator;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Undefined; a static number that is not a number is undefined as well.
    Undefined,
    /// A body member that is not there. edgeHub takes it for a null of its own kind.
    Missing,
    /// Null.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number. Arithmetic on body values may leave one that is not a number.
    Number(f64),
    /// A text.
    Text(String),
    /// A property that has a name and no value.
    NullText,
}

impl Value {
    /// A static number.
    pub(super) fn number(number: f64) -> Value {
        if number.is_nan() {
            Value::Undefined
        } else {
            Value::Number(number)
        }
    }

    /// A static truth value that may be undefined.
    pub(super) fn truth(truth: Option<bool>) -> Value {
        truth.map_or(Value::Undefined, Value::Bool)
    }

    /// True or false; everything else is undefined.
    pub(super) fn as_truth(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            Value::Undefined
            | Value::Missing
            | Value::Null
            | Value::Number(_)
            | Value::Text(_)
            | Value::NullText => None,
        }
    }

    /// The number, if it is one and defined.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(number) if !number.is_nan() => Some(*number),
            Value::Number(_)
            | Value::Undefined
            | Value::Missing
            | Value::Null
            | Value::Bool(_)
            | Value::Text(_)
            | Value::NullText => None,
        }
    }

    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Undefined
            | Value::Missing
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::NullText => None,
        }
    }

    /// Where its kind stands among body values: edgeHub orders values of different kinds by their kinds.
    const fn rank(&self) -> u8 {
        match self {
            Value::Undefined => 0,
            Value::Bool(_) => 1,
            Value::Number(_) => 2,
            Value::Text(_) | Value::NullText => 3,
            Value::Missing | Value::Null => 4,
        }
    }
}

/// How two values compare; `None` if either is undefined.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    if left.rank() == 0 || right.rank() == 0 {
        return None;
    }
    Some(match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => order_numbers(*left, *right),
        (Value::Text(left), Value::Text(right)) => left.encode_utf16().cmp(right.encode_utf16()),
        (Value::NullText, Value::Text(_)) => Ordering::Less,
        (Value::Text(_), Value::NullText) => Ordering::Greater,
        (left, right) => left.rank().cmp(&right.rank()),
    })
}

/// As .NET's `Double.CompareTo`: what is not a number comes first.
fn order_numbers(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right)
        .unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

/// `=`, `<` and their like. A static comparison with a property that has no value is undefined.
pub(super) fn compare(operator: Operator, dynamic: bool, left: &Value, right: &Value) -> Value {
    if !dynamic && (*left == Value::NullText || *right == Value::NullText) {
        return Value::Undefined;
    }
    let Some(order) = order(left, right) else {
        return Value::Undefined;
    };
    Value::Bool(match operator {
        Operator::Less => order.is_lt(),
        Operator::LessEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterEqual => order.is_ge(),
        Operator::NotEqual => order.is_ne(),
        Operator::Equal
        | Operator::Multiply
        | Operator::Divide
        | Operator::Remainder
        | Operator::Add
        | Operator::Subtract
        | Operator::Concat
        | Operator::And
        | Operator::Or
        | Operator::Coalesce => order.is_eq(),
    })
}

/// `+ - * / %`. Division by zero is infinite; without two numbers the result is undefined.
pub(super) fn calculate(operator: Operator, dynamic: bool, left: &Value, right: &Value) -> Value {
    let (Value::Number(left), Value::Number(right)) = (left, right) else {
        return Value::Undefined;
    };
    let result = match operator {
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Remainder => left % right,
        Operator::Add => left + right,
        Operator::Subtract
        | Operator::Concat
        | Operator::Less
        | Operator::LessEqual
        | Operator::Greater
        | Operator::GreaterEqual
        | Operator::Equal
        | Operator::NotEqual
        | Operator::And
        | Operator::Or
        | Operator::Coalesce => left - right,
    };
    if dynamic {
        Value::Number(result)
    } else {
        Value::number(result)
    }
}

/// AND. Static: false wins over undefined, and null makes null. Body values: undefined unless both are truth values.
pub(super) fn and(dynamic: bool, left: &Value, right: &Value) -> Value {
    if *left == Value::Null || *right == Value::Null {
        return if dynamic {
            Value::Undefined
        } else {
            Value::Null
        };
    }
    match (left.as_truth(), right.as_truth()) {
        (Some(left), Some(right)) => Value::Bool(left && right),
        (Some(false), None) | (None, Some(false)) if !dynamic => Value::Bool(false),
        (Some(_) | None, _) => Value::Undefined,
    }
}

/// OR. Static: true wins over undefined, and null gives way. Body values: undefined unless both are truth values.
pub(super) fn or(dynamic: bool, left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Null, other) | (other, Value::Null) if !dynamic => return other.clone(),
        _ => {}
    }
    match (left.as_truth(), right.as_truth()) {
        (Some(left), Some(right)) => Value::Bool(left || right),
        (Some(true), None) | (None, Some(true)) if !dynamic => Value::Bool(true),
        (Some(_) | None, _) => Value::Undefined,
    }
}

/// NOT; a static null becomes true.
pub(super) fn not(dynamic: bool, operand: &Value) -> Value {
    if *operand == Value::Null && !dynamic {
        return Value::Bool(true);
    }
    Value::truth(operand.as_truth().map(|truth| !truth))
}

/// The number that a text holds, as .NET's `Double.TryParse` reads it with any style in the invariant culture.
pub(super) fn number_in(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| matches!(c, '\t'..='\r' | ' '));
    let signed = |text: &str, sign: &str| text.eq_ignore_ascii_case(&format!("{sign}infinity"));
    if signed(text, "") || signed(text, "+") {
        return Some(f64::INFINITY);
    }
    if signed(text, "-") {
        return Some(f64::NEG_INFINITY);
    }
    let inner = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    let (negative, text) = match inner {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let sign = |c: char| matches!(c, '+' | '-');
    let leading = text.chars().next().filter(|c| sign(*c));
    let text = text.strip_prefix(sign).unwrap_or(text);
    let trailing = text
        .chars()
        .next_back()
        .filter(|c| leading.is_none() && sign(*c));
    let text = match trailing {
        Some(_) => text.strip_suffix(sign).unwrap_or(text),
        None => text,
    };
    if inner.is_some() && (leading.is_some() || trailing.is_some()) {
        return None;
    }
    let negative = negative || leading == Some('-') || trailing == Some('-');
    let number: f64 = plain_number(text.trim_matches(' '))?.parse().ok()?;
    Some(if negative { -number } else { number })
}

/// Digits, commas between them, a point, an exponent; returned without the commas.
fn plain_number(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let grouped = whole.replace(',', "");
    let fits = digits(&grouped)
        && digits(part)
        && !(grouped.is_empty() && part.is_empty())
        && !whole.starts_with(',');
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    (fits && exponent_fits).then(|| {
        let exponent = exponent.unwrap_or("0");
        format!("{grouped}.{part}e{exponent}")
    })
}
