//! Checks the types of a condition as edgeHub's compiler does (`ConditionVisitor.cs`), and compiles it.
//!
//! A mistake here never shows in the hub's status: it keeps its old routes and takes no change any more.

use super::ast::{Expression, Kind, Literal, Operator, Route};
use super::body::Path;
use super::endpoints::Source;
use super::evaluate::{Code, Sides};
use super::functions;
use super::parse::Reading;
use super::value::Value;
use super::{Fault, Span};

mod literals;

/// The static type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// Properties and quoted texts.
    Text,
    /// Numbers, all of them doubles.
    Number,
    /// Truth values.
    Bool,
    /// What is never defined.
    Undefined,
    /// `null`.
    Null,
    /// A value of the body, whose type shows in the message.
    Body,
    /// Something already found to be wrong: nothing more is said about it.
    Faulty,
}

impl Type {
    /// In edgeHub's words.
    const fn word(self) -> &'static str {
        match self {
            Type::Text => "string",
            Type::Number => "number",
            Type::Bool => "bool",
            Type::Undefined => "undefined",
            Type::Null => "null",
            Type::Body => "body value",
            Type::Faulty => "mistake",
        }
    }

    /// Whether `given` may stand where this type is wanted: the same, or a body value on one side of a type that
    /// bodies have.
    fn takes(self, given: Type) -> bool {
        let in_bodies =
            |type_: Type| matches!(type_, Type::Text | Type::Number | Type::Bool | Type::Null);
        self == given
            || (given == Type::Body && in_bodies(self))
            || (self == Type::Body && in_bodies(given))
    }
}

/// A route whose types fit.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The route.
    pub route: Route,
    /// Which messages it looks at.
    pub source: Source,
    pub(super) code: Option<Code>,
    pub(super) kind: Type,
}

/// What a route says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// The message comes from elsewhere.
    OtherSource,
    /// The condition is false.
    False,
    /// The condition is undefined, which counts as no match.
    Undefined,
    /// The message goes to the route's sink.
    True,
}

impl Reading {
    /// Compiles the route.
    ///
    /// # Errors
    /// Every mistake for which edgeHub would refuse to compile it, in the order of the text.
    pub fn compile(&self) -> Result<Compiled, Vec<Fault>> {
        let mut checker = Checker {
            faults: self.faults.clone(),
        };
        let (code, kind) = match &self.route.condition {
            Some(condition) => {
                let (code, kind) = checker.check(condition);
                (Some(code), kind)
            }
            None => (None, Type::Bool),
        };
        if !checker.faults.is_empty() {
            checker.faults.sort_by_key(|fault| fault.at.start);
            return Err(checker.faults);
        }
        Ok(Compiled {
            source: Source::of(&self.route.source),
            route: self.route.clone(),
            code,
            kind,
        })
    }
}

#[derive(Debug)]
struct Checker {
    faults: Vec<Fault>,
}

type Checked = (Code, Type);

/// What stands for an expression that is wrong; it never runs.
const WRONG: Checked = (Code::Constant(Value::Undefined), Type::Faulty);

impl Checker {
    fn wrong(&mut self, at: Span, message: impl Into<String>) -> Checked {
        self.faults.push(Fault::new(at, message));
        WRONG
    }

    fn check(&mut self, expression: &Expression) -> Checked {
        let at = expression.at;
        match &expression.kind {
            Kind::Literal(literal) => literal_value(literal),
            Kind::Property(name) => (Code::Property(name.clone()), Type::Text),
            Kind::System(name) => self.system(at, name),
            Kind::Escaped(name) => self.escaped(at, name),
            Kind::Call(name, arguments) => self.call(at, name, arguments),
            Kind::Negate(operand) => self.negate(at, operand),
            Kind::Not(operand) => self.not(at, operand),
            Kind::Binary(operator, left, right) => {
                let left = self.check(left);
                let right = self.check(right);
                self.binary(at, *operator, left, right)
            }
            Kind::Faulty => WRONG,
        }
    }

    /// `$name`: an application property of that whole name comes first.
    fn system(&mut self, at: Span, name: &str) -> Checked {
        let has_brackets = name.contains(['[', ']']);
        if let Some(query) = body_query(name) {
            return match Path::read(query) {
                Ok(path) if has_brackets => (Code::Body(None, path), Type::Body),
                Ok(path) => (Code::Body(Some(name.to_owned()), path), Type::Body),
                Err(message) => self.wrong(at, message),
            };
        }
        if has_brackets {
            return (Code::Constant(Value::Undefined), Type::Undefined);
        }
        let system = name.strip_prefix('$').unwrap_or(name).to_owned();
        (Code::Either(name.to_owned(), system), Type::Text)
    }

    fn escaped(&mut self, at: Span, name: &str) -> Checked {
        if let Some(query) = body_query(name) {
            return match Path::read(query) {
                Ok(path) => (Code::Body(None, path), Type::Body),
                Err(message) => self.wrong(at, message),
            };
        }
        if name.contains(['[', ']']) {
            return (Code::Constant(Value::Undefined), Type::Undefined);
        }
        let system = name.strip_prefix('$').unwrap_or(name).to_owned();
        (Code::System(system), Type::Text)
    }

