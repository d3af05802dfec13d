//! Publication: who publishes, and what a scanner says.

use super::{UNOBSERVED, note_2018};
use crate::requirement::{Requirement, Stage};

const ONBOARDING: &str = "Onboarding step details";

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
