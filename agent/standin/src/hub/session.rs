//! What the hub does with each packet of one connection, as a list of reactions; no I/O and no waiting.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::client_certificate::Shown;
use super::entrance::Transport;
use super::event::{DisconnectReason, HubEvent, Login, Rule};
use super::identity::Identity;
use super::limits::Mode;
use super::login::{self, Door};
use super::publish;
use super::registry::{Answer, Command, LinkEnd, Registry};
use super::sas::Audience;
use super::topics::{self, Subscription};
use super::wire::{Connect, Inbound, Outbound, Will};

/// What the connection must do, in this order.
#[derive(Debug)]
pub(crate) enum Reaction {
    Send(Outbound),
    /// The same after a while, other traffic meanwhile: an answer that is late on purpose.
    Later(Duration, Outbound),
    Raw(Vec<u8>),
    Emit(HubEvent),
    /// The client is in; from now on it has a link, a keep-alive and a token with an end.
    Opened(Opened),
    Close(DisconnectReason),
}

/// What begins with a login.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) link: LinkEnd,
    pub(crate) silence: Duration,
    /// How long the hub lets the connection live with this token.
    pub(crate) token_life: Duration,
}

/// TLS as the client negotiated it.
#[derive(Debug, Clone)]
pub(crate) struct TlsFacts {
    pub(crate) version: String,
    pub(crate) suite: String,
    pub(crate) server_name: Option<String>,
    /// The certificate that the client showed.
    pub(crate) shown: Option<Shown>,
    /// What the client came through.
    pub(crate) transport: Transport,
}

/// Settings and memory that all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) host: String,
    /// Names of its own, as they stand in its certificate.
    pub(crate) names: Vec<String>,
    pub(crate) mode: Mode,
    pub(crate) registry: Registry,
    #[cfg(feature = "hub")]
    pub(crate) service: super::service::Service,
}

impl Shared {
    /// Whose tokens it takes.
    pub(crate) fn audience(&self) -> Audience<'_> {
        Audience {
            host: &self.host,
            gateway: (self.mode == Mode::EdgeHub).then_some(&self.names),
        }
    }
}

/// A logged-in client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) identity: Identity,
    link: u64,
    will: Option<Will>,
    pub(crate) calls: HashMap<String, Call>,
    next_call: u64,
}

/// A direct method that waits for its answer.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) answer: tokio::sync::oneshot::Sender<Answer>,
}

