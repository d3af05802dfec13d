//! The container engine as edgeproof uses it: Docker JSON in, core types out; labels, owners, sweep, lock.
//!
//! One [`Engine`] speaks to one engine over its unix socket. What edgeproof creates there carries a [`Stamp`], so that
//! whatever is left behind can be found by its labels and judged by its [`Owner`]. The crate fetches and converts; it
//! judges nothing, and images are never removed.
//!
//! Most calls go through bollard. Creating and inspecting go over the socket byte for byte (`exact`): bollard's models are
//! typed, and a key they do not know would vanish without a word in the very place where edgeproof looks for lost keys.
//! Either way a request leaves through one door (`line`), which lets through what is on the list (`calls`) and nothing else.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")
)]

mod attach;
mod calls;
mod client;
mod container;
mod creations;
mod error;
mod events;
mod exact;
mod facts;
mod image;
mod image_sizes;
mod inspect;
mod last_lines;
mod line;
mod lock;
mod network;
mod owner;
mod saved;
mod silence;
mod stamp;
mod sweep;
mod volume;

pub use attach::Attached;
pub use calls::{CALLS, Call, Caller, listed};
pub use client::Engine;
pub use container::Created;
pub use error::EngineError;
pub use events::{EngineEvent, EventKind, HealthStatus};
pub use facts::engine_facts;
pub use image::image_facts;
pub use inspect::Inspect;
pub use lock::{LOCK_NAME, Lock};
pub use network::{Network, network_facts};
pub use owner::{Liveness, Owner, OwnerError};
pub use stamp::{LABEL_OWNER, LABEL_ROLE, LABEL_RUN, Role, Stamp};
pub use sweep::{Left, Swept};
pub use volume::VolumeInfo;
