//! Server side of the IoT Edge contract: the workload API, and the lab's local IoT Hub.
//!
//! Feature `edge` is what the probe carries: the workload socket of a candidate. Feature `hub` is
//! the lab's: an MQTT server over TLS that keeps the rules of IoT Hub (or of edgeHub), with the
//! workload API for the module under test. This crate must not share code with the probe's hub
//! client, else both sides would share a mistake and no test would see it.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that panics has failed")
)]

#[cfg(feature = "hub")]
pub mod hub;
#[cfg(feature = "workload")]
pub mod workload;
