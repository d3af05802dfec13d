//! IEM-PLAT-05: the platforms in the hardware paragraph are those that the image is built for.

use super::hardware_draft::distinct;
use super::remarks::Remarks;
use super::repository_tags::default_tag;
use crate::finding::{Outcome, Reason, Unseen};
use crate::hardware::{self, Claim};
use crate::observation::{Content, ImageFacts, Repository};
use crate::platform::Platform;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-PLAT-05",
    slug: "claimed-architectures-match-the-image",
    title: "Claimed architectures match the image",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Registry],
    scopes: &[
        ScopeName::Registry,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Device dimensions",
    }],
    statement: "The operating systems and architectures in the hardware paragraph are those that the image is built for.",
    remedy: "Correct the architectures in the paragraph, or build the missing ones.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let claim = claim(record)?;
    if let Some(repository) = repository(record)? {
        return in_repository(&claim, repository);
    }
    let image = record.observations.image.get()?;
    let built = built(record, image);
    if built.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!("no platform of {} was seen", image.reference),
        ));
    }
    let claimed = claimed_platforms(&claim);
    let (missing, open): (Vec<&Platform>, Vec<&Platform>) = claimed
        .iter()
        .filter(|platform| !built.iter().any(|built| runs_on(built, platform)))
        .partition(|platform| is_known_missing(platform, record, image));
    let mut remarks = Remarks::default();
    for platform in &missing {
        remarks.breach(
            format!("the paragraph names {platform}, and the image has no such platform"),
            format!("build the image for {platform}, or take it out of the paragraph"),
        );
    }
    if missing.is_empty() && !open.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!(
                "the paragraph names {}, and of {} only {} was seen: an engine's store holds the platform that it uses; a run on such a device shows the others",
                in_words(open.iter().map(ToString::to_string)),
                image.reference,
                in_words(built.iter().map(ToString::to_string)),
            ),
        ));
    }
    // What another device's image is built for besides is that device's finding.
    let here = image.platforms.iter().filter(|built| built.os != "unknown");
    for built in here {
        if !claimed.iter().any(|platform| runs_on(built, platform)) {
            remarks.doubt(
                format!("the image is built for {built}, and the paragraph does not name it"),
                format!("name {built} in the paragraph"),
            );
        }
    }
    Ok(outcome(remarks, &image.reference, &built, claim))
}

/// The repository, where this verdict can rest on it.
///
/// # Errors
/// The verdict speaks of the repository alone, and it was not seen.
pub(super) fn repository(record: &Record) -> Result<Option<&Repository>, Unseen> {
    match record.observations.registry.get() {
        Ok(repository) => Ok(Some(repository)),
        Err(unseen) if record.run.scope == ScopeName::Registry => Err(unseen),
        Err(_) => Ok(None),
    }
}

/// By the whole list under the default tag, and by the programs in its images.
fn in_repository(claim: &Claim, repository: &Repository) -> Result<Outcome, Unseen> {
    let tag = default_tag(repository)?;
    let reference = format!("{}:{}", repository.name, tag.name);
    let built = repository.platforms_of(tag);
    if built.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!("no platform of {reference} was seen; see IEM-CONT-01"),
        ));
    }
    let claimed = claimed_platforms(claim);
    let mut remarks = Remarks::default();
    for platform in &claimed {
        if !built.iter().any(|built| runs_on(built, platform)) {
            remarks.breach(
                format!("the paragraph names {platform}, and {reference} has no such image"),
                format!("build the image for {platform}, or take it out of the paragraph"),
            );
        }
    }
    for content in &repository.contents {
        remark_on_program(content, &mut remarks);
    }
    for built in &built {
        if !claimed.iter().any(|platform| runs_on(built, platform)) {
            remarks.doubt(
                format!("{reference} is built for {built}, and the paragraph does not name it"),
                format!("name {built} in the paragraph"),
            );
        }
    }
    Ok(outcome(remarks, &reference, &built, claim.clone()))
}

