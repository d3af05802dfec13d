//! The Tier 1 table that decides a run.

use crate::data::Table;
use crate::finding::{Reason, Unseen};
use crate::record::Record;

/// The table of the run's edition that held on its day.
///
/// # Errors
/// The data have no table for the edition; such data are refused where they are read.
pub(super) fn table(record: &Record) -> Result<&Table, Unseen> {
    let tables = &record.data.tier_1.content;
    let run = &record.run;
    tables.table(run.edition, &run.started).ok_or_else(|| {
        Unseen::new(
            Reason::InputMissing,
            "the data have no Tier 1 table for this edition of the programme",
        )
    })
}