/// One connection's side of the conversation.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    tls: TlsFacts,
    client: Option<Client>,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, tls: TlsFacts) -> Self {
        Self {
            shared,
            tls,
            client: None,
        }
    }

    /// Reacts to one packet; `now` is in seconds since the Unix epoch.
    pub(crate) fn receive(&mut self, inbound: Inbound, now: u64) -> Vec<Reaction> {
        match inbound {
            Inbound::Answer(bytes) => vec![Reaction::Raw(bytes)],
            Inbound::Malformed(detail) => self.violation(Rule::Malformed, detail),
            Inbound::TooLarge => {
                self.violation(Rule::TooLarge, "the packet is over the limit".to_owned())
            }
            Inbound::Connect(connect) => self.connect(&connect, now),
            packet @ (Inbound::Publish(_)
            | Inbound::QosTwo { .. }
            | Inbound::Subscribe { .. }
            | Inbound::Unsubscribe { .. }
            | Inbound::Ping
            | Inbound::Disconnect) => match &mut self.client {
                Some(client) => client.receive(&self.shared, packet),
                None => self.violation(
                    Rule::ConnectFirst,
                    "the first packet is not CONNECT".to_owned(),
                ),
            },
        }
    }

    /// Turns something that the hub wants into a packet.
    pub(crate) fn command(&mut self, command: Command) -> Vec<Reaction> {
        let Some(client) = &mut self.client else {
            return Vec::new();
        };
        match command {
            Command::Desired { version, body } => {
                let topic = topics::desired(version);
                vec![Reaction::Send(Outbound::Publish { topic, body })]
            }
            Command::Input {
                input,
                properties,
                body,
            } => {
                let topic = topics::input(&client.identity, &input, &properties);
                vec![Reaction::Send(Outbound::Publish { topic, body })]
            }
            Command::Invoke(invocation) => {
                // Calls whose caller has stopped waiting are forgotten, so that they cannot pile up.
                client.calls.retain(|_, call| !call.answer.is_closed());
                client.next_call += 1;
                let rid = format!("{:x}", client.next_call);
                let topic = topics::method_call(&invocation.name, &rid);
                client.calls.insert(
                    rid,
                    Call {
                        name: invocation.name,
                        answer: invocation.answer,
                    },
                );
                let body = invocation.body;
                vec![Reaction::Send(Outbound::Publish { topic, body })]
            }
        }
    }

    /// A connection that said nothing for too long before its login.
    pub(crate) fn no_connect(&self) -> Vec<Reaction> {
        self.violation(Rule::ConnectFirst, "no CONNECT in time".to_owned())
    }

    /// Ends the session; returns what to tell the subscribers.
    pub(crate) fn end(&mut self, reason: DisconnectReason) -> Vec<HubEvent> {
        let Some(client) = self.client.take() else {
            return Vec::new();
        };
        self.shared.registry.close(&client.identity, client.link);
        let will = match (&client.will, reason) {
            (None, _) | (Some(_), DisconnectReason::Goodbye) => None,
            (Some(will), _) => publish::will(&client.identity, will),
        };
        let identity = client.identity;
        will.into_iter()
            .chain([HubEvent::Disconnected { identity, reason }])
            .collect()
    }

    fn connect(&mut self, connect: &Connect, now: u64) -> Vec<Reaction> {
        let shared = Arc::clone(&self.shared);
        let door = Door {
            audience: shared.audience(),
            mode: shared.mode,
            now,
            shown: self.tls.shown.as_ref(),
            #[cfg(feature = "hub")]
            authorities: &shared.service.authorities,
        };
        let judged = login::judge(connect, door, |identity| {
            shared.registry.credential(identity)
        });
        let admitted = match judged {
            Ok(admitted) => admitted,
            Err(refusal) => {
                let mut reactions = broken(refusal.claimed, refusal.rule, refusal.detail);
                reactions.insert(1, Reaction::Send(Outbound::Refuse));
                return reactions;
            }
        };
        let identity = admitted.user.identity.clone();
        if shared.registry.faults.refuses_login() {
            let reason = DisconnectReason::Violation(Rule::Token);
            return vec![Reaction::Send(Outbound::Refuse), Reaction::Close(reason)];
        }
        let Some(link) = shared.registry.open(&identity, connect.clean_session) else {
            let detail = format!("`{identity}` is not registered");
            return broken(Some(identity), Rule::UnknownIdentity, detail);
        };
        self.client = Some(Client {
            identity: identity.clone(),
            link: link.id,
            will: connect.will.clone(),
            calls: HashMap::new(),
            next_call: 0,
        });
        // A certificate is looked at when it is shown, and not again.
        let expiry = admitted.proof.expiry();
        let token_life = expiry.map_or(Duration::MAX, |end| shared.mode.token_life(end, now));
        let login = Login {
            identity: identity.clone(),
            api_version: admitted.user.api_version,
            client_type: admitted.user.client_type,
            model_id: admitted.user.model_id,
            transport: self.tls.transport,
            tls_version: self.tls.version.clone(),
            tls_suite: self.tls.suite.clone(),
            server_name: self.tls.server_name.clone(),
            token_expiry: expiry,
            certificate: admitted.proof.certificate(),
            keep_alive: connect.keep_alive,
            clean_session: connect.clean_session,
            session_present: link.session_present,
        };
        let mut reactions = vec![Reaction::Emit(HubEvent::Connected(login))];
        reactions.extend(will_on_a_wrong_topic(&identity, connect.will.as_ref()));
        reactions.push(Reaction::Send(Outbound::Accept {
            session_present: link.session_present,
        }));
        reactions.push(Reaction::Opened(Opened {
            silence: shared.mode.silence(connect.keep_alive),
            token_life,
            link,
        }));
        reactions
    }

    fn violation(&self, rule: Rule, detail: String) -> Vec<Reaction> {
        broken(
            self.client.as_ref().map(|c| c.identity.clone()),
            rule,
            detail,
        )
    }
}

