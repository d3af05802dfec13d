//! IEM-PRE-03: a storage limit really bites on this device, or storage is measured and not limited.

use crate::finding::{Outcome, Reason, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PRE-03",
    slug: "storage-limit-is-enforced",
    title: "A storage limit can be enforced, or storage is only measured",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::Edgeproof,
        heading: "Preconditions of the probe",
    }],
    statement: "Before a verdict rests on a storage limit, a container over it could not write on; where the storage driver has no limits, storage is measured and said to be.",
    remedy: "Use a storage driver with quotas; without one storage is measured, not limited.",
    judge: Judge::By(judge),
};

/// The envelope has a quota only where it was shown to bite; without one IEM-HW-05 judges by measurement alone.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let proof = record.observations.limits.storage.get()?;
    let wanted = "no room beyond the limit, or a storage driver that has no limits and says so";
    if let Some(words) = &proof.refused {
        return Ok(Outcome::not_applicable(
            format!("storage is measured, not limited: the engine says `{words}`"),
            wanted,
        ));
    }
    let wrote = match proof.wrote {
        Some(wrote) => format!("wrote {wrote}"),
        None => "did not say what it wrote".to_owned(),
    };
    let saw = format!(
        "a container limited to {} of storage that tried to write {} {wrote}",
        proof.limit, proof.tried
    );
    if proof.bites() {
        return Ok(Outcome::met(saw, wanted));
    }
    Err(Unseen::new(Reason::CannotMeasure, saw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Observed, StorageLimitProof};
    use crate::sample;
    use crate::units::Bytes;

    fn with(change: fn(&mut StorageLimitProof)) -> Record {
        let mut record = sample::record();
        let Observed::Seen(proof) = &mut record.observations.limits.storage else {
            panic!("the sample has a storage proof");
        };
        change(proof);
        record
    }

    #[test]
    fn a_container_stopped_at_its_limit_proves_it() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "a container limited to 16 MiB of storage that tried to write 32 MiB wrote 15 MiB"
        );
    }

    #[test]
    fn a_driver_without_limits_is_told_in_the_engines_words() {
        let record = with(|proof| {
            proof.refused = Some("overlay over xfs only".to_owned());
            proof.wrote = None;
        });
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
        assert!(outcome.saw.contains("overlay over xfs only"));
    }

    #[test]
    fn a_limit_that_lets_everything_through_is_not_proven() {
        for change in [
            (|proof| proof.wrote = Some(Bytes::mib(32))) as fn(&mut StorageLimitProof),
            |proof| proof.wrote = None,
            |proof| proof.wrote = Some(Bytes(0)),
        ] {
            assert_eq!(
                judge(&with(change)).unwrap_err().reason,
                Reason::CannotMeasure
            );
        }
    }
}
