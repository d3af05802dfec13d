//! IEM-TAG-02: version tags have the form X.Y.Z.

use super::remarks::quoted;
use super::repository_tags::{all_were_looked_at, few, versions};
use crate::finding::{Outcome, Unseen};
use crate::image::TagKind;
use crate::observation::Repository;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TAG-02",
    slug: "version-tags-are-x-y-z",
    title: "Version tags have the form X.Y.Z",
    force: Forces::always(Force::Must),
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
    statement: "At least one version tag exists, and version tags are three integers joined by dots.",
    remedy: "Publish the version as X.Y.Z, without a leading `v` and without a suffix.",
    judge: Judge::ByRegistry(judge),
};

/// How builders name the image of one platform; such a tag may stand beside the list of all platforms.
const ARCHITECTURES: [&str; 12] = [
    "amd64", "x64", "x86_64", "arm64", "arm64v8", "aarch64", "arm", "arm32", "arm32v7", "armv7",
    "armhf", "386",
];

fn judge(_: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "at least one version tag, and every version tag three integers joined by dots, without leading zeros, prefix or suffix";
    let versions: Vec<String> = versions(repository)
        .iter()
        .map(|(version, _)| version.to_string())
        .collect();
    let mut wrong = Vec::new();
    let mut labelled = Vec::new();
    for tag in &repository.tags {
        match form(&tag.name) {
            Form::NoVersion => {}
            Form::OneArchitecture => labelled.push(tag.name.clone()),
            Form::Wrong(better) => wrong.push((tag.name.clone(), better)),
        }
    }
    if !wrong.is_empty() {
        let told: Vec<String> = wrong.iter().map(|(tag, _)| quoted(tag)).collect();
        let renamed: Vec<String> = wrong
            .iter()
            .filter_map(|(tag, better)| Some(format!("{tag} as {}", better.as_ref()?)))
            .collect();
        let remedy = if renamed.is_empty() {
            REQUIREMENT.remedy.to_owned()
        } else {
            format!("publish {}", few(&renamed))
        };
        return Ok(Outcome::unmet(
            format!(
                "{}: {} no version X.Y.Z: {}",
                repository.name,
                if wrong.len() == 1 {
                    "one tag is"
                } else {
                    "tags that are"
                },
                few(&told)
            ),
            wanted,
            remedy,
        ));
    }
    all_were_looked_at(repository)?;
    if versions.is_empty() {
        return Ok(Outcome::unmet(
            format!(
                "{} has no version tag among its {} tags",
                repository.name, repository.listed
            ),
            wanted,
            "publish the image under a version such as 1.0.0",
        ));
    }
    let mut saw = format!("{}: {}", repository.name, few(&versions));
    if !labelled.is_empty() {
        saw.push_str(&format!("; for one architecture each: {}", few(&labelled)));
    }
    Ok(Outcome::met(saw, wanted))
}

enum Form {
    /// X.Y.Z, a rolling tag, `latest`, or a word.
    NoVersion,
    /// X.Y.Z with the name of an architecture behind it.
    OneArchitecture,
    /// Meant as a version, in another form; with what it should be, where that can be told.
    Wrong(Option<String>),
}

/// A tag is meant as a version if it starts with a number and has a dot, a `v` before it or not.
fn form(tag: &str) -> Form {
    if TagKind::of(tag) != TagKind::Other {
        return Form::NoVersion;
    }
    let bare = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
    let is_version = bare.contains('.') && bare.starts_with(|c: char| c.is_ascii_digit());
    if !is_version {
        return Form::NoVersion;
    }
    let end = bare
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(bare.len());
    let (numbers, suffix) = bare.split_at(end);
    let whole = matches!(TagKind::of(numbers), TagKind::Version(_));
    let words: Vec<&str> = suffix
        .split(['-', '_'])
        .filter(|word| !word.is_empty())
        .collect();
    let is_architecture = |word: &&str| {
        ARCHITECTURES.contains(word) || matches!(*word, "linux" | "windows" | "v7" | "v8" | "64")
    };
    if whole && bare.len() == tag.len() && !words.is_empty() && words.iter().all(is_architecture) {
        return Form::OneArchitecture;
    }
    let plain: Vec<String> = numbers
        .split('.')
        .filter(|part| !part.is_empty())
        .map(|part| match part.trim_start_matches('0') {
            "" => "0".to_owned(),
            rest => rest.to_owned(),
        })
        .collect();
    Form::Wrong((plain.len() == 3).then(|| plain.join(".")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::finding::{OutcomeKind, Reason};
    use crate::sample;

    fn check(tags: &[&str]) -> Outcome {
        judge(&sample::registry_record(tags), &sample::repository(tags)).unwrap()
    }

    #[test]
    fn versions_rolling_tags_words_and_architectures_pass() {
        let outcome = check(&[
            "latest",
            "1.0.1",
            "1.0",
            "1",
            "nightly",
            "1.0.1-linux-amd64",
        ]);
        assert_eq!(outcome.kind, OutcomeKind::Met, "{}", outcome.saw);
        assert!(
            outcome
                .saw
                .contains("one architecture each: 1.0.1-linux-amd64")
        );
    }

    #[test]
    fn a_version_in_another_form_fails_with_the_name_it_should_have() {
        for (tag, better) in [
            ("v1.0.2", "v1.0.2 as 1.0.2"),
            ("01.0.2", "01.0.2 as 1.0.2"),
            ("1.0.2-beta", "1.0.2-beta as 1.0.2"),
            ("1.0.0.2", "X.Y.Z"),
            ("v1.0", "X.Y.Z"),
        ] {
            let outcome = check(&["1.0.1", tag]);
            assert_eq!(outcome.kind, OutcomeKind::Unmet, "{tag}");
            assert!(outcome.remedy.unwrap().contains(better), "{tag}");
        }
    }

    #[test]
    fn without_any_version_it_fails() {
        assert_eq!(check(&["latest", "1"]).kind, OutcomeKind::Unmet);
    }

    #[test]
    fn tags_that_nobody_looked_at_leave_it_open() {
        let record = sample::with_repository(&["1.0.1"], |repository| {
            repository.left_out = Some("500 of 100000 tags were looked at".to_owned());
        });
        let repository = record.observations.registry.seen().unwrap();
        assert_eq!(
            judge(&record, repository).unwrap_err().reason,
            Reason::CannotMeasure
        );
    }

    proptest! {
        #[test]
        fn no_tag_makes_it_panic_and_the_better_name_is_a_version(tag in "[v0-9.a-z_-]{0,20}") {
            if let Form::Wrong(Some(better)) = form(&tag) {
                // Numbers may be longer than a version's.
                let long = better.split('.').any(|part| part.len() > 19);
                prop_assert!(long || matches!(TagKind::of(&better), TagKind::Version(_)), "{}", better);
            }
        }
    }
}
