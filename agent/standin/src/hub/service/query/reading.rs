//! From words to a query: one function for each level of the grammar.

use serde_json::Value;

use super::words::{Kind, Word, words};
use super::{Comparison, Condition, From, Path, Query, QueryError};

/// Deepest nesting of parentheses and NOT.
const DEPTH: usize = 64;

/// What a condition may be about: the first names of a path.
const ROOTS: [&str; 8] = [
    "deviceId",
    "moduleId",
    "tags",
    "properties",
    "configurations",
    "capabilities",
    "connectionState",
    "status",
];

struct Reader {
    words: Vec<Word>,
    next: usize,
    /// Place after the last word.
    end: usize,
    depth: usize,
}

pub(super) fn query(text: &str) -> Result<Query, QueryError> {
    let mut reader = Reader::new(text)?;
    reader.keyword("SELECT")?;
    reader.sign("*")?;
    reader.keyword("FROM")?;
    if !reader.takes_keyword("devices") {
        return Err(reader.wanted("`devices` or `devices.modules`"));
    }
    let mut from = From::Devices;
    if reader.takes_sign(".") {
        reader.keyword("modules")?;
        from = From::Modules;
    }
    let mut condition = None;
    if !reader.is_done() {
        reader.keyword("WHERE")?;
        condition = Some(reader.any()?);
    }
    reader.done()?;
    Ok(Query { from, condition })
}

pub(super) fn condition(text: &str) -> Result<Condition, QueryError> {
    let mut reader = Reader::new(text)?;
    let condition = reader.any()?;
    reader.done()?;
    Ok(condition)
}

impl Reader {
    fn new(text: &str) -> Result<Self, QueryError> {
        let (words, end) = words(text)?;
        Ok(Self {
            words,
            next: 0,
            end,
            depth: 0,
        })
    }

