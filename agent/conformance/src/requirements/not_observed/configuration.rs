//! Open placeholders in a run, and where the documentation stands.

use super::{UNOBSERVED, current, note_2018};
use crate::requirement::{Force, Forces, Requirement, Stage};

pub(crate) const CFG_09: Requirement = Requirement {
    id: "IEM-CFG-09",
    slug: "placeholders-leave-it-usable",
    title: "Open placeholders leave it usable",
    force: Forces::always(Force::Should),
    stages: &[Stage::Device],
    sources: &[current("Default configuration")],
    statement: "With its placeholders not filled in, the module reaches a defined state and says which value is missing; with test values it is healthy.",
    remedy: "Log which value is missing and wait for it instead of exiting.",
    ..UNOBSERVED
};

pub(crate) const DOC_02: Requirement = Requirement {
    id: "IEM-DOC-02",
    slug: "documentation-is-reachable",
    title: "The documentation is reachable",
    stages: &[Stage::Offer],
    sources: &[
        current("Configuration documentation"),
        note_2018("Default settings"),
    ],
    statement: "The documentation stands in the offer or plan description as basic HTML, or behind a link that works.",
    remedy: "Publish a stable page and link it, or move the text into the description with supported tags.",
    ..UNOBSERVED
};
