//! Envelope run: the candidate inside limits equal to its claim. What the limits are is pure; playing them is probe's.

use conformance::finding::{Reason, Unseen};
use conformance::hardware::{Claim, memory_budget};
use conformance::observation::{LimitProofs, Limits};
use conformance::offer::ClaimScope;
use conformance::record::Reserve;

/// The limits that equal a claim: RAM without the reserve, no swap, declared cores.
///
/// # Errors
/// Why there is nothing to prove, or why a limit would prove nothing here.
pub fn limits(
    claim: Option<&Claim>,
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
    let cores = claim.cpu_cores.map(f64::from);
    if memory.is_none() && cores.is_none() {
        return Err(Unseen::new(
            Reason::InputMissing,
            "the offer claims neither RAM nor cores",
        ));
    }
    if memory.is_some() && !proofs.memory.get()?.bites() {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            "a memory limit does not bite on this device",
        ));
    }
    if cores.is_some() && !proofs.cpu.get()?.bites() {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            "a CPU quota does not bite on this device",
        ));
    }
    Ok(Limits { memory, cores })
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::observation::{MemoryLimitProof, Observed};
    use conformance::units::Bytes;

    fn proofs(oom_killed: bool) -> LimitProofs {
        let proof = MemoryLimitProof {
            limit: Bytes::mib(32),
            tried: Bytes::mib(96),
            oom_killed,
            exit_code: 137,
            held: None,
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
            ClaimScope::Device,
            &reserve,
            &proofs(true),
        )
        .unwrap();
        assert_eq!(device.memory, Some(Bytes::mib(624)));
        let module = limits(
            Some(&claim(1024)),
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
            ClaimScope::Module,
            &Reserve::tabled(),
            &proofs(false),
        )
        .unwrap_err();
        assert_eq!(unseen.reason, Reason::CannotMeasure);
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
                ClaimScope::Module,
                &Reserve::tabled(),
                &proofs(true)
            )
            .is_err()
        );
    }

    #[test]
    fn nothing_claimed_is_nothing_to_prove() {
        assert_eq!(
            limits(None, ClaimScope::Device, &Reserve::tabled(), &proofs(true))
                .unwrap_err()
                .reason,
            Reason::InputMissing
        );
    }
}
