//! IEM-HW-05: the storage that the offer declares is enough: by measurement, and by the envelope's quota where there is one.

use super::cold_starts::speak_for_the_module;
use super::growth;
use super::pre_07;
use super::ram_claim::claim;
use super::storage_quota::{self, Held};
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware::{self, Claim};
use crate::observation::{GoldenRun, Observed, StorageUse};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::units::Bytes;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-HW-05",
    slug: "declared-storage-is-enough",
    title: "The declared storage is enough",
    force: Forces::always(Force::Must),
    stages: &[Stage::Registry, Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Device dimensions",
    }],
    statement: "Image, writable layer, volumes and logs together take no more storage than the offer's hardware paragraph states.",
    remedy: "State the storage that was measured, rotate logs, or clean up what the module no longer needs.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let claim = claim(record)?;
    let claimed = claim.storage_bytes.ok_or_else(|| {
        Unseen::new(
            Reason::InputMissing,
            "the hardware paragraph states no storage, so there is no claim to test; see IEM-HW-02",
        )
    })?;
    let storage = match record.observations.storage.get() {
        Ok(storage) => storage,
        Err(unseen) => {
            // What kept the module from being created tells more than storage that was not seen for it.
            record.observations.creation.get()?;
            return Err(unseen);
        }
    };
    let parts = parts(storage);
    let seen = parts
        .iter()
        .filter_map(|(_, bytes)| bytes.as_ref().ok())
        .fold(Bytes(0), |sum, bytes| sum.saturating_add(*bytes));
    let saw = format!("{} in all: {}", decimal(seen), breakdown(&parts, storage));
    let wanted = format!(
        "at most {}, the storage claimed; nothing is set aside for operating system and runtime",
        decimal(claimed)
    );
    if seen > claimed {
        return Ok(too_much(&claim, &parts, seen, saw, wanted));
    }
    let held = storage_quota::held(record, claimed)?;
    if let Held::Bursts(words) = &held {
        // A module may need for a while what it does not keep: measured at the end it is not there.
        let remedy = storage_quota::remedy(&claim);
        return Ok(Outcome::unmet(
            format!("{words}; kept were {saw}"),
            wanted,
            remedy,
        ));
    }
    if let Some((name, Err(unseen))) = parts.iter().find(|(_, bytes)| bytes.is_err()) {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!("{name}: {}; the rest is {saw}", unseen.because),
        ));
    }
    speak_for_the_module(record)?;
    pre_07::measures_true(record, GoldenRun::storage_departs)?;
    if let Some(logs) = growth::of_logs(record, seen, claimed) {
        let remedy = "limit the log in the create options (reviewers see LogConfig as reaching for the host), or write less";
        let outcome = Outcome::concern(format!("{saw}; {logs}"), wanted, remedy);
        return Ok(outcome.with_paste(growth::ROTATION));
    }
    if let Some(grew) = growth::of_storage(record, seen, claimed) {
        let remedy = "clean up what the module no longer needs, or bound what it keeps";
        return Ok(Outcome::concern(format!("{saw}; {grew}"), wanted, remedy));
    }
    Ok(match held {
        Held::Holds(words) => Outcome::met(format!("{saw}; {words}"), wanted),
        Held::Unbounded | Held::Bursts(_) => Outcome::met(saw, wanted),
    })
}

