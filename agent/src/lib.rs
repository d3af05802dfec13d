//! The probe: an IoT Edge module that starts a candidate with its marketplace defaults, measures it, judges it, and
//! reports through IoT Hub.
//!
//! `settings` → `module` or `once` → `probe`: only [`probe`] knows the order of effects. [`sampler`] reads the kernel,
//! [`cold_start`] and [`trials`] play containers, [`edge`] is the edge runtime that they meet, [`hub`] speaks to IoT Hub, [`control`] decides
//! what runs when, [`outbox`] keeps what the hub has not yet, [`events`] and [`journal`] keep what was seen. [`deaths`]
//! ends the probe on purpose, where a fault campaign asks for it.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")
)]

pub mod alone;
pub mod attach;
pub mod bench;
pub mod calibrate;
mod clean;
pub mod clock;
pub mod cold_start;
pub mod control;
pub mod deaths;
pub mod edge;
pub mod events;
mod guard;
pub mod hub;
pub mod image;
pub mod journal;

mod kept;
pub mod load;
pub mod module;
pub mod once;
pub mod outbox;
pub mod probe;
pub mod record;
pub mod sampler;
pub mod settings;
#[cfg(test)]
mod small_engine;
mod steady;
pub mod stop;
pub mod trials;
mod volumes;
mod watch;
