//! A storage driver's quota as a limit of the writable layer: what it counts, and how large it is for a claim. Pure.
//!
//! A quota bounds the writable layer. Volumes, binds and logs lie elsewhere and are measured, never bounded.

use serde::{Deserialize, Serialize};

use crate::finding::{Reason, Unseen};
use crate::observation::Observed;
use crate::units::Bytes;

/// The least room that is worth a quota: below it a file system's own bookkeeping decides, not the module.
pub const LEAST_ROOM: Bytes = Bytes::mib(1);

/// What a quota of the engine's storage driver counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum QuotaCounts {
    /// What the container wrote.
    Layer,
    /// Image and what the container wrote.
    ImageAndLayer,
}

impl QuotaCounts {
    /// Whether a quota that was shown to bite once still does in later starts, so that a start that is healthy inside it
    /// proves something. The kernel suspends the accounting of btrfs once a larger subvolume was removed, as each start's is
    /// (`/sys/fs/btrfs/UUID/qgroups/inconsistent`, `drop_subtree_threshold`): there only a refusal to write counts.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        match self {
            QuotaCounts::Layer => true,
            QuotaCounts::ImageAndLayer => false,
        }
    }
}

/// A quota on a candidate's writable layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageQuota {
    /// What it leaves the writable layer.
    pub room: Bytes,
    /// What the engine is told: `HostConfig.StorageOpt.size`.
    pub size: Bytes,
    /// What that counts.
    pub counts: QuotaCounts,
}

impl StorageQuota {
    /// The quota that leaves a writable layer this room above an image.
    ///
    /// # Errors
    /// It is not known what this driver's quota counts.
    pub fn leaving(room: Bytes, image: Bytes, driver: &str) -> Result<StorageQuota, Unseen> {
        Ok(StorageQuota::counting(counts(driver)?, room, image))
    }

    /// The same where it is known what is counted.
    #[must_use]
    pub fn counting(counts: QuotaCounts, room: Bytes, image: Bytes) -> StorageQuota {
        let size = match counts {
            QuotaCounts::Layer => room,
            QuotaCounts::ImageAndLayer => room.saturating_add(image),
        };
        StorageQuota { room, size, counts }
    }

    /// The quota that equals a claim of storage: what the image leaves of it is the writable layer's.
    ///
    /// # Errors
    /// The image leaves less than [`LEAST_ROOM`], or it is not known what this driver's quota counts.
    pub fn of_claim(claimed: Bytes, image: Bytes, driver: &str) -> Result<StorageQuota, Unseen> {
        let room = room(claimed, image);
        if room < LEAST_ROOM {
            return Err(Unseen::new(
                Reason::CannotMeasure,
                format!(
                    "the image alone takes {image} of the {claimed} claimed, so no quota was set; see IEM-HW-05"
                ),
            ));
        }
        StorageQuota::leaving(room, image, driver)
    }
}

/// What a claim of storage leaves the writable layer.
#[must_use]
pub fn room(claimed: Bytes, image: Bytes) -> Bytes {
    claimed.saturating_sub(image)
}

/// Where a search for the writable layer's room begins: at what a start without limits kept in it. A module that keeps nothing
/// may have needed room for a while; what it `wrote` in all, layer or not, says where to look for that.
///
/// # Errors
/// It neither keeps nor wrote as much as [`LEAST_ROOM`].
pub fn search_from(kept: Bytes, wrote: &Observed<Bytes>) -> Result<Bytes, Unseen> {
    if kept >= LEAST_ROOM {
        return Ok(kept);
    }
    let too_little = |wrote: String| {
        let because =
            format!("it keeps only {kept} in its writable layer, and {wrote}: too little to limit");
        Unseen::new(Reason::CannotMeasure, because)
    };
    match wrote.get() {
        Ok(wrote) if *wrote >= LEAST_ROOM => Ok(*wrote),
        Ok(wrote) => Err(too_little(format!("wrote {wrote} in all"))),
        Err(unseen) => Err(too_little(format!(
            "what it wrote was not seen ({})",
            unseen.because
        ))),
    }
}

/// What the quota of a graph driver counts. Source: moby, `daemon/graphdriver`: overlay2 sets a project quota on the upper
/// directory, zfs the `quota` of a clone (its origin is not in it); btrfs limits what a subvolume refers to, the image's
/// extents included, and vfs the copy of everything.
///
/// # Errors
/// It is not known what this driver's quota counts.
pub fn counts(driver: &str) -> Result<QuotaCounts, Unseen> {
    match driver {
        "overlay2" | "zfs" => Ok(QuotaCounts::Layer),
        "btrfs" | "vfs" => Ok(QuotaCounts::ImageAndLayer),
        _ => Err(Unseen::new(
            Reason::CannotMeasure,
            format!("what a quota of the storage driver {driver} counts is not known"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMED: Bytes = Bytes(100_000_000);
    const IMAGE: Bytes = Bytes(12_000_000);

    #[test]
    fn the_image_comes_off_the_claim_once_whatever_the_driver_counts() {
        for (driver, size) in [("overlay2", 88_000_000), ("btrfs", 100_000_000)] {
            let quota = StorageQuota::of_claim(CLAIMED, IMAGE, driver).unwrap();
            assert_eq!((quota.room.0, quota.size.0), (88_000_000, size), "{driver}");
        }
    }

    #[test]
    fn room_that_was_needed_for_a_while_is_looked_for_where_the_module_wrote() {
        let wrote = |mib| Observed::Seen(Bytes::mib(mib));
        assert_eq!(search_from(Bytes::mib(8), &wrote(60)), Ok(Bytes::mib(8)));
        assert_eq!(search_from(Bytes(0), &wrote(60)), Ok(Bytes::mib(60)));
        let nothing = search_from(Bytes(4_096), &wrote(0)).unwrap_err();
        assert!(
            nothing.because.contains("keeps only 4 KiB") && nothing.because.contains("wrote 0 B"),
            "{nothing:?}"
        );
        let unseen = Observed::unseen(Reason::CannotMeasure, "no counters");
        let unseen = search_from(Bytes(0), &unseen).unwrap_err();
        assert!(unseen.because.contains("no counters"), "{unseen:?}");
    }

    #[test]
    fn a_driver_whose_quota_is_not_known_and_an_image_that_leaves_no_room_get_none() {
        let unknown = StorageQuota::of_claim(CLAIMED, IMAGE, "aufs").unwrap_err();
        assert_eq!(unknown.reason, Reason::CannotMeasure);
        for image in [CLAIMED, Bytes(CLAIMED.0 - 1_000), Bytes(CLAIMED.0 + 1)] {
            let unseen = StorageQuota::of_claim(CLAIMED, image, "overlay2").unwrap_err();
            assert!(unseen.because.contains("IEM-HW-05"), "{unseen:?}");
        }
    }
}
