//! The faces of a report and of a dossier: one record, many renderings. Every renderer is a pure function of the report.
//!
//! Nothing here judges: words and numbers come from the findings, and a face never says more than the report does.

pub mod chart;
pub mod dossier;
mod edge;
mod egress;
pub mod facts;
mod faults;
mod host;
pub mod html;
pub mod junit;
mod left_out;
mod links;
pub mod markdown;
pub mod next;
pub mod repository;
pub mod sarif;
pub mod sizing;
mod storage;
pub mod text;
pub mod words;
pub mod write;

pub use write::{WriteError, write_all};
