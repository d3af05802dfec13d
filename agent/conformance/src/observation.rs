//! What was observed of a candidate, its image, the device and the probe itself: facts only, never opinions.
//!
//! Every fact that could stay unseen is an [`Observed`]: it starts as unseen and says why until something looks.

use serde::{Deserialize, Serialize};

use crate::finding::{Reason, Unseen};
use crate::units::Millis;

mod creation;
mod edge;
mod egress;
mod faults;
mod fleet;
mod golden;
mod gpu;
mod image;
mod inventory;
mod kept;
mod limits;
mod links;
mod noise;
mod registry;
mod scan;
mod secrets;
mod sizing;
mod start;
mod usage;

pub use creation::{Creation, Difference, DifferenceKind, EffectivePrivilege, LivePrivilege};
pub use edge::{
    EdgeBreach, EdgeConnection, EdgeEnd, EdgeTransport, EdgeUse, MethodUse, OutputUse, TwinUse,
};
pub use egress::{AskedName, Connection, Egress, NameAnswer, Names, Protocol, Remotes};
pub use faults::{FaultEnd, FaultMemory, FaultRun, FaultTrial, Flow, PlayedFault};
pub use fleet::{FirstFailure, PlatformRun, StartVerdict};
pub use golden::{Footprint, GoldenRun, tolerances};
pub use gpu::{EngineLoad, GpuDevice, GpuLoad, GpuUse};
pub use image::{ImageConfig, ImageFacts, ImageSource};
pub use inventory::{Ecosystem, Inventory, Package};
pub use kept::{Kept, KeptEnd, Output, Restart};
pub use limits::{
    CpuLimitProof, LimitProofs, Limits, MEMORY_MEND, MemoryLimitProof, StorageLimitProof,
};
pub use links::{LinkAnswer, LinkEnd, LinkFailure, LinkFailureKind, LinkVisit};
pub use noise::{DISTURBING_SHARE, Noise};
pub use registry::{
    Access, Child, Content, ImageManifest, Layer, Manifest, ManifestKind, Missing, Program,
    Published, Repository, Sighting, Tag, Tested,
};
pub use scan::{Scan, ScanFinding, ScanHit, ScanReport};
pub use secrets::{EnvSecret, FileSecret, Secrets};
pub use sizing::{Sizing, Tries, Try, Unlimited};
pub use start::{Cause, EnvelopeRun, Exit, Health, Start, Stop};
pub use usage::{
    BlockIo, CpuUse, Descriptors, DiskGrowth, FallbackQuality, MemoryBreakdown, MemoryFallback,
    MemoryUse, MountKind, MountUse, NetworkUse, PeakMethod, Pressure, ProbeCost, Space, StorageUse,
    Throttling, Ticks, Usage,
};

/// A fact, or why it could not be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Observed<T> {
    /// It was seen.
    Seen(T),
    /// It was not.
    Unseen(Unseen),
}

impl<T> Default for Observed<T> {
    fn default() -> Observed<T> {
        Observed::unseen(Reason::InputMissing, "nothing has looked yet")
    }
}

impl<T> Observed<T> {
    /// Not seen, because.
    pub fn unseen(reason: Reason, because: impl Into<String>) -> Observed<T> {
        Observed::Unseen(Unseen::new(reason, because))
    }

    /// The fact, or why a judgement that needs it is inconclusive.
    ///
    /// # Errors
    /// The reason it was not seen.
    pub fn get(&self) -> Result<&T, Unseen> {
        match self {
            Observed::Seen(fact) => Ok(fact),
            Observed::Unseen(unseen) => Err(unseen.clone()),
        }
    }

    /// The fact, where it was seen.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Observed::Seen(fact) => Some(fact),
            Observed::Unseen(_) => None,
        }
    }
}

impl<T> From<Result<T, Unseen>> for Observed<T> {
    fn from(looked: Result<T, Unseen>) -> Observed<T> {
        match looked {
            Ok(fact) => Observed::Seen(fact),
            Err(unseen) => Observed::Unseen(unseen),
        }
    }
}

