//! IEM-HW-04: the CPU that the offer declares is enough.

use super::cold_starts::{Tally, enough, speak_for_the_module};
use super::cpu_claim::{claimed_cores, cpu_is_as_claimed, in_words, is_slower_than_claimed};
use super::ram_claim::claim;
use super::{pre_05, pre_07};
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware::{self, Claim};
use crate::observation::{EnvelopeRun, GoldenRun, Health, Start, Usage};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::units::Millis;

/// Held back in so many periods, a module lives at its limit.
const SATURATED: f64 = 0.5;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-HW-04",
    slug: "declared-cpu-is-enough",
    title: "The declared CPU is enough",
    force: Forces::always(Force::Must),
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Device dimensions",
    }],
    statement: "The module becomes healthy in time and is not starved on the CPU that its offer declares.",
    remedy: "Declare the cores and clock that the saturated phase needs, or make that phase cheaper.",
    judge: Judge::By(judge),
};

/// Only starts under a quota equal to the claim count. Failed ones speak against the CPU where nothing else can be the cause.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let claim = claim(record)?;
    record.observations.creation.get()?;
    if claim.cpu_cores.is_none() && claim.cpu_hz.is_none() {
        return Ok(unclaimed(record, &claim));
    }
    cpu_is_as_claimed(record, &claim)?;
    let Some(cores) = claimed_cores(record, &claim)? else {
        return Ok(unclaimed(record, &claim));
    };
    let told = in_words(&claim, cores);
    let wanted = format!("every start healthy on {told}, not held back in most periods");
    speak_for_the_module(record)?;
    pre_07::measures_true(record, GoldenRun::cores_depart)?;
    let run = record.observations.envelope.get()?;
    let tally = Tally::of(&run.starts);
    if !tally.failed.is_empty() {
        return too_slow(record, &claim, run, &tally, wanted);
    }
    enough(record, &run.starts, "envelope starts")?;
    let took = in_time(record, run);
    let throttled = run
        .limits
        .cores
        .map(|_| worst_throttling(run))
        .transpose()?;
    Ok(match throttled {
        Some((share, phase)) if share >= SATURATED => Outcome::marginal(
            format!(
                "{} on {told}{took}; held back in {:.0} % of the periods of {phase}",
                tally.count(),
                share * 100.0
            ),
            wanted,
        ),
        Some((share, _)) => Outcome::met(
            format!(
                "{} on {told}{took}; held back in at most {:.0} % of the periods",
                tally.count(),
                share * 100.0
            ),
            wanted,
        ),
        None => Outcome::met(
            format!("{} on {told}, all that the device has{took}", tally.count()),
            wanted,
        ),
    })
}

/// No claim of CPU: a warning with what was measured.
fn unclaimed(record: &Record, claim: &Claim) -> Outcome {
    let (cores, saw) = match most_cores(record) {
        Some((cores, phase)) => (
            whole_cores(cores),
            format!(
                "the hardware paragraph states no CPU; the module took {cores:.2} cores in {phase}"
            ),
        ),
        None => (1, "the hardware paragraph states no CPU".to_owned()),
    };
    let paragraph = hardware::write(&Claim {
        cpu_cores: Some(cores),
        ..claim.clone()
    });
    let noun = if cores == 1 { "core" } else { "cores" };
    Outcome::concern(
        saw,
        "cores, and a clock where it matters",
        format!("state the CPU that the module needs, for example {cores} {noun}"),
    )
    .with_paste(paragraph)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to a number of cores"
)]
fn whole_cores(cores: f64) -> u32 {
    cores.ceil().clamp(1.0, 1024.0) as u32
}

/// The busiest second by the 95th percentile, without limits, and its phase.
fn most_cores(record: &Record) -> Option<(f64, String)> {
    let cores = |usage: &Usage| usage.cpu.seen().map(|cpu| cpu.cores_p95);
    let seen = &record.observations;
    let starts = seen.starts.iter().enumerate().filter_map(|(index, start)| {
        let cores = start.usage.seen().and_then(cores)?;
        Some((cores, format!("start {}", index + 1)))
    });
    let steady = seen.steady.seen().and_then(cores);
    starts
        .chain(steady.map(|cores| (cores, "steady".to_owned())))
        .filter(|(cores, _)| cores.is_finite())
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
}