impl Client {
    fn receive(&mut self, shared: &Shared, inbound: Inbound) -> Vec<Reaction> {
        match inbound {
            Inbound::Publish(publication) => publish::receive(self, shared, publication),
            Inbound::QosTwo { topic } => broken(
                Some(self.identity.clone()),
                Rule::QosTwo,
                format!("QoS 2 on `{topic}`"),
            ),
            Inbound::Subscribe { id, filters, qos } => {
                self.subscribe(shared, id, filters.into_iter().zip(qos))
            }
            Inbound::Unsubscribe { id, filters } => {
                for filter in filters {
                    if let Some(known) = topics::subscription(&self.identity, shared.mode, &filter)
                    {
                        shared.registry.unsubscribe(&self.identity, known);
                    }
                }
                vec![Reaction::Send(Outbound::Unsuback { id })]
            }
            Inbound::Ping => vec![Reaction::Send(Outbound::Pong)],
            Inbound::Disconnect => vec![Reaction::Close(DisconnectReason::Goodbye)],
            // `Session` has answered these itself.
            Inbound::Connect(_)
            | Inbound::Answer(_)
            | Inbound::TooLarge
            | Inbound::Malformed(_) => Vec::new(),
        }
    }

    fn subscribe(
        &self,
        shared: &Shared,
        id: u16,
        wanted: impl Iterator<Item = (String, u8)>,
    ) -> Vec<Reaction> {
        let identity = || self.identity.clone();
        let mut granted = Vec::new();
        let mut events = Vec::new();
        for (filter, qos) in wanted {
            let known = topics::subscription(&self.identity, shared.mode, &filter);
            granted.push(known.map(|_| qos.min(1)));
            events.push(match known {
                Some(known) => {
                    shared.registry.subscribe(&self.identity, known);
                    HubEvent::Subscribed {
                        identity: identity(),
                        filter,
                    }
                }
                None => HubEvent::Violation {
                    identity: Some(identity()),
                    rule: Rule::UnknownFilter,
                    detail: format!("subscribed to `{filter}`, which the hub does not serve"),
                },
            });
        }
        // The answer goes out first: who acts on `Subscribed` may then rely on it.
        std::iter::once(Reaction::Send(Outbound::Suback { id, granted }))
            .chain(events.into_iter().map(Reaction::Emit))
            .collect()
    }

    /// Whether answers to twin requests have somewhere to go.
    pub(crate) fn hears_twin_answers(&self, shared: &Shared) -> bool {
        shared
            .registry
            .is_subscribed(&self.identity, Subscription::TwinResponses)
    }
}

/// A broken rule that ends the connection.
pub(crate) fn broken(identity: Option<Identity>, rule: Rule, detail: String) -> Vec<Reaction> {
    let event = HubEvent::Violation {
        identity,
        rule,
        detail,
    };
    vec![
        Reaction::Emit(event),
        Reaction::Close(DisconnectReason::Violation(rule)),
    ]
}

fn will_on_a_wrong_topic(identity: &Identity, will: Option<&Will>) -> Option<Reaction> {
    let will = will?;
    let event = matches!(
        topics::publish(identity, &will.topic),
        Some(topics::Publish::Event { .. })
    );
    (!event).then(|| {
        Reaction::Emit(HubEvent::Violation {
            identity: Some(identity.clone()),
            rule: Rule::Will,
            detail: format!("the will is for `{}`, not for the events topic", will.topic),
        })
    })
}
