//! Platforms: what the offer declares, and which of them still count.

use super::{UNOBSERVED, current, note_2018};
use crate::requirement::{Force, Forces, Requirement, Stage};

pub(crate) const PLAT_01: Requirement = Requirement {
    id: "IEM-PLAT-01",
    slug: "platform-option-is-declared",
    title: "One platform option is declared",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Info,
    },
    stages: &[Stage::Offer],
    sources: &[current("Platform support")],
    statement: "The offer chooses one of two options: every Tier 1 platform of IoT Edge, or a subset of them.",
    remedy: "Set `plan.platformOption` to `all-tier-1` or `subset` and list the platforms under `plan.platforms`.",
    ..UNOBSERVED
};

pub(crate) const PLAT_04: Requirement = Requirement {
    id: "IEM-PLAT-04",
    slug: "platforms-are-generally-available",
    title: "Only generally available platforms count",
    stages: &[Stage::Offer, Stage::Registry],
    sources: &[note_2018("Platform support")],
    statement: "A platform counts only while IoT Edge lists it as generally available in Tier 1.",
    remedy: "Support a platform that is generally available; plan the move from one that nears its end of life.",
    ..UNOBSERVED
};
