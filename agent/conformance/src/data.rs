//! Dated data that judgements rest on: tables of the programme that change without the catalogue.
//!
//! They are shipped inside and a lab may replace them by files of its own. Every report says which ones judged it: name, date
//! and SHA-256; those that were not shipped it holds whole, so that it can be judged again without the lab's files.

mod certified_devices;
mod tier_1;

use std::sync::{Arc, LazyLock};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::run_request::sha256_hex;

pub use certified_devices::{CertifiedDevices, Device, Host, Linked};
pub use tier_1::{Confidence, Row, Table, Tier1};

/// Longest data file that is read, in bytes.
pub const LONGEST: usize = 256 * 1024;

/// Name of the tables of Tier 1 platforms; with `.json`, of the file.
pub const TIER_1: &str = "tier-1";
/// Name of what is known of the catalogue of certified devices; with `.json`, of the file.
pub const CERTIFIED_DEVICES: &str = "certified-devices";

const SHIPPED_TIER_1: &str = include_str!("../data/tier-1.json");
const SHIPPED_CERTIFIED_DEVICES: &str = include_str!("../data/certified-devices.json");

/// Everything dated that judgements rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// Tier 1 platforms of IoT Edge.
    pub tier_1: Dated<Tier1>,
    /// The catalogue of certified devices.
    pub certified_devices: Dated<CertifiedDevices>,
}

/// One data file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Dated<T> {
    /// Which one it is.
    pub file: DataFile,
    /// What it says.
    pub content: T,
}

/// Which data judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DataFile {
    /// `tier-1`, `certified-devices`.
    pub name: String,
    /// Year and month, `2026-11`.
    pub dated: String,
    /// SHA-256 of its text, in lower-case hex.
    pub sha256: String,
    /// The text, where a lab gave it in place of the one that is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl DataFile {
    /// `tier-1 of 2026-11 (SHA-256 0123456789ab…)`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let start: String = self.sha256.chars().take(12).collect();
        let whose = match &self.text {
            Some(_) => ", given by the lab",
            None => "",
        };
        format!("{} of {} (SHA-256 {start}…{whose})", self.name, self.dated)
    }

    /// The same without its text.
    #[must_use]
    pub fn named(&self) -> DataFile {
        DataFile {
            text: None,
            ..self.clone()
        }
    }
}

/// What every data file has: a date, and rules that its form cannot say.
trait Document: DeserializeOwned {
    const SCHEMA: &'static str;
    fn schema(&self) -> &str;
    fn dated(&self) -> &str;
    /// Every mistake, after a JSON pointer.
    fn mistakes(&self) -> Vec<String>;
}

impl Data {
    /// The data that are shipped inside.
    ///
    /// # Panics
    /// Never: a test reads them.
    #[must_use]
    pub fn shipped() -> Arc<Data> {
        static SHIPPED: LazyLock<Arc<Data>> = LazyLock::new(|| {
            let expected = "the data that are shipped are read by a test";
            Arc::new(Data {
                tier_1: read(TIER_1, SHIPPED_TIER_1).expect(expected),
                certified_devices: read(CERTIFIED_DEVICES, SHIPPED_CERTIFIED_DEVICES)
                    .expect(expected),
            })
        });
        Arc::clone(&SHIPPED)
    }

    /// The same with the file of this name replaced by another text.
    ///
    /// # Errors
    /// Every mistake in the text, after a JSON pointer, or that there is no data of this name.
    pub fn with(&self, name: &str, text: &str) -> Result<Data, Vec<String>> {
        let mut data = self.clone();
        match name {
            TIER_1 => data.tier_1 = given(read(TIER_1, text)?, SHIPPED_TIER_1, text),
            CERTIFIED_DEVICES => {
                let read = read(CERTIFIED_DEVICES, text)?;
                data.certified_devices = given(read, SHIPPED_CERTIFIED_DEVICES, text);
            }
            other => return Err(vec![format!("there are no data called `{other}`")]),
        }
        Ok(data)
    }

    /// Which data these are.
    #[must_use]
    pub fn files(&self) -> Vec<DataFile> {
        vec![
            self.tier_1.file.clone(),
            self.certified_devices.file.clone(),
        ]
    }

    /// The data that a report was judged by, as far as it holds them; for the rest those that are shipped now. A text that
    /// cannot be read any more counts as not held.
    #[must_use]
    pub fn of(files: &[DataFile]) -> Arc<Data> {
        let mut data = Data::shipped();
        for file in files {
            if let Some(text) = &file.text
                && let Ok(with) = data.with(&file.name, text)
            {
                data = Arc::new(with);
            }
        }
        data
    }
}

/// The text goes along, unless it is the shipped one after all.
fn given<T>(read: Dated<T>, shipped: &str, text: &str) -> Dated<T> {
    let text = (text != shipped).then(|| text.to_owned());
    Dated {
        file: DataFile { text, ..read.file },
        ..read
    }
}

fn read<T: Document>(name: &str, text: &str) -> Result<Dated<T>, Vec<String>> {
    if text.len() > LONGEST {
        let mistake = format!("{} bytes; at most {LONGEST} are read", text.len());
        return Err(vec![mistake]);
    }
    let content: T =
        serde_json::from_str(text).map_err(|error| vec![format!("not {name}: {error}")])?;
    let mut mistakes = Vec::new();
    if content.schema() != T::SCHEMA {
        mistakes.push(format!(
            "/schema: `{}`; this version reads `{}`",
            content.schema(),
            T::SCHEMA
        ));
    }
    mistakes.extend(month_mistake("/dated", content.dated()));
    mistakes.extend(content.mistakes());
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(Dated {
        file: DataFile {
            name: name.to_owned(),
            dated: content.dated().to_owned(),
            sha256: sha256_hex(text.as_bytes()),
            text: None,
        },
        content,
    })
}

/// Months are compared as texts, so they have to have one form: `2026-11`.
fn month_mistake(pointer: &str, month: &str) -> Option<String> {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let sound = month.split_once('-').is_some_and(|(year, number)| {
        year.len() == 4
            && digits(year)
            && number.len() == 2
            && digits(number)
            && ("01"..="12").contains(&number)
    });
    (!sound).then(|| format!("{pointer}: `{month}` is no month like 2026-11"))
}

fn blank_mistake(pointer: &str, text: &str) -> Option<String> {
    text.trim().is_empty().then(|| format!("{pointer}: empty"))
}

#[cfg(test)]
mod tests;
