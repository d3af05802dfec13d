//! IEM-TAG-04: a version tag leads to the same digest for ever, by the ledger.

use std::collections::BTreeMap;

use super::remarks::Remarks;
use super::repository_tags::{all_were_looked_at, few, versions};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{Repository, Sighting};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TAG-04",
    slug: "version-tags-never-move",
    title: "Version tags never move",
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
    statement: "A version tag points to the same digest for ever.",
    remedy: "Publish the change under a new version and lock version tags in the registry.",
    judge: Judge::ByRegistry(judge),
};

fn judge(record: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "the digest under which each version tag was first seen";
    let versions = versions(repository);
    if versions.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!(
                "{} has no version tag X.Y.Z; see IEM-TAG-02",
                repository.name
            ),
        ));
    }
    let sightings = match repository.history.get() {
        Ok(sightings) => sightings,
        Err(unseen) if unseen.reason == Reason::InputMissing => {
            return Ok(Outcome::concern(
                format!("no history: {}", unseen.because),
                wanted,
                "name a ledger with `--ledger FILE`, keep it, and look again before publication",
            ));
        }
        Err(unseen) => return Err(unseen),
    };
    let before = by_tag(sightings);
    let now = &record.run.started;
    let mut remarks = Remarks::default();
    let mut first = Vec::new();
    let mut kept = 0_usize;
    for (_, tag) in &versions {
        let Some(digest) = &tag.digest else { continue };
        let Some(seen) = before.get(tag.name.as_str()) else {
            first.push(tag.name.clone());
            continue;
        };
        let mut moves = moves(seen);
        if let Some(last) = seen.last().filter(|last| last.digest != *digest) {
            moves.push(format!(
                "{}:{} led to {} on {} and leads to {digest} on {now}",
                repository.name, tag.name, last.digest, last.on
            ));
        }
        if moves.is_empty() {
            kept += 1;
        }
        for told in moves {
            remarks.breach(
                told,
                format!(
                    "put {} back to its first digest {}, publish the change under a new version, and lock version tags in the registry",
                    tag.name, seen[0].digest
                ),
            );
        }
    }
    if !remarks.has_breach() {
        all_were_looked_at(repository)?;
    }
    if !first.is_empty() {
        remarks.doubt(
            format!("no history: seen for the first time: {}", few(&first)),
            "look again with the same ledger before publication",
        );
    }
    let since = sightings.iter().map(|one| one.on.as_str()).min();
    Ok(remarks.outcome(
        format!(
            "{}: {kept} version tags lead where they first did, by a ledger that begins on {}",
            repository.name,
            since.unwrap_or("no day")
        ),
        wanted,
    ))
}

/// Sightings of each tag in order of time.
fn by_tag(sightings: &[Sighting]) -> BTreeMap<&str, Vec<&Sighting>> {
    let mut tags: BTreeMap<&str, Vec<&Sighting>> = BTreeMap::new();
    for one in sightings {
        tags.entry(&one.tag).or_default().push(one);
    }
    for seen in tags.values_mut() {
        // RFC 3339 in UTC sorts as text. Ledgers may have been put together in any order.
        seen.sort_by(|a, b| a.on.cmp(&b.on));
    }
    tags
}

/// What the ledger itself knows to have moved.
fn moves(seen: &[&Sighting]) -> Vec<String> {
    seen.windows(2)
        .filter(|pair| pair[0].digest != pair[1].digest)
        .map(|pair| {
            format!(
                "{}:{} led to {} on {} and to {} on {}",
                pair[0].repository,
                pair[0].tag,
                pair[0].digest,
                pair[0].on,
                pair[1].digest,
                pair[1].on
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::Observed;
    use crate::sample;

    fn sighting(tag: &str, digest: &str, on: &str) -> Sighting {
        Sighting {
            repository: "contoso.azurecr.io/air-quality".to_owned(),
            tag: tag.to_owned(),
            digest: digest.to_owned(),
            on: on.to_owned(),
        }
    }

    fn check(history: Observed<Vec<Sighting>>) -> Result<Outcome, Unseen> {
        let record = sample::with_repository(&["1.0.1", "latest"], |repository| {
            repository.history = history;
        });
        judge(&record, record.observations.registry.seen().unwrap())
    }

    #[test]
    fn a_version_that_stayed_passes() {
        let digest = sample::digest("1.0.1", "index");
        let outcome = check(Observed::Seen(vec![sighting(
            "1.0.1",
            &digest,
            "2026-10-01T00:00:00Z",
        )]));
        let outcome = outcome.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.saw.contains("2026-10-01"), "{}", outcome.saw);
    }

    #[test]
    fn a_version_that_moved_fails_with_both_digests_and_dates() {
        let history = vec![sighting("1.0.1", "sha256:0", "2026-10-01T00:00:00Z")];
        let outcome = check(Observed::Seen(history)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        for part in [
            "sha256:0 on 2026-10-01T00:00:00Z",
            &sample::digest("1.0.1", "index"),
            "on 2026-11-20T",
        ] {
            assert!(outcome.saw.contains(part), "{part}: {}", outcome.saw);
        }
    }

    #[test]
    fn a_version_that_moved_and_came_back_is_not_forgotten() {
        let digest = sample::digest("1.0.1", "index");
        let history = vec![
            sighting("1.0.1", &digest, "2026-10-03T00:00:00Z"),
            sighting("1.0.1", "sha256:0", "2026-10-02T00:00:00Z"),
            sighting("1.0.1", &digest, "2026-10-01T00:00:00Z"),
        ];
        let outcome = check(Observed::Seen(history)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.contains("sha256:0 on 2026-10-02"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn a_first_sighting_is_a_warning_and_never_a_pass() {
        for history in [
            Observed::Seen(Vec::new()),
            Observed::unseen(Reason::InputMissing, "no ledger was given"),
        ] {
            let outcome = check(history).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Concern);
            assert!(outcome.saw.starts_with("no history"), "{}", outcome.saw);
        }
        let broken = check(Observed::unseen(Reason::Infrastructure, "the disk is gone"));
        assert_eq!(broken.unwrap_err().reason, Reason::Infrastructure);
    }
}
