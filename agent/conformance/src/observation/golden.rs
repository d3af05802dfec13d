//! The golden module: a sacrificial container of known footprint, measured like a candidate before anything is judged.

use serde::{Deserialize, Serialize};

use super::Observed;
use crate::units::Bytes;

/// A container that says itself what it takes, and what was measured of it.
///
/// Its own account counts, not what it was asked for: a busy machine may give a load less CPU than it wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GoldenRun {
    /// What it held and took by its own account.
    pub told: Footprint<Bytes, f64>,
    /// What was measured.
    pub measured: Footprint<Observed<Bytes>, Observed<f64>>,
}

/// Memory, CPU and storage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Footprint<B, C> {
    /// Memory that cannot be given back.
    pub memory: B,
    /// Cores on average: CPU seconds per second.
    pub cores: C,
    /// Blocks of its writable layer.
    pub storage: B,
}

/// What the runtime and the program itself add to the memory told.
const MEMORY_MARGIN: Bytes = Bytes::mib(4);
/// Error of the average CPU over a few seconds: the first and the last tick do not meet the load's own beginning and end.
const CORES_MARGIN: f64 = 0.05;
/// Directories and mount points that the engine makes in a writable layer.
const STORAGE_MARGIN: Bytes = Bytes(256 * 1024);

impl GoldenRun {
    /// Memory measured outside its tolerance, or unseen, in words.
    #[must_use]
    pub fn memory_departs(&self) -> Option<String> {
        let (told, seen) = (self.told.memory, &self.measured.memory);
        bytes_depart("memory", told, seen, MEMORY_MARGIN)
    }

    /// CPU measured outside its tolerance, or unseen, in words.
    #[must_use]
    pub fn cores_depart(&self) -> Option<String> {
        let told = self.told.cores;
        match &self.measured.cores {
            Observed::Seen(cores) if (cores - told).abs() <= CORES_MARGIN => None,
            Observed::Seen(cores) => Some(format!("CPU measured {cores:.3} cores, told {told:.3}")),
            Observed::Unseen(unseen) => Some(format!("CPU unseen: {}", unseen.because)),
        }
    }

    /// Storage measured outside its tolerance, or unseen, in words.
    #[must_use]
    pub fn storage_departs(&self) -> Option<String> {
        let (told, seen) = (self.told.storage, &self.measured.storage);
        bytes_depart("storage", told, seen, STORAGE_MARGIN)
    }

    /// Every figure that departs, in words.
    #[must_use]
    pub fn departures(&self) -> Vec<String> {
        let all = [
            self.memory_departs(),
            self.cores_depart(),
            self.storage_departs(),
        ];
        all.into_iter().flatten().collect()
    }

    /// What was told and measured, in words.
    #[must_use]
    pub fn account(&self) -> String {
        let bytes =
            |seen: &Observed<Bytes>| seen.seen().map_or("unseen".to_owned(), ToString::to_string);
        let (told, seen) = (&self.told, &self.measured);
        let cores = seen.cores.seen();
        let cores = cores.map_or("unseen".to_owned(), |cores| format!("{cores:.3}"));
        format!(
            "memory {} of {} told, CPU {cores} of {:.3} cores told, storage {} of {} told",
            bytes(&seen.memory),
            told.memory,
            told.cores,
            bytes(&seen.storage),
            told.storage
        )
    }
}

/// Bytes may be measured a margin above what was told, and a fiftieth below it.
fn bytes_depart(what: &str, told: Bytes, seen: &Observed<Bytes>, margin: Bytes) -> Option<String> {
    let least = told.saturating_sub(Bytes(told.0 / 50));
    match seen {
        Observed::Seen(seen) if (least..=told.saturating_add(margin)).contains(seen) => None,
        Observed::Seen(seen) => Some(format!("{what} measured {seen}, told {told}")),
        Observed::Unseen(unseen) => Some(format!("{what} unseen: {}", unseen.because)),
    }
}

/// The tolerances, in words.
#[must_use]
pub fn tolerances() -> String {
    format!(
        "what the container says of itself: memory up to {MEMORY_MARGIN} and storage up to {STORAGE_MARGIN} above it and 2 % below, CPU within {CORES_MARGIN} cores"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_figure_outside_its_tolerance_is_named() {
        let sound = sample::golden();
        assert_eq!(sound.departures(), Vec::<String>::new());
        let spoil = |change: fn(&mut GoldenRun)| {
            let mut golden = sample::golden();
            change(&mut golden);
            golden.departures().join("; ")
        };
        let half = spoil(|golden| golden.measured.memory = Observed::Seen(Bytes::mib(24)));
        assert_eq!(half, "memory measured 24 MiB, told 48 MiB");
        let busy = spoil(|golden| golden.measured.cores = Observed::Seen(0.4));
        assert_eq!(busy, "CPU measured 0.400 cores, told 0.300");
        let cache = spoil(|golden| golden.measured.storage = Observed::Seen(Bytes(9_000_000)));
        assert!(cache.starts_with("storage measured"), "{cache}");
        let unseen = spoil(|golden| golden.measured.storage = Observed::default());
        assert!(unseen.starts_with("storage unseen"), "{unseen}");
        let broken = spoil(|golden| golden.measured.cores = Observed::Seen(f64::NAN));
        assert!(broken.starts_with("CPU measured"), "{broken}");
    }
}
