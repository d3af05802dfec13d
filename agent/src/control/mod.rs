//! Run control: which run is next, what a caller of a direct method is told, what a restart finds, what the twin says.
//!
//! [`book`] decides and does nothing else; [`request`] reads what is asked for; [`store`] and [`offers`] keep it on disk;
//! [`board`] tells the twin; [`desk`] brings them together and [`serve`] drives them. How a run is carried out is not known
//! here: see [`Runs`].

pub mod board;
pub mod book;
mod desire;
pub mod desk;
mod document;
mod methods;
mod offers;
pub mod request;
mod restart;
mod serve;
mod store;

use std::future::Future;

use conformance::report::Report;

use crate::events::Events;
use crate::probe::Assignment;

pub use serve::serve;
pub use store::StoreError;

/// Carries out what was decided: the probe on its engine, or something slow and harmless in a test.
pub trait Runs {
    /// Certifies one offer. It may be dropped at any moment; [`Runs::clean_up`] follows in every case.
    ///
    /// # Errors
    /// There is no report, and why.
    fn certify(
        &self,
        assignment: Assignment,
        events: &Events,
    ) -> impl Future<Output = anyhow::Result<Report>>;

    /// Removes everything of a run from the engine; how many things went.
    fn clean_up(&self, run: &str) -> impl Future<Output = usize>;

    /// Hands over the bytes of a report.
    ///
    /// # Errors
    /// It was not handed over, and why.
    fn deliver(&self, run: &str, report: &[u8]) -> impl Future<Output = anyhow::Result<()>>;

    /// What was handed over and has not reached the hub: nothing, where handing over waits for the hub.
    fn held(&self) -> Held {
        Held::default()
    }

    /// Waits until [`Runs::held`] has changed.
    fn held_changed(&self) -> impl Future<Output = ()> {
        std::future::pending()
    }
}

/// Messages on their way to the hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// How many.
    pub messages: usize,
    /// Bytes of the reports in them.
    pub bytes: u64,
}

/// Whether a text can be the id of a run: 1 to 64 lower-case letters, digits or hyphens. Nothing else becomes part of a path.
fn is_run_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&text.len()) && text.chars().all(plain)
}

/// Whether a text is a SHA-256 in 64 lower-case hexadecimal digits.
fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
