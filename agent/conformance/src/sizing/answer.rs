//! The answer of a minimum search: the numbers that were found, and the claim they make.

use serde::Serialize;

use super::{Proposal, Result, propose, result};
use crate::create_options::{CreateOptions, gpu_asks};
use crate::finding::{Reason, Unseen};
use crate::hardware::{self, Claim};
use crate::observation::{Limits, Observed, StorageUse, Tries};
use crate::offer::ClaimScope;
use crate::record::{DeviationKind, Reserve};
use crate::report::Report;
use crate::units::Bytes;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Least memory in bytes.
    pub memory: Observed<Minimum>,
    /// Least CPU in thousandths of a core.
    pub millicores: Observed<Minimum>,
    /// Least room for the writable layer in bytes, where the storage driver has a quota.
    pub writable: Observed<Minimum>,
    /// Image, writable layer, volumes and logs together: measured, the writable layer as it was found where it was searched.
    pub storage: Observed<Bytes>,
    /// What the claim speaks of.
    pub scope: ClaimScope,
    /// What a claim of the device has on top of the module's memory.
    pub reserve: Reserve,
    /// The offer's claim with these numbers in it.
    pub claim: Claim,
    /// Accelerators that every start was given, as the createOptions ask, and that the claim does not name: whether the module
    /// needs them is IEM-HW-06's to find.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unclaimed_accelerators: Vec<String>,
}

/// The least of one quantity under which the module is healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Minimum {
    /// The smallest limit above all that failed; it fitted every time it was tried.
    pub limit: u64,
    /// How often it fitted.
    pub fitted: u32,
    /// The largest limit that failed; absent where hardly a smaller one can be tried: the engine's own start needs it.
    pub below: Option<u64>,
    /// Equal limits disagreed, or a lower one fitted where a higher one did not: a higher minimum was taken.
    pub unstable: bool,
    /// Both ends were repeated, and they are as near as planned.
    pub settled: bool,
    /// The module takes more where it may: this is the smallest limit proven, not what it would like to have.
    pub adapts: bool,
    /// Starts under limits.
    pub tries: usize,
}

/// The answer that a report holds.
///
/// # Errors
/// The run did not search, or could not begin to.
pub fn answer(report: &Report, scope: ClaimScope) -> std::result::Result<Answer, Unseen> {
    let seen = &report.observations;
    let sizing = seen.sizing.get()?;
    let minimum = |tries: &Observed<Tries>, unit: fn(&Limits) -> u64| {
        let tries = tries.get()?;
        let result = result(&sizing.unlimited, tries, unit);
        proven(&result, tries)
    };
    let memory: Observed<Minimum> = minimum(&sizing.memory, Limits::memory_bytes).into();
    // A core search happens inside a memory limit: what the module takes there says nothing about cores.
    let millicores = minimum(&sizing.cores, Limits::millicores).map(|minimum| Minimum {
        adapts: false,
        ..minimum
    });
    let millicores: Observed<Minimum> = millicores.into();
    let writable = minimum(&sizing.storage, Limits::storage_room).map(|minimum| Minimum {
        adapts: false,
        ..minimum
    });
    let room = writable.as_ref().ok().map(|minimum| Bytes(minimum.limit));
    let storage = seen.storage.get();
    let storage: Observed<Bytes> = storage.and_then(|used| total(used, room)).into();
    let reserve = report.run.reserve.clone();
    let claimed = hardware::read(&report.offer.listing.description);
    let claimed = claimed.map_or_else(|| platforms(report), |paragraph| paragraph.claim);
    let found = Proposal {
        memory: memory.seen().map(|minimum| Bytes(minimum.limit)),
        millicores: millicores.seen().map(|minimum| minimum.limit),
        storage: storage.seen().copied(),
    };
    let unclaimed = match claimed.gpu {
        None if !withheld(report) => accelerators(&report.offer.plan.create_options),
        Some(_) | None => Vec::new(),
    };
    Ok(Answer {
        claim: propose(&claimed, &found, scope, &reserve),
        memory,
        millicores,
        writable: writable.into(),
        storage,
        scope,
        reserve,
        unclaimed_accelerators: unclaimed,
    })
}

