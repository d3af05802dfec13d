//! The local hub against a bare client over real sockets: what it grants, what it refuses, what it reports.
#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test picks the one event it waits for"
)]

mod amqp;
mod client;
mod crowd;
mod entrances;
mod faults;
mod hello;
mod lifetime;
mod login;
mod service;
mod talk;
mod x509;

use client::Bench;
use standin::hub::{DisconnectReason, HubEvent, Rule};

const EVENTS: &str = "devices/d1/modules/m1/messages/events/";
const PUBACK: [u8; 4] = [0x40, 2, 0, 1];

async fn rule(bench: &mut Bench) -> Rule {
    bench
        .until(|event| match event {
            HubEvent::Violation { rule, .. } => Some(*rule),
            _ => None,
        })
        .await
}

async fn end(bench: &mut Bench) -> DisconnectReason {
    bench
        .until(|event| match event {
            HubEvent::Disconnected { reason, .. } => Some(*reason),
            _ => None,
        })
        .await
}
