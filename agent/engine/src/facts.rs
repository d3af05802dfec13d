//! The engine's `/version` and `/info` as the facts of a report: pure conversion.

use conformance::platform::Platform;
use conformance::record::{EngineFacts, ImageStore};
use serde_json::Value;

/// Facts about the engine from its `/version` and `/info` answers.
///
/// # Errors
/// In words, where one of the two leaves out what every engine tells.
pub fn engine_facts(version: &Value, info: &Value) -> Result<EngineFacts, String> {
    let text = |document: &Value, key: &str| document[key].as_str().unwrap_or_default().to_owned();
    let needed = |document: &Value, key: &str| match document[key].as_str() {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        Some(_) | None => Err(format!("{key} is missing")),
    };
    let os = needed(version, "Os")?;
    let architecture = needed(version, "Arch")?;
    let platform: Platform = format!("{os}/{architecture}").parse()?;
    Ok(EngineFacts {
        name: product(version),
        version: needed(version, "Version")?,
        api_version: needed(version, "ApiVersion")?,
        min_api_version: version["MinAPIVersion"].as_str().map(str::to_owned),
        platform,
        storage_driver: needed(info, "Driver")?,
        image_store: Some(image_store(info)),
        backing_filesystem: backing_filesystem(info),
        cgroup_driver: text(info, "CgroupDriver"),
        cgroup_version: text(info, "CgroupVersion"),
        memory_limit: info["MemoryLimit"].as_bool().unwrap_or(false),
        cpu_quota: info["CpuCfsQuota"].as_bool().unwrap_or(false),
        swap_limit: info["SwapLimit"].as_bool(),
        security_options: texts(&info["SecurityOptions"]),
        data_root: needed(info, "DockerRootDir")?,
        warnings: texts(&info["Warnings"]),
    })
}

/// The product's name: distributions leave it empty, and name only the component.
fn product(version: &Value) -> String {
    let named = version["Platform"]["Name"].as_str().unwrap_or_default();
    let component = version["Components"][0]["Name"]
        .as_str()
        .unwrap_or("Engine");
    match (named, component) {
        ("", "Engine") => "Docker Engine".to_owned(),
        ("", other) => other.to_owned(),
        (name, _) => name.to_owned(),
    }
}

/// The containerd image store names the kind of its driver (docs.docker.com, "containerd image store").
fn image_store(info: &Value) -> ImageStore {
    let rows = info["DriverStatus"].as_array().into_iter().flatten();
    let mut kinds = rows.filter(|row| row[0] == "driver-type");
    match kinds.next().and_then(|row| row[1].as_str()) {
        Some(kind) if kind.contains("containerd.snapshotter") => ImageStore::Containerd,
        Some(_) | None => ImageStore::GraphDriver,
    }
}

/// `DriverStatus` is a list of pairs; the containerd image store has no such row.
fn backing_filesystem(info: &Value) -> Option<String> {
    let rows = info["DriverStatus"].as_array()?;
    let row = rows.iter().find(|row| row[0] == "Backing Filesystem")?;
    row[1].as_str().map(str::to_owned)
}

/// A list of texts; `null` and absence are an empty list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recorded(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_recorded_engine_becomes_facts() {
        let version = recorded(include_str!("../tests/data/version.json"));
        let info = recorded(include_str!("../tests/data/info.json"));
        let facts = engine_facts(&version, &info).unwrap();
        assert_eq!(
            facts,
            EngineFacts {
                name: "Docker Engine".to_owned(),
                version: "20.10.24+dfsg1".to_owned(),
                api_version: "1.41".to_owned(),
                min_api_version: Some("1.12".to_owned()),
                platform: "linux/amd64".parse().unwrap(),
                storage_driver: "overlay2".to_owned(),
                image_store: Some(ImageStore::GraphDriver),
                backing_filesystem: Some("extfs".to_owned()),
                cgroup_driver: "cgroupfs".to_owned(),
                cgroup_version: "1".to_owned(),
                memory_limit: true,
                cpu_quota: true,
                swap_limit: Some(true),
                security_options: vec!["name=seccomp,profile=default".to_owned()],
                data_root: "/var/lib/docker".to_owned(),
                warnings: Vec::new(),
            }
        );
    }

    #[test]
    fn an_engine_with_snapshots_says_so_by_the_kind_of_its_driver() {
        let answers = [
            (
                include_str!("../tests/data/containerd-26/version.json"),
                include_str!("../tests/data/containerd-26/info.json"),
                "1.45",
            ),
            (
                include_str!("../tests/data/containerd-28/version.json"),
                include_str!("../tests/data/containerd-28/info.json"),
                "1.51",
            ),
        ];
        for (version, info, api) in answers {
            let facts = engine_facts(&recorded(version), &recorded(info)).unwrap();
            assert_eq!(facts.image_store, Some(ImageStore::Containerd));
            assert_eq!(
                (facts.api_version.as_str(), facts.storage_driver.as_str()),
                (api, "overlayfs")
            );
            // Snapshots are told without the file system below them.
            assert_eq!(facts.backing_filesystem, None);
        }
    }

    #[test]
    fn a_limit_the_engine_does_not_mention_is_not_there() {
        let version = recorded(include_str!("../tests/data/version.json"));
        let mut info = recorded(include_str!("../tests/data/info.json"));
        info.as_object_mut().unwrap().remove("MemoryLimit");
        assert!(!engine_facts(&version, &info).unwrap().memory_limit);
    }

    #[test]
    fn an_engine_without_a_data_root_is_told_by_key() {
        let version = recorded(include_str!("../tests/data/version.json"));
        let missing = engine_facts(&version, &json!({"Driver": "overlay2"})).unwrap_err();
        assert_eq!(missing, "DockerRootDir is missing");
    }

    #[test]
    fn a_32_bit_arm_engine_is_arm_v7() {
        let version = json!({"Os": "linux", "Arch": "arm", "Version": "1", "ApiVersion": "1.41",
            "Platform": {"Name": "moby-engine"}});
        let info = json!({"Driver": "overlay2", "DockerRootDir": "/d"});
        let facts = engine_facts(&version, &info).unwrap();
        assert_eq!(facts.platform.to_string(), "linux/arm/v7");
        assert_eq!(facts.name, "moby-engine");
    }
}