fn too_slow(
    record: &Record,
    claim: &Claim,
    run: &EnvelopeRun,
    tally: &Tally<'_>,
    wanted: String,
) -> Result<Outcome, Unseen> {
    let account = tally.account();
    let unseen = |reason, why: &str| Err(Unseen::new(reason, format!("{why}: {account}")));
    if let Some(trouble) = tally
        .failed
        .iter()
        .find(|failed| failed.cause.is_not_the_modules())
    {
        return unseen(Reason::Infrastructure, &trouble.account());
    }
    if tally.killed_for_memory() {
        let why = "what was killed for memory says nothing of the CPU, see IEM-HW-07";
        return unseen(Reason::InputMissing, why);
    }
    if tally.healthy > 0 {
        return unseen(Reason::Unstable, "the starts on the claimed CPU disagree");
    }
    if is_slower_than_claimed(record, claim) {
        let why = "the device is slower than the clock claimed";
        return unseen(Reason::CannotMeasure, why);
    }
    pre_05::time_counts(record)?;
    let held_back = run
        .limits
        .cores
        .map(|_| worst_throttling(run))
        .transpose()?;
    match held_back {
        Some((share, phase)) if share >= SATURATED => {
            let saw = format!(
                "{account}; held back in {:.0} % of the periods of {phase}",
                share * 100.0
            );
            let needs = most_cores(record).map_or_else(
                || "claim more cores".to_owned(),
                |(cores, phase)| {
                    format!("without limits it took {cores:.2} cores in {phase}: claim as much")
                },
            );
            Ok(Outcome::unmet(
                saw,
                wanted,
                format!("{needs}, or make that phase cheaper"),
            ))
        }
        Some(_) | None => unseen(
            Reason::CannotMeasure,
            "the module was not held back in most periods, so its memory limit may be the cause, see IEM-HW-07",
        ),
    }
}

/// The start that was held back most: share of its periods, and its phase.
fn worst_throttling(run: &EnvelopeRun) -> Result<(f64, String), Unseen> {
    let mut worst = (0.0_f64, "no start".to_owned());
    for (index, start) in run.starts.iter().enumerate() {
        let throttled = start.usage.get()?.cpu.get()?.throttled.ok_or_else(|| {
            Unseen::new(
                Reason::CannotMeasure,
                "the kernel tells nothing about throttling inside the claim's quota",
            )
        })?;
        #[allow(
            clippy::cast_precision_loss,
            reason = "period counts are far below 2^52"
        )]
        let share = throttled.throttled_periods as f64 / throttled.periods.max(1) as f64;
        if share > worst.0 {
            worst = (share, format!("envelope {}", index + 1));
        }
    }
    Ok(worst)
}

