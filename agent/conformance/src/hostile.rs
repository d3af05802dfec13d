//! Damaged texts against every parser of what an offer holds: nothing panics, and what is read keeps its promises.
//! `scripts/fuzz.sh` plays ten million of each; a few thousand of each are part of every test run. No product has this module.

#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is how a promise is found broken"
)]

mod documents;
mod sentences;

pub use documents::{create_options, offers, solutions};
pub use sentences::{paragraphs, references, routes};

#[test]
fn damaged_texts_of_every_kind_are_read_or_refused() {
    for target in [
        offers(),
        solutions(),
        paragraphs(),
        routes(),
        create_options(),
        references(),
    ] {
        target.campaign(3_000, 0x5eed, &mut || {});
    }
}
