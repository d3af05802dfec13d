//! edgeHub's route language: which messages go where.
//!
//! A route is read in two steps, as edgeHub does. [`read`] parses its text; what it refuses makes edgeHub refuse the
//! whole `$edgeHub` document (status 400). [`Reading::compile`] checks the types of its condition; what that refuses
//! edgeHub only logs, and then takes no further change of any route while its status stays 200. A compiled route says
//! of a [`Message`] whether it [matches](Compiled::matches); a [`Table`] says where a message goes in the end.
//!
//! Source of every rule here: the grammars, `RouteFactory.cs`, `query/` and `messageSources/` of
//! `edge-hub/core/src/Microsoft.Azure.Devices.Routing.Core` in Azure/iotedge, read at commit 55353a6. Nothing here
//! panics or recurses deeper than [`DEEPEST`], whatever the text or the message.

mod ast;
mod body;
mod check;
mod doubts;
mod endpoints;
mod evaluate;
mod functions;
mod lexer;
mod mend;
mod parse;
mod print;
mod table;
mod value;

pub use ast::{Expression, Kind, Literal, Operator, Route, Sink};
pub use body::{Message, Properties};
pub use check::{Compiled, Matching};
pub use doubts::doubts;
pub use endpoints::{Reach, Source};
pub use mend::mended;
pub use parse::{Reading, read};
pub use table::{Delivery, Entry, LOWEST_PRIORITY, Refusal, Refused, Summary, Table, summaries};

/// Longest route text read here, in bytes: edgeHub's desired properties, which hold every route, end at 32 KB.
pub const LONGEST: usize = 32 * 1024;

/// Deepest expression read here, in levels; edgeHub itself has no such bound, and no sensible route comes near it.
pub const DEEPEST: usize = 200;

/// Bytes `start..end` of a route's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// Something wrong or doubtful in a route's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The token that edgeHub would name.
    pub at: Span,
    /// What is wrong there.
    pub message: String,
}

impl Fault {
    fn new(at: Span, message: impl Into<String>) -> Fault {
        Fault {
            at,
            message: message.into(),
        }
    }

    /// Line and column in `text`, both from 1. As for edgeHub, a column is a UTF-16 unit and only a line feed ends a line.
    #[must_use]
    pub fn place(&self, text: &str) -> (usize, usize) {
        let before = text.get(..self.at.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let begun = before.rsplit('\n').next().unwrap_or(before);
        (line, begun.encode_utf16().count() + 1)
    }

    /// `column 31: …`, with the line where it is not the first.
    #[must_use]
    pub fn told(&self, text: &str) -> String {
        match self.place(text) {
            (1, column) => format!("column {column}: {}", self.message),
            (line, column) => format!("line {line}, column {column}: {}", self.message),
        }
    }
}

#[cfg(test)]
mod tests;