/// `, healthy after 310 ms instead of 300 ms` where both are known.
fn in_time(record: &Record, run: &EnvelopeRun) -> String {
    let slowest = |starts: &[Start]| -> Option<Millis> {
        let times = starts.iter().filter_map(|start| match start.health {
            Health::Healthy { after, .. } => Some(after),
            Health::Unhealthy { .. } => None,
        });
        times.max()
    };
    match (slowest(&run.starts), slowest(&record.observations.starts)) {
        (Some(inside), Some(free)) => {
            format!(", healthy after {inside} at the latest, {free} without limits")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{Cause, Observed, Throttling};
    use crate::sample;

    const TWO: &str = "Linux x64 OS, 512 MB of RAM, 2 cores, 100 MB of storage";

    /// The sample claiming two cores, each envelope start held back in so many of 100 periods.
    fn held_back(periods: u64) -> Record {
        let mut record = sample::record_claiming(TWO);
        let Observed::Seen(run) = &mut record.observations.envelope else {
            panic!("the sample has an envelope run");
        };
        run.limits.cores = Some(2.0);
        for start in &mut run.starts {
            let Observed::Seen(usage) = &mut start.usage else {
                panic!("the sample's starts are measured");
            };
            let Observed::Seen(cpu) = &mut usage.cpu else {
                panic!("the sample's starts have a CPU");
            };
            cpu.throttled = Some(Throttling {
                periods: 100,
                throttled_periods: periods,
                throttled_us: 0,
            });
        }
        record
    }

    fn late(mut record: Record) -> Record {
        let Observed::Seen(run) = &mut record.observations.envelope else {
            panic!("the sample has an envelope run");
        };
        for start in &mut run.starts {
            start.health = Health::Unhealthy {
                cause: Cause::NotReady,
                detail: "not ready after 90.0 s".to_owned(),
                missing: vec!["8080/tcp listening".to_owned()],
            };
        }
        record
    }

    #[test]
    fn without_a_claim_of_cpu_it_warns_with_what_was_measured() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert_eq!(
            outcome.saw,
            "the hardware paragraph states no CPU; the module took 0.05 cores in steady"
        );
        assert!(outcome.paste.unwrap().contains("1 CPU core"));
    }

    #[test]
    fn enough_cores_pass_and_few_free_periods_are_marginal() {
        let outcome = judge(&held_back(3)).unwrap();
        assert_eq!((outcome.kind, outcome.marginal), (OutcomeKind::Met, false));
        assert!(outcome.saw.contains("at most 3 %"), "{}", outcome.saw);
        assert!(judge(&held_back(60)).unwrap().marginal);
    }

    #[test]
    fn a_module_starved_on_its_claim_fails() {
        let outcome = judge(&late(held_back(97))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(outcome.saw.contains("held back in 97 %"), "{}", outcome.saw);
    }

    #[test]
    fn on_a_noisy_device_lateness_is_unstable() {
        let mut record = late(held_back(97));
        record.observations.noise[0].other_cores = Observed::Seen(2.5);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Unstable);
        assert!(judge(&held_back(3)).is_ok());
    }

    #[test]
    fn late_without_being_held_back_is_not_the_cpus() {
        let unseen = judge(&late(held_back(2))).unwrap_err();
        assert_eq!(unseen.reason, Reason::CannotMeasure);
    }

    #[test]
    fn an_emulated_device_and_a_clock_without_rows_stay_open() {
        let mut emulated = held_back(3);
        emulated.device.emulated = true;
        let unseen = judge(&emulated).unwrap_err();
        assert!(unseen.because.contains("emulated"), "{}", unseen.because);
        let clock =
            sample::record_claiming("Linux x64 OS, 512 MB of RAM, 1 GHz, 100 MB of storage");
        let unseen = judge(&clock).unwrap_err();
        assert!(
            unseen.because.contains("edgeproof calibrate"),
            "{}",
            unseen.because
        );
    }

    #[test]
    fn a_clock_with_rows_is_judged_by_a_scaled_quota() {
        let words = "Linux x64 OS, 512 MB of RAM, dual-core 1 GHz CPU, 100 MB of storage";
        let mut record = held_back(3);
        record.offer.listing.description = sample::record_claiming(words).offer.listing.description;
        let model = record.device.cpu_model.clone();
        let own = crate::calibration::Row {
            cpu_model: model,
            hz: Some(3_000_000_000),
            speed: 100.0,
            ..sample::row()
        };
        let reference = crate::calibration::Row {
            cpu_model: Some("slow".to_owned()),
            hz: Some(1_000_000_000),
            speed: 40.0,
            ..sample::row()
        };
        record.run.options.calibration = vec![own, reference];
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Configuration);
        if let Observed::Seen(run) = &mut record.observations.envelope {
            run.limits.cores = Some(0.8);
        }
        let outcome = judge(&record).unwrap();
        assert!(
            outcome.saw.contains("0.80 cores of this device"),
            "{}",
            outcome.saw
        );
    }
}
