//! Links as clients attach and detach them: who is let in, what it subscribes to, what is refused.

use std::collections::HashMap;

use super::address::{self, Kind, Place, Role};
use super::conversation::{Client, Conversation, SILENCE, Step, no_session};
use super::frame::{Performative, code, error};
use super::link::{Link, MESSAGE};
use super::value::Value;
use crate::hub::event::{HubEvent, Login, Rule};
use crate::hub::session::Opened;
use crate::hub::topics::Subscription;

/// Links of a session; the SDKs need eight.
pub(super) const LINKS: u32 = 32;

/// What a client says of itself with its links; the first word stands.
#[derive(Debug, Default)]
pub(super) struct Said {
    client_type: Option<String>,
    model_id: Option<String>,
    api_version: Option<String>,
}

impl Said {
    /// Keeps what an attach says; whether it says for the first time what the client is.
    fn hear(&mut self, attach: &Performative, address: &str) -> bool {
        let told = |name: &str| attach.field(13).get(name)?.as_text();
        let keep = |kept: &mut Option<String>, told: Option<&str>| {
            let is_news = kept.is_none() && told.is_some_and(|told| !told.trim().is_empty());
            if is_news {
                *kept = told.map(str::to_owned);
            }
            is_news
        };
        keep(&mut self.model_id, told("com.microsoft:model-id"));
        let version = told("com.microsoft:api-version");
        let version = version.or_else(|| address::api_version(address));
        keep(&mut self.api_version, version);
        keep(&mut self.client_type, told("com.microsoft:client-version"))
    }
}

/// Why a link is refused: the rule, what was seen, and the protocol's own condition.
struct Refused {
    rule: Rule,
    detail: String,
    condition: &'static str,
}

impl Refused {
    fn unauthorized(rule: Rule, detail: String) -> Self {
        let condition = "amqp:unauthorized-access";
        Self {
            rule,
            detail,
            condition,
        }
    }
}

impl Conversation {
    pub(super) fn attach(&mut self, channel: u16, attach: &Performative, now: u64) -> Vec<Step> {
        let handle = attach.number(1).unwrap_or(u32::MAX);
        let taken = self
            .sessions
            .get(&channel)
            .map(|session| session.links.contains_key(&handle));
        if taken != Some(false) || handle >= LINKS {
            let detail = format!(
                "a link on channel {channel} with the handle {handle}, which is taken, over the limit or outside a session"
            );
            return self.broken(Rule::Malformed, detail);
        }
        let (role, terminus) = if attach.flag(2) {
            (Role::Receiver, attach.field(5))
        } else {
            (Role::Sender, attach.field(6))
        };
        let address = address_of(terminus).unwrap_or_default().to_owned();
        #[cfg(feature = "hub")]
        if self.consumer.is_some() {
            return self.attach_consumer((channel, handle), attach, (role, &address));
        }
        let is_news = self.said.hear(attach, &address);
        let Some(place) = address::place(&address, role) else {
            let (rule, does) = match role {
                Role::Sender => (Rule::UnknownTopic, "sends to"),
                Role::Receiver => (Rule::UnknownFilter, "hears"),
            };
            let detail = format!("a link that {does} `{address}`, which the hub does not serve");
            let condition = "amqp:not-found";
            return self.refuse(
                channel,
                attach,
                Refused {
                    rule,
                    detail,
                    condition,
                },
            );
        };
        let mut steps = match self.admit(&place, is_news, now) {
            Ok(steps) => steps,
            Err(refusal) => return self.refuse(channel, attach, refusal),
        };
        let settled = matches!(place.kind, Kind::TwinAnswers | Kind::MethodCalls)
            || attach.number(3) == Some(1);
        let link = Link::new(place.kind, role, settled);
        if let Some(session) = self.sessions.get_mut(&channel) {
            session.links.insert(handle, link);
        }
        let mut fields = answer_to(attach);
        if role == Role::Receiver && settled {
            fields[3] = Value::Ubyte(1);
        }
        steps.push(self.frame(channel, code::ATTACH, fields));
        steps.extend(self.subscribe(place.kind, &address));
        steps
    }

