//! The Tier 1 tables of IoT Edge as dated rows: which operating systems on which platforms Microsoft tests and supports.

use serde::{Deserialize, Serialize};

use super::{Document, blank_mistake, month_mistake};
use crate::platform::Platform;
use crate::record::Edition;

/// Tables of several years, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tier1 {
    /// `edgeproof/tier-1/1`.
    pub schema: String,
    /// Year and month in which the whole was put together.
    pub dated: String,
    /// The tables; each edition of the programme has at least one.
    pub tables: Vec<Table>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// The runtime that it is of: `IoT Edge 1.6`.
    pub name: String,
    /// Year and month from which it holds.
    pub dated: String,
    /// The month in which support of the runtime itself ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Editions of the programme that it decides.
    pub editions: Vec<Edition>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// An operating system with the platforms on which it is in Tier 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Row {
    /// Name and version.
    pub system: String,
    /// The platforms of containers on it: `linux/amd64`, `linux/arm/v7`, …
    pub platforms: Vec<Platform>,
    /// Whether it is generally available; a preview counts for nothing.
    pub generally_available: bool,
    /// The month in which its maker's support ends, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How surely the row is so.
    pub confidence: Confidence,
    /// The public document.
    pub source: String,
}

/// How surely a row is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Put together from what other documents imply.
    Low,
    /// The support page itself was not at hand; documents beside it say so.
    Medium,
    /// The support page says so.
    High,
}

impl Confidence {
    /// `low`, `medium`, `high`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

impl Document for Tier1 {
    const SCHEMA: &'static str = "edgeproof/tier-1/1";

    fn schema(&self) -> &str {
        &self.schema
    }

    fn dated(&self) -> &str {
        &self.dated
    }

    fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        for (edition, name) in [
            (Edition::Current, "current"),
            (Edition::Edition2018, "2018"),
        ] {
            if !self.tables.iter().any(|table| table.decides(edition)) {
                mistakes.push(format!("/tables: none decides edition {name}"));
            }
        }
        for (at, table) in self.tables.iter().enumerate() {
            mistakes.extend(table.mistakes(&format!("/tables/{at}")));
        }
        let ordered = self.tables.is_sorted_by(|a, b| a.dated <= b.dated);
        if !ordered {
            mistakes.push("/tables: they have to stand oldest first".to_owned());
        }
        mistakes
    }
}

impl Tier1 {
    /// The table of an edition that holds on a day, `2026-11-20`: the newest of those that held then. Where no table is that
    /// old, or the day is not known, the newest of all; a device's clock may be wrong.
    #[must_use]
    pub fn table(&self, edition: Edition, day: &str) -> Option<&Table> {
        let of_edition = || self.tables.iter().filter(|table| table.decides(edition));
        let month = day.get(..7).unwrap_or_default();
        of_edition()
            .rfind(|table| table.dated.as_str() <= month)
            .or_else(|| of_edition().next_back())
    }
}

impl Table {
    fn decides(&self, edition: Edition) -> bool {
        self.editions.contains(&edition)
    }

    fn mistakes(&self, at: &str) -> Vec<String> {
        let mut mistakes = Vec::new();
        mistakes.extend(blank_mistake(&format!("{at}/name"), &self.name));
        mistakes.extend(month_mistake(&format!("{at}/dated"), &self.dated));
        if let Some(until) = &self.until {
            mistakes.extend(month_mistake(&format!("{at}/until"), until));
        }
        if !self.rows.iter().any(Row::counts) {
            mistakes.push(format!("{at}/rows: none is generally available"));
        }
        for (number, row) in self.rows.iter().enumerate() {
            let at = format!("{at}/rows/{number}");
            mistakes.extend(blank_mistake(&format!("{at}/system"), &row.system));
            mistakes.extend(blank_mistake(&format!("{at}/source"), &row.source));
            if row.platforms.is_empty() {
                mistakes.push(format!("{at}/platforms: empty"));
            }
            if let Some(until) = &row.until {
                mistakes.extend(month_mistake(&format!("{at}/until"), until));
            }
        }
        mistakes
    }

    /// Every platform that counts, once, in alphabetical order.
    #[must_use]
    pub fn platforms(&self) -> Vec<Platform> {
        let rows = self.rows.iter().filter(|row| row.counts());
        let mut platforms: Vec<Platform> =
            rows.flat_map(|row| row.platforms.iter().cloned()).collect();
        platforms.sort();
        platforms.dedup();
        platforms
    }

    /// The rows of a platform, previews included.
    pub fn rows_of<'a>(&'a self, platform: &'a Platform) -> impl Iterator<Item = &'a Row> {
        let rows = self.rows.iter();
        rows.filter(move |row| row.platforms.contains(platform))
    }

    /// `the Tier 1 table of IoT Edge 1.6 (2026-07)`.
    #[must_use]
    pub fn in_words(&self) -> String {
        format!("the Tier 1 table of {} ({})", self.name, self.dated)
    }
}

impl Row {
    /// Whether it makes a platform count.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.generally_available
    }
}
