//! The hub's memory: identities with keys, twins and subscriptions, and the live connection of each.

#[cfg(feature = "hub")]
mod cloud;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::event::DisconnectReason;
use super::faults::Faults;
use super::identity::Identity;
use super::limits;
use super::properties::Properties;
use super::topics::Subscription;
use super::twin::{self, Twin};
use super::twin_limits::TwinError;
#[cfg(feature = "hub")]
use super::x509::Certificates;

#[cfg(feature = "hub")]
pub(crate) use cloud::{Change, Keys, Known, Precondition, Record, Refused, TwinChange, etag};

/// Something that a connection must write for the hub.
#[derive(Debug)]
pub(crate) enum Command {
    /// Desired properties changed: the patch with its version.
    Desired {
        version: u64,
        body: Vec<u8>,
    },
    /// A message for one of a module's inputs, with the properties that are handed on.
    Input {
        input: String,
        properties: Properties,
        body: Vec<u8>,
    },
    Invoke(Invocation),
}

/// A direct method on its way to the client.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) name: String,
    pub(crate) body: Vec<u8>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What a client answered to a direct method.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: i64,
    pub(crate) payload: Value,
}

/// The connection's end of its link to the hub.
#[derive(Debug)]
pub(crate) struct LinkEnd {
    pub(crate) id: u64,
    pub(crate) session_present: bool,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) close: watch::Receiver<Option<DisconnectReason>>,
}

/// What an identity logs in with.
#[derive(Debug)]
pub(crate) enum Credential {
    Key([u8; 32]),
    #[cfg(feature = "hub")]
    Certificate(Certificates),
}

/// Why a command did not reach a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreached {
    Unknown,
    Offline,
    NotSubscribed,
}

#[derive(Debug)]
struct Link {
    id: u64,
    commands: mpsc::Sender<Command>,
    close: watch::Sender<Option<DisconnectReason>>,
}

impl Link {
    /// Queues a command; a client that lets its queue run full is dropped rather than served with gaps.
    fn push(&self, command: Command) -> Result<(), Unreached> {
        self.commands.try_send(command).map_err(|error| {
            if matches!(error, mpsc::error::TrySendError::Full(_)) {
                self.close.send_replace(Some(DisconnectReason::Stalled));
            }
            Unreached::Offline
        })
    }
}

#[derive(Debug)]
struct Entry {
    key: [u8; 32],
    generation: String,
    twin: Twin,
    subscriptions: BTreeSet<Subscription>,
    clean_session: bool,
    link: Option<Link>,
    #[cfg(feature = "hub")]
    record: Record,
}

