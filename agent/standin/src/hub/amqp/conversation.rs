//! One client's AMQP conversation: layers, sessions and links, as a list of steps; no I/O and no waiting.
//!
//! Follows edgeHub's own server (Azure/iotedge, `Microsoft.Azure.Devices.Edge.Hub.Amqp`): who a client is shows with its
//! first link, for which a token must have been put before.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::attach::{LINKS, Said};
use super::frame::{self, Expected, Inbound, Layer, Performative, Wire, code, error};
use super::header::{self, AMQP, SASL};
use super::link::{MESSAGE, Session, TransferError, WINDOW};
use super::message::Message;
use super::sasl;
use super::value::Value;
use crate::hub::event::{DisconnectReason, HubEvent, Rule};
use crate::hub::identity::Identity;
use crate::hub::session::{Call, Opened, Shared, TlsFacts};

/// Sessions of a connection; the SDKs need one or two.
const SESSIONS: u16 = 32;

/// Bytes that all links together may hold for either side.
const HELD: usize = 2 * MESSAGE;

/// Silence after which the hub ends a connection; edgeHub says the same in its `open` (`Constants.cs`).
pub(super) const SILENCE: Duration = Duration::from_secs(240);

/// Shortest silence that a client may ask the hub to keep, in milliseconds (`Constants.cs`).
const LEAST_IDLE: u32 = 5000;

/// Smallest frame that every peer takes (part 2, 2.7.1).
const LEAST_FRAME: u32 = 512;

/// What the connection must do, in this order.
#[derive(Debug)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// An answer about the twin, that much later.
    Later(Duration, Message),
    Emit(HubEvent),
    /// Both sides opened the connection; the client ends it after so long a silence, if it says so.
    Open(Option<Duration>),
    /// The client is in.
    LoggedIn(Opened),
    /// A newer token lives so long.
    TokenLife(Duration),
    Close(DisconnectReason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header { secured: bool },
    Sasl,
    Open,
    Running,
    Ended,
}

/// A client that is in.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) identity: Identity,
    pub(super) link: u64,
    pub(super) calls: HashMap<String, Call>,
    pub(super) next_call: u64,
}

/// One connection's side of the conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) shared: Arc<Shared>,
    pub(super) tls: TlsFacts,
    wire: Wire,
    stage: Stage,
    frame_size: usize,
    /// Whose tokens were verified, and when they end, in seconds since the Unix epoch.
    pub(super) tokens: BTreeMap<Identity, u64>,
    /// Idle time-out that the client asked for; zero means none.
    pub(super) idle: Duration,
    pub(super) said: Said,
    pub(super) client: Option<Client>,
    pub(super) sessions: BTreeMap<u16, Session>,
    /// What a reader of the cloud's messages has; absent at the entrance of clients.
    #[cfg(feature = "hub")]
    pub(super) consumer: Option<super::consumer::Consumer>,
}

impl Conversation {
    pub(super) fn new(shared: Arc<Shared>, tls: TlsFacts) -> Self {
        Self {
            shared,
            tls,
            wire: Wire::default(),
            stage: Stage::Header { secured: false },
            frame_size: 0,
            tokens: BTreeMap::new(),
            idle: Duration::ZERO,
            said: Said::default(),
            client: None,
            sessions: BTreeMap::new(),
            #[cfg(feature = "hub")]
            consumer: None,
        }
    }