/// An image may hold a program for another architecture than the one it is listed under.
fn remark_on_program(content: &Content, remarks: &mut Remarks) {
    let (Some(platform), Some(program)) = (&content.platform, content.program.seen()) else {
        return;
    };
    let Some(architecture) = &program.architecture else {
        return;
    };
    if *architecture == platform.architecture {
        return;
    }
    let saw = format!(
        "the image for {platform} ({}) starts {}, a program for {architecture}",
        content.digest, program.path
    );
    let mend = format!("build {} for {platform}", program.path);
    // These processors run the older programs too, most of them.
    match (architecture.as_str(), platform.architecture.as_str()) {
        ("386", "amd64") | ("arm", "arm64") => remarks.doubt(saw, mend),
        _ => remarks.breach(saw, mend),
    }
}

fn outcome(remarks: Remarks, reference: &str, built: &[Platform], claim: Claim) -> Outcome {
    let images = in_words(built.iter().map(|platform| platform.to_string()));
    let outcome = remarks.outcome(
        format!("the paragraph and {reference} both name {images}"),
        format!("the platforms of the image: {images}"),
    );
    match outcome.remedy {
        None => outcome,
        Some(_) => outcome.with_paste(hardware::write(&Claim {
            os: distinct(built.iter().map(|platform| platform.os.clone())),
            architectures: distinct(
                built
                    .iter()
                    .map(|platform| platform.architecture_with_variant()),
            ),
            ..claim
        })),
    }
}

/// The claim, if it names platforms at all; whether it must is IEM-HW-02's question.
fn claim(record: &Record) -> Result<Claim, Unseen> {
    hardware::read(&record.offer.listing.description)
        .map(|paragraph| paragraph.claim)
        .filter(|claim| !claim.architectures.is_empty())
        .ok_or_else(|| {
            Unseen::new(
                Reason::InputMissing,
                "no hardware paragraph that names an architecture, so there is nothing to compare; see IEM-HW-01 and IEM-HW-02",
            )
        })
}

/// Platforms that the image is known to be built for: by this run, and by those on other devices.
fn built(record: &Record, image: &ImageFacts) -> Vec<Platform> {
    let elsewhere = record.observations.fleet.seen().into_iter().flatten();
    let mut built: Vec<Platform> = image
        .platforms
        .iter()
        .chain(elsewhere.flat_map(|run| &run.built))
        // Attestations travel in an index under a platform that is none.
        .filter(|platform| platform.os != "unknown")
        .cloned()
        .collect();
    built.sort();
    built.dedup();
    built
}

/// Whether a platform that was not seen is known to be missing: the whole index was seen, or a device of that platform got
/// another image.
fn is_known_missing(platform: &Platform, record: &Record, image: &ImageFacts) -> bool {
    let engine = record.device.engine.seen();
    let runs = record.observations.fleet.seen();
    image.platforms.len() > 1
        || engine.is_some_and(|engine| engine.platform == *platform)
        || runs.is_some_and(|runs| {
            runs.iter().any(|run| {
                run.index_seen || (run.platform.as_ref() == Some(platform) && !run.built.is_empty())
            })
        })
}

/// Every operating system with every architecture; without a word for the system it is Linux.
pub(super) fn claimed_platforms(claim: &Claim) -> Vec<Platform> {
    let linux = ["linux".to_owned()];
    let systems = if claim.os.is_empty() {
        &linux[..]
    } else {
        &claim.os
    };
    let with_all = |os: &String| {
        claim
            .architectures
            .iter()
            .filter_map(|architecture| format!("{os}/{architecture}").parse().ok())
            .collect::<Vec<Platform>>()
    };
    systems.iter().flat_map(with_all).collect()
}

/// Whether an image for `built` runs on `device`: the same platform, or an older 32-bit ARM.
pub(super) fn runs_on(built: &Platform, device: &Platform) -> bool {
    let same_family = built.os == device.os && built.architecture == device.architecture;
    let older_arm = built.architecture == "arm" && built.variant <= device.variant;
    same_family && (built.variant == device.variant || older_arm)
}

