//! IEM-HW-06: what the offer says of a GPU or accelerator is true.

use super::cold_starts::{Failed, Tally, speak_for_the_module};
use super::ram_claim::claim;
use crate::create_options::{CreateOptions, GpuAsk, gpu_asks};
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware::{self, Claim};
use crate::observation::{Cause, GpuLoad};
use crate::record::{DeviationKind, Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-HW-06",
    slug: "accelerator-claim-is-true",
    title: "GPU and accelerator statements are true",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Device dimensions",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Device dimensioning",
        },
    ],
    statement: "What the offer says of a GPU or accelerator agrees with what the module opens and uses.",
    remedy: "Add the accelerator to the hardware paragraph, or remove it where the module runs without one.",
    judge: Judge::By(judge),
};

/// A device that is asked for and not claimed is a mismatch whatever a run shows: the engine refuses the module on a board
/// without it. A claim needs a board that has one.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let claim = claim(record)?;
    let asks = CreateOptions::parse(&record.offer.plan.create_options)
        .map(|options| gpu_asks(options.value()))
        .map_err(|_| {
            Unseen::new(
                Reason::InputMissing,
                "the createOptions cannot be read; see IEM-CFG-03",
            )
        })?;
    match (&claim.gpu, asks.as_slice()) {
        (None, []) => neither(record),
        (None, asks) => Ok(unclaimed(record, &claim, asks)),
        (Some(gpu), []) => Ok(Outcome::concern(
            format!(
                "the hardware paragraph names {gpu}, and nothing in the createOptions gives the module one"
            ),
            "createOptions that ask for the accelerator claimed",
            "ask for the device in createOptions (Devices or DeviceRequests), or remove the accelerator from the hardware paragraph",
        )),
        (Some(gpu), asks) => claimed(record, gpu, asks),
    }
}

fn neither(record: &Record) -> Result<Outcome, Unseen> {
    record.observations.creation.get()?;
    let opened = record.observations.gpu.seen();
    if let Some(used) = opened.filter(|used| used.clients > 0) {
        return Ok(Outcome::unmet(
            format!(
                "the module has a GPU open ({}), which the hardware paragraph does not name",
                used.drivers.join(", ")
            ),
            "a hardware paragraph that names the accelerator used",
            "name the accelerator in the hardware paragraph",
        ));
    }
    Ok(Outcome::not_applicable(
        "the offer names no accelerator and its createOptions ask for none",
        "an accelerator that is claimed, asked for and used",
    ))
}

fn unclaimed(record: &Record, claim: &Claim, asks: &[GpuAsk]) -> Outcome {
    let saw = format!(
        "the createOptions ask for {}, and the hardware paragraph names no accelerator",
        in_words(asks)
    );
    let wanted = "a hardware paragraph that names every accelerator asked for";
    let paragraph = paragraph_with_one(claim);
    match without_it(record) {
        Some(Ok(count)) => Outcome::unmet(
            format!("{saw}; with it withheld: {count}"),
            wanted,
            format!("the module starts without it: remove {}", in_words(asks)),
        ),
        Some(Err(account)) => Outcome::unmet(
            format!("{saw}; with it withheld: {account}"),
            wanted,
            "the module needs it: name the accelerator in the hardware paragraph",
        )
        .with_paste(paragraph),
        None => Outcome::unmet(
            saw,
            wanted,
            format!(
                "name the accelerator in the hardware paragraph, or remove {} from the createOptions",
                in_words(asks)
            ),
        )
        .with_paste(paragraph),
    }
}

/// The hardware paragraph of a claim, with an accelerator beside what it has.
pub(super) fn paragraph_with_one(claim: &Claim) -> String {
    hardware::write(&Claim {
        gpu: Some("GPU".to_owned()),
        ..claim.clone()
    })
}

/// Whether the envelope starts had to do without an accelerator that the createOptions ask for.
pub(super) fn withheld(record: &Record) -> bool {
    record.deviations.iter().any(|deviation| {
        deviation.kind == DeviationKind::Envelope && deviation.what == "accelerators"
    })
}

/// How the envelope starts came out with the accelerator withheld; `None` where there were none, or where another limit than
/// this one may have ended them.
fn without_it(record: &Record) -> Option<Result<String, String>> {
    let envelope = record.observations.envelope.seen();
    let run = envelope.filter(|_| withheld(record))?;
    let tally = Tally::of(&run.starts);
    if tally.failed.iter().any(failed_for_something_else) {
        return None;
    }
    Some(match (tally.healthy, tally.failed.as_slice()) {
        (0, []) => return None,
        (_, []) => Ok(tally.count()),
        (_, _) => Err(tally.account()),
    })
}

fn failed_for_something_else(failed: &Failed<'_>) -> bool {
    let something_else = matches!(
        failed.cause,
        Cause::OutOfMemory | Cause::OutOfStorage | Cause::PortInUse | Cause::Engine
    );
    something_else || failed.start.oom_kills > 0
}