    fn call(&mut self, at: Span, name: &str, arguments: &[Expression]) -> Checked {
        let Some(function) = functions::named(name) else {
            let why = match name.eq_ignore_ascii_case("twin_change_includes") {
                true => "works in the cloud alone".to_owned(),
                false => format!("is no function; there are {}", functions::names()),
            };
            return self.wrong(at, format!("{name} {why}"));
        };
        let (values, types): (Vec<Code>, Vec<Type>) = arguments
            .iter()
            .map(|argument| self.check(argument))
            .unzip();
        if types.contains(&Type::Faulty) {
            return WRONG;
        }
        if let Some(wanted) = function.misfit(&types) {
            let given: Vec<&str> = types.iter().map(|type_| type_.word()).collect();
            let given = given.join(", ");
            return self.wrong(at, format!("{name} takes {wanted}, not ({given})"));
        }
        let first = types.first().copied().unwrap_or(Type::Undefined);
        (Code::Call(function, first, values), function.gives())
    }

    fn negate(&mut self, at: Span, operand: &Expression) -> Checked {
        let (code, type_) = self.check(operand);
        match type_ {
            Type::Faulty => WRONG,
            Type::Number => (Code::Negate(Box::new(code)), Type::Number),
            Type::Body => self.wrong(at, "`-` cannot stand before a body value; write 0 - …"),
            Type::Text | Type::Bool | Type::Undefined | Type::Null => {
                let message = format!("`-` takes a number, not {}", type_.word());
                self.wrong(at, message)
            }
        }
    }

    fn not(&mut self, at: Span, operand: &Expression) -> Checked {
        let (code, type_) = self.check(operand);
        match type_ {
            Type::Faulty => WRONG,
            Type::Bool | Type::Null | Type::Body => {
                let dynamic = type_ == Type::Body;
                (Code::Not(dynamic, Box::new(code)), Type::Bool)
            }
            Type::Text | Type::Number | Type::Undefined => {
                let message = format!(
                    "NOT takes a bool, not {}; it binds tighter than a comparison: write NOT (a = b)",
                    type_.word()
                );
                self.wrong(at, message)
            }
        }
    }

    fn binary(&mut self, at: Span, operator: Operator, left: Checked, right: Checked) -> Checked {
        let types = (left.1, right.1);
        if types.0 == Type::Faulty || types.1 == Type::Faulty {
            return WRONG;
        }
        let dynamic = types.0 == Type::Body || types.1 == Type::Body;
        let both = |type_: Type| type_.takes(types.0) && type_.takes(types.1);
        let mixed = |type_: Type| if dynamic { Type::Body } else { type_ };
        let sides = Sides::new(left.0, right.0, dynamic);
        match operator {
            Operator::Remainder if dynamic && both(Type::Number) => {
                self.wrong(at, "edgeHub cannot take the remainder of a body value")
            }
            Operator::Multiply
            | Operator::Divide
            | Operator::Remainder
            | Operator::Add
            | Operator::Subtract => match both(Type::Number) {
                true => (Code::Calculate(operator, sides), mixed(Type::Number)),
                false => self.misfit(at, operator, types, "two numbers"),
            },
            Operator::Concat => match both(Type::Text) {
                true => (Code::Concat(sides), Type::Text),
                false => self.misfit(at, operator, types, "two strings"),
            },
            Operator::Less
            | Operator::LessEqual
            | Operator::Greater
            | Operator::GreaterEqual
            | Operator::Equal
            | Operator::NotEqual => match types.0.takes(types.1) {
                true => (Code::Compare(operator, sides), Type::Bool),
                false => self.misfit(at, operator, types, "two of one type"),
            },
            Operator::Coalesce => match types.0.takes(types.1) {
                true => (Code::Coalesce(sides), mixed(types.0)),
                false => self.misfit(at, operator, types, "two of one type"),
            },
            Operator::And | Operator::Or => self.logical(at, operator, types, sides),
        }
    }

    /// AND and OR. edgeHub lets a body value stand on the left alone.
    fn logical(
        &mut self,
        at: Span,
        operator: Operator,
        types: (Type, Type),
        sides: Sides,
    ) -> Checked {
        let logical = |type_: Type| matches!(type_, Type::Bool | Type::Undefined | Type::Null);
        let fits = match types {
            (Type::Body, Type::Null) => operator == Operator::Or,
            (Type::Body, _) => true,
            (Type::Null, Type::Undefined) | (Type::Undefined, Type::Null) => false,
            (left, right) => logical(left) && logical(right),
        };
        if !fits {
            let wanted = if types.1 == Type::Body {
                "two bools; a body value stands on its left alone: compare it, such as $body.flag = true"
            } else {
                "two bools"
            };
            return self.misfit(at, operator, types, wanted);
        }
        let nulls = [types.0, types.1].map(|type_| type_ == Type::Null);
        if operator == Operator::And {
            let type_ = if nulls.contains(&true) {
                Type::Null
            } else {
                Type::Bool
            };
            return (Code::And(sides), type_);
        }
        let type_ = if nulls == [true, true] {
            Type::Null
        } else {
            Type::Bool
        };
        (Code::Or(sides), type_)
    }

    fn misfit(
        &mut self,
        at: Span,
        operator: Operator,
        types: (Type, Type),
        wanted: &str,
    ) -> Checked {
        let words = (types.0.word(), types.1.word());
        let mut message = format!(
            "`{operator}` takes {wanted}, not {} and {}",
            words.0, words.1
        );
        if matches!(
            types,
            (Type::Text, Type::Number) | (Type::Number, Type::Text)
        ) {
            message.push_str("; a property is a string: write as_number(name), or $body.name");
        }
        self.wrong(at, message)
    }
}

/// What follows `$body.`, in any case.
pub(super) fn body_query(name: &str) -> Option<&str> {
    const PREFIX: &str = "$body.";
    let (prefix, query) = name.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(query)
}

fn literal_value(literal: &Literal) -> Checked {
    let (value, type_) = literals::value(literal);
    (Code::Constant(value), type_)
}
