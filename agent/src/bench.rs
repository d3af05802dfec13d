//! What one run holds on to while it works: the engine, where measurements are read, labels, events.

use std::path::PathBuf;
use std::sync::OnceLock;

use conformance::offer::Overlay;
use conformance::record::RunOptions;
use engine::{Engine, Owner, Role, Stamp};

use crate::edge::Edge;
use crate::events::{Events, RunEvent};
use crate::sampler::Roots;
use crate::sampler::layout::Layout;

/// The bench of one run.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The container engine.
    pub engine: &'a Engine,
    /// Where the device's kernel files are read.
    pub roots: &'a Roots,
    /// Which cgroup hierarchy serves what.
    pub layout: &'a Layout,
    /// Who we are on the engine.
    pub owner: &'a Owner,
    /// Id of the run.
    pub run: &'a str,
    /// Settings of the run.
    pub options: &'a RunOptions,
    /// Test values that must not be told.
    pub overlay: &'a Overlay,
    /// Where events go.
    pub events: &'a Events,
    /// Image of the lock and of the sacrificial containers.
    pub own_image: &'a str,
    /// The probe's own container, where it runs in one.
    pub own_container: Option<&'a str>,
    /// The edge runtime that the candidate meets, once it is up.
    pub edge: &'a OnceLock<Edge>,
    /// Directory of the candidate's sockets as seen here and as the engine sees it.
    pub sockets: &'a SocketDirectory,
}

/// A directory known under two names: here, and on the engine's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketDirectory {
    /// Its path in this process.
    pub here: PathBuf,
    /// Its path for the engine.
    pub on_host: PathBuf,
}

impl Bench<'_> {
    /// Name of a container or network of this run.
    #[must_use]
    pub fn name(&self, what: &str) -> String {
        format!("edgeproof-{}-{what}", self.run)
    }

    /// Labels for something of this run.
    #[must_use]
    pub fn stamp(&self, role: Role) -> Stamp {
        Stamp {
            run: self.run.to_owned(),
            owner: self.owner.clone(),
            role,
        }
    }

    /// Writes down that something is about to be created, and gives its name.
    #[must_use]
    pub fn announce(&self, what: &str) -> String {
        let name = self.name(what);
        self.events.emit(RunEvent::Creating {
            what: what.to_owned(),
            name: name.clone(),
        });
        name
    }
}
