//! The CPU that an offer claims, as cores of this device: what the envelope run must have been limited to.

use super::envelope::cpu_quota_bites;
use crate::calibration::{self, Speed};
use crate::finding::{Reason, Unseen};
use crate::hardware::Claim;
use crate::record::Record;

/// The cores of this device that equal the claim, where the claim says anything of a CPU: a clock without cores is one core's.
///
/// # Errors
/// The claim names a clock, and no calibrated rows tell it apart from this device's.
pub(super) fn claimed_cores(record: &Record, claim: &Claim) -> Result<Option<f64>, Unseen> {
    let rows = &record.run.options.calibration;
    calibration::claimed_cores(claim, &record.device, rows)
}

/// Whether the CPU of the envelope run was the CPU claimed. No claim of CPU asks for nothing.
///
/// # Errors
/// It was not, or nothing tells.
pub(super) fn cpu_is_as_claimed(record: &Record, claim: &Claim) -> Result<(), Unseen> {
    let cannot = |because: String| Err(Unseen::new(Reason::CannotMeasure, because));
    let Some(claimed) = claimed_cores(record, claim)? else {
        return Ok(());
    };
    if record.device.emulated {
        return cannot(
            "the device is emulated: its CPU says nothing about the cores claimed".to_owned(),
        );
    }
    let limit = record.observations.envelope.get()?.limits.cores;
    let told = in_words(claim, claimed);
    match (limit, record.device.cores) {
        (_, Some(cores)) if f64::from(cores) < claimed => cannot(format!(
            "the offer claims {told} and the device has {cores}; run on a device with at least {claimed}"
        )),
        (None, Some(cores)) if (f64::from(cores) - claimed).abs() < 0.005 => Ok(()),
        (Some(limit), _) if (limit - claimed).abs() < 0.005 => cpu_quota_bites(record),
        (limit, _) => Err(Unseen::new(
            Reason::Configuration,
            format!(
                "the envelope run had {}, the offer claims {told}: it says nothing about the CPU claimed",
                limit.map_or("no CPU limit".to_owned(), |cores| format!("{cores} cores"))
            ),
        )),
    }
}

/// `2 cores`, or `2 cores at 1000 MHz, 0.80 cores of this device`.
pub(super) fn in_words(claim: &Claim, claimed: f64) -> String {
    match claim.cpu_hz {
        None => format!("{claimed} cores"),
        Some(hz) => format!(
            "{} cores at {} MHz, {claimed:.2} cores of this device",
            claim.cpu_cores.unwrap_or(1),
            hz / 1_000_000
        ),
    }
}

/// Whether the device is a slower one than was claimed: what fails there may be well on a device as claimed.
pub(super) fn is_slower_than_claimed(record: &Record, claim: &Claim) -> bool {
    let rows = &record.run.options.calibration;
    claim.cpu_hz.is_some_and(|hz| {
        matches!(
            calibration::speed(hz, &record.device, rows),
            Ok(Speed::Slower)
        )
    })
}
