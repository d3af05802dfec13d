//! What a route's text says, with the place of every part.

use super::Span;

/// A route that parses.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The path after FROM as edgeHub rebuilds it from its tokens: without white space and comments.
    pub source: String,
    /// Where the path stands.
    pub source_at: Span,
    /// What follows WHERE; without it every message of the source is meant.
    pub condition: Option<Expression>,
    /// Where the messages go.
    pub sink: Sink,
    /// Where the sink stands.
    pub sink_at: Span,
}

/// Where a route's messages go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sink {
    /// `$upstream`: IoT Hub.
    Upstream,
    /// `BrokeredEndpoint("/modules/<module>/inputs/<input>")`: another module's input.
    Module {
        /// The argument with its quotation marks, as it stands in the text; edgeHub decodes no escape in it.
        quoted: String,
        /// The second segment; the module need not exist.
        module: String,
        /// The fourth segment.
        input: String,
    },
}

impl Sink {
    /// Whether both are one endpoint to edgeHub, which then delivers a message once.
    #[must_use]
    pub fn is_same_endpoint(&self, other: &Sink) -> bool {
        match (self, other) {
            (Sink::Upstream, Sink::Upstream) => true,
            (
                Sink::Module { module, input, .. },
                Sink::Module {
                    module: other_module,
                    input: other_input,
                    ..
                },
            ) => module == other_module && input == other_input,
            (Sink::Upstream, Sink::Module { .. }) | (Sink::Module { .. }, Sink::Upstream) => false,
        }
    }
}

/// A part of a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// The token that edgeHub names when the part is wrong: name, literal or operator.
    pub at: Span,
    /// What it is.
    pub kind: Kind,
}

/// The kinds of expressions. Parentheses leave no trace beyond the shape of the tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A constant.
    Literal(Literal),
    /// `name`: an application property.
    Property(String),
    /// `$name`: an application property of that whole name, else a body query or a system property.
    System(String),
    /// `{$name}`: a body query or a system property, whatever the application properties are.
    Escaped(String),
    /// `name(a, b)`.
    Call(String, Vec<Expression>),
    /// `- a`.
    Negate(Box<Expression>),
    /// `NOT a`.
    Not(Box<Expression>),
    /// `a <operator> b`.
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// What edgeHub's parser lets pass and its compiler refuses; the fault is in [`Reading::faults`](super::Reading).
    Faulty,
}

/// A constant. Texts and numbers are kept as they are written.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// `undefined`.
    Undefined,
    /// `'…'` or `"…"`, with its quotation marks and escapes.
    Text(String),
    /// `12`, `-12`, `1.5`, `1e5` or `e5`.
    Number(String),
    /// `0x1F`.
    Hex(String),
}

/// Operators between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `||`
    Concat,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `=`
    Equal,
    /// `!=` or `<>`
    NotEqual,
    /// `AND`
    And,
    /// `OR`
    Or,
    /// `??`
    Coalesce,
}

/// How tightly NOT binds its operand; the unary minus binds one level tighter.
pub(super) const BINDING_OF_NOT: u8 = 9;

impl Operator {
    /// How tightly it binds, from 2; higher binds first. All are left-associative.
    pub(super) const fn binding(self) -> u8 {
        match self {
            Operator::Coalesce => 2,
            Operator::Or => 3,
            Operator::And => 4,
            Operator::Equal | Operator::NotEqual => 5,
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => 6,
            Operator::Add | Operator::Subtract | Operator::Concat => 7,
            Operator::Multiply | Operator::Divide | Operator::Remainder => 8,
        }
    }

    /// As it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "%",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Concat => "||",
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterEqual => ">=",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::And => "AND",
            Operator::Or => "OR",
            Operator::Coalesce => "??",
        }
    }
}
