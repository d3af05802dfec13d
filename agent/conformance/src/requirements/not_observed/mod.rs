//! Entries that nothing observes yet: metadata only, always inconclusive, outside device scope.
//!
//! When something first observes one it moves to a file of its own, with a judge and the scopes it joins.

use crate::record::ScopeName;
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source};

pub(crate) mod configuration;

/// What these entries have in common; a test over the catalogue finds a text that was left empty.
pub(super) const UNOBSERVED: Requirement = Requirement {
    id: "",
    slug: "",
    title: "",
    force: Forces::always(Force::Must),
    stages: &[],
    scopes: &[ScopeName::Full],
    sources: &[],
    statement: "",
    remedy: "",
    judge: Judge::NothingObservesIt,
};

/// A heading of the current programme.
pub(super) const fn current(heading: &'static str) -> Source {
    Source {
        document: Document::TechnicalAssets,
        heading,
    }
}
