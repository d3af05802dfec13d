//! Writes a route so that reading it again gives the same route.

use std::fmt;

use super::ast::{BINDING_OF_NOT, Expression, Kind, Literal, Operator, Route, Sink};

/// What binds as tightly as it can and never needs parentheses.
const PRIMARY: u8 = BINDING_OF_NOT + 2;

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = String::new();
        if let Some(condition) = &self.condition {
            rest.push_str(&format!(" WHERE {condition}"));
        }
        rest.push_str(&format!(" INTO {}", self.sink));
        // A `*/` further on would make a comment of a `/*` in the path; a blank between the two keeps them apart.
        if rest.contains("*/") || self.source.contains("*/") {
            write!(f, "FROM {}{rest}", self.source.replace('/', "/ "))
        } else {
            write!(f, "FROM {}{rest}", self.source)
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sink::Upstream => f.write_str("$upstream"),
            Sink::Module { quoted, .. } => write!(f, "BrokeredEndpoint({quoted})"),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self, 0, f)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(value) => write!(f, "{value}"),
            Literal::Null => f.write_str("null"),
            Literal::Undefined => f.write_str("undefined"),
            Literal::Text(text) | Literal::Number(text) | Literal::Hex(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sign())
    }
}

const fn binding(expression: &Expression) -> u8 {
    match &expression.kind {
        Kind::Binary(operator, _, _) => operator.binding(),
        Kind::Not(_) => BINDING_OF_NOT,
        Kind::Negate(_) => BINDING_OF_NOT + 1,
        Kind::Literal(_)
        | Kind::Property(_)
        | Kind::System(_)
        | Kind::Escaped(_)
        | Kind::Call(_, _)
        | Kind::Faulty => PRIMARY,
    }
}

/// Writes with parentheses if it binds less tightly than `wanted`.
fn write(expression: &Expression, wanted: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if binding(expression) < wanted {
        f.write_str("(")?;
        write(expression, 0, f)?;
        return f.write_str(")");
    }
    match &expression.kind {
        Kind::Literal(literal) => write!(f, "{literal}"),
        Kind::Property(name) | Kind::System(name) => f.write_str(name),
        Kind::Escaped(name) => write!(f, "{{{name}}}"),
        Kind::Call(name, arguments) => {
            write!(f, "{name}(")?;
            for (index, argument) in arguments.iter().enumerate() {
                if index > 0 {
                    f.write_str(", ")?;
                }
                write(argument, 0, f)?;
            }
            f.write_str(")")
        }
        Kind::Negate(operand) => {
            f.write_str("- ")?;
            write(operand, BINDING_OF_NOT, f)
        }
        Kind::Not(operand) => {
            f.write_str("NOT ")?;
            write(operand, BINDING_OF_NOT, f)
        }
        Kind::Binary(operator, left, right) => {
            write(left, operator.binding(), f)?;
            write!(f, " {operator} ")?;
            write(right, operator.binding() + 1, f)
        }
        Kind::Faulty => f.write_str("@"),
    }
}
