//! Proposes a route that compiles in place of one that does not, where the slip is a common one.

use super::ast::{Expression, Kind, Literal, Operator};
use super::check::body_query;
use super::parse::{Reading, read};

/// The same route with its common slips corrected; `None` unless edgeHub then takes it to its end.
///
/// A property next to a number is read as a number, NOT takes in the comparison behind it, a body value on the right of AND or
/// OR is compared with true, parentheses are made whole, and what follows the sink goes.
#[must_use]
pub fn mended(reading: &Reading) -> Option<String> {
    let mut route = reading.route.clone();
    route.condition.iter_mut().for_each(mend);
    let text = route.to_string();
    let again = read(&text).ok()?;
    again.compile().ok()?;
    Some(text)
}

/// No deeper than the route was read.
fn mend(expression: &mut Expression) {
    take_in_comparison(expression);
    match &mut expression.kind {
        Kind::Call(_, arguments) => arguments.iter_mut().for_each(mend),
        Kind::Negate(operand) | Kind::Not(operand) => mend(operand),
        Kind::Binary(operator, left, right) => {
            match operator {
                Operator::And | Operator::Or => compare_body_value(right),
                Operator::Concat | Operator::Coalesce => {}
                Operator::Multiply
                | Operator::Divide
                | Operator::Remainder
                | Operator::Add
                | Operator::Subtract
                | Operator::Less
                | Operator::LessEqual
                | Operator::Greater
                | Operator::GreaterEqual
                | Operator::Equal
                | Operator::NotEqual => read_as_numbers(*operator, left, right),
            }
            mend(left);
            mend(right);
        }
        Kind::Literal(_)
        | Kind::Property(_)
        | Kind::System(_)
        | Kind::Escaped(_)
        | Kind::Faulty => {}
    }
}

/// `flag` of the body becomes `flag = true`.
fn compare_body_value(side: &mut Expression) {
    if is_property(side) == Some(true) {
        let truth = Expression {
            at: side.at,
            kind: Kind::Literal(Literal::Bool(true)),
        };
        let value = Box::new(side.clone());
        side.kind = Kind::Binary(Operator::Equal, value, Box::new(truth));
    }
}

fn read_as_numbers(operator: Operator, left: &mut Expression, right: &mut Expression) {
    let comparison = operator.binding() < Operator::Add.binding();
    let numbers = [is_number(left), is_number(right)];
    for (side, other_is_number) in [(left, numbers[1]), (right, numbers[0])] {
        if is_property(side) == Some(false) && (other_is_number || !comparison) {
            let argument = side.clone();
            side.kind = Kind::Call("as_number".to_owned(), vec![argument]);
        }
    }
}

/// Whether it is a property, and then whether it is one of the body.
fn is_property(expression: &Expression) -> Option<bool> {
    match &expression.kind {
        Kind::Property(_) => Some(false),
        Kind::System(name) | Kind::Escaped(name) => Some(body_query(name).is_some()),
        Kind::Literal(_)
        | Kind::Call(_, _)
        | Kind::Negate(_)
        | Kind::Not(_)
        | Kind::Binary(_, _, _)
        | Kind::Faulty => None,
    }
}

fn is_number(expression: &Expression) -> bool {
    match &expression.kind {
        Kind::Literal(Literal::Number(_) | Literal::Hex(_)) | Kind::Negate(_) => true,
        Kind::Binary(operator, _, _) => operator.binding() >= Operator::Add.binding(),
        Kind::Literal(_)
        | Kind::Property(_)
        | Kind::System(_)
        | Kind::Escaped(_)
        | Kind::Call(_, _)
        | Kind::Not(_)
        | Kind::Faulty => false,
    }
}

/// `(NOT a) = b` becomes `NOT (a = b)`.
fn take_in_comparison(expression: &mut Expression) {
    let Kind::Binary(operator, left, right) = &expression.kind else {
        return;
    };
    let compares =
        (Operator::Equal.binding()..=Operator::Less.binding()).contains(&operator.binding());
    let Kind::Not(inner) = &left.kind else {
        return;
    };
    if compares {
        let comparison = Expression {
            at: expression.at,
            kind: Kind::Binary(*operator, inner.clone(), right.clone()),
        };
        expression.kind = Kind::Not(Box::new(comparison));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(condition: &str, expected: Option<&str>) {
        let reading = read(&format!("FROM /* WHERE {condition} INTO $upstream rest")).unwrap();
        let wanted = expected.map(|condition| format!("FROM /* WHERE {condition} INTO $upstream"));
        assert_eq!(mended(&reading), wanted, "{condition}");
    }

    #[test]
    fn common_slips_are_mended_and_the_result_compiles() {
        for (condition, expected) in [
            ("temperature > 25", "as_number(temperature) > 25"),
            ("25 <= $level", "25 <= as_number($level)"),
            ("a - b > 1", "as_number(a) - as_number(b) > 1"),
            ("NOT a = 'b'", "NOT (a = 'b')"),
            ("NOT t > 5", "NOT (as_number(t) > 5)"),
            ("a = 'b' AND $body.flag", "a = 'b' AND $body.flag = true"),
            ("(a = 'b'", "a = 'b'"),
            ("a = 'b'", "a = 'b'"),
        ] {
            check(condition, Some(expected));
        }
    }

    #[test]
    fn what_cannot_be_guessed_is_left_alone() {
        for condition in ["foo(1) = 2", "a @ b", "a AND b", "1 < 2 < 3"] {
            check(condition, None);
        }
    }
}
