//! edgeHub's functions: their names, what they take and what they give (`query/builtins` in Azure/iotedge).

use super::check::Type;
use super::value::{Value, number_in};

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Exp,
    Power,
    Square,
    Ceiling,
    Floor,
    Sign,
    Sqrt,
    AsNumber,
    IsBool,
    IsDefined,
    IsNull,
    IsNumber,
    IsString,
    Concat,
    Length,
    Lower,
    Upper,
    Substring,
    IndexOf,
    StartsWith,
    EndsWith,
    Contains,
}

const NAMES: [(&str, Function); 23] = [
    ("abs", Function::Abs),
    ("exp", Function::Exp),
    ("power", Function::Power),
    ("square", Function::Square),
    ("ceiling", Function::Ceiling),
    ("floor", Function::Floor),
    ("sign", Function::Sign),
    ("sqrt", Function::Sqrt),
    ("as_number", Function::AsNumber),
    ("is_bool", Function::IsBool),
    ("is_defined", Function::IsDefined),
    ("is_null", Function::IsNull),
    ("is_number", Function::IsNumber),
    ("is_string", Function::IsString),
    ("concat", Function::Concat),
    ("length", Function::Length),
    ("lower", Function::Lower),
    ("upper", Function::Upper),
    ("substring", Function::Substring),
    ("index_of", Function::IndexOf),
    ("starts_with", Function::StartsWith),
    ("ends_with", Function::EndsWith),
    ("contains", Function::Contains),
];

/// The function of that name, in any case.
pub(super) fn named(name: &str) -> Option<Function> {
    let found = NAMES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, function)| *function)
}

/// Every name, for messages.
pub(super) fn names() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}

impl Function {
    /// What it takes, in words, where `given` does not fit; a body value fits everywhere.
    pub(super) fn misfit(self, given: &[Type]) -> Option<&'static str> {
        let are = |kinds: &[Type]| {
            kinds.len() == given.len()
                && kinds
                    .iter()
                    .zip(given)
                    .all(|(kind, given)| kind == given || *given == Type::Body)
        };
        let texts = |type_: &Type| matches!(type_, Type::Text | Type::Body);
        let (fits, wanted) = match self {
            Function::Abs
            | Function::Exp
            | Function::Square
            | Function::Ceiling
            | Function::Floor
            | Function::Sign
            | Function::Sqrt => (are(&[Type::Number]), "a number"),
            Function::Power => (are(&[Type::Number, Type::Number]), "two numbers"),
            Function::AsNumber => (
                are(&[Type::Text]) || are(&[Type::Number]),
                "a string or a number",
            ),
            Function::IsBool
            | Function::IsDefined
            | Function::IsNull
            | Function::IsNumber
            | Function::IsString => (given.len() == 1, "one value"),
            Function::Concat => (
                given.len() >= 2 && given.iter().all(texts),
                "two strings or more",
            ),
            Function::Length | Function::Lower | Function::Upper => {
                (are(&[Type::Text]), "a string")
            }
            Function::Substring => (
                are(&[Type::Text, Type::Number]) || are(&[Type::Text, Type::Number, Type::Number]),
                "a string, a number and perhaps a second number",
            ),
            Function::IndexOf | Function::StartsWith | Function::EndsWith | Function::Contains => {
                (are(&[Type::Text, Type::Text]), "two strings")
            }
        };
        (!fits).then_some(wanted)
    }

    /// The type of what it gives.
    pub(super) const fn gives(self) -> Type {
        match self {
            Function::Abs
            | Function::Exp
            | Function::Power
            | Function::Square
            | Function::Ceiling
            | Function::Floor
            | Function::Sign
            | Function::Sqrt
            | Function::AsNumber
            | Function::Length
            | Function::IndexOf => Type::Number,
            Function::Concat | Function::Lower | Function::Upper | Function::Substring => {
                Type::Text
            }
            Function::IsBool
            | Function::IsDefined
            | Function::IsNull
            | Function::IsNumber
            | Function::IsString
            | Function::StartsWith
            | Function::EndsWith
            | Function::Contains => Type::Bool,
        }
    }

    /// What it gives for `values`; `first` is the static type of the first.
    pub(super) fn call(self, first: Type, values: &[Value]) -> Value {
        let undefined = Value::Undefined;
        let one = values.first().unwrap_or(&undefined);
        let number = |calculate: fn(f64) -> f64| {
            one.as_number()
                .map_or(Value::Undefined, |given| Value::number(calculate(given)))
        };
        let text = |change: fn(&str) -> String| {
            one.as_text()
                .map_or(Value::Undefined, |given| Value::Text(change(given)))
        };
        match self {
            Function::Abs => number(f64::abs),
            Function::Exp => number(f64::exp),
            Function::Square => number(|given| given * given),
            Function::Ceiling => number(f64::ceil),
            Function::Floor => number(f64::floor),
            Function::Sign => number(|given| if given == 0.0 { 0.0 } else { given.signum() }),
            Function::Sqrt => number(f64::sqrt),
            Function::Power => match values {
                [base, exponent] => match (base.as_number(), exponent.as_number()) {
                    (Some(base), Some(exponent)) => Value::number(base.powf(exponent)),
                    (Some(_) | None, _) => Value::Undefined,
                },
                _ => Value::Undefined,
            },
            Function::AsNumber => match one.as_text() {
                Some(text) => number_in(text).map_or(Value::Undefined, Value::number),
                None => number(|given| given),
            },
            Function::IsBool => is_bool(first, one),
            Function::IsDefined => Value::Bool(*one != Value::Undefined),
            Function::IsNull => is_null(first, one),
            Function::IsNumber => Value::Bool(one.as_number().is_some_and(f64::is_finite)),
            Function::IsString => Value::Bool(one.as_text().is_some()),
            Function::Concat => concat(values),
            Function::Length => number_of_units(one),
            Function::Lower => text(|given| given.chars().map(lower).collect()),
            Function::Upper => text(|given| given.chars().map(upper).collect()),
            Function::Substring => substring(values).unwrap_or(Value::Undefined),
            Function::IndexOf | Function::StartsWith | Function::EndsWith | Function::Contains => {
                self.search(values)
            }
        }
    }

    /// The functions that look for one text in another.
    fn search(self, values: &[Value]) -> Value {
        let [text, part] = values else {
            return Value::Undefined;
        };
        let (Some(text), Some(part)) = (text.as_text(), part.as_text()) else {
            return Value::Undefined;
        };
        if self == Function::IndexOf {
            let before = text.find(part).map(|at| units(&text[..at]));
            return Value::Number(before.unwrap_or(-1.0));
        }
        Value::Bool(if self == Function::StartsWith {
            text.starts_with(part)
        } else if self == Function::EndsWith {
            text.ends_with(part)
        } else {
            text.contains(part)
        })
    }
}

