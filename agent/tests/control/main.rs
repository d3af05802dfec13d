//! The probe's run control against the local hub: real twin, real methods, real messages; only the run is a stand-in.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

mod called;
mod desired;
mod documented;
mod restarted;
mod stage;
mod told;
