//! Use and legal duties that need a person's statement.

use super::{UNOBSERVED, note_2018};
use crate::requirement::{Force, Forces, Requirement, Stage};

const LEGAL: &str = "Legal requirements (from AMP policy)";

pub(crate) const USE_01: Requirement = Requirement {
    id: "IEM-USE-01",
    slug: "serves-a-real-use-case",
    title: "Serves a real IoT Edge use case",
    stages: &[Stage::Person],
    sources: &[note_2018("Subjective requirement")],
    statement: "At least one customer would run the module on an edge device for a real purpose.",
    remedy: "State what kind of customer runs it, on which device, and which data it handles there.",
    ..UNOBSERVED
};

pub(crate) const LEG_01: Requirement = Requirement {
    id: "IEM-LEG-01",
    slug: "marketplace-policies-are-met",
    title: "Marketplace agreement and policies are met",
    stages: &[Stage::Person],
    sources: &[note_2018(LEGAL)],
    statement: "The publisher complies with the marketplace agreement and its policies.",
    remedy: "State which version of the agreement was signed, by whom and when.",
    ..UNOBSERVED
};

pub(crate) const LEG_04: Requirement = Requirement {
    id: "IEM-LEG-04",
    slug: "third-parties-are-named",
    title: "Third-party parts are named",
    force: Forces::always(Force::Should),
    stages: &[Stage::Image, Stage::Person],
    sources: &[note_2018(LEGAL)],
    statement: "A module that contains parts of others carries a notice that names them.",
    remedy: "Add a notice file to the image, or a link to one in the offer listing.",
    ..UNOBSERVED
};

pub(crate) const LEG_05: Requirement = Requirement {
    id: "IEM-LEG-05",
    slug: "further-legal-rules",
    title: "Further legal rules, once defined",
    force: Forces::always(Force::Info),
    stages: &[Stage::Person],
    sources: &[note_2018(LEGAL)],
    statement: "The programme may add legal rules for this type of offer; none is defined so far.",
    remedy: "Nothing to do until the programme defines such rules.",
    ..UNOBSERVED
};
