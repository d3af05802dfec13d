//! What `$management` answers: the event hub with its partitions, and a partition with its marks. Pure.
//!
//! Source: the requests of `azure-eventhub` 5.15.1 and `azure_messaging_eventhubs` 0.16.0, and which answers they take.

use super::super::message::{Body, Message};
use super::super::value::Value;
use crate::hub::session::Shared;
use crate::hub::stream::{self, Facts, PARTITIONS};

const EVENT_HUB: &str = "com.microsoft:eventhub";
const PARTITION: &str = "com.microsoft:partition";

/// Answers one question.
pub(super) fn answer(question: &Message, shared: &Shared) -> Message {
    let (status, description, body) = match asked(question, shared) {
        Ok(body) => (200, "OK".to_owned(), body),
        Err((status, why)) => (status, why, Value::Map(Vec::new())),
    };
    let mut answer = Message::new(b"").correlated(question.message_id());
    answer.application = map(vec![
        ("status-code", Value::Int(status)),
        ("status-description", Value::text(&description)),
    ]);
    answer.body = Body::Value(body);
    answer
}

fn asked(question: &Message, shared: &Shared) -> Result<Value, (i32, String)> {
    let named = |name: &str| question.application.get(name).and_then(Value::identifier);
    let entity = stream::entity(&shared.host);
    if named("operation").as_deref() != Some("READ") {
        return Err((400, "an operation that is not READ".to_owned()));
    }
    let name = named("name").unwrap_or_default();
    if !name.eq_ignore_ascii_case(entity) {
        return Err((404, format!("there is no event hub `{name}`")));
    }
    match named("type").as_deref() {
        Some(EVENT_HUB) => Ok(event_hub(entity, shared.service.stream.made)),
        Some(PARTITION) => {
            let id = named("partition").unwrap_or_default();
            let facts = id.parse().ok();
            let facts = facts.and_then(|number| shared.service.stream.facts(number));
            let facts = facts.ok_or_else(|| (404, format!("there is no partition `{id}`")))?;
            Ok(partition(entity, &id, facts))
        }
        other => {
            let other = other.unwrap_or_default();
            Err((400, format!("the type `{other}` is not served")))
        }
    }
}

fn event_hub(entity: &str, made: u64) -> Value {
    let ids: Vec<String> = (0..PARTITIONS).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    map(vec![
        ("name", Value::text(entity)),
        ("type", Value::text(EVENT_HUB)),
        ("created_at", Value::Timestamp(signed(made))),
        (
            "partition_count",
            Value::Int(ids.len().try_into().unwrap_or(i32::MAX)),
        ),
        ("partition_ids", Value::strings(&ids)),
    ])
}

/// Of a partition to which nothing ever came, the last number is -1, its offset `-1`, its time the epoch.
fn partition(entity: &str, id: &str, facts: Facts) -> Value {
    let (sequence, offset, enqueued) = match facts.last {
        Some((sequence, offset, enqueued)) => (signed(sequence), signed(offset), signed(enqueued)),
        None => (-1, -1, 0),
    };
    map(vec![
        ("name", Value::text(entity)),
        ("type", Value::text(PARTITION)),
        ("partition", Value::text(id)),
        ("begin_sequence_number", Value::Long(signed(facts.first))),
        ("last_enqueued_sequence_number", Value::Long(sequence)),
        ("last_enqueued_sequence_number_epoch", Value::Long(0)),
        ("last_enqueued_offset", Value::text(&offset.to_string())),
        ("last_enqueued_time_utc", Value::Timestamp(enqueued)),
        ("is_partition_empty", Value::Bool(facts.is_empty)),
    ])
}

fn map(pairs: Vec<(&str, Value)>) -> Value {
    let pairs = pairs.into_iter();
    Value::Map(
        pairs
            .map(|(name, value)| (Value::text(name), value))
            .collect(),
    )
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
