//! What holds for every text, every route and every message.

use proptest::prelude::*;

use super::ast::{Expression, Kind, Literal, Operator, Route, Sink};
use super::{DEEPEST, Message, Properties, Span, doubts, mended, read};

const OPERATORS: [Operator; 15] = [
    Operator::Multiply,
    Operator::Divide,
    Operator::Remainder,
    Operator::Add,
    Operator::Subtract,
    Operator::Concat,
    Operator::Less,
    Operator::LessEqual,
    Operator::Greater,
    Operator::GreaterEqual,
    Operator::Equal,
    Operator::NotEqual,
    Operator::And,
    Operator::Or,
    Operator::Coalesce,
];

/// Pieces from which texts are thrown together that come near to routes.
const PIECES: &[&str] = &[
    "FROM",
    "from",
    "SELECT",
    "*",
    "WHERE",
    "INTO",
    "/",
    "/*",
    "*/",
    "/messages/*",
    "/messages/modules/m/outputs/o",
    "$upstream",
    "BrokeredEndpoint(\"/modules/x/inputs/y\")",
    "(",
    ")",
    "{",
    "}",
    ",",
    "a",
    "a!=b",
    "'t'",
    "\"",
    "'",
    "\\",
    "25",
    "-5",
    "e5",
    "0x1F",
    "1e999",
    "true",
    "null",
    "undefined",
    "$body.t",
    "$body.a[0].b",
    "$body.a[1][2]",
    "{$contentType}",
    "$connectionModuleId",
    "NOT",
    "AND",
    "or",
    "=",
    "<>",
    ">=",
    "+",
    "- ",
    "%",
    "||",
    "??",
    "@",
    "as_number(a)",
    "is_defined(",
    "substring(",
    "concat(",
    "é",
    "\u{0}",
    "\n",
    "<NAME>",
    "x[0]",
];

fn at(kind: Kind) -> Expression {
    Expression {
        at: Span::default(),
        kind,
    }
}

fn a_name() -> impl Strategy<Value = String> {
    "[A-Zb-df-mo-sv-zäß_.#-]{1,6}[0-9]{0,2}".prop_map(|name| format!("p{name}"))
}

fn a_literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<bool>().prop_map(Literal::Bool),
        Just(Literal::Null),
        Just(Literal::Undefined),
        "'([ -&(-\\[\\]-~ü]|\\\\u[0-9a-f]{4}|\\\\['\"\\\\]){0,8}'".prop_map(Literal::Text),
        "\"[ !#-\\[\\]-~\n]{0,8}\"".prop_map(Literal::Text),
        "-?[0-9]{1,20}|-?[0-9]{0,3}\\.[0-9]{1,3}([eE][+-]?[0-9]{1,3})?|[eE][0-9]{1,3}"
            .prop_map(Literal::Number),
        "0[xX][0-9a-fA-F]{1,17}".prop_map(Literal::Hex),
    ]
}

fn an_expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        a_literal().prop_map(|literal| at(Kind::Literal(literal))),
        a_name().prop_map(|name| at(Kind::Property(name))),
        "\\$(body\\.)?[a-z]{1,5}(\\[[0-9]\\])?(\\.[a-z*]{1,3})?"
            .prop_map(|name| at(Kind::System(name))),
        "\\$(body\\.[a-z]{1,3}|contentType)".prop_map(|name| at(Kind::Escaped(name))),
    ];
    leaf.prop_recursive(6, 48, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let function = prop_oneof![
            Just("as_number".to_owned()),
            Just("is_defined".to_owned()),
            Just("Concat".to_owned()),
            Just("substring".to_owned()),
            a_name(),
        ];
        prop_oneof![
            boxed.clone().prop_map(|operand| at(Kind::Negate(operand))),
            boxed.clone().prop_map(|operand| at(Kind::Not(operand))),
            (function, proptest::collection::vec(inner, 0..3))
                .prop_map(|(name, arguments)| at(Kind::Call(name, arguments))),
            (
                proptest::sample::select(&OPERATORS[..]),
                boxed.clone(),
                boxed
            )
                .prop_map(|(operator, left, right)| at(Kind::Binary(operator, left, right))),
        ]
    })
}

fn a_route() -> impl Strategy<Value = Route> {
    let sink = prop_oneof![
        Just(Sink::Upstream),
        (a_name(), a_name(), "['\"]").prop_map(|(module, input, quote)| Sink::Module {
            quoted: format!("{quote}/modules/{module}/inputs/{input}{quote}"),
            module,
            input,
        }),
    ];
    let segment = prop_oneof![Just("*".to_owned()), a_name(), Just("a*".to_owned())];
    (
        proptest::collection::vec(segment, 1..5),
        proptest::option::of(an_expression()),
        sink,
    )
        .prop_map(|(segments, condition, sink)| Route {
            source: format!("/{}", segments.join("/")),
            source_at: Span::default(),
            condition,
            sink,
            sink_at: Span::default(),
        })
}

/// The same route without the places of its parts.
fn placeless(mut route: Route) -> Route {
    fn forget(expression: &mut Expression) {
        expression.at = Span::default();
        match &mut expression.kind {
            Kind::Call(_, arguments) => arguments.iter_mut().for_each(forget),
            Kind::Negate(operand) | Kind::Not(operand) => forget(operand),
            Kind::Binary(_, left, right) => {
                forget(left);
                forget(right);
            }
            Kind::Literal(_)
            | Kind::Property(_)
            | Kind::System(_)
            | Kind::Escaped(_)
            | Kind::Faulty => {}
        }
    }
    route.condition.iter_mut().for_each(forget);
    route.source_at = Span::default();
    route.sink_at = Span::default();
    route
}

