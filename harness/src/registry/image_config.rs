//! The config of an image: for which platform, what it starts, what its layers unpack to.
//!
//! Source: OCI image specification 1.1, "Image Configuration".

use std::collections::BTreeMap;

use conformance::observation::{EnvSecret, ImageConfig};
use conformance::platform::Platform;
use conformance::secret_look::secret_look;
use serde_json::{Map, Value};

/// A config that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigRead {
    /// Its platform.
    pub platform: Option<Platform>,
    /// What matters of it to a judgement.
    pub config: ImageConfig,
    /// The directory in which the program starts.
    pub working_dir: String,
    /// Where programs are looked for.
    pub path: Option<String>,
    /// Variables whose values look like secrets; the values are not kept.
    pub secrets: Vec<EnvSecret>,
    /// What is wrong with it.
    pub flaw: Option<String>,
}

/// Reads a config. What cannot be read is told in `flaw`, the rest is read all the same.
#[must_use]
pub fn read(body: &[u8]) -> ConfigRead {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return flawed(format!("no JSON: {error}")),
    };
    if !value.is_object() {
        return flawed("no JSON object".to_owned());
    }
    let inner = &value["config"];
    let env: Vec<String> = texts(&inner["Env"]);
    let named = |variable: &String| variable.split('=').next().unwrap_or_default().to_owned();
    let path = env
        .iter()
        .find_map(|variable| variable.strip_prefix("PATH="));
    let platform = super::manifest::platform(&value);
    let layers = texts(&value["rootfs"]["diff_ids"]);
    let flaw = match &platform {
        None => Some("/os and /architecture name no platform".to_owned()),
        Some(_) if layers.is_empty() => Some("/rootfs/diff_ids names no layer".to_owned()),
        Some(_) => None,
    };
    ConfigRead {
        platform,
        working_dir: inner["WorkingDir"].as_str().unwrap_or_default().to_owned(),
        path: path.map(str::to_owned),
        secrets: env.iter().filter_map(|one| secret(one)).collect(),
        config: ImageConfig {
            user: inner["User"].as_str().unwrap_or_default().to_owned(),
            entrypoint: texts(&inner["Entrypoint"]),
            command: texts(&inner["Cmd"]),
            env_names: env.iter().map(named).collect(),
            exposed_ports: keys(&inner["ExposedPorts"]),
            volumes: keys(&inner["Volumes"]),
            healthcheck: has_healthcheck(&inner["Healthcheck"]),
            labels: labels(&inner["Labels"]),
            layers,
        },
        flaw,
    }
}

fn flawed(flaw: String) -> ConfigRead {
    ConfigRead {
        platform: None,
        config: ImageConfig::default(),
        working_dir: String::new(),
        path: None,
        secrets: Vec::new(),
        flaw: Some(flaw),
    }
}

/// What the value of `NAME=value` looks like, where it looks like a secret.
fn secret(variable: &str) -> Option<EnvSecret> {
    let (name, value) = variable.split_once('=')?;
    Some(EnvSecret {
        name: name.to_owned(),
        look: secret_look(name, value)?.to_owned(),
    })
}

/// `NONE` takes an inherited one away, and an empty test inherits what there is not.
fn has_healthcheck(value: &Value) -> bool {
    let test = texts(&value["Test"]);
    test.first().is_some_and(|kind| kind != "NONE")
}

fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned))
        .collect()
}

fn keys(value: &Value) -> Vec<String> {
    value
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .cloned()
        .collect()
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    let all = value.as_object().into_iter().flatten();
    all.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn config() -> Value {
        json!({
            "os": "linux", "architecture": "arm", "variant": "v7",
            "config": {
                "User": "1000", "Entrypoint": ["/air"], "Cmd": ["--all"], "WorkingDir": "/app",
                "Env": ["PATH=/bin:/app", "MODE=a=b", "EMPTY"], "ExposedPorts": {"8080/tcp": {}},
                "Volumes": {"/data": {}}, "Labels": {"a": "b", "n": 1}, "Healthcheck": {"Test": ["CMD", "/air"]}
            },
            "rootfs": {"type": "layers", "diff_ids": ["sha256:0"]}
        })
    }

    #[test]
    fn a_config_is_read_with_everything_that_matters() {
        let read = read(config().to_string().as_bytes());
        assert_eq!(read.flaw, None);
        assert_eq!(read.platform, "linux/arm/v7".parse().ok());
        assert_eq!(
            (read.working_dir.as_str(), read.path.as_deref()),
            ("/app", Some("/bin:/app"))
        );
        let config = read.config;
        assert_eq!(config.env_names, ["PATH", "MODE", "EMPTY"]);
        assert_eq!(read.secrets, []);
        assert_eq!(
            (config.exposed_ports, config.volumes),
            (vec!["8080/tcp".to_owned()], vec!["/data".to_owned()])
        );
        assert!(config.healthcheck && config.labels.len() == 1 && config.layers.len() == 1);
    }

    #[test]
    fn a_variable_that_looks_like_a_secret_is_told_without_its_value() {
        let mut value = config();
        value["config"]["Env"] = json!(["DB_PASSWORD=hunter2", "DB_PASSWORD_FILE=/run/db", "X"]);
        let read = read(value.to_string().as_bytes());
        assert_eq!(read.secrets.len(), 1);
        assert_eq!(read.secrets[0].name, "DB_PASSWORD");
        assert!(!format!("{read:?}").contains("hunter2"));
    }

    #[test]
    fn a_config_without_platform_or_layers_says_so() {
        for (change, part) in [
            ("architecture", "name no platform"),
            ("rootfs", "names no layer"),
        ] {
            let mut value = config();
            value[change] = json!(null);
            let flaw = read(value.to_string().as_bytes()).flaw.unwrap();
            assert!(flaw.contains(part), "{flaw}");
        }
        assert!(read(b"{").flaw.is_some() && read(b"[]").flaw.is_some());
    }

    #[test]
    fn a_healthcheck_of_none_is_none() {
        let mut value = config();
        value["config"]["Healthcheck"]["Test"] = json!(["NONE"]);
        assert!(!read(value.to_string().as_bytes()).config.healthcheck);
    }

    proptest! {
        #[test]
        fn no_config_makes_the_reader_panic(at in 0_usize..500, byte in any::<u8>()) {
            let mut text = config().to_string().into_bytes();
            let at = at % text.len();
            text[at] = byte;
            let _ = read(&text);
            let _ = read(&text[..at]);
        }
    }
}
