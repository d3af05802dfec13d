//! One run's record: who ran what, where, and everything observed. Findings are a pure function of it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calibration::Row;
use crate::certificate::Certificate;
use crate::data::Data;
use crate::faults::Fault;
use crate::finding::Grant;
use crate::observation::Observations;
use crate::offer::Offer;
use crate::platform::Platform;
use crate::units::{Bytes, Millis};

mod device;
mod host;
mod profile;

pub use device::{CgroupFacts, Device, EngineFacts, ImageStore};
pub use host::{Clock, Disk, Heat, HostFacts, Power, Swap, WallClock};
pub use profile::{Profile, ProfileName};

/// Everything a judgement may look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The run and its settings.
    pub run: Run,
    /// The offer as submitted.
    pub offer: Offer,
    /// What was started.
    pub candidate: Candidate,
    /// Where.
    pub device: Device,
    /// Every departure from the offer's default settings, with its reason.
    pub deviations: Vec<Deviation>,
    /// What was observed.
    pub observations: Observations,
    /// Samples over time.
    pub series: Vec<Series>,
    /// The dated data that judge it.
    pub data: Arc<Data>,
    /// The certificate that the offer has from before, where one was given.
    pub certified: Option<Certificate>,
}

/// The run and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Unique id; lower-case letters, digits and hyphens.
    pub id: String,
    /// The profile played.
    pub profile: Profile,
    /// Whether the run can certify: with a profile of the programme's own, and the offer's own image.
    pub certifying: bool,
    /// Edition of the programme.
    pub edition: Edition,
    /// What the run could assess.
    pub scope: ScopeName,
    /// RFC 3339, UTC, by the device's clock.
    pub started: String,
    /// RFC 3339, UTC; absent while it runs.
    pub finished: Option<String>,
    /// Name and version of the probe.
    pub agent: String,
    /// Version of the catalogue that judged.
    pub catalogue: String,
    /// Settings of this run.
    pub options: RunOptions,
    /// What operating system, engine and IoT Edge runtime take first.
    pub reserve: Reserve,
}

/// Editions of the programme.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Edition {
    /// Today's.
    #[default]
    #[serde(rename = "current")]
    Current,
    /// The process note of September 2018.
    #[serde(rename = "2018")]
    Edition2018,
}

/// What a run can assess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScopeName {
    /// The offer's text and settings alone.
    Offer,
    /// The repository that the offer names, its tags and images.
    Registry,
    /// Offer, image, and what one device can show.
    Device,
    /// The same on several devices, and what only several of them can show.
    Fleet,
    /// Everything.
    Full,
}

/// Settings that reach the probe with the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct RunOptions {
    /// Cold starts, instead of the profile's.
    pub starts: Option<u32>,
    /// Steady window in milliseconds, instead of the profile's.
    pub window: Option<Millis>,
    /// Milliseconds a start may take, instead of the profile's.
    pub start_budget: Option<Millis>,
    /// How long profile `soak` lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Millis>,
    /// Reserve in bytes, instead of the measured or tabled one.
    pub reserve_bytes: Option<Bytes>,
    /// Free space in bytes below which a candidate is ended, instead of the usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_free_bytes: Option<Bytes>,
    /// Milliseconds to wait for another run on the same engine.
    pub wait: Option<Millis>,
    /// Start a candidate even if its createOptions reach for the host.
    pub allow_elevated: bool,
    /// Start the candidate on a network without a way out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hermetic: bool,
    /// Edition of the programme.
    pub edition: Edition,
    /// Image to start instead of the offer's; a deviation.
    pub image: Option<String>,
    /// Name or id of a container that IoT Edge runs: measured there, instead of starting the candidate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach: Option<String>,
    /// Exceptions granted by the lab.
    pub grants: Vec<Grant>,
    /// Rows that say how fast devices are, so that a claimed clock can be told apart from this device's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<Row>,
    /// An emulated device, and how many times slower than a real one it was measured to be: limits of time are stretched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowdown: Option<f64>,
    /// Readings a second, 1 to 100, instead of [`CADENCE_HZ`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cadence_hz: Option<u32>,
    /// Pokes and faults to play on starts of their own; none, where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<Fault>>,
    /// How long edgeHub is gone, instead of [`OUTAGE`](crate::faults::OUTAGE).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<Millis>,
    /// How soon the module has to be back after each, instead of [`RECOVERY`](crate::faults::RECOVERY).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Millis>,
    /// What is asked of the probe; a certification, where nothing else is said.
    #[serde(skip_serializing_if = "Task::is_certify")]
    pub task: Task,
}

