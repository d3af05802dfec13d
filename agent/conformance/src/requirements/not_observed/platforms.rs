//! Platforms: what the offer declares, what the tag carries, and where the module was seen running.

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

pub(crate) const PLAT_02: Requirement = Requirement {
    id: "IEM-PLAT-02",
    slug: "all-tier-1-platforms-are-served",
    title: "Every Tier 1 platform is served",
    stages: &[Stage::Registry, Stage::Fleet],
    sources: &[
        current("Tier 1 platforms supported by IoT Edge"),
        note_2018("Platform support"),
    ],
    statement: "An offer that declares all Tier 1 platforms carries an image for each of them under one tag, and each image starts.",
    remedy: "Build and push the platforms that are missing under the tag, or declare a subset.",
    ..UNOBSERVED
};

pub(crate) const PLAT_03: Requirement = Requirement {
    id: "IEM-PLAT-03",
    slug: "a-subset-has-a-tier-1-platform",
    title: "The subset holds a Tier 1 platform",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Info,
    },
    stages: &[Stage::Registry, Stage::Device],
    sources: &[current(
        "A subset of Tier 1 platforms supported by IoT Edge",
    )],
    statement: "An offer that declares a subset serves at least one Tier 1 platform and was seen healthy on it.",
    remedy: "Add an image for one Tier 1 platform, the cheapest to build first, and run it there.",
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

pub(crate) const PLAT_06: Requirement = Requirement {
    id: "IEM-PLAT-06",
    slug: "starts-on-every-claimed-platform",
    title: "Starts on every platform it claims",
    stages: &[Stage::Fleet],
    sources: &[
        current("Default configuration"),
        note_2018("Default settings"),
    ],
    statement: "The module starts with its defaults on each platform that its offer claims.",
    remedy: "Run the certification on a device of each claimed platform that has no run yet, or withdraw the claim.",
    ..UNOBSERVED
};
