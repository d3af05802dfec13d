//! Devices and the parts of the hardware claim that need a farm, a calibrated board or an accelerator.

use super::{UNOBSERVED, current, note_2018};
use crate::requirement::{Force, Forces, Requirement, Stage};

pub(crate) const DEV_02: Requirement = Requirement {
    id: "IEM-DEV-02",
    slug: "useful-links-name-a-device",
    title: "A useful link names a certified device",
    stages: &[Stage::Offer],
    sources: &[
        current("A subset of Tier 1 platforms supported by IoT Edge"),
        current("Tier 1 platforms supported by IoT Edge"),
    ],
    statement: "The useful links hold a link to a certified device, or to the whole catalogue where all Tier 1 platforms are declared.",
    remedy: "Add a link to the device the module was tested on under Useful links of the offer listing.",
    ..UNOBSERVED
};

pub(crate) const HW_04: Requirement = Requirement {
    id: "IEM-HW-04",
    slug: "declared-cpu-is-enough",
    title: "The declared CPU is enough",
    stages: &[Stage::Device],
    sources: &[current("Device dimensions")],
    statement: "The module becomes healthy in time and is not starved on the CPU that its offer declares.",
    remedy: "Declare the cores and clock that the saturated phase needs, or make that phase cheaper.",
    ..UNOBSERVED
};

pub(crate) const HW_06: Requirement = Requirement {
    id: "IEM-HW-06",
    slug: "accelerator-claim-is-true",
    title: "GPU and accelerator statements are true",
    stages: &[Stage::Offer, Stage::Device],
    sources: &[
        current("Device dimensions"),
        note_2018("Device dimensioning"),
    ],
    statement: "What the offer says of a GPU or accelerator agrees with what the module opens and uses.",
    remedy: "Add the accelerator to the hardware paragraph, or remove it where the module runs without one.",
    ..UNOBSERVED
};

pub(crate) const HW_08: Requirement = Requirement {
    id: "IEM-HW-08",
    slug: "recommended-hardware-is-stated",
    title: "Recommended hardware is stated where it differs",
    force: Forces::always(Force::May),
    stages: &[Stage::Offer, Stage::Device],
    sources: &[current("Device dimensions")],
    statement: "Where the module is comfortable only well above its minimum, the offer may state recommended hardware as well.",
    remedy: "Add a `Recommended hardware requirements:` line directly after the minimum.",
    ..UNOBSERVED
};
