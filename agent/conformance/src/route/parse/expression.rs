//! Conditions: operators by how tightly they bind, all left-associative, and what stands between them.

use super::super::ast::{BINDING_OF_NOT, Expression, Kind, Literal, Operator};
use super::super::lexer::{Lexeme, Token};
use super::super::{DEEPEST, Fault, Span};
use super::Parser;

/// An expression and how many levels deep it is.
pub(super) type Measured = (Expression, usize);

impl Parser<'_> {
    /// An expression whose operators bind at least as tightly as `binding`, inside `open` parentheses, `level` levels down.
    pub(super) fn expression(
        &mut self,
        binding: u8,
        open: usize,
        level: usize,
    ) -> Result<Measured, Fault> {
        if level > DEEPEST {
            return Err(too_deep(self.peek().at));
        }
        let (mut left, mut depth) = self.primary(open, level)?;
        loop {
            let token = self.peek();
            let operator = operator(token.kind);
            let right_binding = match operator {
                Some(operator) if operator.binding() >= binding => operator.binding() + 1,
                None if token.kind == Lexeme::Unknown && binding <= 1 => 2,
                Some(_) | None => return Ok((left, depth)),
            };
            self.bump();
            let (right, right_depth) = self.expression(right_binding, open, level + 1)?;
            depth = depth.max(right_depth) + 1;
            if depth > DEEPEST {
                return Err(too_deep(token.at));
            }
            let kind = match operator {
                Some(operator) => Kind::Binary(operator, Box::new(left), Box::new(right)),
                None => self.invalid_symbol(token),
            };
            left = Expression { at: token.at, kind };
        }
    }

    fn invalid_symbol(&mut self, token: Token) -> Kind {
        let message = format!("`{}` means nothing here", self.slice(token.at));
        self.faults.push(Fault::new(token.at, message));
        Kind::Faulty
    }

    fn primary(&mut self, open: usize, level: usize) -> Result<Measured, Fault> {
        let token = self.peek();
        let at = token.at;
        let text = self.slice(at).to_owned();
        if token.kind == Lexeme::Open {
            return self.group(open, level);
        }
        if token.kind == Lexeme::Name && self.ahead(1).kind == Lexeme::Open {
            return self.call(open, level);
        }
        if token.kind == Lexeme::Minus {
            return self.prefixed(Kind::Negate, BINDING_OF_NOT + 1, open, level);
        }
        if token.kind == Lexeme::Not {
            return self.prefixed(Kind::Not, BINDING_OF_NOT, open, level);
        }
        if token.kind == Lexeme::OpenBrace {
            return self.escaped();
        }
        if token.kind == Lexeme::Unknown {
            return self.symbol(open, level);
        }
        let Some(kind) = leaf(token.kind, text) else {
            return Err(self.unexpected("an expression"));
        };
        if token.kind == Lexeme::UnterminatedText {
            let message = "the text's quotation mark is never closed";
            self.faults.push(Fault::new(at, message));
        }
        self.bump();
        Ok((Expression { at, kind }, 1))
    }

    /// A symbol that no rule knows, and the expression after it if there is one.
    fn symbol(&mut self, open: usize, level: usize) -> Result<Measured, Fault> {
        let token = self.bump();
        let kind = self.invalid_symbol(token);
        if starts_an_expression(self.peek().kind) {
            self.expression(1, open, level + 1)?;
        }
        Ok((Expression { at: token.at, kind }, 1))
    }

    /// `( a )`; without its end it is a fault of the compiler's alone.
    fn group(&mut self, open: usize, level: usize) -> Result<Measured, Fault> {
        let paren = self.bump();
        let inner = self.expression(1, open + 1, level + 1)?;
        if self.take(Lexeme::Close).is_none() {
            let message = "this parenthesis is never closed";
            self.faults.push(Fault::new(paren.at, message));
        } else {
            self.superfluous_parenthesis(open);
        }
        Ok(inner)
    }

    fn superfluous_parenthesis(&mut self, open: usize) {
        if open == 0 && self.peek().kind == Lexeme::Close {
            let paren = self.bump();
            let message = "this parenthesis closes nothing";
            self.faults.push(Fault::new(paren.at, message));
        }
    }

    fn call(&mut self, open: usize, level: usize) -> Result<Measured, Fault> {
        let name = self.bump();
        self.bump();
        let mut arguments = Vec::new();
        let mut depth = 1;
        if self.take(Lexeme::Close).is_none() {
            loop {
                let (argument, its_depth) = self.expression(1, open + 1, level + 1)?;
                depth = depth.max(its_depth + 1);
                arguments.push(argument);
                if self.take(Lexeme::Comma).is_none() {
                    break;
                }
            }
            self.expect(Lexeme::Close, "an operator, `,` or `)`")?;
        }
        self.superfluous_parenthesis(open);
        let kind = Kind::Call(self.slice(name.at).to_owned(), arguments);
        Ok((Expression { at: name.at, kind }, depth))
    }

    fn prefixed(
        &mut self,
        kind: fn(Box<Expression>) -> Kind,
        binding: u8,
        open: usize,
        level: usize,
    ) -> Result<Measured, Fault> {
        let at = self.bump().at;
        let (operand, depth) = self.expression(binding, open, level + 1)?;
        let kind = kind(Box::new(operand));
        Ok((Expression { at, kind }, depth + 1))
    }

    fn escaped(&mut self) -> Result<Measured, Fault> {
        self.bump();
        let name = self.expect(Lexeme::System, "a system property, such as $contentType")?;
        self.expect(Lexeme::CloseBrace, "`}`")?;
        let kind = Kind::Escaped(self.slice(name.at).to_owned());
        Ok((Expression { at: name.at, kind }, 1))
    }
}

