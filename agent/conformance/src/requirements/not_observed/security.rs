//! Security that needs a person's word: who keeps the module secure.

use super::{UNOBSERVED, note_2018};
use crate::requirement::{Requirement, Stage};

pub(crate) const SEC_04: Requirement = Requirement {
    id: "IEM-SEC-04",
    slug: "kept-secure-over-time",
    title: "The publisher keeps it secure",
    stages: &[Stage::Image, Stage::Person],
    sources: &[note_2018("Security")],
    statement: "The publisher keeps the module free of known weaknesses for as long as it is offered.",
    remedy: "Rebuild on a current base image with the fixed packages and name a security contact.",
    ..UNOBSERVED
};
