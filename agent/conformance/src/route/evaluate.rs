//! Runs a compiled condition on a message.

use super::ast::Operator;
use super::body::{Message, Path, Properties, Seen, property};
use super::check::{Compiled, Matching, Type};
use super::functions::Function;
use super::value::{self, Value};

/// A condition whose types fit. No deeper than the text it was read from.
#[derive(Debug, Clone)]
pub(super) enum Code {
    Constant(Value),
    /// An application property.
    Property(String),
    /// A system property.
    System(String),
    /// An application property, else a system property.
    Either(String, String),
    /// An application property of that name if there is one, else what the body holds.
    Body(Option<String>, Path),
    /// A function, the static type of its first argument, its arguments.
    Call(Function, Type, Vec<Code>),
    Negate(Box<Code>),
    /// Whether the operand is a body value, and the operand.
    Not(bool, Box<Code>),
    Calculate(Operator, Sides),
    Compare(Operator, Sides),
    Concat(Sides),
    And(Sides),
    Or(Sides),
    Coalesce(Sides),
}

/// The two sides of an operator.
#[derive(Debug, Clone)]
pub(super) struct Sides {
    left: Box<Code>,
    right: Box<Code>,
    /// Whether either is a body value, so that both are treated as one.
    dynamic: bool,
}

impl Sides {
    pub(super) fn new(left: Code, right: Code, dynamic: bool) -> Sides {
        Sides {
            left: Box::new(left),
            right: Box::new(right),
            dynamic,
        }
    }
}

impl Compiled {
    /// What the route says of `message`.
    #[must_use]
    pub fn matches(&self, message: &Message) -> Matching {
        self.matches_seen(&Seen::new(message))
    }

    pub(super) fn matches_seen(&self, seen: &Seen<'_>) -> Matching {
        if !self.source.matches(&seen.message.source) {
            return Matching::OtherSource;
        }
        let Some(code) = &self.code else {
            return Matching::True;
        };
        match run(code, seen) {
            Value::Bool(true) => Matching::True,
            Value::Bool(false) => Matching::False,
            // A condition that is the constant null counts as false, a null in the body as undefined.
            Value::Null if self.kind == Type::Null => Matching::False,
            Value::Undefined
            | Value::Missing
            | Value::Null
            | Value::Number(_)
            | Value::Text(_)
            | Value::NullText => Matching::Undefined,
        }
    }
}

fn run(code: &Code, seen: &Seen<'_>) -> Value {
    let message = seen.message;
    match code {
        Code::Constant(value) => value.clone(),
        Code::Property(name) => text_of(&message.properties, name).unwrap_or(Value::Undefined),
        Code::System(name) => text_of(&message.system_properties, name).unwrap_or(Value::Undefined),
        Code::Either(name, system) => text_of(&message.properties, name)
            .or_else(|| text_of(&message.system_properties, system))
            .unwrap_or(Value::Undefined),
        Code::Body(name, path) => name
            .as_ref()
            .and_then(|name| text_of(&message.properties, name))
            .unwrap_or_else(|| seen.body(path)),
        Code::Call(function, first, arguments) => {
            let values: Vec<Value> = arguments.iter().map(|code| run(code, seen)).collect();
            function.call(*first, &values)
        }
        Code::Negate(operand) => run(operand, seen)
            .as_number()
            .map_or(Value::Undefined, |number| Value::Number(-number)),
        Code::Not(dynamic, operand) => value::not(*dynamic, &run(operand, seen)),
        Code::Calculate(operator, sides) => with(sides, seen, |left, right| {
            value::calculate(*operator, sides.dynamic, left, right)
        }),
        Code::Compare(operator, sides) => with(sides, seen, |left, right| {
            value::compare(*operator, sides.dynamic, left, right)
        }),
        Code::Concat(sides) => {
            let values = [run(&sides.left, seen), run(&sides.right, seen)];
            Function::Concat.call(Type::Text, &values)
        }
        Code::And(sides) => with(sides, seen, |left, right| {
            value::and(sides.dynamic, left, right)
        }),
        Code::Or(sides) => with(sides, seen, |left, right| {
            value::or(sides.dynamic, left, right)
        }),
        Code::Coalesce(sides) => {
            let left = run(&sides.left, seen);
            if left == Value::Undefined {
                run(&sides.right, seen)
            } else {
                left
            }
        }
    }
}

fn with(sides: &Sides, seen: &Seen<'_>, operate: impl Fn(&Value, &Value) -> Value) -> Value {
    operate(&run(&sides.left, seen), &run(&sides.right, seen))
}

/// A property's text; `None` if there is no such property.
fn text_of(properties: &Properties, name: &str) -> Option<Value> {
    property(properties, name).map(|value| match value {
        Some(text) => Value::Text(text.clone()),
        None => Value::NullText,
    })
}
