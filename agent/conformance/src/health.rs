//! When a started module counts as healthy, and the one cause when it does not: pure rules over what was seen.
//!
//! Healthy = running, and HEALTHCHECK healthy where one is declared, and every declared TCP port listening.
//! With neither declared: five seconds running without an exit.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::observation::{Cause, ImageConfig};
use crate::units::Millis;

/// How long a module with neither HEALTHCHECK nor declared ports must run to count as healthy.
pub const RUNNING_IS_ENOUGH: Millis = Millis(5_000);

/// What a module declares that can be waited for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// A HEALTHCHECK in the image or in the createOptions.
    pub healthcheck: bool,
    /// TCP ports exposed by the image or by the createOptions.
    pub ports: BTreeSet<u16>,
}

/// What is seen of a running module at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signs {
    /// The engine shows it running.
    pub running: bool,
    /// The engine shows its HEALTHCHECK healthy.
    pub healthcheck_healthy: bool,
    /// TCP ports it listens on.
    pub listening: BTreeSet<u16>,
    /// How long it has been running.
    pub running_for: Millis,
}

impl Expectation {
    /// What `config` and the createOptions declare.
    ///
    /// A `Healthcheck.Test` of `["NONE"]` in the createOptions switches the image's HEALTHCHECK off.
    /// Source: Docker Engine API, `ContainerCreate`, `Healthcheck`, `ExposedPorts`, `HostConfig.PortBindings`.
    #[must_use]
    pub fn of(config: &ImageConfig, create_options: &Value) -> Expectation {
        let named = ["/ExposedPorts", "/HostConfig/PortBindings"]
            .into_iter()
            .filter_map(|pointer| create_options.pointer(pointer)?.as_object())
            .flat_map(serde_json::Map::keys);
        let ports = config
            .exposed_ports
            .iter()
            .chain(named)
            .filter_map(|port| tcp_port(port))
            .collect();
        Expectation {
            healthcheck: healthcheck_asked(create_options).unwrap_or(config.healthcheck),
            ports,
        }
    }

    /// What is still missing; empty means healthy.
    #[must_use]
    pub fn missing(&self, signs: &Signs) -> Vec<String> {
        if !signs.running {
            return vec!["running".to_owned()];
        }
        let mut missing = Vec::new();
        if self.healthcheck && !signs.healthcheck_healthy {
            missing.push("HEALTHCHECK healthy".to_owned());
        }
        let silent = self.ports.difference(&signs.listening);
        missing.extend(silent.map(|port| format!("{port}/tcp listening")));
        if self.declares_nothing() && signs.running_for < RUNNING_IS_ENOUGH {
            missing.push(format!("{RUNNING_IS_ENOUGH} running without exit"));
        }
        missing
    }

    /// What health rests on, in words.
    #[must_use]
    pub fn grounds(&self) -> Vec<String> {
        let mut grounds = vec!["running".to_owned()];
        if self.healthcheck {
            grounds.push("HEALTHCHECK healthy".to_owned());
        }
        grounds.extend(
            self.ports
                .iter()
                .map(|port| format!("{port}/tcp listening")),
        );
        if self.declares_nothing() {
            grounds.push(format!("{RUNNING_IS_ENOUGH} without exit"));
        }
        grounds
    }

    fn declares_nothing(&self) -> bool {
        !self.healthcheck && self.ports.is_empty()
    }
}

/// `8080/tcp` or `8080`; UDP and SCTP ports cannot be seen listening.
fn tcp_port(text: &str) -> Option<u16> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    (protocol == "tcp").then(|| number.parse().ok()).flatten()
}

fn healthcheck_asked(create_options: &Value) -> Option<bool> {
    let test = create_options.pointer("/Healthcheck/Test")?.as_array()?;
    let first = test.first()?.as_str()?;
    Some(first != "NONE")
}

/// What is known of a start that did not become or stay healthy.
#[derive(Debug, Clone, Default)]
pub struct Failure<'a> {
    /// The engine's error on create or start.
    pub engine_error: Option<&'a str>,
    /// The exit code, if the main process ended.
    pub exit_code: Option<i64>,
    /// Processes were killed for memory.
    pub oom_killed: bool,
    /// The last lines of its output.
    pub last_lines: &'a [String],
    /// Names of settings whose default is an unreplaced `<PLACEHOLDER>`.
    pub placeholders: &'a [String],
    /// What was still missing.
    pub missing: &'a [String],
    /// How long was waited.
    pub waited: Millis,
}

/// The one cause of a failed start, and what it says in words.
#[must_use]
pub fn diagnose(failure: &Failure<'_>) -> (Cause, String) {
    if let Some(error) = failure.engine_error {
        return (
            cause_of_engine_error(error),
            format!("the engine says: {}", error.trim()),
        );
    }
    if failure.oom_killed {
        return (
            Cause::OutOfMemory,
            format!("killed for memory after {}", failure.waited),
        );
    }
    let Some(code) = failure.exit_code else {
        let missing = failure.missing.join(", ");
        return (
            Cause::NotReady,
            format!("still missing after {}: {missing}", failure.waited),
        );
    };
    let said = failure
        .last_lines
        .last()
        .map(|line| format!("; its last line: {line}"))
        .unwrap_or_default();
    let detail = format!(
        "exited with code {code} ({}) after {}{said}",
        exit_meaning(code),
        failure.waited
    );
    (cause_of_exit(code, failure), detail)
}

