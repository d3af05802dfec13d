//! Connections made on a device, carried over one stream to the lab and made again there.
//!
//! The lab's hub listens where the harness runs. A probe on an engine that cannot reach the lab (behind ssh, NAT, in a
//! guest) connects to a relay beside it instead: a container whose standard input and output the harness holds through
//! the engine. The relay accepts ([`device`]), the harness connects ([`lab`]), and what is said passes unread: TLS and
//! tokens stay between probe and hub. When the stream ends, so does the relay, and with it everything it stands for.
//!
//! The stream is a row of [`frame`]s. Nothing is buffered without bound: a connection that is not read holds up the
//! stream.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")
)]

pub mod device;
pub mod frame;
pub mod lab;

mod connections;

/// What a relay listens for; the lab knows what stands behind each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// MQTT over TLS: a TCP port.
    Hub,
    /// The workload API: a unix socket.
    Workload,
}
