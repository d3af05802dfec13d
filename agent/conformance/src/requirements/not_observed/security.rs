//! Security that needs a person's word: why elevation stays, and who keeps the module secure.

use super::{UNOBSERVED, note_2018};
use crate::requirement::{Requirement, Stage};

pub(crate) const SEC_03: Requirement = Requirement {
    id: "IEM-SEC-03",
    slug: "elevation-is-justified",
    title: "Elevation that stays is justified",
    stages: &[Stage::Device, Stage::Person],
    sources: &[note_2018("Security")],
    statement: "Access to the host that remains is rare, shown to be needed, and approved by a named person until a date.",
    remedy: "Write down for each option why it is needed, who approved it and until when.",
    ..UNOBSERVED
};

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