fn claimed(record: &Record, gpu: &str, asks: &[GpuAsk]) -> Result<Outcome, Unseen> {
    let wanted = format!("{gpu}, claimed and asked for, is opened and used");
    let board = record.device.host.gpus.get()?;
    if board.is_empty() {
        return Err(Unseen::new(
            Reason::Infrastructure,
            format!("the offer claims {gpu}, and this device has no GPU; run on one that has"),
        ));
    }
    speak_for_the_module(record)?;
    // The counters of the one GPU there is: what nobody used, the module did not use either.
    let load = record.observations.gpu_load.seen();
    if board.len() == 1 && load.is_some_and(GpuLoad::nobody) {
        return Ok(Outcome::concern(
            format!(
                "the createOptions ask for {}, and nobody on the device gave its GPU a job in the steady window",
                in_words(asks)
            ),
            wanted,
            "remove the accelerator from text and createOptions where the module runs without one",
        ));
    }
    let used = record.observations.gpu.get()?;
    if used.clients == 0 {
        return Ok(Outcome::concern(
            format!(
                "the createOptions ask for {}, and the module had no GPU open at the end of the steady window",
                in_words(asks)
            ),
            wanted,
            "remove the accelerator from text and createOptions where the module runs without one",
        ));
    }
    let busy: Vec<String> = used
        .engines_us
        .iter()
        .map(|(engine, us)| format!("{engine} {} ms", us / 1_000))
        .collect();
    let memory = used
        .memory
        .map_or_else(String::new, |memory| format!(", {memory} of its memory"));
    Ok(Outcome::met(
        format!(
            "{} open ({}){memory}; busy: {}",
            used.clients,
            used.drivers.join(", "),
            if busy.is_empty() {
                "not told".to_owned()
            } else {
                busy.join(", ")
            }
        ),
        wanted,
    ))
}

fn in_words(asks: &[GpuAsk]) -> String {
    let words: Vec<String> = asks
        .iter()
        .map(|ask| format!("{} ({})", ask.what, ask.pointer))
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{EngineLoad, GpuDevice, GpuUse, Health, Observed};
    use crate::record::Deviation;
    use crate::sample;
    use serde_json::{Value, json};

    const WITH_GPU: &str = "Linux x64 OS, 512 MB of RAM, 100 MB of storage, NVIDIA GPU";

    fn asking(record: &mut Record) {
        record.offer.plan.create_options =
            json!({"HostConfig": {"Devices": [{"PathOnHost": "/dev/dri"}]}}).to_string();
    }

    fn fail(record: &mut Record, cause: Cause) {
        let Observed::Seen(run) = &mut record.observations.envelope else {
            panic!("the sample has an envelope run");
        };
        for start in &mut run.starts {
            start.health = Health::Unhealthy {
                cause,
                detail: "exited with code 1".to_owned(),
                missing: Vec::new(),
            };
        }
    }

    #[test]
    fn no_word_and_no_wish_is_not_applicable() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
        let mut unseen = sample::record();
        unseen.observations.creation = Observed::default();
        assert!(judge(&unseen).is_err());
    }

    #[test]
    fn a_wish_that_the_paragraph_does_not_name_fails() {
        let mut record = sample::record();
        asking(&mut record);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.contains("/dev/dri (/HostConfig/Devices/0)"),
            "{}",
            outcome.saw
        );
        assert!(outcome.paste.unwrap().contains("GPU"));
    }

    #[test]
    fn a_run_without_it_tells_which_of_the_two_to_mend() {
        let mut record = sample::record();
        asking(&mut record);
        record.deviations.push(Deviation {
            kind: DeviationKind::Envelope,
            what: "accelerators".to_owned(),
            reason: "withheld".to_owned(),
            default: Value::Null,
            used: Value::Null,
        });
        let remedy = |record: &Record| judge(record).unwrap().remedy.unwrap();
        assert!(remedy(&record).contains("starts without it"));
        fail(&mut record, Cause::Crashed);
        assert!(remedy(&record).contains("needs it"));
        // A start that memory ended tells nothing of the accelerator.
        fail(&mut record, Cause::OutOfMemory);
        assert!(remedy(&record).contains("or remove"));
    }

    #[test]
    fn a_claim_without_a_wish_warns() {
        let outcome = judge(&sample::record_claiming(WITH_GPU)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
    }

    #[test]
    fn a_claim_needs_a_board_with_a_gpu_and_a_module_that_opens_it() {
        let mut record = sample::record_claiming(WITH_GPU);
        asking(&mut record);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
        record.device.host.gpus = Observed::Seen(vec![GpuDevice {
            node: "renderD128".to_owned(),
            driver: Some("v3d".to_owned()),
        }]);
        record.observations.gpu = Observed::Seen(GpuUse::default());
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Concern);
        record.observations.gpu = Observed::Seen(GpuUse {
            clients: 1,
            drivers: vec!["v3d".to_owned()],
            memory: None,
            engines_us: [("render".to_owned(), 27_284)].into(),
        });
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.saw, "1 open (v3d); busy: render 27 ms");
        record.observations.gpu = Observed::default();
        assert!(judge(&record).is_err());
    }

    #[test]
    fn counters_of_the_device_show_that_nobody_used_the_gpu_and_never_that_the_module_did() {
        let mut record = sample::record_claiming(WITH_GPU);
        asking(&mut record);
        let node = |node: &str| GpuDevice {
            node: node.to_owned(),
            driver: Some("v3d".to_owned()),
        };
        record.device.host.gpus = Observed::Seen(vec![node("renderD128")]);
        record.observations.gpu = Observed::default();
        let counted = |jobs| {
            let engine = EngineLoad { jobs, busy_us: 0 };
            Observed::Seen(GpuLoad {
                engines: [("renderD128/render".to_owned(), engine)].into(),
                ..GpuLoad::default()
            })
        };
        record.observations.gpu_load = counted(0);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert!(outcome.saw.contains("nobody"), "{}", outcome.saw);
        record.observations.gpu_load = counted(7);
        assert!(judge(&record).is_err(), "somebody is not the module");
        // A load of nought at one moment tells of no window.
        record.observations.gpu_load = Observed::Seen(GpuLoad {
            load: Some(0.0),
            ..GpuLoad::default()
        });
        assert!(judge(&record).is_err());
        record.observations.gpu_load = counted(0);
        record.device.host.gpus = Observed::Seen(vec![node("renderD128"), node("renderD129")]);
        assert!(judge(&record).is_err(), "the other GPU may have been used");
    }
}
