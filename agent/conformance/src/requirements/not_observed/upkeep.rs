//! Upkeep: new runtimes, recertification, support that stays.

use super::{UNOBSERVED, current, note_2018};
use crate::requirement::{Requirement, Stage};

pub(crate) const UPD_02: Requirement = Requirement {
    id: "IEM-UPD-02",
    slug: "recertified-when-the-programme-moves",
    title: "Recertified when the programme moves",
    stages: &[Stage::Offer, Stage::Registry],
    sources: &[current("Recertification process")],
    statement: "A change of the Tier 1 table, SDK, runtime or guidelines makes an earlier certification stale.",
    remedy: "Certify again under the current tables; what was observed on devices can be judged again.",
    ..UNOBSERVED
};

pub(crate) const UPD_03: Requirement = Requirement {
    id: "IEM-UPD-03",
    slug: "recertified-when-the-offer-changes",
    title: "Recertified when the offer changes",
    stages: &[Stage::Offer, Stage::Registry],
    sources: &[current("Recertification process")],
    statement: "A change of the offer, its defaults or its images, such as a new tag, makes an earlier certification stale.",
    remedy: "Certify the changed offer; start with the requirements whose inputs changed.",
    ..UNOBSERVED
};

pub(crate) const SUP_02: Requirement = Requirement {
    id: "IEM-SUP-02",
    slug: "named-support-stays-available",
    title: "Named support stays available",
    stages: &[Stage::Offer],
    sources: &[note_2018("Support requirements (from AMP policy)")],
    statement: "The support options that the description names stay available as long as the module is offered.",
    remedy: "Restore the support option, or replace it in the description.",
    ..UNOBSERVED
};