    fn any(&mut self) -> Result<Condition, QueryError> {
        let mut parts = vec![self.all()?];
        while self.takes_keyword("OR") {
            parts.push(self.all()?);
        }
        Ok(alone(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, QueryError> {
        let mut parts = vec![self.one()?];
        while self.takes_keyword("AND") {
            parts.push(self.one()?);
        }
        Ok(alone(parts, Condition::All))
    }

    fn one(&mut self) -> Result<Condition, QueryError> {
        if self.depth >= DEPTH {
            return Err(self.wanted(&format!("no nesting deeper than {DEPTH} levels")));
        }
        self.depth += 1;
        let one = self.inside();
        self.depth -= 1;
        one
    }

    fn inside(&mut self) -> Result<Condition, QueryError> {
        if self.takes_keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.takes_sign("(") {
            let inside = self.any()?;
            self.sign(")")?;
            return Ok(inside);
        }
        if self.takes_keyword("IS_DEFINED") {
            self.sign("(")?;
            let path = self.path()?;
            self.sign(")")?;
            return Ok(Condition::IsDefined(path));
        }
        if self.takes_keyword("STARTSWITH") {
            self.sign("(")?;
            let path = self.path()?;
            self.sign(",")?;
            let at = self.next;
            let Value::String(prefix) = self.value()? else {
                self.next = at;
                return Err(self.wanted("a text"));
            };
            self.sign(")")?;
            return Ok(Condition::StartsWith(path, prefix));
        }
        self.compared()
    }

    fn compared(&mut self) -> Result<Condition, QueryError> {
        let path = self.path()?;
        let is_not = self.takes_keyword("NOT");
        if is_not || self.is_keyword("IN") {
            self.keyword("IN")?;
            let one_of = Condition::In(path, self.values()?);
            return Ok(if is_not {
                Condition::Not(Box::new(one_of))
            } else {
                one_of
            });
        }
        let comparison = match self.peek() {
            Some(Kind::Sign("=")) => Comparison::Equal,
            Some(Kind::Sign("!=" | "<>")) => Comparison::NotEqual,
            Some(Kind::Sign("<")) => Comparison::Less,
            Some(Kind::Sign("<=")) => Comparison::LessOrEqual,
            Some(Kind::Sign(">")) => Comparison::Greater,
            Some(Kind::Sign(">=")) => Comparison::GreaterOrEqual,
            Some(_) | None => return Err(self.wanted("a comparison or IN")),
        };
        self.next += 1;
        Ok(Condition::Compare(path, comparison, self.value()?))
    }

    fn values(&mut self) -> Result<Vec<Value>, QueryError> {
        self.sign("[")?;
        let mut values = vec![self.value()?];
        while self.takes_sign(",") {
            values.push(self.value()?);
        }
        self.sign("]")?;
        Ok(values)
    }

    fn value(&mut self) -> Result<Value, QueryError> {
        let value = match self.peek() {
            Some(Kind::Literal(value)) => Some(value.clone()),
            Some(Kind::Name(name)) => match name.to_ascii_lowercase().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                "null" => Some(Value::Null),
                _ => None,
            },
            Some(Kind::Bracketed(_) | Kind::Sign(_)) | None => None,
        };
        let value = value.ok_or_else(|| self.wanted("a value"))?;
        self.next += 1;
        Ok(value)
    }

    fn path(&mut self) -> Result<Path, QueryError> {
        let root = match self.peek() {
            Some(Kind::Name(name)) if ROOTS.contains(&name.as_str()) => name.clone(),
            None => return Err(self.wanted("a condition")),
            Some(_) => {
                let roots = ROOTS.join(", ");
                return Err(self.wanted(&format!("a property ({roots}) or a condition")));
            }
        };
        self.next += 1;
        let mut path = vec![root];
        while self.takes_sign(".") {
            let is_half = path.len() == 1 && path[0] == "properties";
            let name = match self.peek() {
                Some(Kind::Name(name) | Kind::Bracketed(name)) => Some(name.clone()),
                Some(Kind::Literal(_) | Kind::Sign(_)) | None => None,
            };
            match name {
                Some(name) if !is_half || matches!(name.as_str(), "reported" | "desired") => {
                    path.push(name);
                }
                _ if is_half => return Err(self.wanted("`reported` or `desired`")),
                _ => return Err(self.wanted("a name")),
            }
            self.next += 1;
        }
        if path == ["properties"] {
            return Err(self.wanted("`.reported` or `.desired`"));
        }
        Ok(path)
    }

    fn peek(&self) -> Option<&Kind> {
        self.words.get(self.next).map(|word| &word.kind)
    }

    fn is_keyword(&self, wanted: &str) -> bool {
        matches!(self.peek(), Some(Kind::Name(name)) if name.eq_ignore_ascii_case(wanted))
    }

    fn takes_keyword(&mut self, wanted: &str) -> bool {
        let takes = self.is_keyword(wanted);
        self.next += usize::from(takes);
        takes
    }

    fn keyword(&mut self, wanted: &str) -> Result<(), QueryError> {
        let takes = self.takes_keyword(wanted);
        takes.then_some(()).ok_or_else(|| self.wanted(wanted))
    }

    fn takes_sign(&mut self, wanted: &str) -> bool {
        let takes = matches!(self.peek(), Some(Kind::Sign(sign)) if *sign == wanted);
        self.next += usize::from(takes);
        takes
    }

    fn sign(&mut self, wanted: &str) -> Result<(), QueryError> {
        let takes = self.takes_sign(wanted);
        takes
            .then_some(())
            .ok_or_else(|| self.wanted(&format!("`{wanted}`")))
    }

    fn is_done(&self) -> bool {
        self.next >= self.words.len()
    }

    fn done(&self) -> Result<(), QueryError> {
        let done = self.is_done();
        done.then_some(())
            .ok_or_else(|| self.wanted("AND, OR or the end"))
    }

    fn wanted(&self, wanted: &str) -> QueryError {
        QueryError {
            at: self.words.get(self.next).map_or(self.end, |word| word.at),
            wanted: wanted.to_owned(),
        }
    }
}

/// A list of one is that one.
fn alone(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    many(parts)
}
