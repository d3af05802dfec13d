//! What an offer says of certified devices.

use super::{UNOBSERVED, current};
use crate::requirement::{Requirement, Stage};

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