    /// Takes bytes; [`Self::react`] says what to do about them.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.wire.feed(bytes);
    }

    /// Reacts to the next thing that is complete, and to one alone, so that a client is answered no faster than it takes
    /// answers; `None` until there are more bytes. `now` is in seconds since the Unix epoch.
    pub(super) fn react(&mut self, now: u64) -> Option<Vec<Step>> {
        let expected = match self.stage {
            Stage::Ended => return None,
            Stage::Header { .. } => Expected::Header,
            Stage::Sasl | Stage::Open | Stage::Running => Expected::Frame,
        };
        let inbound = self.wire.next(expected)?;
        let mut steps = self.take(inbound, now);
        if !ends(&steps) {
            steps.extend(self.flush());
        }
        if ends(&steps) {
            self.stage = Stage::Ended;
        }
        Some(steps)
    }

    /// A connection that did not come to its `open` in time.
    pub(super) fn no_open(&self) -> Vec<Step> {
        self.broken(Rule::ConnectFirst, "no AMQP open in time".to_owned())
    }

    /// Ends the conversation; returns what to tell the subscribers.
    pub(super) fn end(&mut self, reason: DisconnectReason) -> Option<HubEvent> {
        let client = self.client.take()?;
        self.shared.registry.close(&client.identity, client.link);
        let identity = client.identity;
        Some(HubEvent::Disconnected { identity, reason })
    }

    fn take(&mut self, inbound: Inbound, now: u64) -> Vec<Step> {
        match inbound {
            Inbound::Header(header) => self.header(header),
            Inbound::TooLarge(size) => {
                let detail = format!("a frame of {size} bytes; the limit is {}", frame::LARGEST);
                self.broken(Rule::TooLarge, detail)
            }
            Inbound::Malformed(detail) => self.broken(Rule::Malformed, detail),
            Inbound::Frame {
                performative: None, ..
            } => Vec::new(),
            Inbound::Frame {
                layer,
                channel,
                performative: Some(performative),
                payload,
            } => match (self.stage, layer) {
                (Stage::Sasl, Layer::Sasl) => self.sasl(&performative, now),
                (Stage::Open, Layer::Amqp) => self.open(&performative),
                (Stage::Running, Layer::Amqp) => {
                    self.running(channel, &performative, &payload, now)
                }
                (_, Layer::Sasl | Layer::Amqp) => {
                    let detail = "a frame of the other layer".to_owned();
                    self.broken(Rule::Malformed, detail)
                }
            },
        }
    }

    fn header(&mut self, header: [u8; header::LENGTH]) -> Vec<Step> {
        let secured = self.stage == Stage::Header { secured: true };
        match header {
            AMQP => {
                self.stage = Stage::Open;
                vec![Step::Send(AMQP.to_vec())]
            }
            SASL if !secured => {
                self.stage = Stage::Sasl;
                vec![Step::Send(SASL.to_vec()), Step::Send(sasl::mechanisms())]
            }
            other => {
                // The answer to a header that is not served is one that is (part 2, 2.2).
                let mut steps = vec![Step::Send(SASL.to_vec())];
                let (rule, detail) = header::unknown(other);
                steps.extend(self.broken(rule, detail));
                steps
            }
        }
    }

    fn sasl(&mut self, init: &Performative, now: u64) -> Vec<Step> {
        let (outcome, verdict) = match sasl::judge(init, &self.shared, now) {
            Ok(token) => (sasl::outcome(true), Ok(token)),
            Err(refusal) => (sasl::outcome(false), Err(refusal)),
        };
        let mut steps = vec![Step::Send(outcome)];
        match verdict {
            Ok(token) => {
                self.tokens.extend(token);
                self.stage = Stage::Header { secured: true };
            }
            Err(refusal) => {
                steps.push(Step::Emit(HubEvent::Violation {
                    identity: refusal.claimed,
                    rule: refusal.rule,
                    detail: refusal.detail,
                }));
                steps.push(Step::Close(DisconnectReason::Violation(refusal.rule)));
            }
        }
        steps
    }

    fn open(&mut self, open: &Performative) -> Vec<Step> {
        if open.code != code::OPEN {
            let detail = "the first performative is not `open`".to_owned();
            return self.broken(Rule::ConnectFirst, detail);
        }
        let idle = open.number(4).filter(|idle| *idle != 0);
        let frame_size = open.number(2).unwrap_or(u32::MAX);
        let frame_size = frame_size.clamp(LEAST_FRAME, frame::LARGEST);
        self.frame_size = usize::try_from(frame_size).unwrap_or(usize::MAX);
        self.stage = Stage::Running;
        let fields = vec![
            Value::text("edgeproof"),
            Value::Null,
            Value::Uint(frame::LARGEST),
            Value::Ushort(SESSIONS - 1),
            Value::Uint(240_000),
        ];
        let mut steps = vec![self.frame(0, code::OPEN, fields)];
        if let Some(idle) = idle.filter(|idle| *idle < LEAST_IDLE) {
            let detail =
                format!("an idle time-out of {idle} ms; edgeHub takes {LEAST_IDLE} ms and more");
            steps.extend(self.broken(Rule::Malformed, detail));
            return steps;
        }
        let idle = idle.map(|idle| Duration::from_millis(u64::from(idle)));
        self.idle = idle.unwrap_or_default();
        steps.push(Step::Open(idle));
        steps
    }

    fn running(
        &mut self,
        channel: u16,
        performative: &Performative,
        payload: &[u8],
        now: u64,
    ) -> Vec<Step> {
        match performative.code {
            code::CLOSE => vec![
                self.frame(0, code::CLOSE, Vec::new()),
                Step::Close(DisconnectReason::Goodbye),
            ],
            code::BEGIN => self.begin(channel, performative),
            code::END => {
                let Some(session) = self.sessions.remove(&channel) else {
                    return self.broken(Rule::Malformed, no_session(channel));
                };
                for link in session.links.values() {
                    self.unsubscribe(link.kind);
                }
                vec![self.frame(channel, code::END, Vec::new())]
            }
            code::ATTACH => self.attach(channel, performative, now),
            code::DETACH => self.detach(channel, performative),
            code::TRANSFER => self.transfer(channel, performative, payload, now),
            code::FLOW => {
                let Some(session) = self.sessions.get_mut(&channel) else {
                    return self.broken(Rule::Malformed, no_session(channel));
                };
                let answers = session.flow(performative);
                answers.into_iter().map(Step::Send).collect()
            }
            code::DISPOSITION => self.disposition(channel, performative),
            other => self.broken(
                Rule::Malformed,
                format!("a performative of code {other:#x}"),
            ),
        }
    }

    fn begin(&mut self, channel: u16, begin: &Performative) -> Vec<Step> {
        if channel >= SESSIONS || self.sessions.contains_key(&channel) {
            let detail =
                format!("a session on channel {channel}, which is taken or over the limit");
            return self.broken(Rule::Malformed, detail);
        }
        self.sessions.insert(channel, Session::new(channel, begin));
        let fields = vec![
            Value::Ushort(channel),
            Value::Uint(0),
            Value::Uint(WINDOW),
            Value::Uint(WINDOW),
            Value::Uint(LINKS - 1),
        ];
        vec![self.frame(channel, code::BEGIN, fields)]
    }

    fn transfer(
        &mut self,
        channel: u16,
        transfer: &Performative,
        payload: &[u8],
        now: u64,
    ) -> Vec<Step> {
        let Some(session) = self.sessions.get_mut(&channel) else {
            return self.broken(Rule::Malformed, no_session(channel));
        };
        match session.transfer(transfer, payload) {
            Ok(None) => Vec::new(),
            Ok(Some((handle, delivery))) => self.deliver((channel, handle), &delivery, now),
            Err(TransferError::TooLarge) => {
                let detail = format!("a message over the link's limit of {MESSAGE} bytes");
                self.broken(Rule::TooLarge, detail)
            }
            Err(TransferError::NoLink) => {
                let detail =
                    "a transfer on a link that is not there or does not take any".to_owned();
                self.broken(Rule::Malformed, detail)
            }
            Err(TransferError::NoId) => {
                let detail = "a delivery without an id".to_owned();
                self.broken(Rule::Malformed, detail)
            }
        }
    }

    /// What credit and windows let out now; a client that leaves too much waiting is dropped.
    pub(super) fn flush(&mut self) -> Vec<Step> {
        if self.stage != Stage::Running {
            return Vec::new();
        }
        #[cfg(feature = "hub")]
        self.feed_consumer();
        let mut steps = Vec::new();
        for session in self.sessions.values_mut() {
            let frames = session
                .renew()
                .into_iter()
                .chain(session.pump(self.frame_size));
            steps.extend(frames.map(Step::Send));
        }
        let held: usize = self.sessions.values().map(Session::held).sum();
        if held > HELD {
            steps.push(Step::Close(DisconnectReason::Stalled));
        }
        steps
    }

    /// A frame of the AMQP layer.
    pub(super) fn frame(&self, channel: u16, code: u64, fields: Vec<Value>) -> Step {
        Step::Send(frame::encode(Layer::Amqp, channel, code, fields, &[]))
    }

    /// A broken rule that ends the connection, with the reason for the client where it can hear one.
    pub(super) fn broken(&self, rule: Rule, detail: String) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.stage == Stage::Running {
            let fields = vec![error("amqp:not-allowed", &detail)];
            steps.push(self.frame(0, code::CLOSE, fields));
        }
        let identity = self.client.as_ref().map(|client| client.identity.clone());
        steps.push(Step::Emit(HubEvent::Violation {
            identity,
            rule,
            detail,
        }));
        steps.push(Step::Close(DisconnectReason::Violation(rule)));
        steps
    }
}

fn ends(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Close(_)))
}

pub(super) fn no_session(channel: u16) -> String {
    format!("a performative on channel {channel}, where no session is")
}
