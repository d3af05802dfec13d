//! What the service API sees of the registry and does to it: identities read, made, changed and removed; tags; whole documents.

use std::collections::hash_map;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Command, Entry, Registry, State, Subscription};
use crate::hub::event::DisconnectReason;
use crate::hub::identity::Identity;
use crate::hub::twin::{self, Twin};
use crate::hub::twin_limits::TwinError;
use crate::hub::x509::Certificates;

/// Identities that a hub holds; a lab has a few.
const IDENTITIES: usize = 10_000;

/// Modules of a device, the two of the runtime apart ("Limits and restrictions of IoT Edge").
const MODULES: usize = 50;

/// Largest tags in bytes of compact JSON ("Understand and use device twins in IoT Hub").
const TAGS: usize = 8 * 1024;

/// What the service API keeps of an identity beside its key and its twin.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Record {
    /// The second key, which only the service API takes.
    pub(crate) secondary: Option<[u8; 32]>,
    /// What it logs in with instead of a key.
    pub(crate) certificates: Option<Certificates>,
    /// The device is an IoT Edge device.
    pub(crate) is_edge: bool,
    /// Who sees to the module, as its maker said.
    pub(crate) managed_by: Option<String>,
    /// Changes of the identity since it was made.
    changes: u64,
    pub(crate) tags: Map<String, Value>,
    tag_changes: u64,
}

/// An identity as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) identity: Identity,
    pub(crate) key: [u8; 32],
    pub(crate) generation: String,
    pub(crate) twin: Twin,
    pub(crate) record: Record,
    pub(crate) connected: bool,
}

/// What must hold for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Nothing; what is put must be new.
    None,
    /// It is there, whatever its entity tag.
    Exists,
    /// It is there and unchanged since this entity tag.
    Etag(String),
}

/// Why the registry did not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    Unknown,
    Exists,
    Stale,
    TooManyDevices,
    TooManyModules,
    Twin(TwinError),
    TagsTooLarge(usize),
}

/// How an identity is to be.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) primary: [u8; 32],
    pub(crate) secondary: [u8; 32],
}

/// What of an identity is to change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) keys: Option<Keys>,
    /// From now on a certificate, or none any more.
    pub(crate) certificates: Option<Option<Certificates>>,
    pub(crate) is_edge: Option<bool>,
    pub(crate) managed_by: Option<String>,
}

/// What of a twin is to change, and how.
#[derive(Debug, Clone)]
pub(crate) struct TwinChange<'a> {
    pub(crate) tags: Option<&'a Value>,
    pub(crate) desired: Option<&'a Value>,
    /// The documents given are the whole, not a merge patch.
    pub(crate) is_whole: bool,
}

impl Precondition {
    /// Whether something with this entity tag may change.
    pub(crate) fn holds(&self, etag: &str) -> bool {
        match self {
            Self::None | Self::Exists => true,
            Self::Etag(wanted) => wanted == etag,
        }
    }
}

/// An entity tag, of a count of changes.
pub(crate) fn etag(changes: u64) -> String {
    STANDARD.encode(changes.to_be_bytes())
}

impl Known {
    /// Changes with each change of the identity.
    pub(crate) fn identity_etag(&self) -> String {
        etag(self.record.changes + 1)
    }

    /// Changes with tags and desired properties, not with what the client reports.
    pub(crate) fn twin_etag(&self) -> String {
        etag(self.record.tag_changes + self.twin.desired_version)
    }

    /// Counts all changes of the twin.
    pub(crate) fn twin_version(&self) -> u64 {
        let properties = self.twin.desired_version + self.twin.reported_version;
        self.record.tag_changes + properties
    }
}

impl Registry {
    /// One identity.
    pub(crate) fn known(&self, identity: &Identity) -> Option<Known> {
        let state = self.lock();
        state
            .entries
            .get(identity)
            .map(|entry| known(identity, entry))
    }

    /// The identities that `wanted` takes, in order; without their twins, which may be many and large.
    pub(crate) fn identities(&self, wanted: impl Fn(&Identity) -> bool) -> Vec<Identity> {
        let state = self.lock();
        let identities = state.entries.keys().filter(|identity| wanted(identity));
        let mut identities: Vec<Identity> = identities.cloned().collect();
        identities.sort();
        identities
    }

    /// Adds an identity that was not there.
    pub(crate) fn create(
        &self,
        identity: &Identity,
        generation: String,
        (keys, change): (Keys, Change),
    ) -> Result<Known, Refused> {
        let mut state = self.lock();
        room(&state, identity)?;
        let hash_map::Entry::Vacant(place) = state.entries.entry(identity.clone()) else {
            return Err(Refused::Exists);
        };
        let entry = place.insert(Entry::new(keys.primary, generation));
        entry.record.secondary = Some(keys.secondary);
        entry.record.certificates = change.certificates.flatten();
        entry.record.is_edge = change.is_edge.unwrap_or_default();
        entry.record.managed_by = change.managed_by;
        Ok(known(identity, entry))
    }

