//! Open placeholders in a run.

use super::{UNOBSERVED, current};
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