impl Entry {
    fn new(key: [u8; 32], generation: String) -> Self {
        Self {
            key,
            generation,
            twin: Twin::new(),
            subscriptions: BTreeSet::new(),
            clean_session: true,
            link: None,
            #[cfg(feature = "hub")]
            record: Record::default(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Identity, Entry>,
    links: u64,
}

/// Everything the hub knows, behind one lock that is never held across an await.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
    /// What is done wrong on purpose.
    pub(crate) faults: Faults,
    /// Ticks when a client comes or listens to something.
    changed: watch::Sender<()>,
}

impl Registry {
    /// Adds an identity, or finds it; returns its key and generation id.
    pub(crate) fn register(
        &self,
        identity: &Identity,
        key: [u8; 32],
        generation: String,
    ) -> ([u8; 32], String) {
        let mut state = self.lock();
        let entry = state
            .entries
            .entry(identity.clone())
            .or_insert_with(|| Entry::new(key, generation));
        (entry.key, entry.generation.clone())
    }

    pub(crate) fn key(&self, identity: &Identity) -> Option<[u8; 32]> {
        self.lock().entries.get(identity).map(|entry| entry.key)
    }

    /// What an identity logs in with.
    pub(crate) fn credential(&self, identity: &Identity) -> Option<Credential> {
        let state = self.lock();
        let entry = state.entries.get(identity)?;
        #[cfg(feature = "hub")]
        if let Some(certificates) = &entry.record.certificates {
            return Some(Credential::Certificate(certificates.clone()));
        }
        Some(Credential::Key(entry.key))
    }

    pub(crate) fn twin(&self, identity: &Identity) -> Option<Twin> {
        self.lock()
            .entries
            .get(identity)
            .map(|entry| entry.twin.clone())
    }

    /// A fresh twin, no subscriptions, no connection; `None` for an unknown identity. Nothing changes on an error.
    pub(crate) fn deploy(
        &self,
        identity: &Identity,
        desired: &Value,
    ) -> Option<Result<(), TwinError>> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(identity)?;
        let twin = match Twin::deployed(desired) {
            Ok(twin) => twin,
            Err(error) => return Some(Err(error)),
        };
        entry.twin = twin;
        entry.subscriptions.clear();
        if let Some(link) = entry.link.take() {
            link.close.send_replace(Some(DisconnectReason::Requested));
        }
        Some(Ok(()))
    }

    /// Makes a new connection the identity's only one; an older one is told that it was taken over.
    pub(crate) fn open(&self, identity: &Identity, clean_session: bool) -> Option<LinkEnd> {
        let mut state = self.lock();
        state.links += 1;
        let id = state.links;
        let entry = state.entries.get_mut(identity)?;
        if clean_session || entry.clean_session {
            entry.subscriptions.clear();
        }
        entry.clean_session = clean_session;
        let (commands_in, commands) = mpsc::channel(limits::COMMANDS);
        let (close_in, close) = watch::channel(None);
        let link = Link {
            id,
            commands: commands_in,
            close: close_in,
        };
        if let Some(older) = entry.link.replace(link) {
            older.close.send_replace(Some(DisconnectReason::TakenOver));
        }
        self.changed.send_replace(());
        Some(LinkEnd {
            id,
            session_present: !entry.subscriptions.is_empty(),
            commands,
            close,
        })
    }

    /// Forgets a connection, unless a newer one has its place.
    pub(crate) fn close(&self, identity: &Identity, link: u64) {
        let mut state = self.lock();
        if let Some(entry) = state.entries.get_mut(identity)
            && entry.link.as_ref().is_some_and(|own| own.id == link)
        {
            entry.link = None;
        }
    }

    /// Tells the identity's connection to end; false when there is none.
    pub(crate) fn disconnect(&self, identity: &Identity) -> bool {
        let state = self.lock();
        let link = state
            .entries
            .get(identity)
            .and_then(|entry| entry.link.as_ref());
        link.is_some_and(|link| link.close.send(Some(DisconnectReason::Requested)).is_ok())
    }

    pub(crate) fn is_connected(&self, identity: &Identity) -> bool {
        let state = self.lock();
        let entry = state.entries.get(identity);
        let link = entry.and_then(|entry| entry.link.as_ref());
        // Of a hub that vanished the link is left, and nobody at its other end.
        link.is_some_and(|link| !link.commands.is_closed())
    }

    pub(crate) fn subscribe(&self, identity: &Identity, subscription: Subscription) {
        if let Some(entry) = self.lock().entries.get_mut(identity) {
            entry.subscriptions.insert(subscription);
            self.changed.send_replace(());
        }
    }

    /// Ticks when a client comes or listens to something.
    #[cfg(feature = "hub")]
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn unsubscribe(&self, identity: &Identity, subscription: Subscription) {
        if let Some(entry) = self.lock().entries.get_mut(identity) {
            entry.subscriptions.remove(&subscription);
        }
    }

    pub(crate) fn is_subscribed(&self, identity: &Identity, subscription: Subscription) -> bool {
        let state = self.lock();
        let entry = state.entries.get(identity);
        entry.is_some_and(|entry| entry.subscriptions.contains(&subscription))
    }

    /// Merges reported properties; `None` for an unknown identity.
    pub(crate) fn patch_reported(
        &self,
        identity: &Identity,
        patch: &Value,
    ) -> Option<Result<u64, TwinError>> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(identity)?;
        Some(entry.twin.patch_reported(patch))
    }

    /// Merges desired properties and, in the same step, queues the change for a subscribed client.
    pub(crate) fn patch_desired(
        &self,
        identity: &Identity,
        patch: &Value,
    ) -> Option<Result<u64, TwinError>> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(identity)?;
        let version = match entry.twin.patch_desired(patch) {
            Ok(version) => version,
            Err(error) => return Some(Err(error)),
        };
        if let (Some(link), Value::Object(patch)) = (&entry.link, patch)
            && entry.subscriptions.contains(&Subscription::Desired)
        {
            let body = twin::versioned(patch, version).to_string().into_bytes();
            // Who cannot be reached reads the change with its next twin GET, as at the real hub.
            let _unreached = link.push(Command::Desired { version, body });
        }
        Some(Ok(version))
    }

    /// Queues a message for a connected and subscribed module.
    pub(crate) fn send_to_input(
        &self,
        identity: &Identity,
        input: &str,
        (properties, body): (Properties, Vec<u8>),
    ) -> Result<(), Unreached> {
        let state = self.lock();
        let entry = state.entries.get(identity).ok_or(Unreached::Unknown)?;
        let link = entry.link.as_ref().ok_or(Unreached::Offline)?;
        if !entry.subscriptions.contains(&Subscription::Inputs) {
            return Err(Unreached::NotSubscribed);
        }
        link.push(Command::Input {
            input: input.to_owned(),
            properties,
            body,
        })
    }

    /// Queues a direct method for a connected and subscribed client.
    pub(crate) fn invoke(
        &self,
        identity: &Identity,
        invocation: Invocation,
    ) -> Result<(), Unreached> {
        let state = self.lock();
        let entry = state.entries.get(identity).ok_or(Unreached::Unknown)?;
        let link = entry.link.as_ref().ok_or(Unreached::Offline)?;
        if !entry.subscriptions.contains(&Subscription::Methods) {
            return Err(Unreached::NotSubscribed);
        }
        link.push(Command::Invoke(invocation))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
