//! What is known of the catalogue of certified IoT Edge devices: where it stood, when it ended, and the devices of a dated copy.

use serde::{Deserialize, Serialize};

use super::{Document, blank_mistake, month_mistake};

/// The catalogue. Without a copy of its devices nobody can tell whether a link leads to one of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertifiedDevices {
    /// `edgeproof/certified-devices/1`.
    pub schema: String,
    /// Year and month of the copy.
    pub dated: String,
    /// The month in which the catalogue ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The public document that says so.
    pub source: String,
    /// Where it stood.
    pub hosts: Vec<Host>,
    /// The devices of the copy; none where there is no copy.
    pub devices: Vec<Device>,
}

/// A host of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Host {
    /// `devicecatalog.azure.com`.
    pub host: String,
    /// How the path of a single device's page begins: `/devices/`.
    pub device_path: String,
    /// The public document.
    pub source: String,
}

/// A certified device of the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Device {
    /// Its name in the catalogue.
    pub name: String,
    /// Its page.
    pub url: String,
    /// The public document.
    pub source: String,
}

/// What a link leads to, by its form and by the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked<'a> {
    /// Elsewhere.
    Elsewhere,
    /// The catalogue, not one device of it.
    Catalogue,
    /// A single device's page, and there is no copy to look it up in.
    Device,
    /// A device of the copy.
    Certified(&'a Device),
    /// A single device's page that the copy does not have.
    Unlisted,
}

impl Document for CertifiedDevices {
    const SCHEMA: &'static str = "edgeproof/certified-devices/1";

    fn schema(&self) -> &str {
        &self.schema
    }

    fn dated(&self) -> &str {
        &self.dated
    }

    fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if let Some(ended) = &self.ended {
            mistakes.extend(month_mistake("/ended", ended));
        }
        mistakes.extend(blank_mistake("/source", &self.source));
        if self.hosts.is_empty() {
            mistakes.push("/hosts: empty".to_owned());
        }
        for (at, host) in self.hosts.iter().enumerate() {
            mistakes.extend(blank_mistake(&format!("/hosts/{at}/host"), &host.host));
            mistakes.extend(blank_mistake(&format!("/hosts/{at}/source"), &host.source));
            if !host.device_path.starts_with('/') {
                mistakes.push(format!("/hosts/{at}/devicePath: has to begin with `/`"));
            }
        }
        for (at, device) in self.devices.iter().enumerate() {
            mistakes.extend(blank_mistake(&format!("/devices/{at}/name"), &device.name));
            mistakes.extend(blank_mistake(
                &format!("/devices/{at}/source"),
                &device.source,
            ));
            if parts(&device.url).is_none() {
                let mistake = format!("/devices/{at}/url: `{}` is no web link", device.url);
                mistakes.push(mistake);
            }
        }
        mistakes
    }
}

impl CertifiedDevices {
    /// What a link leads to. Nothing is visited.
    #[must_use]
    pub fn linked(&self, url: &str) -> Linked<'_> {
        let Some((host, rest)) = parts(url) else {
            return Linked::Elsewhere;
        };
        let same = |device: &&Device| {
            parts(&device.url).is_some_and(|(known, path)| known == host && path == rest)
        };
        if let Some(device) = self.devices.iter().find(same) {
            return Linked::Certified(device);
        }
        let Some(known) = self.hosts.iter().find(|known| known.host == host) else {
            return Linked::Elsewhere;
        };
        let single = |path: &str| !path.trim_matches(['/', '?']).is_empty();
        let of_one = rest.strip_prefix(known.device_path.as_str());
        match (of_one.is_some_and(single), self.devices.is_empty()) {
            (false, _) => Linked::Catalogue,
            (true, true) => Linked::Device,
            (true, false) => Linked::Unlisted,
        }
    }

    /// `the catalogue of certified devices, which ended in 2024-02`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let ended = self.ended.as_deref();
        let ended = ended.map_or_else(String::new, |month| format!(", which ended in {month}"));
        format!("the catalogue of certified devices{ended}")
    }
}

/// Host in lower case, and path with query, of a web link; a trailing slash and a fragment make no difference.
fn parts(url: &str) -> Option<(String, &str)> {
    let url = url.trim();
    let rest = ["https://", "http://"].into_iter().find_map(|scheme| {
        let start = url.get(..scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then(|| &url[scheme.len()..])
    })?;
    let rest = rest.split('#').next().unwrap_or_default();
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    // A port or credentials make it another place.
    let host = host.to_ascii_lowercase();
    (!host.is_empty()).then(|| (host, path.trim_end_matches('/')))
}
