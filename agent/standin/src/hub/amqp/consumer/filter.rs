//! The filter with which a reader says where it begins: `amqp.annotation.x-opt-offset > '100'`. Pure text.
//!
//! Source: what `azure-eventhub` 5.15.1 and `azure_messaging_eventhubs` 0.16.0 send.

use super::super::value::Value;
use crate::hub::stream::{Mark, Start};

/// Name and number under which a selector stands (the registered filter of Apache Qpid).
const SELECTOR: &str = "apache.org:selector-filter:string";
const SELECTOR_CODE: u64 = 0x0000_468c_0000_0004;

/// Place of the filters in a source.
const FILTERS: usize = 7;

/// The text of the selector in a source; absent where it has none.
pub(super) fn selector(source: &Value) -> Option<String> {
    let Value::Described(both) = source else {
        return None;
    };
    let Value::List(fields) = &both.1 else {
        return None;
    };
    let Value::Map(filters) = fields.get(FILTERS)? else {
        return None;
    };
    filters.iter().find_map(|(name, value)| {
        let is_named = name.as_text() == Some(SELECTOR);
        let Value::Described(both) = value else {
            return is_named.then(|| value.identifier()).flatten();
        };
        let is_selector = is_named
            || both.0.as_text() == Some(SELECTOR)
            || both.0.number() == Some(SELECTOR_CODE);
        is_selector.then(|| both.1.identifier()).flatten()
    })
}

/// Where the selector begins; `None` for anything else than one comparison of one annotation.
pub(super) fn start(text: &str) -> Option<Start> {
    let rest = text.trim().strip_prefix("amqp.annotation.x-opt-")?;
    let (name, rest) = rest.split_once('>')?;
    let (is_at_least, rest) = rest
        .strip_prefix('=')
        .map_or((false, rest), |rest| (true, rest));
    let value = rest.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    let mark = match name.trim() {
        "offset" if value == "@latest" => return Some(Start::Latest),
        "offset" => Mark::Offset,
        "sequence-number" => Mark::Sequence,
        "enqueued-time" => Mark::Enqueued,
        _ => return None,
    };
    let least = value.parse::<i64>().ok()?;
    let least = least.checked_add(i64::from(!is_at_least))?;
    Some(Start::From(mark, u64::try_from(least).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_start_is_read_as_the_sdks_write_it() {
        let check = |text: &str, wanted| assert_eq!(start(text), wanted, "{text}");
        let from = |mark, least| Some(Start::From(mark, least));
        check("amqp.annotation.x-opt-offset > '-1'", from(Mark::Offset, 0));
        check(
            "amqp.annotation.x-opt-offset > '@latest'",
            Some(Start::Latest),
        );
        check(
            "amqp.annotation.x-opt-offset >'100'",
            from(Mark::Offset, 101),
        );
        check(
            "amqp.annotation.x-opt-sequence-number >= '7'",
            from(Mark::Sequence, 7),
        );
        check(
            "amqp.annotation.x-opt-enqueued-time > '1500'",
            from(Mark::Enqueued, 1501),
        );
        for bad in [
            "",
            "1 = 1",
            "amqp.annotation.x-opt-offset < '1'",
            "amqp.annotation.x-opt-offset > 'x'",
            "amqp.annotation.x-opt-offset > '1' or 1 = 1",
            "amqp.annotation.x-opt-offset > '9223372036854775807'",
            "amqp.annotation.x-opt-partition-key > '1'",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_selector_is_found_by_name_or_number_as_text_or_bytes() {
        let source = |descriptor: Value, text: Value| {
            let filter = Value::Described(Box::new((descriptor, text)));
            let mut fields = vec![Value::Null; FILTERS];
            fields.push(Value::Map(vec![(Value::symbol(SELECTOR), filter)]));
            Value::composite(0x28, fields)
        };
        let by_name = source(Value::symbol(SELECTOR), Value::text("a"));
        assert_eq!(selector(&by_name).as_deref(), Some("a"));
        let by_number = source(Value::Ulong(SELECTOR_CODE), Value::Binary("b".into()));
        assert_eq!(selector(&by_number).as_deref(), Some("b"));
        assert_eq!(selector(&Value::Null), None);
        assert_eq!(selector(&Value::composite(0x28, Vec::new())), None);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(amqp.annotation.x-opt-offset >)?.*") {
            let _ = start(&text);
        }
    }
}
