//! Envelope run: the candidate inside limits equal to its claim. What the limits are is pure; then they are played.

use conformance::calibration::claimed_cores;
use conformance::candidate::{Bounds, Launch, resolve};
use conformance::finding::{Reason, Unseen};
use conformance::hardware::{self, Claim, memory_budget};
use conformance::observation::{
    EnvelopeRun, Health, LimitProofs, Limits, MEMORY_MEND, Observed, Start,
};
use conformance::offer::ClaimScope;
use conformance::record::{Record, Reserve};
use conformance::repeats::{self, Next};
use conformance::storage_quota::StorageQuota;
use conformance::units::Bytes;
use engine::EngineError;

use super::inside::{Attempt, Inside, note_deviations};
use super::percent;
use crate::bench::Bench;
use crate::events::RunEvent;
use crate::record::mark_phase;
use crate::sampler::noise;

/// Cold starts inside limits equal to the claim.
///
/// # Errors
/// The engine is lost.
pub async fn start(
    bench: &Bench<'_>,
    record: &mut Record,
    launch: &Launch<'_>,
) -> Result<(), EngineError> {
    let healthy = |start: &Start| matches!(start.health, Health::Healthy { .. });
    if !record.observations.starts.iter().any(healthy) {
        record.observations.envelope = Observed::unseen(
            Reason::InputMissing,
            "the module does not start without limits either; see IEM-CFG-07",
        );
        return Ok(());
    }
    let paragraph = hardware::read(&record.offer.listing.description);
    let claim = paragraph.as_ref().map(|paragraph| &paragraph.claim);
    let cores = claim.map_or(Ok(None), |claim| {
        claimed_cores(claim, &record.device, &record.run.options.calibration)
    });
    // A clock that nothing scales leaves the memory of the claim to be proven.
    let cores = cores.unwrap_or_else(|_| claim.and_then(|claim| claim.cpu_cores.map(f64::from)));
    let limits = match limits(
        claim,
        cores,
        record.offer.plan.claim_scope,
        &record.run.reserve,
        &record.observations.limits,
    ) {
        Ok(limits) => limits,
        Err(unseen) => {
            record.observations.envelope = Observed::Unseen(unseen);
            return Ok(());
        }
    };
    let mut limits = on_this_device(limits, record.device.cores);
    let claimed = claim.and_then(|claim| claim.storage_bytes);
    let quota = claimed.map(|claimed| quota(record, claimed, launch.image.on_disk()));
    limits.storage = quota
        .as_ref()
        .and_then(|quota| quota.as_ref().ok())
        .copied();
    let spec = resolve(launch, Bounds::Claim(&limits));
    note_deviations(record, &spec);
    let inside = Inside::new(record, launch);
    let profile = record.run.profile.clone();
    let mut run = EnvelopeRun {
        limits,
        no_quota: quota.and_then(Result::err),
        starts: Vec::new(),
    };
    let mut n = 0;
    while let Next::Another(why) = repeats::next(&run.starts, &profile, None) {
        n += 1;
        if n > profile.starts {
            bench.events.emit(RunEvent::Repeated { why });
        }
        let phase = format!("envelope {n}");
        bench
            .events
            .phase(&phase, percent(70, 98, n, profile.starts));
        let from = bench.events.now();
        let listening = noise::listen(bench.roots);
        let attempt = Attempt {
            phase: phase.clone(),
            spec: &spec,
            limits,
            budget: profile.start_budget,
            watched: profile.settle,
        };
        let (start, mut series) = inside.play(bench, attempt).await?;
        mark_phase(record, &phase, from, bench.events.now());
        let heard = listening.heard(bench.roots, &phase, &start.usage);
        record.observations.noise.extend(heard);
        bench.events.observed(&phase, &start);
        record.series.append(&mut series);
        run.starts.push(start);
        record.observations.envelope = Observed::Seen(run.clone());
    }
    Ok(())
}

/// The engine refuses more cores than there are; as many as there are need no limit.
fn on_this_device(limits: Limits, cores: Option<u32>) -> Limits {
    let enough = |claimed: &f64| cores.is_none_or(|cores| *claimed < f64::from(cores));
    Limits {
        cores: limits.cores.filter(enough),
        ..limits
    }
}

