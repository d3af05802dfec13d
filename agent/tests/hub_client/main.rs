//! The probe's hub client against the local hub, over real sockets and real TLS.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod bench;
mod clock;
mod talk;
mod trouble;
mod x509;
