//! Minimum search: which limit to try next, and what the tries so far prove. A pure function of the recorded tries.
//!
//! Limits are whole numbers in a unit of the caller's: bytes of memory, thousandths of a core. The search brackets from
//! what was measured without limits, halves the bracket by its geometric mean until its ends are within the tolerance, and
//! then repeats both ends. A limit that failed once is never reported, and neither is one below it.

mod answer;
mod claim;
mod result;

use serde::{Deserialize, Serialize};

use crate::storage_quota::LEAST_ROOM;
use crate::units::Bytes;

pub use answer::{Answer, Minimum, answer};
pub use claim::{Proposal, propose, round_up_ram, round_up_storage};
pub use result::{ADAPTS_BELOW, Result, allowed, result};

/// Smallest memory limit that the engine takes: 6 MiB (moby, `daemon/daemon_unix.go`, `linuxMinMemory`).
pub const LEAST_MEMORY: Bytes = Bytes::mib(6);
/// Most starts under a memory limit; with the one without limits, 15 runs.
pub const MOST_MEMORY_TRIES: u32 = 14;
/// Most starts under a CPU quota.
pub const MOST_CORE_TRIES: u32 = 10;
/// Most starts under a storage quota.
pub const MOST_STORAGE_TRIES: u32 = 8;

/// Where a search begins, how far it may go, and when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The first limit tried: what was measured without limits.
    pub start: u64,
    /// The smallest limit that may be tried.
    pub floor: u64,
    /// The largest.
    pub ceiling: u64,
    /// Limits are multiples of it.
    pub grain: u64,
    /// The search is done when the smallest limit that fits is at most this part above one that does not.
    pub tolerance: f64,
    /// How often the minimum must fit, its first time counted.
    pub repeats: u32,
    /// Most tries.
    pub most: u32,
}

/// One limit that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// The limit.
    pub limit: u64,
    /// Whether the module was healthy inside it, in time.
    pub fits: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try this limit.
    Try(u64),
    /// Try a limit again that fitted: watch it for the whole window.
    Confirm(u64),
    /// Nothing is left to try.
    Done,
}

/// What the tries prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The smallest limit above every one that failed, if any fitted.
    pub minimum: Option<u64>,
    /// How often it fitted.
    pub fitted: u32,
    /// The largest limit that failed.
    pub below: Option<u64>,
    /// Equal limits disagreed, or a lower one fitted where a higher one did not.
    pub unstable: bool,
    /// Both ends were repeated as often as planned, and they are as near as planned.
    pub settled: bool,
}

impl Plan {
    /// A search for memory within 5 %, from the peak that was measured, up to what the device has.
    #[must_use]
    pub fn memory(peak: Bytes, floor: Bytes, device: Bytes) -> Plan {
        let floor = floor.0.max(LEAST_MEMORY.0);
        Plan {
            start: peak.0,
            floor,
            ceiling: device.0.max(floor),
            // A page: the kernel rounds limits down to it.
            grain: 4_096,
            tolerance: 0.05,
            repeats: 3,
            most: MOST_MEMORY_TRIES,
        }
    }

    /// A search for cores within a half, in thousandths, from the busiest second that was measured.
    ///
    /// Offers claim whole cores, and time to healthy is noisy: a finer search would cost runs and prove nothing.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a range that any device's cores are in"
    )]
    pub fn cores(busiest: f64, device: u32) -> Plan {
        let ceiling = u64::from(device.max(1)) * 1_000;
        Plan {
            start: (busiest.clamp(0.0, 1e6) * 1_000.0).ceil() as u64,
            floor: 50,
            ceiling,
            grain: 10,
            tolerance: 0.5,
            repeats: 2,
            most: MOST_CORE_TRIES,
        }
    }

    /// A search for the room of the writable layer within a quarter, from what was in it at the end of a start without limits
    /// ([`crate::storage_quota::search_from`]): a module may have had more in it before, so it goes up to eight times as much.
    #[must_use]
    pub fn storage(written: Bytes) -> Plan {
        let floor = LEAST_ROOM.0;
        Plan {
            start: written.0,
            floor,
            ceiling: written.0.saturating_mul(8).max(floor),
            grain: 64 << 10,
            tolerance: 0.25,
            repeats: 2,
            most: MOST_STORAGE_TRIES,
        }
    }

    /// A limit that may be tried.
    fn allowed(&self, limit: f64) -> u64 {
        let grain = self.grain.max(1);
        let whole = (whole(limit) / grain).saturating_mul(grain);
        whole.clamp(self.floor, self.ceiling)
    }

    /// Whether two limits are near enough, or nothing lies between them.
    fn near(&self, low: u64, high: u64) -> bool {
        let middle = self.middle(low, high);
        float(high) <= float(low) * (1.0 + self.tolerance) || middle <= low || middle >= high
    }

    fn middle(&self, low: u64, high: u64) -> u64 {
        self.allowed((float(low.max(1)) * float(high)).sqrt())
    }
}

