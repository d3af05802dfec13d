//! One device's run as the other devices' runs see it: what a requirement over several devices rests on.

use serde::{Deserialize, Serialize};

use crate::finding::{Reason, Verdict};
use crate::platform::Platform;
use crate::units::Bytes;

/// A run of the offer on one device of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlatformRun {
    /// The device's name in the dossier.
    pub device: String,
    /// The run's id.
    pub run: String,
    /// Platform of the device, by its engine; of the image started, where the engine was not seen.
    pub platform: Option<Platform>,
    /// Platform of the image started; a 64-bit engine may run a 32-bit image.
    pub image_platform: Option<Platform>,
    /// Platforms that the run saw the image built for.
    pub built: Vec<Platform>,
    /// Whether `built` is the whole list of an index, and not only what the engine's store holds.
    pub index_seen: bool,
    /// Board or machine model.
    pub board: Option<String>,
    /// Cores online.
    pub cores: Option<u32>,
    /// Memory.
    pub memory: Option<Bytes>,
    /// An emulated device: timing says nothing.
    pub emulated: bool,
    /// Version of the container engine.
    pub engine: Option<String>,
    /// cgroup version by the engine's account: `1`, `2`.
    pub cgroup_version: Option<String>,
    /// Whether a memory controller was seen.
    pub memory_controller: bool,
    /// What IEM-CFG-07 came to.
    pub starts_healthy: StartVerdict,
    /// The first requirement that must hold and does not, in catalogue order, exceptions left out.
    pub first_failure: Option<FirstFailure>,
    /// When the run ended, RFC 3339; absent if it did not.
    pub finished: Option<String>,
    /// Whether the run can certify.
    pub certifying: bool,
}

/// What IEM-CFG-07 came to on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StartVerdict {
    /// Its verdict: healthy starts pass, or warn if something else was odd.
    pub verdict: Verdict,
    /// Why it is inconclusive.
    pub reason: Option<Reason>,
    /// What was seen.
    pub saw: String,
}

/// A requirement that does not hold on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FirstFailure {
    /// `IEM-HW-03`.
    pub id: String,
    /// What was seen.
    pub saw: String,
}

impl PlatformRun {
    /// Whether the module came up in every start of a finished run.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let came_up = match self.starts_healthy.verdict {
            Verdict::Pass | Verdict::Warn => true,
            Verdict::Fail | Verdict::NotApplicable | Verdict::Manual | Verdict::Inconclusive => {
                false
            }
        };
        came_up && self.finished.is_some()
    }

    /// Whether the module is to blame that it did not come up.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.starts_healthy.verdict == Verdict::Fail
    }

    /// The device with its board: `pi4 (Raspberry Pi 4 Model B)`, `arm32 (emulated)`.
    #[must_use]
    pub fn named(&self) -> String {
        match (&self.board, self.emulated) {
            (_, true) => format!("{} (emulated)", self.device),
            (Some(board), false) => format!("{} ({board})", self.device),
            (None, false) => self.device.clone(),
        }
    }
}
