//! Where each search begins and ends: from what the module took without limits, the device, and the searches before it.

use conformance::candidate::Launch;
use conformance::finding::{Reason, Unseen};
use conformance::hardware::{self, memory_budget};
use conformance::observation::{Health, Limits, MEMORY_MEND, Observed, Sizing, Unlimited};
use conformance::record::Record;
use conformance::sizing::{self, Plan, Proposal, propose, result};
use conformance::storage_quota::{counts, search_from};
use conformance::units::{Bytes, Millis};

use super::super::envelope::driver_with_quota;
use super::Kind;

/// A module whose memory grows by more than this after its start is watched for the whole window in every try.
const GROWS: f64 = 1.02;

/// What the module took without limits, on its last start and in the steady window.
///
/// # Errors
/// A memory limit was not shown to bite, so that no search would prove anything; it did not start, or its memory was not seen.
pub(super) fn unlimited(record: &Record) -> Result<Unlimited, Unseen> {
    if !record.observations.limits.memory.get()?.bites() {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!("a memory limit does not bite on this device; {MEMORY_MEND}"),
        ));
    }
    let last = record.observations.starts.last();
    let Some((start, Health::Healthy { after, .. })) = last.map(|start| (start, &start.health))
    else {
        return Err(Unseen::new(
            Reason::InputMissing,
            "the module does not start without limits; see IEM-CFG-07",
        ));
    };
    let usage = start.usage.get()?;
    let mut memory = usage.memory.get()?.clone();
    let mut busiest = usage.cpu.get().map(|cpu| cpu.cores_max);
    if let Some(steady) = record.observations.steady.seen() {
        let later = steady.memory.get()?;
        memory.peak = memory.peak.max(later.peak);
        memory.nonreclaimable_peak = memory.nonreclaimable_peak.max(later.nonreclaimable_peak);
        let later = steady.cpu.get().map(|cpu| cpu.cores_max);
        busiest = busiest.and_then(|busiest| Ok(later?.max(busiest)));
    }
    Ok(Unlimited {
        after: *after,
        peak: memory.peak,
        nonreclaimable_peak: memory.nonreclaimable_peak,
        cores_max: busiest.into(),
    })
}

/// How long a try is watched: as long as a start, or for the whole window if the module took more memory later.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
pub(super) fn watched(record: &Record) -> Millis {
    let profile = &record.run.profile;
    let peak = |usage: &conformance::observation::Usage| {
        let memory = usage.memory.seen()?;
        Some(memory.nonreclaimable_peak.0 as f64)
    };
    let seen = &record.observations;
    let at_start = seen
        .starts
        .last()
        .and_then(|start| peak(start.usage.seen()?));
    let later = seen.steady.seen().and_then(peak);
    match (at_start, later) {
        (Some(at_start), Some(later)) if later <= at_start * GROWS => profile.settle,
        _ => profile.settle.max(profile.window),
    }
}

/// The search for memory.
pub(super) fn memory_plan(record: &Record, launch: &Launch<'_>, unlimited: &Unlimited) -> Plan {
    // The engine starts every container inside its limit: below its own need nothing starts.
    let floor = record.observations.limits.runtime_floor.seen();
    let floor = floor.map_or(0, |floor| {
        (floor.0 + floor.0 / 4).next_multiple_of(Bytes::MIB)
    });
    let device = record.device.memory.unwrap_or(Bytes(unlimited.peak.0 * 4));
    let own = launch.options.value().pointer("/HostConfig/Memory");
    let own = own
        .and_then(serde_json::Value::as_u64)
        .filter(|own| *own > 0);
    let ceiling = own.map_or(device, |own| device.min(Bytes(own)));
    Plan::memory(unlimited.peak, Bytes(floor), ceiling)
}

/// The search for cores and the memory that it happens in: what the claim that comes of the search leaves the module.
pub(super) fn core_plan(record: &Record, unlimited: &Unlimited) -> Result<(Plan, Bytes), Unseen> {
    let cannot = |why: &str| Unseen::new(Reason::CannotMeasure, why);
    if record.device.emulated {
        return Err(cannot(
            "the device is emulated: its CPU says nothing about cores",
        ));
    }
    if !record.observations.limits.cpu.get()?.bites() {
        return Err(cannot("a CPU quota does not bite on this device"));
    }
    let busiest = *unlimited.cores_max.get()?;
    let cores = record.device.cores;
    let cores = cores.ok_or_else(|| cannot("how many cores the device has was not seen"))?;
    let sizing = record.observations.sizing.get()?;
    let memory = proven_memory(sizing, unlimited)?;
    Ok((
        Plan::cores(busiest, cores),
        left_by_the_claim(record, memory),
    ))
}

/// The least memory, in bytes, if it was found.
fn proven_memory(sizing: &Sizing, unlimited: &Unlimited) -> Result<u64, Unseen> {
    let tries = sizing.memory.get()?;
    let memory = result(unlimited, tries, Limits::memory_bytes);
    memory.proven(tries.plan.repeats).ok_or_else(|| {
        Unseen::new(
            Reason::InputMissing,
            "no memory was found to search inside of",
        )
    })
}

/// What the claim that comes of this memory leaves the module.
fn left_by_the_claim(record: &Record, memory: u64) -> Bytes {
    let claim = hardware::read(&record.offer.listing.description);
    let claim = claim.map(|paragraph| paragraph.claim).unwrap_or_default();
    let found = Proposal {
        memory: Some(Bytes(memory)),
        ..Proposal::default()
    };
    let (scope, reserve) = (record.offer.plan.claim_scope, &record.run.reserve);
    let ram = propose(&claim, &found, scope, reserve).ram_bytes;
    let left = memory_budget(ram.unwrap_or_default(), scope, reserve);
    left.unwrap_or_else(|_| sizing::round_up_ram(Bytes(memory)))
}

/// The search for the writable layer's room, inside what the searches before it found.
pub(super) fn storage_plan(
    record: &Record,
    launch: &Launch<'_>,
    unlimited: &Unlimited,
) -> Result<(Plan, Kind), Unseen> {
    let counts = counts(driver_with_quota(record)?)?;
    if !counts.is_kept() {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            "the kernel may suspend this storage driver's quota from one start to the next, so a start inside it proves nothing",
        ));
    }
    let storage = record.observations.storage.get()?;
    let begin = search_from(*storage.writable.get()?, &wrote(record))?;
    let sizing = record.observations.sizing.get()?;
    let memory = proven_memory(sizing, unlimited)?;
    let cores = sizing.cores.seen().and_then(|tries| {
        let found = result(unlimited, tries, Limits::millicores);
        let millicores = found.proven(tries.plan.repeats)?;
        // Whole ones, as the claim will have them; as many as the device has are no limit.
        let whole = u32::try_from(millicores.div_ceil(1_000)).ok()?;
        record.device.cores.filter(|cores| whole < *cores)?;
        Some(f64::from(whole))
    });
    let kind = Kind::Storage {
        memory: left_by_the_claim(record, memory),
        cores,
        image: launch.image.on_disk(),
        counts,
    };
    Ok((Plan::storage(begin), kind))
}

/// What the last start without limits wrote.
fn wrote(record: &Record) -> Observed<Bytes> {
    let Some(start) = record.observations.starts.last() else {
        return Observed::default();
    };
    let usage = start.usage.get();
    usage
        .and_then(|usage| usage.block_io.get())
        .map(|moved| moved.written)
        .into()
}
