//! Volumes that createOptions mount by name. The engine makes a missing one on its own, without a label of anybody's.

use std::collections::BTreeMap;

use serde_json::Value;

use super::CreateOptions;

/// A volume with a name, as the engine is to create it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedVolume {
    /// Its name on the engine.
    pub name: String,
    /// The volume driver; the engine's own where none is given.
    pub driver: Option<String>,
    /// Options for the driver.
    pub driver_options: BTreeMap<String, String>,
}

impl NamedVolume {
    /// A volume of the engine's own driver.
    #[must_use]
    pub fn local(name: &str) -> NamedVolume {
        NamedVolume {
            name: name.to_owned(),
            driver: None,
            driver_options: BTreeMap::new(),
        }
    }
}

impl CreateOptions {
    /// The volumes mounted by name, each once, in the order given: `HostConfig.Binds` first, then `HostConfig.Mounts`.
    #[must_use]
    pub fn named_volumes(&self) -> Vec<NamedVolume> {
        let host = &self.canonical["HostConfig"];
        let driver = text(&host["VolumeDriver"]);
        let binds = items(&host["Binds"]).filter_map(|bind| {
            let (name, _) = bind.as_str()?.split_once(':')?;
            let named = !name.is_empty() && !name.starts_with('/');
            named.then(|| NamedVolume {
                driver: driver.clone(),
                ..NamedVolume::local(name)
            })
        });
        let mut volumes: Vec<NamedVolume> = Vec::new();
        for volume in binds.chain(items(&host["Mounts"]).filter_map(mounted)) {
            if !volumes.iter().any(|known| known.name == volume.name) {
                volumes.push(volume);
            }
        }
        volumes
    }
}

fn mounted(mount: &Value) -> Option<NamedVolume> {
    let name = text(&mount["Source"]).filter(|_| mount["Type"] == "volume")?;
    let driver = &mount["VolumeOptions"]["DriverConfig"];
    let options = driver["Options"].as_object().into_iter().flatten();
    Some(NamedVolume {
        name,
        driver: text(&driver["Name"]),
        driver_options: options
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
    })
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn volumes_with_a_name_are_told_from_paths_and_nameless_ones() {
        let options = CreateOptions::from_value(json!({"HostConfig": {
            "Binds": ["data:/data", "/etc:/etc:ro", "data:/again:ro"],
            "Mounts": [
                {"Type": "volume", "Source": "models", "Target": "/m", "VolumeOptions": {
                    "DriverConfig": {"Name": "local", "Options": {"type": "tmpfs", "device": "tmpfs"}}}},
                {"Type": "volume", "Target": "/nameless"},
                {"Type": "bind", "Source": "/srv", "Target": "/srv"},
                {"Type": "tmpfs", "Target": "/t"},
            ],
        }}))
        .unwrap();
        let models = NamedVolume {
            driver: Some("local".to_owned()),
            driver_options: [("device", "tmpfs"), ("type", "tmpfs")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..NamedVolume::local("models")
        };
        assert_eq!(
            options.named_volumes(),
            [NamedVolume::local("data"), models]
        );
    }

    #[test]
    fn binds_take_the_volume_driver_of_the_host_configuration() {
        let options = CreateOptions::from_value(
            json!({"HostConfig": {"Binds": ["data:/data"], "VolumeDriver": "nfs"}}),
        )
        .unwrap();
        assert_eq!(options.named_volumes()[0].driver.as_deref(), Some("nfs"));
    }
}
