//! `edgeproof inspect` against a real registry: one repository in order, and one for each requirement that is wrong in just that way.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod engine_store;
mod faces;
mod fixtures;
mod hostile;
mod image;
mod malware;
mod server;
mod shop;
mod sizes;
mod sources;
mod stage;
mod tls;
