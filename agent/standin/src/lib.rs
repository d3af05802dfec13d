//! Server side of the IoT Edge contract: the workload API, and the lab's local IoT Hub.
//!
//! Feature `edge` is what the probe carries for its candidate: the workload socket and an edgeHub. Feature `hub` is the
//! lab's local IoT Hub, with the workload API for the probe under test. Both are one MQTT server over TLS that keeps the
//! rules of the service it stands in for. This crate must not share code with the probe's hub client, else both sides would
//! share a mistake and no test would see it.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that panics has failed")
)]

#[cfg(feature = "mqtt")]
mod authority;
#[cfg(feature = "edge")]
pub mod edge;
#[cfg(feature = "mqtt")]
pub mod hub;
#[cfg(feature = "edge")]
pub mod names;
#[cfg(feature = "edge")]
pub mod plain;
#[cfg(feature = "mqtt")]
pub mod workload;