fn in_words(platforms: impl Iterator<Item = String>) -> String {
    platforms.collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::Observed;
    use crate::sample;

    /// A paragraph with these words, an image with these platforms, and a device of the last of them.
    fn record(words: &str, platforms: &[&str], device: &str) -> Record {
        let mut record = sample::record_claiming(&format!("{words}, 1 GB of RAM, 1 GB of storage"));
        let Observed::Seen(image) = &mut record.observations.image else {
            panic!("the sample has an image");
        };
        image.platforms = platforms.iter().map(|text| text.parse().unwrap()).collect();
        let Observed::Seen(engine) = &mut record.device.engine else {
            panic!("the sample has an engine");
        };
        engine.platform = device.parse().unwrap();
        record
    }

    fn check(words: &str, platforms: &[&str]) -> Outcome {
        judge(&record(words, platforms, "linux/amd64")).unwrap()
    }

    #[test]
    fn words_that_agree_with_the_image_pass() {
        let index = ["linux/amd64", "linux/arm/v7", "unknown/unknown"];
        let outcome = check("Linux x64 and arm32 OS", &index);
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.wanted,
            "the platforms of the image: linux/amd64, linux/arm/v7"
        );
        assert_eq!(
            check("Linux armhf", &["linux/arm/v6"]).kind,
            OutcomeKind::Met
        );
    }

    #[test]
    fn a_platform_that_the_index_lacks_fails_with_the_corrected_paragraph() {
        let index = ["linux/amd64", "unknown/unknown"];
        let outcome = check("Linux x64 and arm64 OS", &index);
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "the paragraph names linux/arm64, and the image has no such platform"
        );
        assert_eq!(
            outcome.paste.unwrap(),
            "<p><u>Minimum hardware requirements:</u> Linux x64 OS, 1 GB of RAM, 1 GB of storage</p>"
        );
        assert_eq!(check("Windows x64", &index).kind, OutcomeKind::Unmet);
    }

    #[test]
    fn a_device_of_a_claimed_platform_that_got_another_image_fails_it() {
        for (words, image, device) in [
            ("Linux x64 OS", "linux/arm64", "linux/amd64"),
            ("Linux arm32v6", "linux/arm/v7", "linux/arm/v6"),
        ] {
            let outcome = judge(&record(words, &[image], device)).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Unmet, "{words}");
        }
    }

    #[test]
    fn what_an_engine_s_store_does_not_show_is_open_until_another_device_shows_it() {
        let words = "Linux x64 and arm64 OS";
        let mut record = record(words, &["linux/amd64"], "linux/amd64");
        let unseen = judge(&record).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
        assert!(
            unseen
                .because
                .starts_with("the paragraph names linux/arm64"),
            "{}",
            unseen.because
        );
        let mut runs = vec![sample::platform_run("pi4", "linux/arm64")];
        record.observations.fleet = Observed::Seen(runs.clone());
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
        runs[0].built = vec!["linux/amd64".parse().unwrap()];
        record.observations.fleet = Observed::Seen(runs);
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn a_platform_only_in_the_image_is_a_concern() {
        let outcome = check("Linux x64", &["linux/amd64", "linux/arm64"]);
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert!(outcome.paste.unwrap().contains("Linux x64 and arm64 OS"));
    }

    #[test]
    fn the_whole_list_under_the_default_tag_decides() {
        let record = sample::registry_record(&["1.0.1"]);
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
        let mut more = record.clone();
        more.offer.listing.description = more
            .offer
            .listing
            .description
            .replace("x64 and", "x64, arm64 and");
        let outcome = judge(&more).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet, "{}", outcome.saw);
        assert!(outcome.saw.contains("names linux/arm64"), "{}", outcome.saw);
        let mut unseen = record;
        unseen.observations.registry = Observed::unseen(Reason::Infrastructure, "no such host");
        assert_eq!(judge(&unseen).unwrap_err().reason, Reason::Infrastructure);
    }

    #[test]
    fn an_image_whose_program_is_for_another_architecture_fails() {
        let record = sample::with_repository(&["1.0.1"], |repository| {
            if let Observed::Seen(program) = &mut repository.contents[1].program {
                program.architecture = Some("amd64".to_owned());
            }
        });
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome
                .saw
                .ends_with("starts /air-quality, a program for amd64"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn an_image_that_was_not_seen_is_inconclusive() {
        let mut record = sample::record();
        record.observations.image = Observed::unseen(Reason::Infrastructure, "no route to host");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Infrastructure);
    }

    #[test]
    fn without_words_there_is_nothing_to_compare() {
        let record = sample::record_claiming("1 GB of RAM");
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }
}
