//! Minimum search: starts under smaller and smaller limits. What to try next is the core's; here it is played.

use conformance::candidate::{Bounds, Launch, resolve};
use conformance::finding::{Reason, Unseen};
use conformance::observation::{Cause, Health, Limits, Observed, Sizing, Start, Tries, Try};
use conformance::record::Record;
use conformance::sizing::{Next, Plan, Tried, allowed, next};
use conformance::storage_quota::{QuotaCounts, StorageQuota};
use conformance::units::{Bytes, Millis};
use engine::EngineError;

use super::inside::{Attempt, Inside, note_deviations};
use super::percent;
use crate::bench::Bench;
use crate::record::mark_phase;

mod plans;

use plans::{core_plan, memory_plan, storage_plan, unlimited, watched};

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
            let spec = resolve(self.launch, Bounds::Search(&limits));
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

#[cfg(test)]
mod tests;
