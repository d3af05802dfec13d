//! What a malware scanner says of an image: one that ran here, or the report of another.

use serde::{Deserialize, Serialize};

/// A scan of every layer of one image. The image is the one in whose contents it stands, by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Scan {
    /// The scanner with its version: `ClamAV 1.4.6`.
    pub scanner: String,
    /// The signatures that it used, in words: how many, from where, of when.
    pub signatures: String,
    /// What it found; empty where it found nothing.
    pub hits: Vec<ScanHit>,
    /// What it did not look into to the end, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
}

/// Something that a scanner found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ScanHit {
    /// Digest of the layer, of what travels.
    pub layer: String,
    /// The scanner's name for it.
    pub name: String,
}

/// The report of a scan elsewhere, as it is attached: `edgeproof/scan-report/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScanReport {
    /// [`ScanReport::SCHEMA`].
    pub schema: String,
    /// The scanner's name.
    pub scanner: String,
    /// Its version, with that of its signatures.
    pub version: String,
    /// When it scanned: RFC 3339, or a date.
    pub date: String,
    /// What it scanned: the digest, `sha256:…`, of an image's manifest or config, or of the list of them, which stands for
    /// every image in it.
    pub digest: String,
    /// What it found; empty where it found nothing.
    pub findings: Vec<ScanFinding>,
}

/// Something that a scan elsewhere found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScanFinding {
    /// The scanner's name for it.
    pub name: String,
    /// Where it is, in the scanner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl ScanReport {
    /// Its schema identifier.
    pub const SCHEMA: &'static str = "edgeproof/scan-report/1";

    /// What is wrong with it, with the JSON pointer; empty where it can be used.
    #[must_use]
    pub fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        if self.schema != ScanReport::SCHEMA {
            flaws.push(format!("/schema is not `{}`", ScanReport::SCHEMA));
        }
        for (place, text) in [
            ("scanner", &self.scanner),
            ("version", &self.version),
            ("date", &self.date),
        ] {
            if text.trim().is_empty() {
                flaws.push(format!("/{place} is empty"));
            }
        }
        let hex = self.digest.strip_prefix("sha256:").unwrap_or_default();
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hex.len() != 64 || !hex.bytes().all(is_hex) {
            flaws.push("/digest is no digest such as sha256:9f86…".to_owned());
        }
        flaws
    }
}
