//! What edgeHub takes and hardly anybody means.

use super::ast::{Expression, Kind};
use super::check::{Compiled, Type, body_query};
use super::parse::Reading;
use super::{Fault, Span};

/// edgeHub's names for a message's system properties: `SystemProperties.cs` in `Edge.Hub.Core` and `Routing.Core`.
const SYSTEM_PROPERTIES: &[&str] = &[
    "messageId",
    "enqueuedTime",
    "to",
    "cid",
    "correlationId",
    "userId",
    "ack",
    "connectionDeviceId",
    "connectionModuleId",
    "inputName",
    "outputName",
    "connectionDeviceGenerationId",
    "connectionAuthMethod",
    "contentType",
    "contentEncoding",
    "messageSchema",
    "lockToken",
    "deliveryCount",
    "statusCode",
    "outBoundURI",
    "version",
    "absolute-expiry-time",
    "messageType",
    "edgeMessageId",
    "edgeHubOriginInterface",
    "creationTime",
    "operation",
    "sequenceNumber",
    "iothub-interface-id",
    "modelId",
    "dt-subject",
    "rpSenderDeviceId",
    "rpSenderModuleId",
];

/// Everything in a route that is legal and probably meant otherwise, in the order of the text.
#[must_use]
pub fn doubts(reading: &Reading, compiled: &Compiled) -> Vec<Fault> {
    let mut doubts: Vec<Fault> = Vec::new();
    for comment in &reading.comments {
        let message =
            "edgeHub passes over what stands between /* and */; put a blank after the slash";
        doubts.push(Fault::new(*comment, message));
    }
    partial_star(reading, &mut doubts);
    if let Some(condition) = &reading.route.condition {
        never_true(condition.at, compiled.kind, &mut doubts);
        walk(condition, &mut doubts);
    }
    doubts.sort_by_key(|doubt| doubt.at.start);
    doubts
}

/// `…/temp*` takes in the output `temp` alone.
fn partial_star(reading: &Reading, doubts: &mut Vec<Fault>) {
    let route = &reading.route;
    let last = route.source.rsplit('/').next().unwrap_or_default();
    let name = last.trim_end_matches('*');
    if !name.is_empty() && name.len() < last.len() {
        let message =
            format!("`{last}` stands for `{name}` alone, not for all that begins with it");
        doubts.push(Fault::new(route.source_at, message));
    }
}

fn never_true(at: Span, kind: Type, doubts: &mut Vec<Fault>) {
    let what = match kind {
        Type::Text => "a string",
        Type::Number => "a number",
        Type::Null => "null",
        Type::Undefined => "undefined",
        Type::Bool | Type::Body | Type::Faulty => return,
    };
    let message = format!("the condition is {what}, which is never true");
    doubts.push(Fault::new(at, message));
}

fn walk(expression: &Expression, doubts: &mut Vec<Fault>) {
    match &expression.kind {
        Kind::Property(name) => operators_in_name(expression.at, name, doubts),
        Kind::System(name) | Kind::Escaped(name) => unknown_system(expression.at, name, doubts),
        Kind::Call(name, arguments) => {
            body_in_test(expression.at, name, arguments, doubts);
            for argument in arguments {
                walk(argument, doubts);
            }
        }
        Kind::Negate(operand) | Kind::Not(operand) => walk(operand, doubts),
        Kind::Binary(_, left, right) => {
            walk(left, doubts);
            walk(right, doubts);
        }
        Kind::Literal(_) | Kind::Faulty => {}
    }
}

/// `a!='b'` asks for a property named `a!`.
fn operators_in_name(at: Span, name: &str, doubts: &mut Vec<Fault>) {
    if name.contains(['!', '+', '*', '%', '|']) {
        let message = format!("`{name}` is the name of one property; put blanks around operators");
        doubts.push(Fault::new(at, message));
    }
}

fn unknown_system(at: Span, name: &str, doubts: &mut Vec<Fault>) {
    let system = name.strip_prefix('$').unwrap_or(name);
    let known = SYSTEM_PROPERTIES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(system));
    if body_query(name).is_none() && !known {
        let message = format!("edgeHub sets no system property `{system}`");
        doubts.push(Fault::new(at, message));
    }
}

/// Tests that do not say of a body value what they say of a property.
fn body_in_test(at: Span, name: &str, arguments: &[Expression], doubts: &mut Vec<Fault>) {
    let [argument] = arguments else {
        return;
    };
    let is_body = match &argument.kind {
        Kind::System(name) | Kind::Escaped(name) => body_query(name).is_some(),
        Kind::Literal(_)
        | Kind::Property(_)
        | Kind::Call(_, _)
        | Kind::Negate(_)
        | Kind::Not(_)
        | Kind::Binary(_, _, _)
        | Kind::Faulty => false,
    };
    if is_body && name.eq_ignore_ascii_case("is_null") {
        let message = "edgeHub says true of every body value that is there; write … = null";
        doubts.push(Fault::new(at, message));
    }
    if is_body && name.eq_ignore_ascii_case("is_defined") {
        let message =
            "edgeHub says true of a member that a JSON body lacks as well; write … != null";
        doubts.push(Fault::new(at, message));
    }
}