/// Source: messages of moby's daemon and of runc, as seen on engine 20.10 and 26.1.
fn cause_of_engine_error(error: &str) -> Cause {
    let error = error.to_lowercase();
    let says = |needles: &[&str]| needles.iter().any(|needle| error.contains(needle));
    if says(&[
        "exec format error",
        "no matching manifest",
        "does not match the specified platform",
    ]) {
        Cause::WrongArchitecture
    } else if says(&["oom-killed", "memory limit too low"]) {
        // runc, libcontainer/process_linux.go: the container's own start did not fit its limit.
        Cause::OutOfMemory
    } else if says(&["port is already allocated", "address already in use"]) {
        Cause::PortInUse
    } else if says(&[
        "bind source path does not exist",
        "error gathering device information",
        "not a device node",
    ]) {
        Cause::MissingDeviceOrBind
    } else if says(&[
        "no such file or directory",
        "executable file not found",
        "permission denied",
    ]) {
        Cause::MissingFileOrPermission
    } else if says(&[
        "invalid",
        "conflicting options",
        "unknown",
        "minimum memory limit",
        "range of cpus",
        "cannot specify",
    ]) {
        Cause::BadOption
    } else {
        Cause::Engine
    }
}

fn cause_of_exit(code: i64, failure: &Failure<'_>) -> Cause {
    let lines = failure.last_lines.join("\n");
    if failure
        .placeholders
        .iter()
        .any(|name| lines.contains(name.as_str()))
    {
        Cause::UnresolvedPlaceholder
    } else if lines.contains("exec format error") || code == 132 {
        Cause::WrongArchitecture
    } else if matches!(code, 126 | 127)
        || lines.contains("No such file or directory")
        || lines.contains("Permission denied")
    {
        Cause::MissingFileOrPermission
    } else {
        Cause::Crashed
    }
}

/// What an exit code usually says. Source: POSIX shell conventions, `signal(7)`.
fn exit_meaning(code: i64) -> &'static str {
    match code {
        0 => "ended by itself",
        126 => "not executable",
        127 => "not found",
        132 => "illegal instruction",
        134 => "aborted",
        137 => "killed",
        139 => "segmentation fault",
        143 => "terminated",
        _ => "its own error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ports(numbers: &[u16]) -> BTreeSet<u16> {
        numbers.iter().copied().collect()
    }

    #[test]
    fn ports_are_declared_by_image_and_options_together() {
        let config = ImageConfig {
            exposed_ports: vec!["1883/tcp".to_owned(), "53/udp".to_owned()],
            ..ImageConfig::default()
        };
        let options =
            json!({"ExposedPorts": {"8080/tcp": {}}, "HostConfig": {"PortBindings": {"9001": []}}});
        assert_eq!(
            Expectation::of(&config, &options).ports,
            ports(&[1883, 8080, 9001])
        );
    }

    #[test]
    fn options_switch_the_images_healthcheck_off() {
        let config = ImageConfig {
            healthcheck: true,
            ..ImageConfig::default()
        };
        assert!(!Expectation::of(&config, &json!({"Healthcheck": {"Test": ["NONE"]}})).healthcheck);
        assert!(Expectation::of(&config, &json!({})).healthcheck);
    }

    #[test]
    fn every_declared_thing_is_waited_for() {
        let expectation = Expectation {
            healthcheck: true,
            ports: ports(&[80, 443]),
        };
        let signs = Signs {
            running: true,
            listening: ports(&[80]),
            ..Signs::default()
        };
        assert_eq!(
            expectation.missing(&signs),
            ["HEALTHCHECK healthy", "443/tcp listening"]
        );
    }

    #[test]
    fn without_declarations_five_seconds_of_running_are_healthy() {
        let expectation = Expectation::default();
        let young = Signs {
            running: true,
            running_for: Millis(4_999),
            ..Signs::default()
        };
        assert_eq!(expectation.missing(&young), ["5.0 s running without exit"]);
        assert!(
            expectation
                .missing(&Signs {
                    running_for: Millis(5_000),
                    ..young
                })
                .is_empty()
        );
    }

    #[test]
    fn one_cause_is_named_for_each_failed_start() {
        let lines = ["cannot reach <SERVER>: ServerName unset".to_owned()];
        let names = ["ServerName".to_owned()];
        let missing = ["80/tcp listening".to_owned()];
        let cases = [
            (
                Failure {
                    engine_error: Some("exec /app: exec format error"),
                    ..Failure::default()
                },
                Cause::WrongArchitecture,
            ),
            (
                Failure {
                    engine_error: Some("Bind for 0.0.0.0:80 failed: port is already allocated"),
                    ..Failure::default()
                },
                Cause::PortInUse,
            ),
            (
                Failure {
                    engine_error: Some(
                        "error gathering device information while adding custom device \"/dev/x\": no such file or directory",
                    ),
                    ..Failure::default()
                },
                Cause::MissingDeviceOrBind,
            ),
            (
                Failure {
                    engine_error: Some("invalid CPU value"),
                    ..Failure::default()
                },
                Cause::BadOption,
            ),
            (
                Failure {
                    engine_error: Some("the daemon is on fire"),
                    ..Failure::default()
                },
                Cause::Engine,
            ),
            (
                Failure {
                    oom_killed: true,
                    exit_code: Some(137),
                    ..Failure::default()
                },
                Cause::OutOfMemory,
            ),
            (
                Failure {
                    exit_code: Some(1),
                    last_lines: &lines,
                    placeholders: &names,
                    ..Failure::default()
                },
                Cause::UnresolvedPlaceholder,
            ),
            (
                Failure {
                    exit_code: Some(127),
                    ..Failure::default()
                },
                Cause::MissingFileOrPermission,
            ),
            (
                Failure {
                    exit_code: Some(3),
                    ..Failure::default()
                },
                Cause::Crashed,
            ),
            (
                Failure {
                    missing: &missing,
                    ..Failure::default()
                },
                Cause::NotReady,
            ),
        ];
        for (failure, cause) in cases {
            assert_eq!(diagnose(&failure).0, cause, "{failure:?}");
        }
    }
}
