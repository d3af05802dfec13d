//! A container's inspect answer as edgeproof uses it: pure conversion, with the raw document kept beside it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::Value;

use crate::events::HealthStatus;

/// A container as the engine shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspect {
    /// Full id, 64 hexadecimal digits.
    pub id: String,
    /// Name, without the leading slash.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// When the engine created it.
    pub created: Option<Timestamp>,
    /// Its main process runs (also while paused).
    pub running: bool,
    /// Main process, in the engine's pid namespace, while it runs.
    pub pid: Option<u32>,
    /// Exit code of the last run; zero before the first.
    pub exit_code: i64,
    /// The engine saw an OOM kill of its last run.
    pub oom_killed: bool,
    /// State of its HEALTHCHECK, where it has one.
    pub health: Option<HealthStatus>,
    /// When its main process last started.
    pub started_at: Option<Timestamp>,
    /// When its main process last ended. For a process that ends at once some engines give a moment before `started_at`.
    pub finished_at: Option<Timestamp>,
    /// The engine's error of the last start; empty without one.
    pub error: String,
    /// Restarts by the engine's own policy.
    pub restart_count: u64,
    /// Host path of the writable layer, with the overlay2 driver.
    pub upper_dir: Option<PathBuf>,
    /// Host path of its log file, with the json-file driver.
    pub log_path: Option<PathBuf>,
    /// Host paths of its named and anonymous volumes.
    pub volumes: Vec<PathBuf>,
    /// Address on its first network.
    pub ip: Option<IpAddr>,
    /// Gateway of its first network.
    pub gateway: Option<IpAddr>,
    /// Its standard streams are a terminal.
    pub tty: bool,
    /// The whole answer.
    pub raw: Value,
}

impl Inspect {
    /// Reads `/containers/ID/json`.
    ///
    /// # Errors
    /// In words, where it has no id or state.
    pub fn read(raw: Value) -> Result<Inspect, String> {
        let id = raw["Id"].as_str().ok_or("Id is missing")?.to_owned();
        let state = &raw["State"];
        let running = state["Running"]
            .as_bool()
            .ok_or("State.Running is missing")?;
        let name = raw["Name"].as_str().unwrap_or_default();
        Ok(Inspect {
            name: name.trim_start_matches('/').to_owned(),
            labels: labels(&raw["Config"]["Labels"]),
            created: moment(&raw["Created"]),
            running,
            pid: state["Pid"]
                .as_u64()
                .and_then(|pid| u32::try_from(pid).ok())
                .filter(|pid| *pid > 0),
            exit_code: state["ExitCode"].as_i64().unwrap_or_default(),
            oom_killed: state["OOMKilled"].as_bool().unwrap_or(false),
            health: state["Health"]["Status"]
                .as_str()
                .and_then(HealthStatus::read),
            started_at: moment(&state["StartedAt"]),
            finished_at: moment(&state["FinishedAt"]),
            error: state["Error"].as_str().unwrap_or_default().to_owned(),
            restart_count: raw["RestartCount"].as_u64().unwrap_or_default(),
            upper_dir: path(&raw["GraphDriver"]["Data"]["UpperDir"]),
            log_path: path(&raw["LogPath"]),
            volumes: volumes(&raw["Mounts"]),
            ip: first_address(&raw, "IPAddress"),
            gateway: first_address(&raw, "Gateway"),
            tty: raw["Config"]["Tty"].as_bool().unwrap_or(false),
            id,
            raw,
        })
    }

    /// Its address on one of its networks.
    #[must_use]
    pub fn address_on(&self, network: &str) -> Option<IpAddr> {
        let settings = &self.raw["NetworkSettings"]["Networks"][network];
        settings["IPAddress"].as_str()?.parse().ok()
    }

    /// Where a volume or bind of its own lies on the engine's host.
    #[must_use]
    pub fn source_of(&self, destination: &str) -> Option<PathBuf> {
        let mounts = self.raw["Mounts"].as_array()?;
        let mount = mounts
            .iter()
            .find(|mount| mount["Destination"] == destination)?;
        path(&mount["Source"])
    }

