//! The registry and publication: where images lie, and whether what was tested is what is published.

use super::{UNOBSERVED, current, note_2018};
use crate::requirement::{Requirement, Stage};

const ACR: &str = "Host module in Azure Container Registry";
const ONBOARDING: &str = "Onboarding step details";

pub(crate) const REG_01: Requirement = Requirement {
    id: "IEM-REG-01",
    slug: "images-lie-in-an-azure-registry",
    title: "Images lie in an Azure Container Registry",
    stages: &[Stage::Offer, Stage::Registry],
    sources: &[current(ACR)],
    statement: "The repository that the offer names is in an Azure Container Registry.",
    remedy: "Import the images into an Azure Container Registry before submitting the offer.",
    ..UNOBSERVED
};

pub(crate) const REG_02: Requirement = Requirement {
    id: "IEM-REG-02",
    slug: "every-referenced-image-is-there",
    title: "Every tag and referenced image is there",
    stages: &[Stage::Registry],
    sources: &[current(ACR)],
    statement: "Every tag to be published, and every image, config and layer that it references, lies in that repository.",
    remedy: "Push what is missing into the same repository.",
    ..UNOBSERVED
};

pub(crate) const REG_03: Requirement = Requirement {
    id: "IEM-REG-03",
    slug: "published-image-pulls-anonymously",
    title: "The published image can be pulled anonymously",
    stages: &[Stage::Registry],
    sources: &[note_2018(ONBOARDING)],
    statement: "After publication anybody can pull the image without signing in, and it is the certified one.",
    remedy: "Publish again and report the address and digest that failed.",
    ..UNOBSERVED
};

pub(crate) const REG_04: Requirement = Requirement {
    id: "IEM-REG-04",
    slug: "malware-scan-is-clean",
    title: "The malware scan is clean",
    stages: &[Stage::Image, Stage::Person],
    sources: &[note_2018(ONBOARDING)],
    statement: "A scan for viruses and malware of exactly this image found nothing.",
    remedy: "Attach the scanner's report for this digest.",
    ..UNOBSERVED
};

pub(crate) const PUB_02: Requirement = Requirement {
    id: "IEM-PUB-02",
    slug: "what-was-tested-is-published",
    title: "What was tested is what gets published",
    stages: &[Stage::Registry],
    sources: &[current(ACR), note_2018(ONBOARDING)],
    statement: "The digest in the source repository, the digest tested and the digest published are the same.",
    remedy: "Test the digest that is live, or publish the one that was tested.",
    ..UNOBSERVED
};
