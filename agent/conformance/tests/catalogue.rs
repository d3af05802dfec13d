//! CATALOGUE.md at the top of the repository is what the catalogue generates.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test compares a file; the core itself performs no I/O"
)]

use conformance::catalogue_text::markdown;
use conformance::requirements::{CATALOGUE, VERSION};

#[test]
fn the_catalogue_file_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../CATALOGUE.md");
    let generated = markdown(CATALOGUE, VERSION);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap();
    let first_difference = stored
        .lines()
        .zip(generated.lines())
        .find(|(old, new)| old != new);
    assert!(
        stored == generated,
        "CATALOGUE.md is stale, refresh it with UPDATE_GOLDEN=1; first difference: {first_difference:?}"
    );
}
