//! IEM-DEV-03: a module that needs more than a Raspberry Pi says so.

use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware::{self, Claim};
use crate::observation::PlatformRun;
use crate::offer::ClaimScope;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::units::Bytes;

/// Raspberry Pi class: the board of the time when the programme was written.
///
/// Source: Raspberry Pi 3 Model B+ product brief (2018): four cores at 1.4 GHz, 1 GB of LPDDR2 SDRAM.
const PI_CORES: u32 = 4;
const PI_MEMORY: Bytes = Bytes::mib(1024);
const PI_HZ: u64 = 1_400_000_000;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-DEV-03",
    slug: "needs-above-pi-class-are-stated",
    title: "Needs above Raspberry Pi class are stated",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Device],
    scopes: &[ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Device dimensioning",
    }],
    statement: "A module that needs more than a device of Raspberry Pi class says in its description what it needs.",
    remedy: "State in the description which CPU, RAM, storage or accelerator the module needs.",
    judge: Judge::ByFleet(judge),
};

fn judge(record: &Record, runs: &[PlatformRun]) -> Result<Outcome, Unseen> {
    let wanted = format!(
        "healthy on a device of Raspberry Pi class (at most {PI_CORES} cores and {PI_MEMORY} of RAM), or a hardware paragraph that asks for more"
    );
    let pis: Vec<&PlatformRun> = runs.iter().filter(|run| is_pi_class(run)).collect();
    let healthy = || pis.iter().filter(|run| run.is_healthy());
    // An emulated device shows memory and start-up as well as a board does. Its CPU says nothing, but a start that was only
    // late there is no failure either.
    let best = healthy().find(|run| !run.emulated).or(healthy().next());
    if let Some(run) = best {
        let but = if run.emulated {
            "; this shows its memory and start-up, not its CPU"
        } else {
            ""
        };
        return Ok(Outcome::not_applicable(
            format!("healthy at Raspberry Pi class: {}{but}", size(run)),
            wanted,
        ));
    }
    let Some(failed) = pis.iter().find(|run| run.has_failed()) else {
        return Err(match pis.first() {
            Some(run) => Unseen::new(
                run.starts_healthy.reason.unwrap_or(Reason::InputMissing),
                format!("{}: {}", size(run), run.starts_healthy.saw),
            ),
            None => Unseen::new(
                Reason::InputMissing,
                format!(
                    "no run on a device of Raspberry Pi class, at most {PI_CORES} cores and {PI_MEMORY} of RAM; `edgeproof device start arm32` gives an emulated one"
                ),
            ),
        });
    };
    let saw = format!("not healthy on {}", size(failed));
    Ok(match stated(record) {
        Some(need) => Outcome::met(format!("{saw}, and the paragraph asks for {need}"), wanted),
        None => Outcome::unmet(
            format!(
                "{saw} ({}), and the hardware paragraph asks for no more than that class has",
                failed.starts_healthy.saw
            ),
            wanted,
            "claim in the hardware paragraph the RAM, cores, clock or accelerator that the module needs, or make it start on less",
        ),
    })
}

/// Cores and memory must both be known and small; the device's own account of its memory is a little below the chip's.
fn is_pi_class(run: &PlatformRun) -> bool {
    run.cores.is_some_and(|cores| cores <= PI_CORES)
        && run.memory.is_some_and(|memory| memory <= PI_MEMORY)
}

fn size(run: &PlatformRun) -> String {
    let memory = run.memory.map_or_else(String::new, |it| it.to_string());
    let cores = match run.cores {
        Some(1) => "1 core".to_owned(),
        cores => format!("{} cores", cores.unwrap_or_default()),
    };
    format!("{} with {cores} and {memory}", run.named())
}

/// What the paragraph asks for above the class.
fn stated(record: &Record) -> Option<String> {
    let claim = hardware::read(&record.offer.listing.description)?.claim;
    let ram = whole_device(&claim, record).filter(|ram| *ram > PI_MEMORY);
    let needs = [
        ram.map(|ram| format!("{ram} of RAM")),
        claim
            .cpu_cores
            .filter(|cores| *cores > PI_CORES)
            .map(|cores| format!("{cores} cores")),
        claim
            .cpu_hz
            .filter(|hz| *hz > PI_HZ)
            .map(|hz| format!("a clock of {} MHz", hz / 1_000_000)),
        claim.gpu,
    ];
    let needs: Vec<String> = needs.into_iter().flatten().collect();
    (!needs.is_empty()).then(|| needs.join(", "))
}

fn whole_device(claim: &Claim, record: &Record) -> Option<Bytes> {
    let ram = claim.ram_bytes?;
    Some(match record.offer.plan.claim_scope {
        ClaimScope::Device => ram,
        ClaimScope::Module => ram.saturating_add(record.run.reserve.memory),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::sample;

    fn pi() -> PlatformRun {
        PlatformRun {
            cores: Some(4),
            memory: Some(Bytes::mib(909)),
            ..sample::platform_run("pi3", "linux/arm/v7")
        }
    }

    fn failed() -> PlatformRun {
        let mut run = pi();
        run.starts_healthy.verdict = Verdict::Fail;
        run.starts_healthy.saw = "0 of 3 starts healthy".to_owned();
        run
    }

    #[test]
    fn healthy_at_pi_class_needs_no_words() {
        let outcome = judge(&sample::record(), &[pi()]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
        assert_eq!(
            outcome.saw,
            "healthy at Raspberry Pi class: pi3 (Contoso Box 2) with 4 cores and 909 MiB"
        );
    }

    #[test]
    fn an_emulated_device_counts_for_memory_and_start_up_and_says_so() {
        let mut run = pi();
        run.emulated = true;
        let outcome = judge(&sample::record(), &[run]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
        assert!(outcome.saw.ends_with("not its CPU"), "{}", outcome.saw);
    }

    #[test]
    fn a_module_that_fails_there_without_a_word_fails() {
        let outcome = judge(&sample::record(), &[failed()]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.contains("0 of 3 starts healthy"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn a_paragraph_that_asks_for_more_meets_it() {
        for (words, told) in [
            ("Linux x64 OS, 4 GB of RAM, 1 GB of storage", "4 GiB of RAM"),
            ("Linux x64 OS, 8 cores, 1 GB of RAM", "8 cores"),
        ] {
            let outcome = judge(&sample::record_claiming(words), &[failed()]).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Met, "{words}");
            assert!(outcome.saw.ends_with(told), "{}", outcome.saw);
        }
    }

    #[test]
    fn a_claim_for_the_module_alone_counts_with_the_device_s_reserve() {
        let words = "Linux x64 OS, 900 MB of RAM, 1 GB of storage";
        let mut record = sample::record_claiming(words);
        let kind = |record: &Record| judge(record, &[failed()]).unwrap().kind;
        assert_eq!(kind(&record), OutcomeKind::Unmet);
        record.offer.plan.claim_scope = ClaimScope::Module;
        assert_eq!(kind(&record), OutcomeKind::Met);
    }

    #[test]
    fn larger_devices_alone_leave_it_undecided() {
        let run = sample::platform_run("box", "linux/amd64");
        let unseen = judge(&sample::record(), &[run]).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
        let mut open = failed();
        open.starts_healthy.verdict = Verdict::Inconclusive;
        open.starts_healthy.reason = Some(Reason::CannotMeasure);
        let unseen = judge(&sample::record(), &[open]).unwrap_err();
        assert_eq!(unseen.reason, Reason::CannotMeasure);
    }
}
