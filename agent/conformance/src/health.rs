//! When a started module counts as healthy, and the one cause when it does not: pure rules over what was seen.
//!
//! Healthy = running, and HEALTHCHECK healthy where one is declared, and every declared TCP port listening.
//! With neither declared: five seconds running without an exit.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::observation::ImageConfig;
use crate::units::Millis;

mod at_edge_hub;
mod diagnosis;

pub(crate) use at_edge_hub::{Trouble, never_there, unsteady};
pub(crate) use diagnosis::no_room_in;
pub use diagnosis::{Failure, diagnose};

/// How long a module with neither HEALTHCHECK nor declared ports must run to count as healthy.
pub const RUNNING_IS_ENOUGH: Millis = Millis(5_000);

/// What is missing while a HEALTHCHECK has not succeeded.
pub const HEALTHCHECK: &str = "HEALTHCHECK healthy";

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
            missing.push(HEALTHCHECK.to_owned());
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
            grounds.push(HEALTHCHECK.to_owned());
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
}
