//! IEM-TAG-05: rolling tags, where there are any, lead to the newest version of their line.

use super::remarks::Remarks;
use super::repository_tags::{all_were_looked_at, differences, few, rolling, versions};
use super::tag_01::retag;
use crate::finding::{Outcome, Unseen};
use crate::image::Version;
use crate::observation::{Repository, Tag};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TAG-05",
    slug: "rolling-tags-follow-their-line",
    title: "Rolling tags follow their version line",
    force: Forces::always(Force::May),
    stages: &[Stage::Registry],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Tags and versioning",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Versioning",
        },
    ],
    statement: "Rolling tags such as X.Y or X are optional; where they exist they point to the newest version of their line.",
    remedy: "Retarget the rolling tag to the newest matching X.Y.Z.",
    judge: Judge::ByRegistry(judge),
};

fn judge(_: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "each tag X.Y or X leads to the newest X.Y.Z of its line";
    let versions = versions(repository);
    let mut remarks = Remarks::default();
    let mut right = Vec::new();
    let mut paste = Vec::new();
    for tag in rolling(repository) {
        let newest = versions
            .iter()
            .find(|(version, _)| in_line(version, &tag.name));
        let Some((_, newest)) = newest else {
            remarks.breach(
                format!(
                    "{}:{} has no version in its line",
                    repository.name, tag.name
                ),
                format!(
                    "publish the version that {} leads to, or remove it",
                    tag.name
                ),
            );
            continue;
        };
        let differences = differences(repository, tag, newest);
        if differences.is_empty() {
            right.push(format!("{} as {}", tag.name, newest.name));
        } else {
            paste.push(retag(&repository.name, &tag.name, &newest.name));
        }
        for difference in differences {
            remarks.breach(difference, mend(tag, newest));
        }
    }
    if !remarks.has_breach() {
        all_were_looked_at(repository)?;
        if right.is_empty() {
            return Ok(Outcome::not_applicable(
                format!("{} has no rolling tag", repository.name),
                wanted,
            ));
        }
    }
    let outcome = remarks.outcome(format!("{}: {}", repository.name, few(&right)), wanted);
    Ok(if paste.is_empty() {
        outcome
    } else {
        outcome.with_paste(paste.join("\n"))
    })
}

fn mend(tag: &Tag, newest: &Tag) -> String {
    format!("retarget {} to {}", tag.name, newest.name)
}

/// Whether a version belongs to the line of a rolling tag.
fn in_line(version: &Version, rolling: &str) -> bool {
    version.to_string().starts_with(&format!("{rolling}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(tags: &[&str], change: impl FnOnce(&mut Repository)) -> Outcome {
        let mut repository = sample::repository(tags);
        change(&mut repository);
        judge(&sample::registry_record(tags), &repository).unwrap()
    }

    #[test]
    fn a_rolling_tag_at_the_end_of_its_line_passes_and_none_is_fine() {
        let outcome = check(&["1", "1.0", "1.0.0", "1.0.1"], |_| {});
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.saw.ends_with("1 as 1.0.1, 1.0 as 1.0.1"));
        assert_eq!(check(&["1.0.1"], |_| {}).kind, OutcomeKind::NotApplicable);
    }

    #[test]
    fn a_rolling_tag_that_stayed_behind_is_told_with_the_line_that_moves_it() {
        let outcome = check(&["1.0", "1.0.0", "1.0.1"], |repository| {
            repository.tags[0].digest = Some(sample::digest("1.0.0", "index"));
        });
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome
                .paste
                .unwrap()
                .ends_with("air-quality:1.0 contoso.azurecr.io/air-quality:1.0.1")
        );
    }

    #[test]
    fn a_line_ends_at_a_whole_number() {
        let version = Version {
            major: 10,
            minor: 1,
            patch: 0,
        };
        assert!(in_line(&version, "10") && in_line(&version, "10.1"));
        assert!(!in_line(&version, "1") && !in_line(&version, "10.10"));
        let outcome = check(&["2", "1.0.1"], |_| {});
        assert!(
            outcome.saw.contains("no version in its line"),
            "{}",
            outcome.saw
        );
    }
}
