//! Entries whose judgement is being written; metadata only until then.

use super::not_observed::{UNOBSERVED, current, note_2018};
use crate::requirement::{Force, Forces, Requirement, Stage};

pub(crate) const CFG_01: Requirement = Requirement {
    id: "IEM-CFG-01",
    slug: "defaults-are-complete",
    title: "The default settings are complete",
    stages: &[Stage::Offer],
    sources: &[current("Configuration"), note_2018("Be an IoT Edge module")],
    statement: "The plan's technical configuration has a default for everything the module uses.",
    remedy: "Add the default that is missing to the technical configuration.",
    ..UNOBSERVED
};
pub(crate) const CFG_02: Requirement = Requirement {
    id: "IEM-CFG-02",
    slug: "default-tag-resolves",
    title: "The default tag resolves",
    stages: &[Stage::Offer, Stage::Registry],
    sources: &[note_2018("Be an IoT Edge module")],
    statement: "The default tag is not empty and leads to an image.",
    remedy: "Correct the default tag, or push the image under it.",
    ..UNOBSERVED
};
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
pub(crate) const CFG_04: Requirement = Requirement {
    id: "IEM-CFG-04",
    slug: "environment-is-valid",
    title: "The default environment is valid",
    stages: &[Stage::Offer],
    sources: &[current("Default configuration")],
    statement: "The default environment variables are well-formed, collide with nothing and hold no secret.",
    remedy: "Rename or correct the variable, and keep secrets out of defaults.",
    ..UNOBSERVED
};
pub(crate) const CFG_08: Requirement = Requirement {
    id: "IEM-CFG-08",
    slug: "placeholders-are-marked",
    title: "Customer values are marked placeholders",
    stages: &[Stage::Offer],
    sources: &[current("Default configuration")],
    statement: "A default that only the customer can know is an upper-case name in angle brackets.",
    remedy: "Replace the concrete value by a placeholder such as <MY_SERVER_IP_ADDRESS>.",
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
