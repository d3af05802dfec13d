//! The probe: an IoT Edge module that starts a candidate with its marketplace defaults, measures it, judges it, and
//! reports through IoT Hub.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")
)]

pub mod events;
pub mod hub;
pub mod journal;
pub mod load;
pub mod sampler;
pub mod settings;
