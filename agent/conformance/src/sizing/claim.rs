//! From a minimum to the numbers of an offer: the reserve on top, rounded up to what people write.

use crate::hardware::Claim;
use crate::offer::ClaimScope;
use crate::record::Reserve;
use crate::units::Bytes;

/// What was found, as far as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Proposal {
    /// Memory that the module needs.
    pub memory: Option<Bytes>,
    /// Thousandths of a core that it needs.
    pub millicores: Option<u64>,
    /// Storage that it takes.
    pub storage: Option<Bytes>,
}

/// The claim with what was found in it; what was not found stays as the offer has it.
///
/// A claim of the device gets the reserve on top of the module's memory. Cores are whole in an offer: one core is only
/// written where the offer speaks of cores already, since no device has less.
#[must_use]
pub fn propose(claim: &Claim, found: &Proposal, scope: ClaimScope, reserve: &Reserve) -> Claim {
    let share = match scope {
        ClaimScope::Device => reserve.memory,
        ClaimScope::Module => Bytes(0),
    };
    let ram = found
        .memory
        .map(|memory| round_up_ram(memory.saturating_add(share)));
    let cores = found
        .millicores
        .and_then(|millicores| u32::try_from(millicores.div_ceil(1_000)).ok())
        .filter(|cores| *cores > 1 || claim.cpu_cores.is_some());
    Claim {
        ram_bytes: ram.or(claim.ram_bytes),
        storage_bytes: found.storage.map(round_up_storage).or(claim.storage_bytes),
        cpu_cores: cores.or(claim.cpu_cores),
        warnings: Vec::new(),
        ..claim.clone()
    }
}

/// To the next 16 MB of RAM up to 256 MB, 32 MB up to 512 MB, 64 MB above; RAM is counted in binary units.
#[must_use]
pub fn round_up_ram(ram: Bytes) -> Bytes {
    let step = match ram.0.div_ceil(Bytes::MIB) {
        0..=256 => 16,
        257..=512 => 32,
        _ => 64,
    };
    up(ram, step * Bytes::MIB)
}

/// To the next 10 MB of storage up to 100 MB, 50 MB up to 1 GB, 100 MB above; storage is counted in decimal units.
#[must_use]
pub fn round_up_storage(storage: Bytes) -> Bytes {
    let step = match storage.0 {
        0..=100_000_000 => 10_000_000,
        100_000_001..=1_000_000_000 => 50_000_000,
        _ => 100_000_000,
    };
    up(storage, step)
}

fn up(bytes: Bytes, step: u64) -> Bytes {
    Bytes(bytes.0.div_ceil(step).max(1).saturating_mul(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: Proposal = Proposal {
        memory: Some(Bytes::mib(301)),
        millicores: Some(430),
        storage: Some(Bytes(61_000_000)),
    };

    fn claim() -> Claim {
        Claim {
            architectures: vec!["amd64".to_owned()],
            ram_bytes: Some(Bytes::mib(4_096)),
            ..Claim::default()
        }
    }

    #[test]
    fn a_claim_of_the_device_has_the_reserve_on_top() {
        let device = propose(&claim(), &FOUND, ClaimScope::Device, &Reserve::tabled());
        assert_eq!(device.ram_bytes, Some(Bytes::mib(704)));
        let module = propose(&claim(), &FOUND, ClaimScope::Module, &Reserve::tabled());
        assert_eq!(module.ram_bytes, Some(Bytes::mib(320)));
        assert_eq!(module.storage_bytes, Some(Bytes(70_000_000)));
        assert_eq!(module.architectures, ["amd64"]);
    }

    #[test]
    fn what_was_not_found_stays_as_it_was() {
        let kept = propose(
            &claim(),
            &Proposal::default(),
            ClaimScope::Device,
            &Reserve::tabled(),
        );
        assert_eq!(kept, claim());
    }

    #[test]
    fn one_core_is_written_only_where_cores_were_claimed() {
        let cores = |claimed: Option<u32>, millicores| {
            let claim = Claim {
                cpu_cores: claimed,
                ..claim()
            };
            let found = Proposal {
                millicores: Some(millicores),
                ..FOUND
            };
            propose(&claim, &found, ClaimScope::Module, &Reserve::tabled()).cpu_cores
        };
        assert_eq!(cores(None, 430), None);
        assert_eq!(cores(Some(4), 430), Some(1));
        assert_eq!(cores(None, 1_010), Some(2));
    }

    #[test]
    fn numbers_are_rounded_up_to_what_people_write() {
        for (ram, written) in [
            (1, 16),
            (16, 16),
            (17, 32),
            (257, 288),
            (512, 512),
            (513, 576),
        ] {
            assert_eq!(round_up_ram(Bytes::mib(ram)), Bytes::mib(written), "{ram}");
        }
        for (storage, written) in [(1, 10), (101, 150), (1_001, 1_100)] {
            assert_eq!(
                round_up_storage(Bytes(storage * 1_000_000)),
                Bytes(written * 1_000_000),
                "{storage}"
            );
        }
    }
}
