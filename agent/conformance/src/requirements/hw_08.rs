//! IEM-HW-08: recommended hardware is stated where the module is comfortable only well above its minimum.

use super::cold_starts::speak_for_the_module;
use super::ram_claim::{budget, claim, paragraph_for};
use super::remarks::Remarks;
use super::{pre_05, pre_07};
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware::Claim;
use crate::observation::{GoldenRun, Usage};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::units::Bytes;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-HW-08",
    slug: "recommended-hardware-is-stated",
    title: "Recommended hardware is stated where it differs",
    force: Forces::always(Force::May),
    stages: &[Stage::Offer, Stage::Device],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Device dimensions",
    }],
    statement: "Where the module is comfortable only well above its minimum, the offer may state recommended hardware as well.",
    remedy: "Add a `Recommended hardware requirements:` line directly after the minimum.",
    judge: Judge::By(judge),
};

/// The comfortable point is what the module takes where nothing limits it: its highest peak, page cache included, and its
/// cores in the busiest seconds.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let claim = claim(record)?;
    let wanted = "a recommended line where the comfortable point is more than half above the claim";
    if let Some(recommended) = &claim.recommended {
        return Ok(by_text(&claim, recommended, wanted));
    }
    if record.run.scope == ScopeName::Offer {
        let saw = "no recommended hardware is stated (whether it is due shows in a run)";
        return Ok(Outcome::not_applicable(saw, wanted));
    }
    record.observations.creation.get()?;
    speak_for_the_module(record)?;
    pre_07::measures_true(record, GoldenRun::memory_departs)?;
    let seen = comfortable(record)?;
    let budget = budget(record, &claim)?
        .map_err(|below| Unseen::new(Reason::InputMissing, format!("{below}; see IEM-HW-03")))?;
    let memory = seen.memory.0 > budget.0.saturating_add(budget.0 / 2);
    let claimed = claim.cpu_cores.map(f64::from);
    let cores = claimed.is_some_and(|claimed| seen.cores > claimed * 1.5);
    let saw = format!(
        "comfortable with {} and {:.2} cores; the claim leaves {budget}{}",
        seen.memory,
        seen.cores,
        claim
            .cpu_cores
            .map_or_else(String::new, |cores| format!(" and {cores} cores"))
    );
    if !memory && !cores {
        return Ok(Outcome::not_applicable(saw, wanted));
    }
    if cores && !memory {
        // What others took from it, a module may have wanted too: the busiest seconds say nothing then.
        pre_05::time_counts(record)?;
    }
    let (ram, _) = paragraph_for(record, &claim, seen.memory);
    let line = format!("<p>Recommended hardware requirements: {ram} of RAM</p>");
    let remedy = "add a `Recommended hardware requirements:` line directly after the minimum";
    Ok(Outcome::concern(saw, wanted, remedy).with_paste(line))
}

/// A recommendation below the minimum, or one that says nothing, helps nobody.
fn by_text(claim: &Claim, recommended: &Claim, wanted: &str) -> Outcome {
    let mut remarks = Remarks::default();
    let mut more = Vec::new();
    let mut compare = |what: &str, least: Option<u64>, value: Option<u64>, words: String| {
        let Some(value) = value else {
            return;
        };
        if least.is_some_and(|least| value < least) {
            remarks.doubt(
                format!("the recommended {what} is {words}, below the minimum"),
                format!("recommend at least the minimum's {what}, or leave it out"),
            );
        }
        more.push(format!("{words} of {what}"));
    };
    let size = |bytes: Option<Bytes>| bytes.map(|bytes| bytes.0);
    let in_words = |bytes: Option<Bytes>| bytes.map_or_else(String::new, |bytes| bytes.to_string());
    let (ram, storage) = (recommended.ram_bytes, recommended.storage_bytes);
    compare("RAM", size(claim.ram_bytes), size(ram), in_words(ram));
    compare(
        "storage",
        size(claim.storage_bytes),
        size(storage),
        in_words(storage),
    );
    let cores = recommended.cpu_cores;
    let words = cores.map_or_else(String::new, |cores| format!("{cores} cores"));
    compare(
        "CPU",
        claim.cpu_cores.map(u64::from),
        cores.map(u64::from),
        words,
    );
    let clock = recommended.cpu_hz;
    let words = clock.map_or_else(String::new, |hz| format!("{hz} Hz"));
    compare("clock", claim.cpu_hz, clock, words);
    if more.is_empty() && recommended.gpu.is_none() {
        remarks.doubt(
            "the recommended line states no RAM, storage, CPU or GPU that could be read",
            "state quantities as in the minimum, or leave the line out",
        );
    }
    more.extend(recommended.gpu.clone());
    let met = format!("recommended hardware is stated: {}", more.join(", "));
    remarks.outcome(met, wanted)
}

struct Comfortable {
    memory: Bytes,
    cores: f64,
}

fn comfortable(record: &Record) -> Result<Comfortable, Unseen> {
    let seen = &record.observations;
    let mut usages: Vec<&Usage> = vec![seen.steady.get()?];
    for start in &seen.starts {
        usages.push(start.usage.get()?);
    }
    let mut most = Comfortable {
        memory: Bytes(0),
        cores: 0.0,
    };
    for usage in usages {
        most.memory = most.memory.max(usage.memory.get()?.peak);
        most.cores = most.cores.max(usage.cpu.get()?.cores_p95);
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::Observed;
    use crate::sample;

    fn with_peak(peak: Bytes) -> Record {
        let mut record = sample::record();
        let Observed::Seen(steady) = &mut record.observations.steady else {
            panic!("the sample has a steady window");
        };
        steady.memory = Observed::Seen(sample::memory(peak, Bytes::mib(16)));
        record
    }

    #[test]
    fn within_half_above_the_claim_no_line_is_asked_for() {
        for peak in [24, 168] {
            let outcome = judge(&with_peak(Bytes::mib(peak))).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::NotApplicable, "{peak}");
        }
    }

    #[test]
    fn a_module_comfortable_well_above_its_claim_warns() {
        let outcome = judge(&with_peak(Bytes::mib(169))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert!(
            outcome
                .paste
                .unwrap()
                .contains("Recommended hardware requirements:")
        );
    }

    #[test]
    fn a_stated_recommendation_is_enough() {
        let mut record = with_peak(Bytes::mib(400));
        let description = &mut record.offer.listing.description;
        *description += "<p>Recommended hardware requirements: 2 GB of RAM</p>";
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
    }

    fn recommending(line: &str) -> Outcome {
        let mut record = sample::record();
        record.run.scope = ScopeName::Offer;
        let description = &mut record.offer.listing.description;
        *description += &format!("<p>Recommended hardware requirements: {line}</p>");
        judge(&record).unwrap()
    }

    #[test]
    fn in_offer_scope_the_text_alone_is_judged() {
        let mut record = sample::record();
        record.run.scope = ScopeName::Offer;
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
        let outcome = recommending("2 GB of RAM, 4 cores");
        assert_eq!(outcome.kind, OutcomeKind::Met, "{outcome:?}");
    }

    #[test]
    fn a_recommendation_below_the_minimum_or_without_quantities_warns() {
        let outcome = recommending("256 MB of RAM");
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert!(
            outcome.saw.contains("RAM is 256 MiB, below the minimum"),
            "{}",
            outcome.saw
        );
        assert_eq!(recommending("a fast device").kind, OutcomeKind::Concern);
    }
}