/// Whether the starts had to do without accelerators, as in reports from when a search withheld them.
fn withheld(report: &Report) -> bool {
    let mut deviations = report.deviations.iter();
    deviations.any(|one| one.kind == DeviationKind::Envelope && one.what == "accelerators")
}

/// What createOptions ask for of accelerators; nothing, where they cannot be read: then nothing was started either.
fn accelerators(options: &str) -> Vec<String> {
    let asks = CreateOptions::parse(options).map(|options| gpu_asks(options.value()));
    let asks = asks.unwrap_or_default().into_iter();
    asks.map(|ask| format!("{} ({})", ask.what, ask.pointer))
        .collect()
}

/// A minimum counts only if it fitted as often as planned.
fn proven(result: &Result, tries: &Tries) -> std::result::Result<Minimum, Unseen> {
    let found = result.found;
    match found.minimum {
        Some(limit) if found.fitted >= tries.plan.repeats => Ok(Minimum {
            limit,
            fitted: found.fitted,
            below: found.below,
            unstable: found.unstable,
            settled: found.settled,
            adapts: result.adapts,
            tries: result.tries,
        }),
        Some(_) => Err(Unseen::new(
            Reason::Unstable,
            format!(
                "after {} starts no limit was healthy {} times in a row: repeats disagree, or the run ended early",
                result.tries, tries.plan.repeats
            ),
        )),
        None => Err(Unseen::new(
            Reason::Unstable,
            format!(
                "of {} starts under limits none was healthy above all that failed, though the module is healthy without",
                result.tries
            ),
        )),
    }
}

/// All storage, if every part was seen: with the room that was found for the writable layer in the place of what was in it,
/// since a module may need more for a while than it keeps.
fn total(storage: &StorageUse, room: Option<Bytes>) -> std::result::Result<Bytes, Unseen> {
    let writable = match room {
        Some(room) => room,
        None => *storage.writable.get()?,
    };
    let others = [&storage.volumes, &storage.logs];
    let all = others.into_iter().try_fold(storage.image, |sum, part| {
        Ok(sum.saturating_add(*part.get()?))
    })?;
    Ok(all.saturating_add(writable))
}

