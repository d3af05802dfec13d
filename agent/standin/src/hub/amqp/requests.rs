//! What the hub does with each message of a client, and how it says what it wants from one.

use serde_json::json;

use super::address::Kind;
use super::conversation::{Conversation, Step};
use super::frame::{Performative, code, error};
use super::link::Delivery;
use super::message::{Body, Message};
use super::token;
use super::value::Value;
use crate::hub::event::{HubEvent, Rule};
use crate::hub::faults::TwinAnswers;
use crate::hub::limits;
use crate::hub::publish::{self, TOO_MANY_REQUESTS};
use crate::hub::registry::{Command, Invocation};
use crate::hub::session::Call;
use crate::hub::topics::Subscription;

/// Message format that says: each section of bytes is a message of its own (Microsoft.Azure.Amqp, `AmqpConstants`).
const BATCHED: u32 = 0x8001_3700;

/// What a client asks to hear when it wants changes of desired properties.
const DESIRED_CHANGES: &str = "/notifications/twin/properties/desired";

/// How a message was taken.
type Outcome = Result<(), (&'static str, String)>;

impl Conversation {
    /// Reacts to a whole message. It is settled after its events were handed out.
    pub(super) fn deliver(
        &mut self,
        (channel, handle): (u16, u32),
        delivery: &Delivery,
        now: u64,
    ) -> Vec<Step> {
        let link = self
            .sessions
            .get(&channel)
            .and_then(|session| session.links.get(&handle));
        let Some(kind) = link.map(|link| link.kind) else {
            return Vec::new();
        };
        let (mut steps, outcome) = match Message::parse(&delivery.bytes) {
            Ok(message) => self.message(kind, &message, delivery, now),
            Err(error) => {
                let detail = format!("a message that cannot be read: {error}");
                let steps = self.noted(Rule::Malformed, detail.clone());
                (steps, Err(("amqp:decode-error", detail)))
            }
        };
        if !delivery.settled {
            let state = match outcome {
                Ok(()) => Value::composite(code::ACCEPTED, Vec::new()),
                Err((condition, detail)) => {
                    Value::composite(code::REJECTED, vec![error(condition, &detail)])
                }
            };
            let fields = vec![
                Value::Bool(true),
                Value::Uint(delivery.id),
                Value::Uint(delivery.id),
                Value::Bool(true),
                state,
            ];
            let settled = self.frame(channel, code::DISPOSITION, fields);
            // A request is settled before its answer, as edgeHub does; a message after its event was handed out.
            let place = if kind == Kind::Events { steps.len() } else { 0 };
            steps.insert(place, settled);
        }
        steps
    }

    /// The hub settles what the client has taken, where it leaves that to the hub.
    pub(super) fn disposition(&self, channel: u16, disposition: &Performative) -> Vec<Step> {
        if !disposition.flag(0) || disposition.flag(3) {
            return Vec::new();
        }
        let fields = vec![
            Value::Bool(false),
            disposition.field(1).clone(),
            disposition.field(2).clone(),
            Value::Bool(true),
            Value::composite(code::ACCEPTED, Vec::new()),
        ];
        vec![self.frame(channel, code::DISPOSITION, fields)]
    }

    fn message(
        &mut self,
        kind: Kind,
        message: &Message,
        delivery: &Delivery,
        now: u64,
    ) -> (Vec<Step>, Outcome) {
        match kind {
            #[cfg(feature = "hub")]
            Kind::Tokens if self.consumer.is_some() => {
                (self.put_consumer_token(message, now), Ok(()))
            }
            Kind::Tokens => (self.put_token(message, now), Ok(())),
            Kind::Events => self.events(message, delivery),
            Kind::TwinRequests => (self.twin_request(message), Ok(())),
            Kind::MethodAnswers => (self.method_answer(message), Ok(())),
            #[cfg(feature = "hub")]
            Kind::Questions => (self.answer_consumer(message), Ok(())),
            #[cfg(feature = "hub")]
            Kind::Answers | Kind::Partition => (Vec::new(), Ok(())),
            // No client sends on a link that it hears: the session has refused the transfer.
            Kind::TokenAnswers
            | Kind::Inputs
            | Kind::DeviceBound
            | Kind::MethodCalls
            | Kind::TwinAnswers => (Vec::new(), Ok(())),
        }
    }

    fn put_token(&mut self, message: &Message, now: u64) -> Vec<Step> {
        let taken = token::put(message, &self.shared, now);
        if taken.token.is_ok() && self.shared.registry.faults.refuses_login() {
            // On purpose: no token is kept, and nothing is put down to the client.
            self.say(Kind::TokenAnswers, &token::refusal(message));
            return Vec::new();
        }
        let answer = token::answer(message, &taken);
        let mut steps = Vec::new();
        match taken.token {
            Ok((identity, expiry)) => {
                let is_own = self
                    .client
                    .as_ref()
                    .is_some_and(|client| client.identity == identity);
                if is_own {
                    steps.push(Step::TokenLife(self.shared.mode.token_life(expiry, now)));
                }
                // Only registered identities come here, so the map cannot grow beyond the registry.
                self.tokens.insert(identity, expiry);
            }
            Err(refusal) => steps.push(Step::Emit(HubEvent::Violation {
                identity: refusal.claimed,
                rule: refusal.rule,
                detail: refusal.detail,
            })),
        }
        self.say(Kind::TokenAnswers, &answer);
        steps
    }

    fn events(&self, message: &Message, delivery: &Delivery) -> (Vec<Step>, Outcome) {
        let parts = match (&message.body, delivery.format) {
            (Body::Data(parts), BATCHED) => parts.iter().map(|part| Message::parse(part)).collect(),
            _ => Ok(vec![message.clone()]),
        };
        let messages = match parts {
            Ok(messages) => messages,
            Err(error) => {
                let detail = format!("a message within a batch that cannot be read: {error}");
                let steps = self.noted(Rule::Malformed, detail.clone());
                return (steps, Err(("amqp:decode-error", detail)));
            }
        };
        let Some(client) = &self.client else {
            return (Vec::new(), Ok(()));
        };
        let mut steps = Vec::new();
        for message in messages {
            let properties = message.iot_properties();
            let body = message.payload();
            let size = body.len() + properties.size();
            if size > limits::MESSAGE {
                let detail = format!("message of {size} bytes; the limit is {}", limits::MESSAGE);
                steps.extend(self.noted(Rule::TooLarge, detail.clone()));
                return (steps, Err(("amqp:link:message-size-exceeded", detail)));
            }
            steps.push(Step::Emit(HubEvent::Message {
                identity: client.identity.clone(),
                output: properties.output(),
                properties,
                qos: u8::from(!delivery.settled),
                duplicate: false,
                body,
            }));
        }
        (steps, Ok(()))
    }

    fn twin_request(&mut self, message: &Message) -> Vec<Step> {
        let Some(client) = &self.client else {
            return Vec::new();
        };
        let identity = client.identity.clone();
        let id = message.correlation();
        let operation = message.annotation("operation");
        let meets = matches!(operation, Some("GET" | "PATCH"))
            .then(|| self.shared.registry.faults.meet_twin())
            .unwrap_or_default();
        if meets == TwinAnswers::Busy {
            let body = json!({"errorCode": TOO_MANY_REQUESTS, "message": "too many requests"});
            return self.answer_twin(id, (TOO_MANY_REQUESTS.into(), &body.to_string()), meets);
        }
        let (event, status, body) = match operation {
            Some("GET") => {
                let twin = self.shared.registry.twin(&identity);
                let body = twin.map(|twin| twin.document().to_string());
                (
                    HubEvent::TwinRead { identity },
                    200,
                    body.unwrap_or_default(),
                )
            }
            Some("PATCH") => {
                let (event, merged) =
                    publish::reported(&identity, &self.shared, &message.payload());
                match merged {
                    Ok(_) => (event, 204, String::new()),
                    // edgeHub's own refusal has no body, over which Node's SDK stumbles; this is IoT Hub's.
                    Err(error) => {
                        let body = json!({"errorCode": 400, "message": error.to_string()});
                        (event, 400, body.to_string())
                    }
                }
            }
            Some("PUT") => {
                self.shared
                    .registry
                    .subscribe(&identity, Subscription::Desired);
                let filter = DESIRED_CHANGES.to_owned();
                (
                    HubEvent::Subscribed { identity, filter },
                    200,
                    String::new(),
                )
            }
            Some("DELETE") => {
                self.shared
                    .registry
                    .unsubscribe(&identity, Subscription::Desired);
                return self.answer_twin(id, (200, ""), meets);
            }
            other => {
                let other = other.unwrap_or_default();
                let detail = format!("a twin request with the operation `{other}`");
                return self.noted(Rule::UnknownTopic, detail);
            }
        };
        let mut steps = self.answer_twin(id, (status, &body), meets);
        steps.push(Step::Emit(event));
        steps
    }

    fn answer_twin(
        &mut self,
        id: Option<String>,
        (status, body): (i32, &str),
        when: TwinAnswers,
    ) -> Vec<Step> {
        // edgeHub answers nobody who did not say under which id.
        let Some(id) = id else { return Vec::new() };
        let mut answer = Message::new(body.as_bytes()).correlated(Value::String(id));
        let status = (Value::symbol("status"), Value::Int(status));
        answer.annotations = Value::Map(vec![status]);
        match when {
            TwinAnswers::Late(by) => vec![Step::Later(by, answer)],
            TwinAnswers::AtOnce | TwinAnswers::Busy => {
                self.say(Kind::TwinAnswers, &answer);
                Vec::new()
            }
        }
    }

    /// Says an answer about the twin whose time has come.
    pub(super) fn late(&mut self, answer: &Message) -> Vec<Step> {
        self.say(Kind::TwinAnswers, answer);
        self.flush()
    }

    fn method_answer(&mut self, message: &Message) -> Vec<Step> {
        let Some(client) = &mut self.client else {
            return Vec::new();
        };
        let id = message
            .correlation()
            .unwrap_or_default()
            .to_ascii_lowercase();
        // Late: the caller has given up. The real hub drops such an answer as well.
        let Some(call) = client.calls.remove(&id) else {
            return Vec::new();
        };
        let status = match message.application.get("IoThub-status") {
            Some(Value::Int(status)) => status.to_string(),
            Some(other) => format!("{other:?}"),
            None => String::new(),
        };
        let identity = client.identity.clone();
        let events = publish::answer_call(&identity, call, &status, &message.payload());
        events.into_iter().map(Step::Emit).collect()
    }

    /// Says to the client what the hub wants.
    pub(super) fn command(&mut self, command: Command) -> Vec<Step> {
        match command {
            Command::Desired { body, .. } => self.say(Kind::TwinAnswers, &Message::new(&body)),
            Command::Input {
                input,
                properties,
                body,
            } => {
                self.say(Kind::Inputs, &Message::to_input(&input, &properties, &body));
            }
            Command::Invoke(invocation) => self.call(invocation),
        }
        self.flush()
    }

    fn call(&mut self, invocation: Invocation) {
        let Some(client) = &mut self.client else {
            return;
        };
        // Calls whose caller has stopped waiting are forgotten, so that they cannot pile up.
        client.calls.retain(|_, call| !call.answer.is_closed());
        client.next_call += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", client.next_call);
        let mut message = Message::new(&invocation.body).correlated(Value::text(&id));
        message.application = Value::Map(vec![(
            Value::text("IoThub-methodname"),
            Value::text(&invocation.name),
        )]);
        client.calls.insert(
            id,
            Call {
                name: invocation.name,
                answer: invocation.answer,
            },
        );
        self.say(Kind::MethodCalls, &message);
    }

    /// Queues a message on the client's link of this kind; without one there is nobody to hear it.
    pub(super) fn say(&mut self, kind: Kind, message: &Message) {
        let mut sessions = self.sessions.values_mut();
        let found =
            sessions.find_map(|session| session.handle_of(kind).map(|handle| (session, handle)));
        if let Some((session, handle)) = found {
            session.send(handle, message.bytes());
        }
    }

    /// A breach that the hub notes and that ends nothing, as at edgeHub.
    fn noted(&self, rule: Rule, detail: String) -> Vec<Step> {
        let identity = self.client.as_ref().map(|client| client.identity.clone());
        vec![Step::Emit(HubEvent::Violation {
            identity,
            rule,
            detail,
        })]
    }
}
