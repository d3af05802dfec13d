//! What the envelope's quota on the writable layer proves of a claim of storage, and how it is worded.
//!
//! The quota bounds the writable layer alone: volumes and logs are IEM-HW-05's to measure.

use super::cold_starts::Tally;
use crate::finding::{Reason, Unseen};
use crate::hardware::Claim;
use crate::observation::{Cause, EnvelopeRun};
use crate::record::Record;
use crate::storage_quota::{StorageQuota, room};
use crate::units::Bytes;

/// What starts inside the quota say.
#[derive(Debug)]
pub(super) enum Held {
    /// No quota was set, or it says nothing about this claim.
    Unbounded,
    /// Every start was healthy within at most what the claim leaves; in words.
    Holds(String),
    /// No start was, for want of storage, within at least what the claim leaves; in words.
    Bursts(String),
}

/// What the envelope run says of a claim of `claimed` bytes.
///
/// # Errors
/// Some starts failed for want of storage and others did not, or the quota was not shown to bite.
pub(super) fn held(record: &Record, claimed: Bytes) -> Result<Held, Unseen> {
    let Some((run, quota)) = bounded(record) else {
        return Ok(Held::Unbounded);
    };
    let image = record.observations.image.get()?.on_disk();
    let left = room(claimed, image);
    let tally = Tally::of(&run.starts);
    let out_of_storage = failed_for_storage(&tally);
    if run.starts.is_empty() || (out_of_storage == 0 && !tally.failed.is_empty()) {
        return Ok(Held::Unbounded);
    }
    if out_of_storage > 0 {
        quota_bites(record)?;
        if tally.healthy > 0 || out_of_storage < tally.failed.len() {
            return Err(Unseen::new(
                Reason::Unstable,
                format!("inside {}: {}", in_words(quota), tally.account()),
            ));
        }
        return Ok(if quota.room >= left {
            Held::Bursts(format!(
                "inside {}: {}{}",
                in_words(quota),
                tally.account(),
                reached(run)
            ))
        } else {
            Held::Unbounded
        });
    }
    let speaks = quota.counts.is_kept() && quota.room <= left && quota_bites(record).is_ok();
    Ok(if speaks {
        Held::Holds(format!("{} inside {}", tally.count(), in_words(quota)))
    } else {
        Held::Unbounded
    })
}

/// How many of the failed starts failed for want of storage.
pub(super) fn failed_for_storage(tally: &Tally<'_>) -> usize {
    let of_kind = |cause| cause == Cause::OutOfStorage;
    tally.failed.iter().filter(|one| of_kind(one.cause)).count()
}

/// The quota in words, with what it does not bound; nothing, where none was set.
pub(super) fn limit_in_words(record: &Record) -> String {
    bounded(record).map_or_else(String::new, |(_, quota)| format!(", {}", in_words(quota)))
}

/// What the writable layer had reached in the starts that failed; nothing, where that was not seen.
pub(super) fn reached(run: &EnvelopeRun) -> String {
    let tally = Tally::of(&run.starts);
    let layers = tally
        .failed
        .iter()
        .filter_map(|one| one.start.written.seen());
    layers.max().map_or_else(String::new, |most| {
        format!("; its writable layer had reached {most}")
    })
}

/// Whether a storage quota was shown to bite on this device.
///
/// # Errors
/// It was not.
pub(super) fn quota_bites(record: &Record) -> Result<(), Unseen> {
    if record.observations.limits.storage.get()?.bites() {
        return Ok(());
    }
    Err(Unseen::new(
        Reason::CannotMeasure,
        "a storage quota was not shown to bite on this device; see IEM-PRE-03",
    ))
}

/// What to do where the quota was too small: the layer's need was not found, only that the claim leaves it too little.
pub(super) fn remedy(claim: &Claim) -> String {
    let claimed = claim.storage_bytes.unwrap_or_default();
    format!(
        "claim more storage than {claimed} (edgeproof size finds how much), or make the module write less to its writable layer"
    )
}

