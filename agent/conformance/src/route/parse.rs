//! Reads a route as edgeHub's parser does (`Route.g4`, `Condition.g4`, `EndpointFactory.cs`).
//!
//! edgeHub's grammar lets a few mistakes pass on purpose, so that its compiler can name them: a symbol that no rule
//! knows, a missing and a superfluous parenthesis. They are [`Reading::faults`].

use super::ast::{Route, Sink};
use super::lexer::{Lexeme, Token, tokens};
use super::{Fault, LONGEST, Span};

mod expression;

/// What was read of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The route.
    pub route: Route,
    /// Mistakes that edgeHub notices only when it compiles the route.
    pub faults: Vec<Fault>,
    /// Comments, which vanish: a path with two stars in it may lose its middle.
    pub comments: Vec<Span>,
    /// Text after the sink, which edgeHub passes over.
    pub trailing: Option<Span>,
}

/// Reads one route.
///
/// # Errors
/// The first mistake that makes edgeHub refuse the route, and its whole configuration with it.
pub fn read(text: &str) -> Result<Reading, Fault> {
    if text.len() > LONGEST {
        let message = format!("{} bytes are more than a module twin may hold", text.len());
        return Err(Fault::new(Span::default(), message));
    }
    if text.trim().is_empty() {
        return Err(Fault::new(Span::default(), "the route is empty"));
    }
    let found = tokens(text);
    let mut parser = Parser {
        text,
        tokens: &found.tokens,
        next: 0,
        faults: Vec::new(),
    };
    let route = parser.route()?;
    let rest = parser.peek();
    let trailing = (rest.kind != Lexeme::End).then(|| Span {
        start: rest.at.start,
        end: text.trim_end().len(),
    });
    Ok(Reading {
        route,
        faults: parser.faults,
        comments: found.comments,
        trailing,
    })
}

#[derive(Debug)]
struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    next: usize,
    faults: Vec<Fault>,
}

impl Parser<'_> {
    /// The next token; the last one, `End`, stays.
    fn peek(&self) -> Token {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Token {
        let end = Token {
            kind: Lexeme::End,
            at: Span {
                start: self.text.len(),
                end: self.text.len(),
            },
        };
        self.tokens.get(self.next + by).copied().unwrap_or(end)
    }

    fn bump(&mut self) -> Token {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn take(&mut self, kind: Lexeme) -> Option<Token> {
        (self.peek().kind == kind).then(|| self.bump())
    }

    fn expect(&mut self, kind: Lexeme, wanted: &str) -> Result<Token, Fault> {
        self.take(kind).ok_or_else(|| self.unexpected(wanted))
    }

    fn slice(&self, at: Span) -> &str {
        self.text.get(at.start..at.end).unwrap_or_default()
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        let token = self.peek();
        let found = if token.kind == Lexeme::End {
            "the end of the route".to_owned()
        } else if token.kind == Lexeme::UnterminatedText {
            "a text whose quotation mark is never closed".to_owned()
        } else {
            format!("`{}`", self.slice(token.at))
        };
        Fault::new(token.at, format!("expected {wanted}, found {found}"))
    }

    fn route(&mut self) -> Result<Route, Fault> {
        if self.take(Lexeme::Select).is_some() {
            self.expect(Lexeme::Star, "`*` after SELECT")?;
        }
        self.expect(Lexeme::From, "FROM")?;
        let (source, source_at) = self.source()?;
        let condition = match self.take(Lexeme::Where) {
            Some(_) => Some(self.expression(1, 0, 1)?.0),
            None => None,
        };
        let wanted = match condition {
            Some(_) => "an operator or INTO",
            None => "`/`, WHERE or INTO",
        };
        self.expect(Lexeme::Into, wanted)?;
        let (sink, sink_at) = self.sink()?;
        Ok(Route {
            source,
            source_at,
            condition,
            sink,
            sink_at,
        })
    }

    fn source(&mut self) -> Result<(String, Span), Fault> {
        let mut at = self.peek().at;
        let mut source = String::new();
        self.expect(Lexeme::Slash, "a path that begins with `/`")?;
        loop {
            let item = self.peek();
            if !matches!(item.kind, Lexeme::Star | Lexeme::Name) {
                return Err(self.unexpected("a name or `*` in the path"));
            }
            self.bump();
            source.push('/');
            source.push_str(self.slice(item.at));
            at.end = item.at.end;
            if self.take(Lexeme::Slash).is_none() {
                return Ok((source, at));
            }
        }
    }

    fn sink(&mut self) -> Result<(Sink, Span), Fault> {
        if self.peek().kind == Lexeme::Name {
            return self.function_sink();
        }
        let wanted = "$upstream or BrokeredEndpoint(\"/modules/…/inputs/…\")";
        let at = self.expect(Lexeme::System, wanted)?.at;
        match self.slice(at) {
            name if name.eq_ignore_ascii_case("$upstream") => Ok((Sink::Upstream, at)),
            name => {
                let message =
                    format!("`{name}` is no endpoint; $upstream is the only one with `$`");
                Err(Fault::new(at, message))
            }
        }
    }

    fn function_sink(&mut self) -> Result<(Sink, Span), Fault> {
        let function = self.bump();
        if self.peek().kind != Lexeme::Open {
            let wanted = match self.slice(function.at) {
                name if name.eq_ignore_ascii_case("upstream") => "`$` before upstream, or `(`",
                _ => "`(`",
            };
            return Err(self.unexpected(wanted));
        }
        self.bump();
        let argument = self.expect(Lexeme::Text, "the endpoint as a text in quotation marks")?;
        let close = self.expect(Lexeme::Close, "`)`")?;
        let name = self.slice(function.at);
        if !name.eq_ignore_ascii_case("BrokeredEndpoint") {
            let message = format!("`{name}` is no endpoint; BrokeredEndpoint is the only function");
            return Err(Fault::new(function.at, message));
        }
        let quoted = self.slice(argument.at).to_owned();
        let path = quoted.get(1..quoted.len() - 1).unwrap_or_default().trim();
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let segments: Vec<&str> = path.split('/').collect();
        let [_, module, _, input] = segments[..] else {
            let message =
                format!("{quoted} is not of the form \"/modules/<module>/inputs/<input>\"");
            return Err(Fault::new(argument.at, message));
        };
        let (module, input) = (module.to_owned(), input.to_owned());
        let at = Span {
            start: function.at.start,
            end: close.at.end,
        };
        Ok((
            Sink::Module {
                quoted,
                module,
                input,
            },
            at,
        ))
    }
}