    /// Changes an identity that is there. What takes its key or its certificate from it ends its connection.
    pub(crate) fn change(
        &self,
        identity: &Identity,
        precondition: &Precondition,
        change: Change,
    ) -> Result<Known, Refused> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(identity).ok_or(Refused::Unknown)?;
        if !precondition.holds(&known(identity, entry).identity_etag()) {
            return Err(Refused::Stale);
        }
        if let Some(keys) = change.keys {
            if keys.primary != entry.key {
                entry.end();
            }
            entry.key = keys.primary;
            entry.record.secondary = Some(keys.secondary);
        }
        if let Some(certificates) = change.certificates {
            if !is_kept(entry.record.certificates.as_ref(), certificates.as_ref()) {
                entry.end();
            }
            entry.record.certificates = certificates;
        }
        let record = &mut entry.record;
        record.is_edge = change.is_edge.unwrap_or(record.is_edge);
        record.managed_by = change.managed_by.or(record.managed_by.take());
        record.changes += 1;
        Ok(known(identity, entry))
    }

    /// Removes an identity, a device with its modules, and ends the connections.
    pub(crate) fn remove(
        &self,
        identity: &Identity,
        precondition: &Precondition,
    ) -> Result<(), Refused> {
        let mut state = self.lock();
        let entry = state.entries.get(identity).ok_or(Refused::Unknown)?;
        if !precondition.holds(&known(identity, entry).identity_etag()) {
            return Err(Refused::Stale);
        }
        state.entries.retain(|other, entry| {
            let goes = other == identity || is_on(other, identity);
            if goes {
                entry.end();
            }
            !goes
        });
        Ok(())
    }

    /// Changes tags and desired properties in one step: all of it or nothing. A subscribed client is told of its desired properties.
    pub(crate) fn change_twin(
        &self,
        identity: &Identity,
        precondition: &Precondition,
        change: &TwinChange<'_>,
    ) -> Result<Known, Refused> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(identity).ok_or(Refused::Unknown)?;
        if !precondition.holds(&known(identity, entry).twin_etag()) {
            return Err(Refused::Stale);
        }
        let nothing = Map::new();
        let tags = match change.tags {
            None => None,
            Some(given) => {
                let old = if change.is_whole {
                    &nothing
                } else {
                    &entry.record.tags
                };
                let tags = twin::patched(old, given).map_err(Refused::Twin)?;
                let bytes = Value::Object(tags.clone()).to_string().len();
                if bytes > TAGS {
                    return Err(Refused::TagsTooLarge(bytes));
                }
                Some(tags)
            }
        };
        if let Some(given) = change.desired {
            let told = if change.is_whole {
                entry.twin.replace_desired(given).map_err(Refused::Twin)?
            } else {
                entry.twin.patch_desired(given).map_err(Refused::Twin)?;
                given.as_object().cloned().unwrap_or_default()
            };
            entry.tell(&told);
        }
        if let Some(tags) = tags {
            entry.record.tags = tags;
            entry.record.tag_changes += 1;
        }
        Ok(known(identity, entry))
    }
}

impl Entry {
    /// Queues a change of desired properties for a client that listens.
    fn tell(&self, patch: &Map<String, Value>) {
        if let Some(link) = &self.link
            && self.subscriptions.contains(&Subscription::Desired)
        {
            let version = self.twin.desired_version;
            let body = twin::versioned(patch, version).to_string().into_bytes();
            // Who cannot be reached reads the change with its next twin GET.
            let _unreached = link.push(Command::Desired { version, body });
        }
    }

    fn end(&mut self) {
        if let Some(link) = self.link.take() {
            link.close.send_replace(Some(DisconnectReason::Requested));
        }
    }
}

fn known(identity: &Identity, entry: &Entry) -> Known {
    let link = entry.link.as_ref();
    Known {
        identity: identity.clone(),
        key: entry.key,
        generation: entry.generation.clone(),
        twin: entry.twin.clone(),
        record: entry.record.clone(),
        connected: link.is_some_and(|link| !link.commands.is_closed()),
    }
}

/// Whether what an identity logged in with is still good. One with a key has said so already.
fn is_kept(before: Option<&Certificates>, after: Option<&Certificates>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => before.is_kept_by(after),
        (before, after) => before.is_none() && after.is_none(),
    }
}

fn room(state: &State, identity: &Identity) -> Result<(), Refused> {
    if let Identity::Module { device, module } = identity {
        if !state.entries.contains_key(&Identity::device(device)) {
            return Err(Refused::Unknown);
        }
        let device = Identity::device(device);
        let modules = state.entries.keys().filter(|other| is_on(other, &device));
        let modules = modules.filter(|other| !is_runtime(other)).count();
        if modules >= MODULES && !module.starts_with('$') {
            return Err(Refused::TooManyModules);
        }
    }
    if state.entries.len() >= IDENTITIES {
        return Err(Refused::TooManyDevices);
    }
    Ok(())
}

/// Whether `module` is a module of `device`.
fn is_on(module: &Identity, device: &Identity) -> bool {
    match (module, device) {
        (Identity::Module { device: on, .. }, Identity::Device { device }) => on == device,
        (Identity::Device { .. } | Identity::Module { .. }, _) => false,
    }
}

fn is_runtime(identity: &Identity) -> bool {
    match identity {
        Identity::Device { .. } => false,
        Identity::Module { module, .. } => matches!(module.as_str(), "$edgeAgent" | "$edgeHub"),
    }
}

#[cfg(test)]
mod tests;