fn bounded(record: &Record) -> Option<(&EnvelopeRun, StorageQuota)> {
    let run = record.observations.envelope.seen()?;
    Some((run, run.limits.storage?))
}

fn in_words(quota: StorageQuota) -> String {
    format!(
        "{} for the writable layer (a quota; volumes and logs are not in it)",
        quota.room
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::observation::{Health, Observed};
    use crate::sample;

    const CLAIMED: Bytes = Bytes(100_000_000);

    /// The sample's envelope with the quota of its claim: 88 MB above an image of 12 MB.
    pub(crate) fn with_quota(failing: usize) -> Record {
        let mut record = sample::record();
        let Observed::Seen(run) = &mut record.observations.envelope else {
            panic!("the sample has an envelope run");
        };
        let quota = StorageQuota::of_claim(CLAIMED, Bytes(12_000_000), "overlay2");
        run.limits.storage = Some(quota.unwrap());
        for start in run.starts.iter_mut().take(failing) {
            start.written = Observed::Seen(Bytes(87_900_000));
            start.health = Health::Unhealthy {
                cause: Cause::OutOfStorage,
                detail: "exited with code 1; it said: write /data/7: No space left on device"
                    .to_owned(),
                missing: Vec::new(),
            };
            let said = [
                "unpacking",
                "write /data/7: No space left on device",
                "unwind",
            ];
            start.last_lines = said.map(str::to_owned).to_vec();
        }
        record
    }

    #[test]
    fn starts_inside_the_quota_hold_and_say_what_it_leaves_out() {
        let Held::Holds(words) = held(&with_quota(0), CLAIMED).unwrap() else {
            panic!("every start was healthy");
        };
        assert!(
            words.contains("3 of 3") && words.contains("volumes and logs"),
            "{words}"
        );
    }

    #[test]
    fn starts_that_end_for_want_of_storage_burst_with_place_and_number() {
        let Held::Bursts(words) = held(&with_quota(3), CLAIMED).unwrap() else {
            panic!("no start was healthy");
        };
        assert!(
            words.contains("/data/7") && words.contains("83.8 MiB"),
            "{words}"
        );
    }

    #[test]
    fn starts_that_disagree_and_a_quota_that_did_not_bite_decide_nothing() {
        let reason = |record: &Record| held(record, CLAIMED).unwrap_err().reason;
        assert_eq!(reason(&with_quota(1)), Reason::Unstable);
        let mut record = with_quota(3);
        record.observations.limits.storage = Observed::unseen(Reason::CannotMeasure, "no");
        assert_eq!(reason(&record), Reason::CannotMeasure);
    }

    #[test]
    fn a_quota_that_the_kernel_may_suspend_proves_a_burst_and_never_that_it_held() {
        for (failing, bursts) in [(3, true), (0, false)] {
            let mut record = with_quota(failing);
            let Observed::Seen(run) = &mut record.observations.envelope else {
                panic!("the sample has an envelope run");
            };
            let quota = StorageQuota::of_claim(CLAIMED, Bytes(12_000_000), "btrfs");
            run.limits.storage = Some(quota.unwrap());
            let held = held(&record, CLAIMED).unwrap();
            assert_eq!(matches!(held, Held::Bursts(_)), bursts, "{held:?}");
            assert!(!matches!(held, Held::Holds(_)));
        }
    }

    #[test]
    fn a_quota_for_another_claim_says_nothing() {
        let larger = Bytes(CLAIMED.0 * 2);
        assert!(matches!(
            held(&with_quota(3), larger).unwrap(),
            Held::Unbounded
        ));
        let smaller = Bytes(CLAIMED.0 / 2);
        assert!(matches!(
            held(&with_quota(0), smaller).unwrap(),
            Held::Unbounded
        ));
        assert!(matches!(
            held(&sample::record(), CLAIMED).unwrap(),
            Held::Unbounded
        ));
    }
}
