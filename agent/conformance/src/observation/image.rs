//! The candidate's image: where it was found, and its config.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Observed, is_nothing_looked};
use crate::platform::Platform;
use crate::units::{Bytes, Millis};

/// The candidate's image as a registry, an archive or the engine's store shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageFacts {
    /// The reference looked up.
    pub reference: String,
    /// Where it was found.
    pub source: ImageSource,
    /// How long it took to pull, if it was pulled in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Millis>,
    /// Digest of the manifest or index, `sha256:…`; images loaded or built locally have none.
    pub manifest_digest: Option<String>,
    /// Digest of the config: the image id.
    pub image_id: String,
    /// Platforms on offer: a registry's index, or the one in the config.
    pub platforms: Vec<Platform>,
    /// The platform whose config follows.
    pub platform: Platform,
    /// Media type of the manifest, where one was seen.
    pub media_type: Option<String>,
    /// Unpacked size of all layers.
    pub unpacked: Bytes,
    /// Compressed size of all layers.
    pub compressed: Observed<Bytes>,
    /// What the engine's store holds of it, where that is more than the unpacked layers: containerd keeps what travelled
    /// beside what it unpacked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<Bytes>,
    /// What other images on this engine have too: a fact of the engine, not of the image. Older reports do not have it.
    #[serde(default, skip_serializing_if = "is_nothing_looked")]
    pub shared: Observed<Bytes>,
    /// The config.
    pub config: ImageConfig,
}

impl ImageFacts {
    /// The storage that it takes on this device.
    #[must_use]
    pub fn on_disk(&self) -> Bytes {
        self.stored.unwrap_or(self.unpacked)
    }
}

/// Where an image was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ImageSource {
    /// Pulled from its registry in this run.
    Registry,
    /// Already in the engine's store under the reference.
    EngineStore,
    /// A `docker save` archive.
    Archive,
    /// An OCI layout.
    Layout,
}

/// The parts of an image's config that matter here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ImageConfig {
    /// User, or user:group; empty is root.
    pub user: String,
    /// Entrypoint.
    pub entrypoint: Vec<String>,
    /// Command.
    pub command: Vec<String>,
    /// Names of the environment variables set.
    pub env_names: Vec<String>,
    /// Ports declared: `8080/tcp`.
    pub exposed_ports: Vec<String>,
    /// Volumes declared.
    pub volumes: Vec<String>,
    /// Whether a HEALTHCHECK is declared.
    pub healthcheck: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Digests of the unpacked layers.
    pub layers: Vec<String>,
}
