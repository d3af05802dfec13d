//! A reader of the Event Hubs-compatible endpoint: its tokens, the partitions that it hears, its questions about them.
//!
//! Follows what `azure-eventhub` 5.15.1 for Python and `azure_messaging_eventhubs` 0.16.0 for Rust ask of Event Hubs. A reader is
//! no device: nothing of what it does is told as an event but a connection that cannot be read.

mod event;
mod filter;
mod management;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::address::{self, Kind, Role};
use super::attach::answer_to;
use super::conversation::{Conversation, Step};
use super::frame::{Performative, code, error};
use super::link::{Link, MESSAGE};
use super::message::{Body, Message};
use super::token;
use super::value::Value;
use crate::hub::service;
use crate::hub::session::{Shared, TlsFacts};
use crate::hub::stream::{self, PARTITIONS, Start};

/// Paths for which one reader may hold tokens: partitions of a few consumer groups.
const TOKENS: usize = 64;

/// The one consumer group that there is.
const GROUP: &str = "$default";

/// What a reader has beside its sessions.
#[derive(Debug, Default)]
pub(in crate::hub) struct Consumer {
    /// What its tokens open, in lower-case letters, and until when, in seconds since the Unix epoch.
    tokens: BTreeMap<String, u64>,
    /// By channel and handle: the partition that is heard, and the number of the next message.
    cursors: BTreeMap<(u16, u32), (usize, u64)>,
}

/// Where a reader's link leads.
enum Place {
    Tokens,
    Management,
    Partition(usize),
}