    /// Names of the networks it is attached to.
    #[must_use]
    pub fn networks(&self) -> Vec<&str> {
        let networks = self.raw["NetworkSettings"]["Networks"].as_object();
        networks
            .into_iter()
            .flat_map(|networks| networks.keys().map(String::as_str))
            .collect()
    }
}

/// Labels of any engine object; `null` stands for none.
pub(crate) fn labels(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// A moment in RFC 3339. Go's zero time (year 1) stands for "never".
pub(crate) fn moment(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?;
    (!text.starts_with("0001-01-01"))
        .then(|| text.parse().ok())
        .flatten()
}

fn path(value: &Value) -> Option<PathBuf> {
    let text = value.as_str()?;
    (!text.is_empty()).then(|| PathBuf::from(text))
}

fn volumes(mounts: &Value) -> Vec<PathBuf> {
    let mounts = mounts.as_array().into_iter().flatten();
    mounts
        .filter(|mount| mount["Type"] == "volume")
        .filter_map(|mount| path(&mount["Source"]))
        .collect()
}

fn first_address(raw: &Value, key: &str) -> Option<IpAddr> {
    let networks = raw["NetworkSettings"]["Networks"].as_object()?;
    networks
        .values()
        .find_map(|network| network[key].as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn recorded(text: &str) -> Inspect {
        Inspect::read(serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_running_container_shows_process_addresses_and_paths() {
        let seen = recorded(include_str!("../tests/data/container-running.json"));
        assert_eq!(seen.name, "rec-c");
        assert_eq!(seen.labels["edgeproof.run"], "rec");
        assert!(seen.running);
        assert_eq!(seen.pid, Some(3236));
        assert_eq!(seen.health, None);
        assert_eq!(
            seen.started_at.unwrap().to_string(),
            "2026-11-22T18:46:55.581178196Z"
        );
        assert_eq!(seen.finished_at, None);
        assert_eq!(seen.ip, Some("172.19.0.2".parse().unwrap()));
        assert_eq!(seen.gateway, Some("172.19.0.1".parse().unwrap()));
        assert_eq!(seen.networks(), ["rec-net"]);
        let upper = seen.upper_dir.unwrap();
        assert!(upper.starts_with("/var/lib/docker/overlay2") && upper.ends_with("diff"));
        assert!(
            seen.log_path
                .unwrap()
                .ends_with(format!("{}-json.log", seen.id))
        );
        assert_eq!(seen.volumes.len(), 2, "{:?}", seen.volumes);
        assert!(
            seen.volumes
                .contains(&Path::new("/var/lib/docker/volumes/rec-vol/_data").to_owned())
        );
    }

    #[test]
    fn an_exited_container_has_no_process() {
        let seen = recorded(include_str!("../tests/data/container-exited.json"));
        assert!(!seen.running);
        assert_eq!(seen.pid, None);
        assert_eq!(seen.exit_code, 0);
        assert!(seen.finished_at > seen.started_at);
        assert_eq!(seen.ip, None);
    }

    #[test]
    fn the_containerd_store_names_no_place_of_the_writable_layer() {
        let running = recorded(include_str!(
            "../tests/data/containerd-28/container-running.json"
        ));
        let exited = recorded(include_str!(
            "../tests/data/containerd-28/container-exited.json"
        ));
        assert!(running.pid.is_some() && running.upper_dir.is_none());
        assert!(exited.pid.is_none() && exited.upper_dir.is_none());
        assert_eq!(running.raw["GraphDriver"]["Name"], "overlayfs");
        assert!(running.log_path.is_some());
    }

    #[test]
    fn health_and_terminal_are_read_where_they_are() {
        let seen = Inspect::read(json!({"Id": "a", "Config": {"Tty": true},
            "State": {"Running": true, "Health": {"Status": "unhealthy"}}}))
        .unwrap();
        assert_eq!(seen.health, Some(HealthStatus::Unhealthy));
        assert!(seen.tty);
    }

    #[test]
    fn an_answer_without_state_is_refused_in_words() {
        assert_eq!(
            Inspect::read(json!({"Id": "a"})).unwrap_err(),
            "State.Running is missing"
        );
    }
}
