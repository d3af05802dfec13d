//! The fault campaign: runs whose probe is ended at every step that it takes on its disk, and what must be true of each.
//!
//! [`draw`] says where a seed's probe dies, [`lane`] plays it on an engine of its own, [`outcome`] judges what came of it.
//! `src/bin/campaign.rs` brings them together; `docs/faults.md` says what is shown.

pub mod draw;
mod kept;
pub mod lane;
mod messages;
pub mod outcome;
