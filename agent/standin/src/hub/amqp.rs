//! AMQP 1.0 as edgeHub serves it: the default of the C# SDK, and the other choice of Node's and C's.
//!
//! Only what those SDKs need: one identity on a connection, no transactions, no resumption. The library that there is for
//! Rust was weighed and not taken: see docs/decisions.

mod address;
mod attach;
mod connection;
#[cfg(feature = "hub")]
mod consumer;
mod conversation;
mod frame;
mod header;
#[cfg(any(test, feature = "hostile"))]
pub(super) mod hostile;
mod link;
mod message;
mod reader;
mod requests;
mod sasl;
mod token;
mod value;

pub(super) use connection::serve;
#[cfg(feature = "hub")]
pub(super) use connection::serve_consumer;
