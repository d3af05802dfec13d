//! The pure core of edgeproof, shared by the probe on the device and the harness in the lab.
//!
//! Everything here is data and total functions over it: the offer as entered in Partner Center, what was observed
//! of a candidate, and the catalogue that turns the two into findings. The crate performs no I/O and reads no clock
//! and no environment; its `clippy.toml` forbids it. Foreign types (Docker, MQTT, HTTP) never reach it.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")
)]

pub mod calibration;
pub mod candidate;
pub mod care;
pub mod catalogue_text;
pub mod certificate;
pub mod client_type;
pub mod comparison;
pub mod create_options;
pub mod data;
pub mod dossier;
pub mod faults;
pub mod finding;
pub mod hardware;
pub mod health;
#[cfg(any(test, feature = "hostile"))]
pub mod hostile;
pub mod image;
pub mod inputs;
pub mod links;
pub mod measurement;
pub mod observation;
pub mod offer;
pub mod offer_calls;
pub mod platform;
pub mod privilege;
pub mod record;
pub mod repeats;
pub mod report;
pub mod requirement;
pub mod requirements;
pub mod route;
pub mod run_request;
#[cfg(test)]
mod sample;
pub mod secret_look;
pub mod sizing;
pub mod statistics;
pub mod storage_quota;
pub mod twin;
pub mod units;