/// Everything observed in one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Observations {
    /// The image under the offer's reference.
    pub image: Observed<ImageFacts>,
    /// Sacrificial containers: do limits bite on this device?
    pub limits: LimitProofs,
    /// The golden module: does what is known to be there measure true? Reports of earlier probes have none.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub golden: Observed<GoldenRun>,
    /// What the engine made of the createOptions.
    pub creation: Observed<Creation>,
    /// Cold starts with exactly the defaults, in order.
    pub starts: Vec<Start>,
    /// The steady window on the last start.
    pub steady: Observed<Usage>,
    /// SIGTERM until exit, on the last start.
    pub stop: Observed<Stop>,
    /// What the running candidate may do to the host.
    pub privilege: Observed<LivePrivilege>,
    /// How the platform's own rule kept it through the steady window, in profiles that play it.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub kept: Observed<Kept>,
    /// Processes that had ended and that nobody had waited for, at the end of the steady window.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub zombies: Observed<u64>,
    /// TCP ports on which it listened at the end of the steady window so that others can reach them, lowest first. Reports of earlier
    /// probes have none.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub listening: Observed<Vec<u16>>,
    /// What it wrote to its log in the steady window.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub output: Observed<Output>,
    /// What its processes have open of GPUs at the end of the steady window. Reports of earlier probes have none.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub gpu: Observed<GpuUse>,
    /// What the device's GPU did over the steady window, whoever used it. Absent where it has none that tells.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub gpu_load: Observed<GpuLoad>,
    /// Storage in use at the end of the steady window.
    pub storage: Observed<StorageUse>,
    /// Cold starts inside limits equal to the claim.
    pub envelope: Observed<EnvelopeRun>,
    /// Requests on the candidate's workload socket.
    pub workload: Observed<Vec<WorkloadRequest>>,
    /// What it did at edgeHub, all starts together. Reports of earlier probes have none.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub edge: Observed<EdgeUse>,
    /// Where else it wanted to go, all starts together. Reports of earlier probes have none.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub egress: Observed<Egress>,
    /// How it bore pokes and faults. Only a run that was asked for them has them.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub faults: Observed<FaultTrial>,
    /// What the probe itself cost the device.
    pub probe: Observed<ProbeCost>,
    /// What else the device did in each phase.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub noise: Vec<Noise>,
    /// The run's phases on one time line.
    pub phases: Vec<Phase>,
    /// Runs of the same offer on several devices, this one among them. Only a dossier has them, so a record of one run
    /// alone is written without.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub fleet: Observed<Vec<PlatformRun>>,
    /// Starts under smaller and smaller limits. Only a run that searches for the minimum has them.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub sizing: Observed<Sizing>,
    /// The repository that the offer names. Only what `edgeproof inspect` gathers has it.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub registry: Observed<Repository>,
    /// Where the offer's links led. Only the lab visits them, so what a probe gathers has none, and neither have reports from before.
    #[serde(skip_serializing_if = "is_nothing_looked")]
    pub links: Observed<Vec<LinkVisit>>,
}

/// Whether nothing has looked, so that a document can leave the fact out and read the same again.
pub(crate) fn is_nothing_looked<T: PartialEq>(fact: &Observed<T>) -> bool {
    *fact == Observed::default()
}

/// A request that a candidate made on its workload socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WorkloadRequest {
    /// When, counted from the start of the run.
    pub at: Millis,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The status answered.
    pub status: u16,
}

/// A named stretch of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// `limits`, `start 1`, `steady`, `stop`, `envelope 2`.
    pub name: String,
    /// From when, counted from the start of the run.
    pub from: Millis,
    /// To when.
    pub to: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_starts_as_seen() {
        let fresh = Observations::default();
        assert!(fresh.image.seen().is_none());
        assert_eq!(
            fresh.limits.memory.get().unwrap_err().reason,
            Reason::InputMissing
        );
    }

    #[test]
    fn an_unseen_fact_keeps_its_reason_through_json() {
        let unseen: Observed<u64> = Observed::unseen(Reason::CannotMeasure, "no memory controller");
        let text = serde_json::to_string(&unseen).unwrap();
        assert_eq!(
            text,
            r#"{"unseen":{"reason":"cannot-measure","because":"no memory controller"}}"#
        );
        assert_eq!(
            serde_json::from_str::<Observed<u64>>(&text).unwrap(),
            unseen
        );
    }
}
