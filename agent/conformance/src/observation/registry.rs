//! A repository of images as a registry, an image archive or an OCI layout shows it: tags, manifests, what is missing.

use serde::{Deserialize, Serialize};

use super::{
    ImageConfig, ImageSource, Inventory, Observed, Scan, ScanReport, Secrets, is_nothing_looked,
};
use crate::platform::Platform;
use crate::units::Bytes;

/// A repository with every tag that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// As the offer or the reference names it: `contoso.azurecr.io/air-quality`.
    pub name: String,
    /// What kind of place it was read from.
    pub source: ImageSource,
    /// Where it was read: `https://contoso.azurecr.io/v2/air-quality`, or a path.
    pub place: String,
    /// The host asked in place of the offer's, where that was wished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// How the registry let us in; archives and layouts have no door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// How many tags were listed.
    pub listed: u64,
    /// Why not every tag was looked at, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// The tag whose images were looked into: the offer's default one.
    pub default_tag: String,
    /// The tags looked at, in alphabetical order.
    pub tags: Vec<Tag>,
    /// Their manifests and those that they refer to, each digest once.
    pub manifests: Vec<Manifest>,
    /// How many manifests, configs and layers were asked for.
    pub asked: u64,
    /// What they refer to and is not there.
    pub missing: Vec<Missing>,
    /// What the images of the default tag hold, one for each platform.
    pub contents: Vec<Content>,
    /// What the ledger knew of these tags before.
    pub history: Observed<Vec<Sighting>>,
    /// The published copy of the default tag.
    pub published: Observed<Published>,
    /// What was tested before, by a stored report.
    pub tested: Observed<Tested>,
    /// Reports of malware scanners elsewhere that were attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scan_reports: Vec<ScanReport>,
}

/// Whether anybody may read the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Nobody had to say who asks.
    Anonymous,
    /// Only with a user's name and password, or a token in their place.
    SignedIn,
}

/// A tag and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// `1.0.1`, `latest`.
    pub name: String,
    /// Digest of its manifest or index; absent where it leads nowhere.
    pub digest: Option<String>,
}

/// A manifest or an index, by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// `sha256:…`.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// What it is.
    pub kind: ManifestKind,
}

/// What a manifest is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ManifestKind {
    /// A list of manifests, one for each platform.
    Index(Vec<Child>),
    /// One image.
    Image(ImageManifest),
    /// Neither, or one that cannot be read: why, in words.
    Unreadable(String),
}

/// An entry of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Child {
    /// Digest of the manifest.
    pub digest: String,
    /// Its platform; absent where the index names none that can be read.
    pub platform: Option<Platform>,
    /// Whether it is an attestation: a statement about another entry, no image.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attestation: bool,
}

/// The manifest of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Digest of the config.
    pub config: String,
    /// The platform in the config; absent where the config was not read.
    pub platform: Option<Platform>,
    /// What is wrong with the config, where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_flaw: Option<String>,
    /// Its layers, lowest first.
    pub layers: Vec<Layer>,
}

/// A layer as its manifest describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Digest of what travels.
    pub digest: String,
    /// Size of what travels.
    pub size: Bytes,
    /// Its media type.
    pub media_type: String,
}

/// Something that a tag, an index or a manifest refers to and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// `tag`, `manifest`, `config` or `layer`.
    pub what: String,
    /// Its digest, or the tag's name.
    pub name: String,
    /// The digest of what refers to it, or the repository for a tag.
    pub of: String,
    /// What was answered: `404 Not Found`, `no such file`.
    pub answer: String,
}

/// What one image of the default tag holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// Digest of its manifest.
    pub digest: String,
    /// The platform under which the tag lists it.
    pub platform: Option<Platform>,
    /// Its config.
    pub config: ImageConfig,
    /// What travels: all layers together.
    pub compressed: Bytes,
    /// What was unpacked: the sum of all layers, where all of them were read.
    pub unpacked: Observed<Bytes>,
    /// Layers that are not what their digests say, in words; empty where all of them are.
    pub layers: Observed<Vec<String>>,
    /// The program that the image starts.
    pub program: Observed<Program>,
    /// The packages in it, and whether a notice of them is. Inspections of earlier versions have none.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub inventory: Observed<Inventory>,
    /// What looks like a secret in it. Inspections of earlier versions have none.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub secrets: Observed<Secrets>,
    /// What a malware scanner that ran here says of it. Inspections of earlier versions have none.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub scan: Observed<Scan>,
}

/// The program that an image starts, as its first bytes show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Program {
    /// Its path in the image, links followed.
    pub path: String,
    /// What it is built for, in manifest words (`amd64`, `arm64`, `arm`); absent where it is no ELF file.
    pub architecture: Option<String>,
    /// What interprets it, for a script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
}

/// A line of the ledger: a tag was seen to lead to a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Sighting {
    /// Where: `contoso.azurecr.io/air-quality`.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// What it led to.
    pub digest: String,
    /// When, RFC 3339, UTC.
    pub on: String,
}

/// The published copy of the default tag, asked for without signing in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// The reference asked for.
    pub reference: String,
    /// What it leads to; absent where anybody is refused or nothing is there.
    pub digest: Option<String>,
    /// What was answered, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// What an earlier run tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    /// The run's id.
    pub run: String,
    /// The reference that it started.
    pub reference: String,
    /// Digests by which it knew the image: of manifest or index, and of the config.
    pub digests: Vec<String>,
}

impl Repository {
    /// The tag of this name, where it was looked at.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.name == name)
    }

    /// The manifest of this digest, where it was read.
    #[must_use]
    pub fn manifest(&self, digest: &str) -> Option<&Manifest> {
        self.manifests.iter().find(|one| one.digest == digest)
    }

    /// What a tag leads to.
    #[must_use]
    pub fn manifest_of(&self, tag: &Tag) -> Option<&Manifest> {
        self.manifest(tag.digest.as_deref()?)
    }

    /// The images under a tag, by platform: the digest of each one's manifest. Attestations are left aside, and an image whose
    /// platform nobody names has none here.
    #[must_use]
    pub fn images_of(&self, tag: &Tag) -> Vec<(Option<Platform>, String)> {
        let Some(manifest) = self.manifest_of(tag) else {
            return Vec::new();
        };
        match &manifest.kind {
            ManifestKind::Index(children) => children
                .iter()
                .filter(|child| !child.attestation)
                .map(|child| (self.platform_of(child), child.digest.clone()))
                .collect(),
            ManifestKind::Image(image) => vec![(image.platform.clone(), manifest.digest.clone())],
            ManifestKind::Unreadable(_) => Vec::new(),
        }
    }

    /// The platforms under a tag, sorted, each once.
    #[must_use]
    pub fn platforms_of(&self, tag: &Tag) -> Vec<Platform> {
        let images = self.images_of(tag);
        let mut platforms: Vec<Platform> = images.into_iter().filter_map(|(of, _)| of).collect();
        platforms.sort();
        platforms.dedup();
        platforms
    }

    /// An index may leave the platform to the config.
    fn platform_of(&self, child: &Child) -> Option<Platform> {
        child.platform.clone().or_else(|| {
            let manifest = self.manifest(&child.digest)?;
            match &manifest.kind {
                ManifestKind::Image(image) => image.platform.clone(),
                ManifestKind::Index(_) | ManifestKind::Unreadable(_) => None,
            }
        })
    }
}
