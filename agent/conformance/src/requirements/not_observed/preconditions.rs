//! Preconditions of the probe that nothing observes yet. They are never blamed on a module.

use super::UNOBSERVED;
use crate::requirement::{Document, Requirement, Source, Stage};

const SOURCES: &[Source] = &[Source {
    document: Document::Edgeproof,
    heading: "Preconditions of the probe",
}];

pub(crate) const PRE_03: Requirement = Requirement {
    id: "IEM-PRE-03",
    slug: "storage-limit-is-enforced",
    title: "A storage limit can be enforced or emulated",
    stages: &[Stage::Device],
    sources: SOURCES,
    statement: "Before a verdict rests on a storage limit, a quota of the storage driver or a volume of fixed size is shown to hold.",
    remedy: "Use a storage driver with quotas; without one storage is measured, not limited.",
    ..UNOBSERVED
};

pub(crate) const PRE_04: Requirement = Requirement {
    id: "IEM-PRE-04",
    slug: "swap-state-is-known",
    title: "The state of swap is known",
    stages: &[Stage::Device],
    sources: SOURCES,
    statement: "Whether the device has swap or compressed memory is known, and runs inside a limit get none of it.",
    remedy: "Turn swap off for the run, or let the engine limit it.",
    ..UNOBSERVED
};

pub(crate) const PRE_05: Requirement = Requirement {
    id: "IEM-PRE-05",
    slug: "device-is-quiet-and-cool",
    title: "The device is quiet and cool",
    stages: &[Stage::Device],
    sources: SOURCES,
    statement: "During the run the device is otherwise idle, neither too hot nor short of power, has free disk, and its clock is sane.",
    remedy: "Stop other work on the device, mend power and cooling, then run again.",
    ..UNOBSERVED
};

pub(crate) const PRE_07: Requirement = Requirement {
    id: "IEM-PRE-07",
    slug: "golden-module-measures-true",
    title: "A module of known footprint measures true",
    stages: &[Stage::Device],
    sources: SOURCES,
    statement: "A calibrated container with known memory, CPU and storage is measured within its tolerance on this device.",
    remedy: "Take the device out of the farm until the golden module measures true again.",
    ..UNOBSERVED
};
