//! What looks like a secret in one image, in its layers and in its config.

use serde::{Deserialize, Serialize};

/// What looks like a secret in one image. No secret itself is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Secrets {
    /// In files of its layers, also of those that a later layer hides or removes: they travel all the same.
    pub in_files: Vec<FileSecret>,
    /// In variables of its config.
    pub in_env: Vec<EnvSecret>,
    /// Further places in files, which are not told one by one.
    #[serde(default)]
    pub more: u64,
    /// How many files were looked at.
    pub files: u64,
    /// How many of them were too large to be looked at to their end.
    #[serde(default)]
    pub cut: u64,
}

/// What looks like a secret in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileSecret {
    /// The file's path in the image.
    pub path: String,
    /// Digest of the layer, of what travels.
    pub layer: String,
    /// What it looks like: `a private key`.
    pub look: String,
    /// Whether the path is one of documentation, tests or examples, where such things are for show.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_show: bool,
}

/// What looks like a secret in a variable of the image's config.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EnvSecret {
    /// The variable's name.
    pub name: String,
    /// What it looks like.
    pub look: String,
}