type Part = (&'static str, Result<Bytes, Unseen>);

fn parts(storage: &StorageUse) -> [Part; 4] {
    let copied = |observed: &Observed<Bytes>| observed.get().copied();
    [
        ("image", Ok(storage.image)),
        ("writable layer", copied(&storage.writable)),
        ("volumes", copied(&storage.volumes)),
        ("logs", copied(&storage.logs)),
    ]
}

fn breakdown(parts: &[Part], storage: &StorageUse) -> String {
    let texts: Vec<String> = parts
        .iter()
        .map(|(name, bytes)| match bytes {
            Ok(bytes) => format!("{name} {}", decimal(*bytes)),
            Err(_) => format!("{name} unseen"),
        })
        .collect();
    format!("{} ({})", texts.join(", "), storage.method)
}

fn too_much(claim: &Claim, parts: &[Part], seen: Bytes, saw: String, wanted: String) -> Outcome {
    let largest = parts
        .iter()
        .filter_map(|(name, bytes)| Some((*name, *bytes.as_ref().ok()?)))
        .max_by_key(|(_, bytes)| *bytes);
    let where_to = largest.map_or("image", |(name, _)| name);
    let enough = round_up(seen);
    let paragraph = hardware::write(&Claim {
        storage_bytes: Some(enough),
        ..claim.clone()
    });
    let remedy = format!(
        "claim at least {} of storage, or make the {where_to} smaller",
        decimal(enough)
    );
    Outcome::unmet(saw, wanted, remedy).with_paste(paragraph)
}

/// A tenth on top, then to the next 50 MB, above 1 GB to the next 500 MB.
fn round_up(bytes: Bytes) -> Bytes {
    let needed = bytes.0.saturating_add(bytes.0 / 10);
    let step = if needed < 1_000_000_000 {
        50_000_000
    } else {
        500_000_000
    };
    Bytes(needed.div_ceil(step).saturating_mul(step))
}

/// Storage is written in decimal units: `12 MB`, `1.5 GB`, `812 B`.
fn decimal(bytes: Bytes) -> String {
    let (name, size) = match bytes.0 {
        0..1_000 => return format!("{} B", bytes.0),
        1_000..1_000_000 => ("kB", 1_000),
        1_000_000..1_000_000_000 => ("MB", 1_000_000),
        _ => ("GB", 1_000_000_000),
    };
    let (whole, tenths) = (bytes.0 / size, bytes.0 % size * 10 / size);
    if tenths == 0 {
        format!("{whole} {name}")
    } else {
        format!("{whole}.{tenths} {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::requirements::storage_quota::tests::with_quota;
    use crate::sample;

    fn with_storage(change: fn(&mut StorageUse)) -> Record {
        let mut record = sample::record();
        let Observed::Seen(storage) = &mut record.observations.storage else {
            panic!("the sample has storage");
        };
        change(storage);
        record
    }

    #[test]
    fn storage_within_the_claim_passes_with_its_parts() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "12 MB in all: image 12 MB, writable layer 40.9 kB, volumes 0 B, logs 4 kB (blocks of the overlay's upper directory)"
        );
        assert!(outcome.wanted.starts_with("at most 100 MB"));
    }

    #[test]
    fn storage_over_the_claim_fails_and_names_the_largest_part() {
        let record = with_storage(|storage| storage.volumes = Observed::Seen(Bytes(150_000_000)));
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(
            outcome.remedy.unwrap(),
            "claim at least 200 MB of storage, or make the volumes smaller"
        );
        assert!(outcome.paste.unwrap().contains("200 MB"));
    }

    #[test]
    fn an_unseen_part_is_inconclusive_unless_the_rest_is_too_much_already() {
        let unseen = with_storage(|storage| storage.logs = Observed::default());
        let why = judge(&unseen).unwrap_err();
        assert_eq!(why.reason, Reason::CannotMeasure);
        assert!(
            why.because.starts_with("logs: nothing has looked yet"),
            "{}",
            why.because
        );
        let too_much = with_storage(|storage| {
            storage.logs = Observed::default();
            storage.image = Bytes(100_000_001);
        });
        assert_eq!(judge(&too_much).unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn what_is_needed_for_a_while_and_not_kept_fails_by_the_quota() {
        let outcome = judge(&with_quota(3)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        for words in ["kept were 12 MB", "unpacking ⏎ write /data/7: No space"] {
            assert!(outcome.saw.contains(words), "{words}: {}", outcome.saw);
        }
        let held = judge(&with_quota(0)).unwrap();
        assert_eq!(held.kind, OutcomeKind::Met);
        assert!(
            held.saw.contains("a quota; volumes and logs"),
            "{}",
            held.saw
        );
    }

    #[test]
    fn without_a_claim_of_storage_there_is_nothing_to_compare() {
        let record = sample::record_claiming("Linux x64 OS, 512 MB of RAM");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }
}
