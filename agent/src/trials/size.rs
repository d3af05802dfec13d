//! Minimum search: starts under smaller and smaller limits. What to try next is the core's; here it is played.

use conformance::candidate::{Launch, resolve};
use conformance::finding::{Reason, Unseen};
use conformance::hardware::{self, memory_budget};
use conformance::observation::{
    Cause, Health, Limits, MEMORY_MEND, Observed, Sizing, Start, Tries, Try, Unlimited,
};
use conformance::record::Record;
use conformance::sizing::{self, Next, Plan, Proposal, Tried, allowed, next, propose, result};
use conformance::storage_quota::{LEAST_ROOM, QuotaCounts, StorageQuota, counts};
use conformance::units::{Bytes, Millis};
use engine::EngineError;

use super::envelope::driver_with_quota;
use super::inside::{Attempt, Inside, note_deviations};
use super::percent;
use crate::bench::Bench;
use crate::record::mark_phase;

/// A module whose memory grows by more than this after its start is watched for the whole window in every try.
const GROWS: f64 = 1.02;

/// Searches for the least memory, then for the fewest cores inside that memory, then for the least room of the writable layer.
///
/// What was seen is in the record after every try.
///
/// # Errors
/// The engine is lost.
pub async fn start(
    bench: &Bench<'_>,
    record: &mut Record,
    launch: &Launch<'_>,
) -> Result<(), EngineError> {
    let unlimited = match unlimited(record) {
        Ok(unlimited) => unlimited,
        Err(unseen) => {
            record.observations.sizing = Observed::Unseen(unseen);
            return Ok(());
        }
    };
    let search = Search {
        bench,
        launch,
        inside: Inside::new(record, launch),
        allowed: allowed(unlimited.after),
        watched: watched(record),
    };
    let waiting = "the search for memory comes first";
    record.observations.sizing = Observed::Seen(Sizing {
        allowed: search.allowed,
        memory: Observed::unseen(Reason::InputMissing, "no start under a limit yet"),
        cores: Observed::unseen(Reason::InputMissing, waiting),
        storage: Observed::unseen(Reason::InputMissing, waiting),
        unlimited: unlimited.clone(),
    });
    let from = bench.events.now();
    let plan = memory_plan(record, launch, &unlimited);
    search.play(record, plan, &Kind::Memory).await?;
    mark_phase(record, "memory search", from, bench.events.now());
    let from = bench.events.now();
    match core_plan(record, &unlimited) {
        Ok((plan, memory)) => search.play(record, plan, &Kind::Cores { memory }).await?,
        Err(unseen) => seen(record, |sizing| sizing.cores = Observed::Unseen(unseen)),
    }
    mark_phase(record, "core search", from, bench.events.now());
    let from = bench.events.now();
    match storage_plan(record, launch, &unlimited) {
        Ok((plan, kind)) => search.play(record, plan, &kind).await?,
        Err(unseen) => seen(record, |sizing| sizing.storage = Observed::Unseen(unseen)),
    }
    mark_phase(record, "storage search", from, bench.events.now());
    bench.events.observed("sizing", &record.observations.sizing);
    Ok(())
}

/// What is searched for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Memory,
    /// Inside this memory.
    Cores {
        memory: Bytes,
    },
    /// Inside this memory and these cores, where they were found.
    Storage {
        memory: Bytes,
        cores: Option<f64>,
        image: Bytes,
        counts: QuotaCounts,
    },
}

impl Kind {
    /// The limits of a try.
    #[allow(clippy::cast_precision_loss, reason = "thousandths of a core")]
    fn limits(self, limit: u64) -> Limits {
        match self {
            Kind::Memory => Limits {
                memory: Some(Bytes(limit)),
                cores: None,
                storage: None,
            },
            Kind::Cores { memory } => Limits {
                memory: Some(memory),
                cores: Some(limit as f64 / 1_000.0),
                storage: None,
            },
            Kind::Storage {
                memory,
                cores,
                image,
                counts,
            } => Limits {
                memory: Some(memory),
                cores,
                storage: Some(StorageQuota::counting(counts, Bytes(limit), image)),
            },
        }
    }

    fn words(self, limit: u64) -> String {
        match self {
            Kind::Memory => format!("{} of memory", Bytes(limit)),
            Kind::Cores { .. } => format!("{}.{:02} cores", limit / 1_000, limit % 1_000 / 10),
            Kind::Storage { .. } => format!("{} for the writable layer", Bytes(limit)),
        }
    }

    const fn share(self) -> (u8, u8) {
        match self {
            Kind::Memory => (70, 90),
            Kind::Cores { .. } => (90, 95),
            Kind::Storage { .. } => (95, 99),
        }
    }

    fn keep(self, record: &mut Record, tries: Tries) {
        seen(record, |sizing| match self {
            Kind::Memory => sizing.memory = Observed::Seen(tries),
            Kind::Cores { .. } => sizing.cores = Observed::Seen(tries),
            Kind::Storage { .. } => sizing.storage = Observed::Seen(tries),
        });
    }
}