/// What an offer without a hardware paragraph says of its platforms elsewhere.
fn platforms(report: &Report) -> Claim {
    let mut claim = Claim::default();
    for platform in &report.offer.plan.platforms {
        let words = platform.to_string();
        let (os, architecture) = words.split_once('/').unwrap_or((&words, ""));
        for (list, word) in [
            (&mut claim.os, os),
            (&mut claim.architectures, architecture),
        ] {
            if !word.is_empty() && !list.iter().any(|known| known == word) {
                list.push(word.to_owned());
            }
        }
    }
    claim
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Sizing, Try, Unlimited};
    use crate::record::Deviation;
    use crate::requirements::CATALOGUE;
    use crate::sample;
    use crate::sizing::Plan;
    use crate::units::Millis;
    use serde_json::Value;

    fn report(tries: &[(u64, bool)]) -> Report {
        let mut record = sample::record();
        let unlimited = Unlimited {
            after: Millis(400),
            peak: Bytes::mib(310),
            nonreclaimable_peak: Bytes::mib(300),
            cores_max: Observed::Seen(0.4),
        };
        let tries = tries.iter().map(|(limit, fits)| Try {
            limits: Limits {
                memory: Some(Bytes::mib(*limit)),
                cores: None,
                storage: None,
            },
            watched: Millis(2_000),
            fits: *fits,
            after: None,
            peak: None,
            nonreclaimable_peak: None,
            cause: None,
            detail: None,
        });
        record.observations.sizing = Observed::Seen(Sizing {
            allowed: Millis(1_400),
            memory: Observed::Seen(Tries {
                plan: Plan::memory(unlimited.peak, Bytes(0), Bytes::mib(8_192)),
                tries: tries.collect(),
            }),
            cores: Observed::unseen(Reason::CannotMeasure, "emulated"),
            storage: Observed::default(),
            unlimited,
        });
        Report::judge(record, CATALOGUE)
    }

    #[test]
    fn a_minimum_that_was_repeated_becomes_the_claim() {
        let report = report(&[
            (310, true),
            (300, false),
            (310, true),
            (310, true),
            (300, false),
        ]);
        let answer = answer(&report, ClaimScope::Device).unwrap();
        let minimum = answer.memory.get().unwrap();
        assert_eq!((minimum.limit, minimum.below), (310 << 20, Some(300 << 20)));
        assert!(minimum.settled);
        assert_eq!(answer.claim.ram_bytes, Some(Bytes::mib(768)));
        assert_eq!(
            answer.millicores.get().unwrap_err().reason,
            Reason::CannotMeasure
        );
    }

    #[test]
    fn one_healthy_start_is_no_minimum_and_the_claim_stays() {
        let report = report(&[(310, true), (300, false)]);
        let answer = answer(&report, ClaimScope::Device).unwrap();
        assert_eq!(answer.memory.get().unwrap_err().reason, Reason::Unstable);
        let claimed = hardware::read(&report.offer.listing.description)
            .unwrap()
            .claim;
        assert_eq!(answer.claim.ram_bytes, claimed.ram_bytes);
    }

    #[test]
    fn the_room_that_was_found_takes_the_place_of_what_the_layer_kept() {
        let mut report = report(&[(310, true), (300, false), (310, true), (310, true)]);
        let before = *answer(&report, ClaimScope::Device)
            .unwrap()
            .storage
            .get()
            .unwrap();
        let Observed::Seen(sizing) = &mut report.observations.sizing else {
            panic!("the report has a search");
        };
        let Observed::Seen(mut tries) = sizing.memory.clone() else {
            panic!("it searched for memory");
        };
        tries.plan = Plan::storage(Bytes::mib(40));
        for (one, room) in tries.tries.iter_mut().zip([40, 30, 40, 30]) {
            let room = Bytes::mib(room);
            let quota = crate::storage_quota::StorageQuota::leaving(room, Bytes(0), "overlay2");
            one.limits.storage = Some(quota.unwrap());
            one.fits = room == Bytes::mib(40);
        }
        sizing.storage = Observed::Seen(tries);
        let answer = answer(&report, ClaimScope::Device).unwrap();
        assert_eq!(answer.writable.get().unwrap().limit, Bytes::mib(40).0);
        let kept = 40_960;
        assert_eq!(
            answer.storage.get().unwrap().0,
            before.0 - kept + Bytes::mib(40).0
        );
    }

    #[test]
    fn an_accelerator_that_every_start_had_and_the_claim_does_not_name_is_told() {
        let mut report = report(&[(310, true), (300, false), (310, true), (310, true)]);
        let told = |report: &Report| {
            let answer = answer(report, ClaimScope::Device).unwrap();
            (answer.unclaimed_accelerators, answer.claim.gpu)
        };
        assert_eq!(told(&report), (Vec::new(), None));
        report.offer.plan.create_options =
            r#"{"HostConfig": {"Devices": [{"PathOnHost": "/dev/dri"}]}}"#.to_owned();
        let asked = vec!["/dev/dri (/HostConfig/Devices/0)".to_owned()];
        assert_eq!(told(&report), (asked, None));
        let mut before = report.clone();
        before.deviations.push(Deviation {
            kind: DeviationKind::Envelope,
            what: "accelerators".to_owned(),
            reason: "withheld".to_owned(),
            default: Value::Null,
            used: Value::Null,
        });
        assert_eq!(told(&before), (Vec::new(), None));
        let description = &mut report.offer.listing.description;
        *description = description.replace("100 MB of storage", "100 MB of storage, GPU");
        assert_eq!(told(&report), (Vec::new(), Some("GPU".to_owned())));
    }

    #[test]
    fn a_run_that_did_not_search_has_no_answer() {
        let report = Report::judge(sample::record(), CATALOGUE);
        assert!(answer(&report, ClaimScope::Device).is_err());
    }
}