/// What to try after these tries.
#[must_use]
pub fn next(plan: &Plan, tried: &[Tried]) -> Next {
    if tried.len() >= usize::try_from(plan.most).unwrap_or(usize::MAX) {
        return Next::Done;
    }
    let start = float(plan.start);
    let (low, high) = bracket(tried);
    let Some(high) = high else {
        let up = [1.0, 1.4].map(|factor| plan.allowed(start * factor));
        let up = up.into_iter().chain([plan.ceiling]);
        let above = up
            .into_iter()
            .find(|limit| low.is_none_or(|low| *limit > low));
        return above.map_or(Next::Done, Next::Try);
    };
    let Some(low) = low else {
        let down = [0.75, 0.4].map(|factor| plan.allowed(start * factor));
        if let Some(limit) = down.into_iter().find(|limit| *limit < high) {
            return Next::Try(limit);
        }
        return match high {
            high if !plan.near(plan.floor, high) => Next::Try(plan.middle(plan.floor, high)),
            high if count(tried, high, true) < plan.repeats => Next::Confirm(high),
            _ => Next::Done,
        };
    };
    if !plan.near(low, high) {
        return Next::Try(plan.middle(low, high));
    }
    if count(tried, high, true) < plan.repeats {
        return Next::Confirm(high);
    }
    if tries_at(tried, low) < 2 {
        return Next::Try(low);
    }
    Next::Done
}

/// What these tries prove.
#[must_use]
pub fn found(plan: &Plan, tried: &[Tried]) -> Found {
    let (below, minimum) = bracket(tried);
    let fitted = minimum.map_or(0, |minimum| count(tried, minimum, true));
    let unstable = tried
        .iter()
        .any(|one| one.fits && below.is_some_and(|below| one.limit <= below));
    let near = match (below, minimum) {
        (Some(below), Some(minimum)) => plan.near(below, minimum),
        (None, Some(minimum)) => plan.near(plan.floor, minimum),
        (_, None) => false,
    };
    let repeated = below.is_none_or(|below| tries_at(tried, below) >= 2);
    Found {
        minimum,
        fitted,
        below,
        unstable,
        settled: near && fitted >= plan.repeats && repeated,
    }
}

/// The highest limit that ever failed, and the lowest above it that fitted.
fn bracket(tried: &[Tried]) -> (Option<u64>, Option<u64>) {
    let limits = |fits: bool| {
        let of_kind = tried.iter().filter(move |one| one.fits == fits);
        of_kind.map(|one| one.limit)
    };
    let low = limits(false).max();
    let above = |limit: &u64| low.is_none_or(|low| *limit > low);
    (low, limits(true).filter(above).min())
}

fn tries_at(tried: &[Tried], limit: u64) -> u32 {
    count(tried, limit, true) + count(tried, limit, false)
}

fn count(tried: &[Tried], limit: u64, fits: bool) -> u32 {
    let same = tried.iter().filter(|one| **one == Tried { limit, fits });
    u32::try_from(same.count()).unwrap_or(u32::MAX)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "limits lie far below 2^52, and only their ratios count"
)]
fn float(limit: u64) -> f64 {
    limit as f64
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "limits are positive and lie far below 2^52"
)]
fn whole(limit: f64) -> u64 {
    limit.max(0.0) as u64
}

#[cfg(test)]
mod tests;
