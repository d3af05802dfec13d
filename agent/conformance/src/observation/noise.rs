//! What else the device did while the candidate was watched.

use serde::{Deserialize, Serialize};

use super::Observed;
use crate::units::Millis;

/// CPU of the whole device over one stretch of the run. What is neither the candidate's nor the probe's is noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Noise {
    /// The phase: `start 1`, `steady`.
    pub phase: String,
    /// Over how long.
    pub window: Millis,
    /// Cores busy on average, by whomever; time that a hypervisor took away counts as busy.
    pub busy_cores: f64,
    /// Cores that were busy neither for the candidate nor for the probe. In a start the engine's own work is among them.
    pub other_cores: Observed<f64>,
}

/// From this share of the device's cores on, others disturb what depends on time.
pub const DISTURBING_SHARE: f64 = 0.25;

impl Noise {
    /// Whether others took so much of a device of so many cores that lateness says nothing of the module.
    ///
    /// A part that was not told apart counts whole.
    #[must_use]
    pub fn disturbs(&self, cores: u32) -> bool {
        let other = self.other_cores.seen().copied().unwrap_or(self.busy_cores);
        other >= DISTURBING_SHARE * f64::from(cores.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_device_disturbs() {
        let noise = |other| Noise {
            phase: "steady".to_owned(),
            window: Millis(1_000),
            busy_cores: 1.9,
            other_cores: other,
        };
        assert!(!noise(Observed::Seen(0.4)).disturbs(2));
        assert!(noise(Observed::Seen(0.5)).disturbs(2));
        assert!(noise(Observed::default()).disturbs(2));
    }
}
