//! Entries whose judgement is being written; metadata only until then.

use super::not_observed::{UNOBSERVED, current, note_2018};
use crate::requirement::{Force, Forces, Requirement, Stage};

pub(crate) const CFG_03: Requirement = Requirement {
    id: "IEM-CFG-03",
    slug: "create-options-are-valid",
    title: "The create options are valid",
    stages: &[Stage::Offer, Stage::Device],
    sources: &[
        current("Default configuration"),
        note_2018("Be an IoT Edge module"),
    ],
    statement: "The default create options are valid for the engine and none of them is dropped; they may be empty.",
    remedy: "Correct or remove the option that the engine does not take.",
    ..UNOBSERVED
};
pub(crate) const SEC_01: Requirement = Requirement {
    id: "IEM-SEC-01",
    slug: "not-privileged",
    title: "Not privileged",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Should,
    },
    stages: &[Stage::Offer, Stage::Device],
    sources: &[current("Security"), note_2018("Security")],
    statement: "The module's container is not privileged.",
    remedy: "Remove Privileged and ask for the capability or device that is needed.",
    ..UNOBSERVED
};
pub(crate) const SEC_02: Requirement = Requirement {
    id: "IEM-SEC-02",
    slug: "least-privileged-access",
    title: "Least privileged access to the host",
    stages: &[Stage::Offer, Stage::Device],
    sources: &[current("Security"), note_2018("Security")],
    statement: "The module asks for no more access to the host than it needs.",
    remedy: "Remove the option that the module runs without.",
    ..UNOBSERVED
};
