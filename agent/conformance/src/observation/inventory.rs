//! What the layers of one image hold of others: packages and notices.

use serde::{Deserialize, Serialize};

/// The packages of one image, by the lists that package managers leave, as its last layer leaves them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// Sorted, each once.
    pub packages: Vec<Package>,
    /// How many files look like a notice or a licence.
    pub notices: u64,
    /// A few of them, in alphabetical order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notice_paths: Vec<String>,
    /// Lists that are there and could not be read, and why: `/usr/lib/x/package.json: no JSON`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// How many programs carry no list of what is linked into them.
    #[serde(default)]
    pub unlisted_programs: u64,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// Whose package it is.
    pub ecosystem: Ecosystem,
    /// Its name there.
    pub name: String,
    /// Its version as it stands in the list; empty where the list names none.
    pub version: String,
}

/// Whose list a package stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ecosystem {
    /// Debian's dpkg.
    Dpkg,
    /// Alpine's apk.
    Apk,
    /// Node's npm.
    Npm,
    /// Python's pip and its kin.
    Pip,
    /// .NET's NuGet, by the `.deps.json` beside a program.
    Nuget,
    /// Rust's cargo, by the list that cargo-auditable leaves in a program.
    Cargo,
}

impl Ecosystem {
    /// As people write it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Ecosystem::Dpkg => "dpkg",
            Ecosystem::Apk => "apk",
            Ecosystem::Npm => "npm",
            Ecosystem::Pip => "pip",
            Ecosystem::Nuget => "nuget",
            Ecosystem::Cargo => "cargo",
        }
    }
}