fn is_bool(first: Type, value: &Value) -> Value {
    match (first, value) {
        (Type::Bool | Type::Body, Value::Undefined) => Value::Undefined,
        (_, value) => Value::Bool(value.as_truth().is_some()),
    }
}

/// edgeHub compares a body value with its own missing value by identity: every value that is there is "null", one that
/// is not there is not (`IsNull.cs`).
fn is_null(first: Type, value: &Value) -> Value {
    match first {
        Type::Body if *value == Value::Undefined => Value::Undefined,
        Type::Body => Value::Bool(*value != Value::Missing),
        Type::Text | Type::Number | Type::Bool | Type::Undefined | Type::Null | Type::Faulty => {
            Value::Bool(matches!(value, Value::NullText | Value::Null))
        }
    }
}

/// A property without a value adds nothing; anything that is no text makes the whole undefined.
fn concat(values: &[Value]) -> Value {
    let mut whole = String::new();
    for value in values {
        match value.as_text() {
            Some(text) => whole.push_str(text),
            None if *value == Value::NullText => {}
            None => return Value::Undefined,
        }
    }
    Value::Text(whole)
}

fn number_of_units(value: &Value) -> Value {
    value
        .as_text()
        .map_or(Value::Undefined, |text| Value::Number(units(text)))
}

/// UTF-16 units, which .NET counts.
fn units(text: &str) -> f64 {
    let units = u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX);
    f64::from(units)
}

fn substring(values: &[Value]) -> Option<Value> {
    let text = values.first()?.as_text()?;
    let start = values.get(1)?.as_number()?;
    let all = units(text);
    let length = match values.get(2) {
        Some(length) => length.as_number()?,
        None => all - start,
    };
    let starts_inside = match values.len() {
        2 => start <= all,
        _ => start < all,
    };
    if start < 0.0 || !starts_inside || length < 0.0 || length > all - start {
        return None;
    }
    let part: Vec<u16> = text
        .encode_utf16()
        .skip(whole(start))
        .take(if values.len() == 2 {
            usize::MAX
        } else {
            whole(length)
        })
        .collect();
    Some(Value::Text(String::from_utf16_lossy(&part)))
}

/// A number between zero and a text's length, cut to its whole part.
fn whole(number: f64) -> usize {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number was compared with zero and with a text's length"
    )]
    let whole = number as usize;
    whole
}

/// One character for one, as .NET's invariant culture maps.
pub(super) fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        (Some(_) | None, _) => c,
    }
}

fn lower(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        (Some(_) | None, _) => c,
    }
}