/// What is asked of a probe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Every requirement that one device can show.
    #[default]
    Certify,
    /// The smallest limits under which the module is healthy. Such a run certifies nothing.
    Size,
}

impl Task {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands references to skip_serializing_if"
    )]
    fn is_certify(&self) -> bool {
        *self == Task::Certify
    }
}

/// Readings of a candidate a second, unless told otherwise.
pub const CADENCE_HZ: u32 = 10;
/// Most readings a second that can be asked for.
pub const MOST_CADENCE_HZ: u32 = 100;

impl RunOptions {
    /// Readings of a candidate a second.
    #[must_use]
    pub fn cadence(&self) -> u32 {
        let asked = self.cadence_hz.unwrap_or(CADENCE_HZ);
        asked.clamp(1, MOST_CADENCE_HZ)
    }

    /// A limit of time as this device needs it.
    #[must_use]
    pub fn stretched(&self, limit: Millis) -> Millis {
        let factor = self.slowdown.unwrap_or(1.0).clamp(1.0, MOST_SLOWDOWN);
        Millis::from(Duration::from(limit).mul_f64(factor))
    }
}

/// An emulated device that is slower yet certifies nothing in useful time.
pub const MOST_SLOWDOWN: f64 = 100.0;

/// Memory that operating system, engine and IoT Edge runtime take before a module gets any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reserve {
    /// How much.
    pub memory: Bytes,
    /// Where the number is from: measured here, a dated table row, or set by an option.
    pub source: String,
}

impl Reserve {
    /// The dated row used where the runtime does not run on the device.
    #[must_use]
    pub fn tabled() -> Reserve {
        Reserve {
            memory: Bytes::mib(400),
            source:
                "table row of 2026-11: operating system, engine and IoT Edge runtime 1.5, 400 MiB"
                    .to_owned(),
        }
    }
}

/// What was started.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The reference asked for.
    pub reference: String,
    /// Manifest digest, where the image has one.
    pub manifest_digest: Option<String>,
    /// Image id.
    pub image_id: Option<String>,
    /// The platform started.
    pub platform: Option<Platform>,
    /// Where the image came from, in words.
    pub source: Option<String>,
}

/// A departure from the offer's default settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Deviation {
    /// What kind.
    pub kind: DeviationKind,
    /// What was changed: `env ServerIPAddress`, `HostConfig.Memory`.
    pub what: String,
    /// Why.
    pub reason: String,
    /// The default; overlay values are never shown.
    pub default: Value,
    /// What was used.
    pub used: Value,
}

/// Kinds of deviation. Only a changed tag, createOptions, environment, twin or route counts against the offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DeviationKind {
    /// Another tag than the default.
    Tag,
    /// Other createOptions.
    CreateOptions,
    /// Other environment variables: an overlay.
    Environment,
    /// Another twin.
    Twin,
    /// Other routes.
    Routes,
    /// Another image under the same settings.
    Image,
    /// Limits of the envelope runs; the cold starts have none.
    Envelope,
    /// A stand-in for the edge runtime.
    StandIn,
    /// What edgeproof adds to every container: labels, a private network.
    Harness,
}

/// Samples of one quantity over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// `memory.usage`, `memory.nonreclaimable`, `cpu.cores`, `pids`.
    pub name: String,
    /// `bytes`, `cores`, `count`.
    pub unit: String,
    /// The phase it belongs to.
    pub phase: String,
    /// A limit in force meanwhile, in the same unit.
    pub limit: Option<f64>,
    /// Buckets in order of time.
    pub points: Vec<Point>,
}

/// One bucket of samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// Start of the bucket, counted from the start of the run.
    pub at: Millis,
    /// Lowest sample.
    pub min: f64,
    /// Mean of the samples.
    pub mean: f64,
    /// Highest sample.
    pub max: f64,
}

#[cfg(test)]
mod tests;