/// The limits that equal a claim: RAM without the reserve, no swap, the declared CPU as `cores` of this device.
///
/// # Errors
/// Why there is nothing to prove, or why a limit would prove nothing here.
pub fn limits(
    claim: Option<&Claim>,
    cores: Option<f64>,
    scope: ClaimScope,
    reserve: &Reserve,
    proofs: &LimitProofs,
) -> Result<Limits, Unseen> {
    let claim = claim.ok_or_else(|| {
        Unseen::new(
            Reason::InputMissing,
            "the offer's description claims no hardware",
        )
    })?;
    let memory = claim
        .ram_bytes
        .map(|ram| memory_budget(ram, scope, reserve))
        .transpose()
        .map_err(|below| Unseen::new(Reason::InputMissing, below.to_string()))?;
    if memory.is_none() && cores.is_none() {
        return Err(Unseen::new(
            Reason::InputMissing,
            "the offer claims neither RAM nor cores",
        ));
    }
    if memory.is_some() && !proofs.memory.get()?.bites() {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!("a memory limit does not bite on this device; {MEMORY_MEND}"),
        ));
    }
    if cores.is_some() && !proofs.cpu.get()?.bites() {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            "a CPU quota does not bite on this device",
        ));
    }
    Ok(Limits {
        memory,
        cores,
        storage: None,
    })
}

/// The quota that equals the storage claimed.
///
/// # Errors
/// The storage driver has none here, or it was not shown to bite; or why this claim gets none.
fn quota(record: &Record, claimed: Bytes, image: Bytes) -> Result<StorageQuota, Unseen> {
    let driver = driver_with_quota(record)?;
    StorageQuota::of_claim(claimed, image, driver)
}

/// The storage driver, if its quota was shown to bite.
///
/// # Errors
/// It was not.
pub(super) fn driver_with_quota(record: &Record) -> Result<&str, Unseen> {
    let proof = record.observations.limits.storage.get()?;
    if let Some(words) = &proof.refused {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!("the engine refuses a storage quota: {words}"),
        ));
    }
    if !proof.bites() {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            "a storage quota was not shown to bite on this device; see IEM-PRE-03",
        ));
    }
    let engine = record.device.engine.seen().ok_or_else(|| {
        Unseen::new(
            Reason::CannotMeasure,
            "the engine's storage driver was not seen",
        )
    })?;
    Ok(&engine.storage_driver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::observation::{MemoryLimitProof, Observed};

    fn proofs(oom_killed: bool) -> LimitProofs {
        let proof = MemoryLimitProof {
            limit: Bytes::mib(32),
            tried: Bytes::mib(96),
            oom_killed,
            exit_code: 137,
            held: None,
            device_kills: None,
        };
        LimitProofs {
            memory: Observed::Seen(proof),
            ..LimitProofs::default()
        }
    }

    fn claim(mib: u64) -> Claim {
        Claim {
            ram_bytes: Some(Bytes::mib(mib)),
            ..Claim::default()
        }
    }

    #[test]
    fn the_reserve_is_taken_first_from_a_device_claim() {
        let reserve = Reserve::tabled();
        let device = limits(
            Some(&claim(1024)),
            None,
            ClaimScope::Device,
            &reserve,
            &proofs(true),
        )
        .unwrap();
        assert_eq!(device.memory, Some(Bytes::mib(624)));
        let module = limits(
            Some(&claim(1024)),
            None,
            ClaimScope::Module,
            &reserve,
            &proofs(true),
        )
        .unwrap();
        assert_eq!(module.memory, Some(Bytes::mib(1024)));
    }

    #[test]
    fn a_limit_that_does_not_bite_proves_nothing() {
        let unseen = limits(
            Some(&claim(1024)),
            None,
            ClaimScope::Module,
            &Reserve::tabled(),
            &proofs(false),
        )
        .unwrap_err();
        assert_eq!(unseen.reason, Reason::CannotMeasure);
        assert!(unseen.because.contains("cmdline.txt"), "{unseen:?}");
    }

    #[test]
    fn a_quota_without_its_proof_is_not_used() {
        let cores = Claim {
            cpu_cores: Some(1),
            ..claim(1024)
        };
        assert!(
            limits(
                Some(&cores),
                Some(1.0),
                ClaimScope::Module,
                &Reserve::tabled(),
                &proofs(true)
            )
            .is_err()
        );
    }

    #[test]
    fn a_device_is_not_limited_to_the_cores_it_has() {
        let claimed = |cores| Limits {
            memory: None,
            cores: Some(cores),
            storage: None,
        };
        assert_eq!(on_this_device(claimed(1.0), Some(2)).cores, Some(1.0));
        assert_eq!(on_this_device(claimed(2.0), Some(2)).cores, None);
        assert_eq!(on_this_device(claimed(4.0), Some(2)).cores, None);
    }

    #[test]
    fn nothing_claimed_is_nothing_to_prove() {
        assert_eq!(
            limits(
                None,
                None,
                ClaimScope::Device,
                &Reserve::tabled(),
                &proofs(true)
            )
            .unwrap_err()
            .reason,
            Reason::InputMissing
        );
    }
}
