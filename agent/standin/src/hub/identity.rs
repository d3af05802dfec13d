//! Who may talk to the hub: a device, or a module on a device.

use std::fmt;

/// Longest device or module id in characters ("Identity registry", Microsoft Learn).
const LONGEST_ID: usize = 128;

/// Punctuation that ids may carry beside ASCII letters and digits ("Identity registry").
const ID_PUNCTUATION: &str = "-:.+%_#*?!(),=@$'";

/// A device or module identity; displayed as `device` or `device/module`, which is also the MQTT client id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// A device that connects for itself.
    Device {
        /// Device id, case-sensitive.
        device: String,
    },
    /// A module on a device.
    Module {
        /// Device id, case-sensitive.
        device: String,
        /// Module id, case-sensitive.
        module: String,
    },
}

impl Identity {
    /// A device identity.
    pub fn device(device: &str) -> Self {
        Self::Device {
            device: device.to_owned(),
        }
    }

    /// A module identity.
    pub fn module(device: &str, module: &str) -> Self {
        Self::Module {
            device: device.to_owned(),
            module: module.to_owned(),
        }
    }

    /// `devices/{d}` or `devices/{d}/modules/{m}`: the stem of its topics and of its SAS resource.
    pub(crate) fn stem(&self) -> String {
        match self {
            Self::Device { device } => format!("devices/{device}"),
            Self::Module { device, module } => format!("devices/{device}/modules/{module}"),
        }
    }

    /// The stem of the device that it is, or is on.
    pub(crate) fn device_stem(&self) -> String {
        let (Self::Device { device } | Self::Module { device, .. }) = self;
        format!("devices/{device}")
    }

    /// Whether every id is one that IoT Hub could have registered.
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Self::Device { device } => valid_id(device),
            Self::Module { device, module } => valid_id(device) && valid_id(module),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { device } => write!(f, "{device}"),
            Self::Module { device, module } => write!(f, "{device}/{module}"),
        }
    }
}

fn valid_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= LONGEST_ID
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ID_PUNCTUATION.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_as_its_client_id() {
        assert_eq!(Identity::device("d1").to_string(), "d1");
        assert_eq!(Identity::module("d1", "m1").to_string(), "d1/m1");
    }

    #[test]
    fn ids_outside_the_hubs_alphabet_are_not_valid() {
        for good in ["d1", "$edgeAgent", "a-b_c.d:e", "A(1)"] {
            assert!(Identity::device(good).is_valid(), "{good}");
        }
        let long = "x".repeat(129);
        for bad in ["", "a/b", "a b", "a\u{e9}", "a;b", long.as_str()] {
            assert!(!Identity::module("d", bad).is_valid(), "{bad}");
        }
    }
}
