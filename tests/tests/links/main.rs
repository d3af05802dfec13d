//! `edgeproof lint` on an offer whose links lead to a server of the tests' own, and a visitor with names of the tests' own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod offers;
mod server;
mod visits;