fn too_deep(at: Span) -> Fault {
    let message = format!("the condition is more than {DEEPEST} levels deep");
    Fault::new(at, message)
}

fn starts_an_expression(kind: Lexeme) -> bool {
    const STRUCTURE: [Lexeme; 5] = [
        Lexeme::Open,
        Lexeme::OpenBrace,
        Lexeme::Minus,
        Lexeme::Not,
        Lexeme::Unknown,
    ];
    STRUCTURE.contains(&kind) || leaf(kind, String::new()).is_some()
}

/// What a token alone says; `None` if it says nothing alone.
fn leaf(kind: Lexeme, text: String) -> Option<Kind> {
    let plain = [
        (Lexeme::True, Literal::Bool(true)),
        (Lexeme::False, Literal::Bool(false)),
        (Lexeme::Null, Literal::Null),
        (Lexeme::Undefined, Literal::Undefined),
    ];
    if let Some((_, literal)) = plain.into_iter().find(|(lexeme, _)| *lexeme == kind) {
        return Some(Kind::Literal(literal));
    }
    if matches!(kind, Lexeme::Integer | Lexeme::Real) {
        return Some(Kind::Literal(Literal::Number(text)));
    }
    let written = [
        (Lexeme::Name, Kind::Property(text.clone())),
        (Lexeme::System, Kind::System(text.clone())),
        (Lexeme::Text, Kind::Literal(Literal::Text(text.clone()))),
        (Lexeme::Hex, Kind::Literal(Literal::Hex(text))),
        (Lexeme::UnterminatedText, Kind::Faulty),
    ];
    let found = written.into_iter().find(|(lexeme, _)| *lexeme == kind);
    found.map(|(_, kind)| kind)
}

fn operator(kind: Lexeme) -> Option<Operator> {
    const OPERATORS: [(Lexeme, Operator); 15] = [
        (Lexeme::Star, Operator::Multiply),
        (Lexeme::Slash, Operator::Divide),
        (Lexeme::Percent, Operator::Remainder),
        (Lexeme::Plus, Operator::Add),
        (Lexeme::Minus, Operator::Subtract),
        (Lexeme::Concat, Operator::Concat),
        (Lexeme::Less, Operator::Less),
        (Lexeme::LessEqual, Operator::LessEqual),
        (Lexeme::Greater, Operator::Greater),
        (Lexeme::GreaterEqual, Operator::GreaterEqual),
        (Lexeme::Equal, Operator::Equal),
        (Lexeme::NotEqual, Operator::NotEqual),
        (Lexeme::And, Operator::And),
        (Lexeme::Or, Operator::Or),
        (Lexeme::Coalesce, Operator::Coalesce),
    ];
    let found = OPERATORS.iter().find(|(lexeme, _)| *lexeme == kind);
    found.map(|(_, operator)| *operator)
}
