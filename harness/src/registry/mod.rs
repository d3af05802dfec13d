//! One repository of a registry, read over the Docker Registry HTTP API v2 and its successor, the OCI distribution specification.
//!
//! It asks, within limits of time, size and redirects, and reads what comes back into the core's types. It must not judge.
//! Every text that a registry sends is somebody else's and may be hostile.
//!
//! Sources: OCI Distribution Specification 1.1; Distribution documentation, "Token Authentication Specification".

mod access;
mod address;
mod certificate;
mod challenge;
mod client;
mod credentials;
mod digest;
mod error;
#[cfg(any(test, feature = "hostile"))]
pub mod hostile;
mod image_config;
mod manifest;
mod tags;
mod transport;

pub use address::{Address, Doors};
pub use client::{Body, Registry, Trust};
pub use credentials::Credentials;
pub use digest::Digesting;
pub use error::RegistryError;
pub use image_config::{ConfigRead, read as read_config};
pub use manifest::{
    ACCEPTED, LARGEST as LARGEST_MANIFEST, is_index, is_manifest, read as read_manifest,
};
pub use tags::{Listing, MOST as MOST_TAGS};
