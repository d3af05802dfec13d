//! The "Minimum hardware requirements" paragraph ⇄ numbers.

mod blocks;
mod bounds;
mod budget;
mod paragraph;
mod parts;
mod platforms;
mod replace;
mod sentence;
mod tokens;
mod vocabulary;
mod write;

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

pub use budget::{BelowReserve, memory_budget};

/// What the offer's hardware paragraph claims.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Claim {
    /// Operating systems: `linux`.
    pub os: Vec<String>,
    /// Architectures in manifest words: `amd64`, `arm64`, `arm/v7`.
    pub architectures: Vec<String>,
    /// RAM; units are binary (1 GB of RAM = 2^30 B).
    pub ram_bytes: Option<Bytes>,
    /// Storage; units are decimal (500 MB = 5·10^8 B) unless `KiB/MiB/GiB`.
    pub storage_bytes: Option<Bytes>,
    /// Cores.
    pub cpu_cores: Option<u32>,
    /// Clock.
    pub cpu_hz: Option<u64>,
    /// GPU or accelerator, as written.
    pub gpu: Option<String>,
    /// A directly following "Recommended hardware requirements" block.
    pub recommended: Option<Box<Claim>>,
    /// What was read with doubt, each with its place.
    pub warnings: Vec<String>,
}

/// The paragraph as found in a description.
#[derive(Debug, Clone, PartialEq)]
pub struct Paragraph {
    /// What it claims.
    pub claim: Claim,
    /// Its text, white space folded, label included.
    pub text: String,
    /// Text that stands after it and is not a recommended block; must be empty.
    pub after: Option<String>,
    /// Parts of the sentence that could not be read, with their position in `text`.
    pub unread: Vec<String>,
    /// Parts of the recommended block that could not be read, with their position in that block, label included.
    pub recommended_unread: Vec<String>,
}

/// Longest description that is read, in bytes. Partner Center takes far less, and deep nesting can keep a parser of HTML busy
/// for minutes.
pub const LONGEST_DESCRIPTION: usize = 16 * 1024;

/// Finds and reads the paragraph in a description (basic HTML).
///
/// `None` if no paragraph starts with the label, or the description is longer than [`LONGEST_DESCRIPTION`].
#[must_use]
pub fn read(description: &str) -> Option<Paragraph> {
    if description.len() > LONGEST_DESCRIPTION {
        return None;
    }
    paragraph::find(description)
}

/// The visible lines of a description: those around its hardware paragraph, and those of it and the recommended block behind it.
///
/// `None` if the description is longer than [`LONGEST_DESCRIPTION`].
#[must_use]
pub fn parted_lines(description: &str) -> Option<(Vec<String>, Vec<String>)> {
    (description.len() <= LONGEST_DESCRIPTION).then(|| paragraph::parted(description))
}

/// The claim as a paragraph to paste at the end of a description, HTML, the recommended block included.
#[must_use]
pub fn write(claim: &Claim) -> String {
    write::write(claim)
}

/// The description with this claim in the place of its own, or at its end if it has none; nothing else changes.
///
/// # Errors
/// Why the paragraph cannot be replaced without touching what stands around it.
pub fn replace(description: &str, claim: &Claim) -> Result<String, String> {
    replace::replace(description, claim)
}