/// Why a link is refused: the protocol's own condition, and words.
type Refused = (&'static str, String);

impl Conversation {
    /// A conversation with a reader instead of a client.
    pub(in crate::hub) fn of_consumer(shared: Arc<Shared>, tls: TlsFacts) -> Self {
        let mut conversation = Self::new(shared, tls);
        conversation.consumer = Some(Consumer::default());
        conversation
    }

    pub(super) fn attach_consumer(
        &mut self,
        (channel, handle): (u16, u32),
        attach: &Performative,
        (role, address): (Role, &str),
    ) -> Vec<Step> {
        let (kind, cursor) = match self.consumer_place(attach, role, address) {
            Ok(place) => place,
            Err(refused) => return self.refuse_consumer(channel, attach, refused),
        };
        let settled = attach.number(3) == Some(1);
        if let Some(session) = self.sessions.get_mut(&channel) {
            session.links.insert(handle, Link::new(kind, role, settled));
        }
        if let (Some(consumer), Some(cursor)) = (&mut self.consumer, cursor) {
            consumer.cursors.insert((channel, handle), cursor);
        }
        vec![self.frame(channel, code::ATTACH, answer_to(attach))]
    }

    /// What a link is for, and where a partition is read from.
    fn consumer_place(
        &self,
        attach: &Performative,
        role: Role,
        address: &str,
    ) -> Result<(Kind, Option<(usize, u64)>), Refused> {
        let path = address::path_of(address)
            .trim_matches('/')
            .to_ascii_lowercase();
        let entity = stream::entity(&self.shared.host).to_ascii_lowercase();
        let place = place(&path, &entity).filter(|place| {
            // Nobody sends here: messages come from devices.
            role == Role::Receiver || !matches!(place, Place::Partition(_))
        });
        let Some(place) = place else {
            let detail = format!("`{address}` is nothing that this endpoint serves");
            return Err(("amqp:not-found", detail));
        };
        match (place, role) {
            (Place::Tokens, Role::Sender) => Ok((Kind::Tokens, None)),
            (Place::Tokens, Role::Receiver) => Ok((Kind::TokenAnswers, None)),
            (Place::Management, role) => {
                self.covered(&entity)?;
                let kind = match role {
                    Role::Sender => Kind::Questions,
                    Role::Receiver => Kind::Answers,
                };
                Ok((kind, None))
            }
            (Place::Partition(partition), _) => {
                self.covered(&path)?;
                let start = match filter::selector(attach.field(5)) {
                    Some(text) => filter::start(&text).ok_or_else(|| {
                        let detail = format!("the filter `{text}` is none that is served");
                        ("amqp:invalid-field", detail)
                    })?,
                    None => Start::Latest,
                };
                let next = self.shared.service.stream.begin(partition, start);
                Ok((Kind::Partition, Some((partition, next))))
            }
        }
    }

    /// Whether a token opens a path; one for a part of it does not.
    fn covered(&self, path: &str) -> Result<(), Refused> {
        let opens = |own: &String| {
            let rest = path.strip_prefix(own.as_str());
            rest.is_some_and(|rest| own.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        // Whoever asks about partitions may hold a token for a consumer group of theirs or for `$management`.
        let below = |own: &String| own.starts_with(&format!("{path}/")) && !path.contains('/');
        let mut tokens = self.consumer.iter().flat_map(|own| own.tokens.keys());
        if tokens.any(|own| opens(own) || below(own)) {
            return Ok(());
        }
        let detail = format!("no valid token was put for `{path}`");
        Err(("amqp:unauthorized-access", detail))
    }

    fn refuse_consumer(
        &self,
        channel: u16,
        attach: &Performative,
        (condition, detail): Refused,
    ) -> Vec<Step> {
        let mut fields = answer_to(attach);
        (fields[5], fields[6]) = (Value::Null, Value::Null);
        let why = error(condition, &detail);
        let detach = vec![attach.field(1).clone(), Value::Bool(true), why];
        vec![
            self.frame(channel, code::ATTACH, fields),
            self.frame(channel, code::DETACH, detach),
        ]
    }

    /// Takes a reader's token.
    pub(super) fn put_consumer_token(&mut self, message: &Message, now: u64) -> Vec<Step> {
        let named = |name: &str| message.application.get(name).and_then(Value::as_text);
        let kind = named("type").unwrap_or_default().to_ascii_lowercase();
        let taken = if named("operation") != Some("put-token") || !kind.ends_with(":sastoken") {
            Err((
                400,
                "no `put-token` of a shared access signature".to_owned(),
            ))
        } else {
            let text = String::from_utf8_lossy(&message.payload()).into_owned();
            service::consumer(&self.shared, &text, now).map_err(|why| (401, why))
        };
        let mut steps = Vec::new();
        let (status, description) = match (taken, &mut self.consumer) {
            (Ok((path, expiry)), Some(consumer)) => {
                consumer.tokens.retain(|_, expiry| *expiry > now);
                if consumer.tokens.len() < TOKENS || consumer.tokens.contains_key(&path) {
                    consumer.tokens.insert(path, expiry);
                }
                // The connection lives as long as its newest token.
                let end = consumer.tokens.values().max().copied().unwrap_or(now);
                steps.push(Step::TokenLife(self.shared.mode.token_life(end, now)));
                (202, "Accepted".to_owned())
            }
            (Err((status, why)), _) => (status, why),
            (Ok(_), None) => (401, String::new()),
        };
        let mut answer = token::answered(message, status, &description);
        // Microsoft's Rust client takes no answer whose body is bytes.
        answer.body = Body::Value(Value::Null);
        self.say(Kind::TokenAnswers, &answer);
        steps
    }

    /// Answers a question about partitions.
    pub(super) fn answer_consumer(&mut self, message: &Message) -> Vec<Step> {
        let answer = management::answer(message, &self.shared);
        self.say(Kind::Answers, &answer);
        Vec::new()
    }

    /// Queues as many messages as the reader's links want and may hold.
    pub(super) fn feed_consumer(&mut self) {
        let Some(consumer) = &mut self.consumer else {
            return;
        };
        let sessions = &mut self.sessions;
        consumer.cursors.retain(|(channel, handle), _| {
            let links = sessions.get(channel).map(|session| &session.links);
            links.is_some_and(|links| links.contains_key(handle))
        });
        let mut held: usize = sessions.values().map(super::link::Session::held).sum();
        for ((channel, handle), (partition, next)) in &mut consumer.cursors {
            let Some(session) = sessions.get_mut(channel) else {
                continue;
            };
            while held < MESSAGE
                && session.wants(*handle) > 0
                && let Some(kept) = self.shared.service.stream.next(*partition, *next)
            {
                let bytes = event::message(&kept).bytes();
                held += bytes.len();
                session.send(*handle, bytes);
                *next = kept.sequence + 1;
            }
        }
    }
}

/// What lies at a path in lower-case letters.
fn place(path: &str, entity: &str) -> Option<Place> {
    let segments: Vec<&str> = path.split('/').collect();
    match segments[..] {
        ["$cbs"] => Some(Place::Tokens),
        ["$management"] => Some(Place::Management),
        [own, "$management"] if own == entity => Some(Place::Management),
        [own, "consumergroups", GROUP, "partitions", number] if own == entity => {
            let number: usize = number.parse().ok()?;
            (number < PARTITIONS).then_some(Place::Partition(number))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_finds_partitions_tokens_and_management_and_nothing_else() {
        let found = |path: &str| place(path, "lab").is_some();
        for good in [
            "$cbs",
            "$management",
            "lab/$management",
            "lab/consumergroups/$default/partitions/0",
            "lab/consumergroups/$default/partitions/3",
        ] {
            assert!(found(good), "{good}");
        }
        for bad in [
            "",
            "lab",
            "lab/partitions/0",
            "lab/consumergroups/$default/partitions/4",
            "lab/consumergroups/$default/partitions/x",
            "lab/consumergroups/other/partitions/0",
            "other/consumergroups/$default/partitions/0",
            "devices/d/messages/events",
        ] {
            assert!(!found(bad), "{bad}");
        }
    }
}
