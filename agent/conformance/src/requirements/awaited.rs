//! Entries whose judgement is being written; metadata only until then.

use super::not_observed::{UNOBSERVED, current, note_2018};
use crate::requirement::{Force, Forces, Requirement, Stage};

pub(crate) const CAT_01: Requirement = Requirement {
    id: "IEM-CAT-01",
    slug: "listed-under-iot-edge-modules",
    title: "Listed as an IoT Edge module",
    stages: &[Stage::Offer, Stage::Person],
    sources: &[note_2018("Categorization")],
    statement: "The offer is listed under Internet of Things, IoT Edge modules, with a sensible sub-category.",
    remedy: "Choose the category Internet of Things, IoT Edge modules.",
    ..UNOBSERVED
};
pub(crate) const LEG_02: Requirement = Requirement {
    id: "IEM-LEG-02",
    slug: "terms-of-use-exist",
    title: "Terms of use exist",
    stages: &[Stage::Offer, Stage::Person],
    sources: &[note_2018("Legal requirements (from AMP policy)")],
    statement: "The offer has terms of use, as text or as a link that works.",
    remedy: "Add the terms of use to the offer listing.",
    ..UNOBSERVED
};
pub(crate) const LEG_03: Requirement = Requirement {
    id: "IEM-LEG-03",
    slug: "privacy-policy-exists",
    title: "A privacy policy exists",
    stages: &[Stage::Offer, Stage::Person],
    sources: &[note_2018("Legal requirements (from AMP policy)")],
    statement: "The offer has a privacy policy behind a link that works.",
    remedy: "Add the link of the privacy policy to the offer listing.",
    ..UNOBSERVED
};
pub(crate) const SUP_01: Requirement = Requirement {
    id: "IEM-SUP-01",
    slug: "a-support-option-exists",
    title: "A support option exists",
    stages: &[Stage::Offer],
    sources: &[note_2018("Support requirements (from AMP policy)")],
    statement: "At least one way to get support is named at all times.",
    remedy: "Add a support page or address to the offer listing.",
    ..UNOBSERVED
};
pub(crate) const HW_01: Requirement = Requirement {
    id: "IEM-HW-01",
    slug: "hardware-paragraph-is-last",
    title: "The hardware paragraph is the last one",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Should,
    },
    stages: &[Stage::Offer],
    sources: &[current("Device dimensions")],
    statement: "The description ends with a paragraph that states the minimum hardware requirements.",
    remedy: "Move the paragraph to the end of the description.",
    ..UNOBSERVED
};
pub(crate) const HW_02: Requirement = Requirement {
    id: "IEM-HW-02",
    slug: "hardware-paragraph-is-complete",
    title: "The hardware paragraph is complete",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Should,
    },
    stages: &[Stage::Offer],
    sources: &[current("Device dimensions")],
    statement: "The paragraph states operating system and architecture, RAM and storage in usable units.",
    remedy: "State what is missing, with its unit.",
    ..UNOBSERVED
};
pub(crate) const PLAT_05: Requirement = Requirement {
    id: "IEM-PLAT-05",
    slug: "claimed-architectures-match-the-image",
    title: "Claimed architectures match the image",
    stages: &[Stage::Offer, Stage::Registry],
    sources: &[current("Device dimensions")],
    statement: "The architectures in the hardware paragraph are those that the image is built for.",
    remedy: "Correct the architectures in the paragraph, or build the missing ones.",
    ..UNOBSERVED
};
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