fn seen(record: &mut Record, change: impl FnOnce(&mut Sizing)) {
    if let Observed::Seen(sizing) = &mut record.observations.sizing {
        change(sizing);
    }
}

/// What every try shares.
struct Search<'a> {
    bench: &'a Bench<'a>,
    launch: &'a Launch<'a>,
    inside: Inside,
    allowed: Millis,
    watched: Millis,
}

impl Search<'_> {
    async fn play(&self, record: &mut Record, plan: Plan, kind: &Kind) -> Result<(), EngineError> {
        let mut tries = Tries {
            plan,
            tries: Vec::new(),
        };
        let mut tried = Vec::new();
        loop {
            let (limit, watched) = match next(&plan, &tried) {
                Next::Try(limit) => (limit, self.watched),
                Next::Confirm(limit) => (limit, self.watched.max(record.run.profile.window)),
                Next::Done => return Ok(()),
            };
            let n = u32::try_from(tried.len() + 1).unwrap_or(u32::MAX);
            let (from, to) = kind.share();
            self.bench.events.phase(
                format!("try {n} of at most {}: {}", plan.most, kind.words(limit)),
                percent(from, to, n, plan.most),
            );
            let limits = kind.limits(limit);
            let spec = resolve(self.launch, Some(&limits));
            if n == 1 {
                note_deviations(record, &spec);
            }
            let attempt = Attempt {
                phase: format!("try {n}"),
                spec: &spec,
                limits,
                budget: self.allowed,
                watched,
            };
            // Samples of so many starts would drown the report: what counts of them is in the try.
            let (start, _) = self.inside.play(self.bench, attempt).await?;
            let one = judged(&start, limits, watched, self.allowed);
            self.bench.events.observed(&format!("try {n}"), &one);
            if let Some(trouble) = trouble(&one) {
                seen(record, |sizing| match kind {
                    Kind::Memory => sizing.memory = Observed::Unseen(trouble),
                    Kind::Cores { .. } => sizing.cores = Observed::Unseen(trouble),
                    Kind::Storage { .. } => sizing.storage = Observed::Unseen(trouble),
                });
                return Ok(());
            }
            tried.push(Tried {
                limit,
                fits: one.fits,
            });
            tries.tries.push(one);
            kind.keep(record, tries.clone());
        }
    }
}

/// A start under limits, held to the rule: healthy, in time, and nothing of it killed for memory.
fn judged(start: &Start, limits: Limits, watched: Millis, allowed: Millis) -> Try {
    let memory = start.usage.seen().and_then(|usage| usage.memory.seen());
    let (after, failure) = match &start.health {
        Health::Healthy { after, .. } => (Some(*after), None),
        Health::Unhealthy { cause, detail, .. } => (None, Some((*cause, detail.clone()))),
    };
    let late = after.filter(|after| *after > allowed).map(|after| {
        let detail = format!("healthy after {after}, allowed are {allowed}");
        (Cause::NotReady, detail)
    });
    let killed = (start.oom_kills > 0).then(|| {
        let detail = format!("{} of its processes killed for memory", start.oom_kills);
        (Cause::OutOfMemory, detail)
    });
    let uncounted = start.oom_unseen.as_ref().map(|unseen| {
        let detail = format!(
            "whether one of its processes was killed for memory was not seen: {}",
            unseen.because
        );
        (Cause::Engine, detail)
    });
    let failure = failure.or(killed).or(uncounted).or(late);
    let (cause, detail) = failure.unzip();
    Try {
        limits,
        watched,
        fits: cause.is_none(),
        after,
        peak: memory.map(|memory| memory.peak),
        nonreclaimable_peak: memory.map(|memory| memory.nonreclaimable_peak),
        cause,
        detail,
    }
}

/// A start that says nothing about the limit, and why.
fn trouble(one: &Try) -> Option<Unseen> {
    let cause = one.cause.filter(|cause| cause.is_not_the_modules())?;
    let detail = one.detail.as_deref().unwrap_or("no detail");
    Some(Unseen::new(
        Reason::Infrastructure,
        format!("a start under limits failed for no fault of the module's ({cause:?}): {detail}"),
    ))
}

/// What the module took without limits, on its last start and in the steady window.
///
/// # Errors
/// A memory limit was not shown to bite, so that no search would prove anything; it did not start, or its memory was not seen.
fn unlimited(record: &Record) -> Result<Unlimited, Unseen> {
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
fn watched(record: &Record) -> Millis {
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
fn memory_plan(record: &Record, launch: &Launch<'_>, unlimited: &Unlimited) -> Plan {
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
fn core_plan(record: &Record, unlimited: &Unlimited) -> Result<(Plan, Bytes), Unseen> {
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
fn storage_plan(
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
    let written = *storage.writable.get()?;
    if written < LEAST_ROOM {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!("it keeps only {written} in its writable layer: too little to limit"),
        ));
    }
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
        image: launch.image.unpacked,
        counts,
    };
    Ok((Plan::storage(written), kind))
}

#[cfg(test)]
mod tests;
