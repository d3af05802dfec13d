//! The catalogue: one file per judged requirement, in the programme's order.

use crate::requirement::Requirement;

/// Version of the catalogue; part of every report.
pub const VERSION: &str = "2026-11";

/// Every requirement and precondition, in the programme's order.
pub const CATALOGUE: &[Requirement] = &[];