fn a_message() -> impl Strategy<Value = Message> {
    let property = proptest::option::of("[a-z0-9.]{0,5}");
    let encoding = proptest::sample::select(vec!["utf-8", "UTF-16", "utf-32", "latin1"]);
    let body = prop_oneof![
        Just(br#"{"t": 25, "a": [{"b": null}, [1, 2, "2026-11-01T00:00:00Z"]]}"#.to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    (
        proptest::collection::btree_map("\\$?[a-z]{1,4}", property, 0..4),
        encoding,
        body,
        "(/messages/modules/m/outputs/o|/messages|/twinChangeNotifications|.{0,5})",
    )
        .prop_map(|(properties, encoding, body, source)| Message {
            source,
            system_properties: Properties::from([
                (
                    "contentType".to_owned(),
                    Some("application/json".to_owned()),
                ),
                ("contentEncoding".to_owned(), Some(encoding.to_owned())),
            ]),
            properties,
            body,
        })
}

/// Everything that can be done with a text is done.
fn exercise(text: &str, message: &Message) {
    let reading = match read(text) {
        Ok(reading) => reading,
        Err(fault) => {
            assert!(fault.told(text).starts_with(['c', 'l']));
            return;
        }
    };
    if let Some(text) = mended(&reading) {
        assert!(read(&text).unwrap().compile().is_ok(), "{text}");
    }
    match reading.compile() {
        Ok(compiled) => {
            let _ = compiled.matches(message);
            for doubt in doubts(&reading, &compiled) {
                let _ = doubt.told(text);
            }
        }
        Err(faults) => assert!(!faults.is_empty()),
    }
}

proptest! {
    #[test]
    fn a_route_that_is_written_and_read_again_is_the_same(route in a_route()) {
        let text = route.to_string();
        let reading = read(&text).map_err(|fault| TestCaseError::fail(format!("{text}: {}", fault.told(&text))))?;
        prop_assert_eq!(&reading.faults, &[], "{}", text);
        prop_assert_eq!(reading.trailing, None, "{}", text);
        prop_assert_eq!(placeless(reading.route), route, "{}", text);
    }

    #[test]
    fn what_was_read_of_any_text_is_written_and_read_again_the_same(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..14)
    ) {
        let text = format!("FROM /messages/* WHERE {} INTO $upstream", pieces.join(" "));
        if let Ok(reading) = read(&text) && reading.faults.is_empty() {
            let written = reading.route.to_string();
            let again = read(&written).map_err(|fault| TestCaseError::fail(format!("{written}: {}", fault.told(&written))))?;
            prop_assert_eq!(placeless(again.route), placeless(reading.route), "{}", written);
        }
    }

    #[test]
    fn every_route_has_an_answer_for_every_message(route in a_route(), message in a_message()) {
        exercise(&route.to_string(), &message);
    }

    #[test]
    fn no_text_makes_it_panic(
        noise in "\\PC{0,60}",
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..20),
        message in a_message(),
    ) {
        exercise(&noise, &message);
        exercise(&pieces.concat(), &message);
        exercise(&pieces.join(" "), &message);
        exercise(&format!("FROM /* WHERE {} INTO $upstream", pieces.join(" ")), &message);
    }
}

#[test]
fn a_condition_beyond_the_bound_is_refused_and_one_within_it_runs() {
    let message = Message::default();
    let chain = |length: usize| {
        format!(
            "FROM /* WHERE a = 'b'{} INTO $upstream",
            " OR a = 'c'".repeat(length)
        )
    };
    assert!(read(&chain(DEEPEST - 2)).unwrap().compile().is_ok());
    exercise(&chain(DEEPEST - 2), &message);
    for text in [
        chain(2_000),
        format!(
            "FROM /* WHERE {}a{} INTO $upstream",
            "(".repeat(9_000),
            ")".repeat(9_000)
        ),
        format!("FROM /* WHERE {}a INTO $upstream", "NOT ".repeat(7_000)),
        format!("FROM /* WHERE {}a INTO $upstream", "- ".repeat(9_000)),
        format!("FROM /* WHERE {}a INTO $upstream", "f(".repeat(9_000)),
        format!("FROM /* WHERE {}a INTO $upstream", "@ ".repeat(9_000)),
    ] {
        let fault = read(&text).unwrap_err();
        assert!(fault.message.contains("levels deep"), "{}", fault.message);
    }
}

#[test]
fn long_texts_are_read_in_a_moment_or_refused() {
    let long = |piece: &str| piece.repeat(32_000 / piece.len());
    for text in [
        long("/*"),
        long("\"\\q"),
        long("'"),
        long("a "),
        long("/a"),
        long("*/ /*"),
    ] {
        exercise(&text, &Message::default());
        exercise(&format!("FROM {text}"), &Message::default());
    }
    let fault = read(&"a".repeat(40_000)).unwrap_err();
    assert!(
        fault.message.contains("more than a module twin"),
        "{}",
        fault.message
    );
}

#[test]
fn a_place_counts_lines_and_utf_16_units() {
    let text = "FROM /*\nWHERE '😀' == 1 INTO $upstream";
    let fault = read(text).unwrap_err();
    assert_eq!(fault.place(text), (2, 13));
    assert!(
        fault
            .told(text)
            .starts_with("line 2, column 13: expected an expression, found `=`")
    );
}