    /// Lets the owner of a link in, if it is not in already; a link for tokens is everybody's.
    fn admit(&mut self, place: &Place, is_news: bool, now: u64) -> Result<Vec<Step>, Refused> {
        let Some(owner) = &place.owner else {
            return Ok(Vec::new());
        };
        if let Some(client) = &self.client {
            let detail = format!(
                "a link of `{owner}` on the connection of `{}`",
                client.identity
            );
            return if client.identity == *owner {
                Ok(self.introduced(is_news))
            } else {
                Err(Refused::unauthorized(Rule::ClientId, detail))
            };
        }
        let Some(expiry) = self.tokens.get(owner).copied() else {
            let detail = format!("a link of `{owner}`, for which no valid token was put");
            return Err(Refused::unauthorized(Rule::NoPassword, detail));
        };
        let Some(link) = self.shared.registry.open(owner, true) else {
            let detail = format!("`{owner}` is not registered");
            return Err(Refused::unauthorized(Rule::UnknownIdentity, detail));
        };
        self.client = Some(Client {
            identity: owner.clone(),
            link: link.id,
            calls: HashMap::new(),
            next_call: 0,
        });
        let login = Login {
            identity: owner.clone(),
            api_version: self.said.api_version.clone().unwrap_or_default(),
            client_type: self.said.client_type.clone(),
            model_id: self.said.model_id.clone(),
            transport: self.tls.transport,
            tls_version: self.tls.version.clone(),
            tls_suite: self.tls.suite.clone(),
            server_name: self.tls.server_name.clone(),
            token_expiry: Some(expiry),
            certificate: None,
            keep_alive: self.idle,
            clean_session: true,
            session_present: false,
        };
        let opened = Opened {
            link,
            silence: SILENCE,
            token_life: self.shared.mode.token_life(expiry, now),
        };
        Ok(vec![
            Step::Emit(HubEvent::Connected(login)),
            Step::LoggedIn(opened),
        ])
    }

    /// A client may say only with a later link what it is.
    fn introduced(&self, is_news: bool) -> Vec<Step> {
        let (Some(client), Some(client_type)) = (&self.client, &self.said.client_type) else {
            return Vec::new();
        };
        let event = HubEvent::Introduced {
            identity: client.identity.clone(),
            client_type: client_type.clone(),
        };
        is_news.then_some(Step::Emit(event)).into_iter().collect()
    }

    /// What an attached link subscribes its client to, as edgeHub has it; a twin link hears changes before they are asked for.
    fn subscribe(&self, kind: Kind, address: &str) -> Option<Step> {
        let client = self.client.as_ref()?;
        let subscription = subscription(kind)?;
        self.shared
            .registry
            .subscribe(&client.identity, subscription);
        (kind != Kind::TwinAnswers).then(|| {
            Step::Emit(HubEvent::Subscribed {
                identity: client.identity.clone(),
                filter: address.to_owned(),
            })
        })
    }

    pub(super) fn unsubscribe(&self, kind: Kind) {
        if let (Some(client), Some(subscription)) = (&self.client, subscription(kind)) {
            self.shared
                .registry
                .unsubscribe(&client.identity, subscription);
        }
    }

    /// A refused link is attached without an end and detached with the reason (part 2, 2.6.3).
    fn refuse(&self, channel: u16, attach: &Performative, refused: Refused) -> Vec<Step> {
        let mut fields = answer_to(attach);
        (fields[5], fields[6]) = (Value::Null, Value::Null);
        let error = error(refused.condition, &refused.detail);
        let detach = vec![attach.field(1).clone(), Value::Bool(true), error];
        let identity = self.client.as_ref().map(|client| client.identity.clone());
        vec![
            Step::Emit(HubEvent::Violation {
                identity,
                rule: refused.rule,
                detail: refused.detail,
            }),
            self.frame(channel, code::ATTACH, fields),
            self.frame(channel, code::DETACH, detach),
        ]
    }

    pub(super) fn detach(&mut self, channel: u16, detach: &Performative) -> Vec<Step> {
        let handle = detach.number(0).unwrap_or(u32::MAX);
        let session = self.sessions.get_mut(&channel);
        let Some(session) = session else {
            return self.broken(Rule::Malformed, no_session(channel));
        };
        // The end of a link that the hub refused, or has detached itself.
        let Some(link) = session.links.remove(&handle) else {
            return Vec::new();
        };
        self.unsubscribe(link.kind);
        let fields = vec![Value::Uint(handle), Value::Bool(detach.flag(1))];
        vec![self.frame(channel, code::DETACH, fields)]
    }
}

fn subscription(kind: Kind) -> Option<Subscription> {
    match kind {
        Kind::Inputs => Some(Subscription::Inputs),
        Kind::MethodCalls => Some(Subscription::Methods),
        Kind::TwinAnswers => Some(Subscription::Desired),
        Kind::DeviceBound => Some(Subscription::DeviceBound),
        Kind::Tokens
        | Kind::TokenAnswers
        | Kind::Events
        | Kind::MethodAnswers
        | Kind::TwinRequests => None,
        #[cfg(feature = "hub")]
        Kind::Questions | Kind::Answers | Kind::Partition => None,
    }
}

/// The address of a source or target.
fn address_of(terminus: &Value) -> Option<&str> {
    let Value::Described(both) = terminus else {
        return None;
    };
    let Value::List(fields) = &both.1 else {
        return None;
    };
    fields.first()?.as_text()
}

/// The hub's own attach: name, handle, modes and ends as the client has them.
pub(super) fn answer_to(attach: &Performative) -> Vec<Value> {
    let hears = attach.flag(2);
    vec![
        attach.field(0).clone(),
        attach.field(1).clone(),
        Value::Bool(!hears),
        attach.field(3).clone(),
        attach.field(4).clone(),
        attach.field(5).clone(),
        attach.field(6).clone(),
        Value::Null,
        Value::Null,
        if hears { Value::Uint(0) } else { Value::Null },
        Value::Ulong(MESSAGE as u64),
    ]
}
