//! Tags of a repository in order of their meaning: what the requirements on tags share.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::plat_06::claimed;
use crate::finding::{Reason, Unseen};
use crate::image::{TagKind, Version};
use crate::observation::{Manifest, ManifestKind, Repository, Tag};
use crate::platform::Platform;
use crate::record::Record;

/// Tags X.Y.Z, the newest first.
pub(super) fn versions(repository: &Repository) -> Vec<(Version, &Tag)> {
    let mut versions: Vec<(Version, &Tag)> = repository
        .tags
        .iter()
        .filter_map(|tag| match TagKind::of(&tag.name) {
            TagKind::Version(version) => Some((version, tag)),
            TagKind::Latest | TagKind::Rolling | TagKind::Other => None,
        })
        .collect();
    versions.sort_by_key(|(version, _)| Reverse(*version));
    versions
}

/// Tags X and X.Y.
pub(super) fn rolling(repository: &Repository) -> impl Iterator<Item = &Tag> {
    repository
        .tags
        .iter()
        .filter(|tag| TagKind::of(&tag.name) == TagKind::Rolling)
}

/// That every tag was looked at, which a judgement needs that found nothing wrong with those it saw.
///
/// # Errors
/// Some were left out.
pub(super) fn all_were_looked_at(repository: &Repository) -> Result<(), Unseen> {
    match &repository.left_out {
        None => Ok(()),
        Some(why) => Err(Unseen::new(
            Reason::CannotMeasure,
            format!("nothing is wrong with the tags that were looked at, and {why}"),
        )),
    }
}

/// Where the offer's default tag leads.
///
/// # Errors
/// It leads nowhere; IEM-CFG-02 says so.
pub(super) fn default_tag(repository: &Repository) -> Result<&Tag, Unseen> {
    let name = &repository.default_tag;
    let found = repository.tag(name).filter(|tag| tag.digest.is_some());
    found.ok_or_else(|| {
        Unseen::new(
            Reason::InputMissing,
            format!(
                "the default tag \"{name}\" leads to nothing in {}; see IEM-CFG-02",
                repository.name
            ),
        )
    })
}

/// The platforms that the offer supports: those that it claims, or those of its newest version where it claims none.
pub(super) fn supported(record: &Record, repository: &Repository) -> Vec<Platform> {
    let claimed = claimed(record);
    if !claimed.is_empty() {
        return claimed;
    }
    let versions = versions(repository);
    let newest = versions.first().map(|(_, tag)| *tag);
    newest.map_or_else(Vec::new, |tag| repository.platforms_of(tag))
}

/// Whether a tag leads to a list of manifests.
pub(super) fn is_list(repository: &Repository, tag: &Tag) -> bool {
    let kind = |manifest: &Manifest| matches!(manifest.kind, ManifestKind::Index(_));
    repository.manifest_of(tag).is_some_and(kind)
}

/// Where two tags lead to different images, platform by platform, in words; nothing where they agree.
pub(super) fn differences(repository: &Repository, tag: &Tag, wanted: &Tag) -> Vec<String> {
    if tag.digest == wanted.digest {
        return Vec::new();
    }
    let by_platform = |tag: &Tag| -> BTreeMap<String, String> {
        let named = |of: Option<Platform>| of.map_or("no platform".to_owned(), |of| of.to_string());
        let images = repository.images_of(tag).into_iter();
        images.map(|(of, digest)| (named(of), digest)).collect()
    };
    let (seen, expected) = (by_platform(tag), by_platform(wanted));
    if expected.is_empty() {
        return vec![format!(
            "{} leads to {}, {} to {}",
            tag.name,
            shown(tag),
            wanted.name,
            shown(wanted)
        )];
    }
    let mut told: Vec<String> = expected
        .iter()
        .filter_map(|(platform, digest)| match seen.get(platform) {
            Some(same) if same == digest => None,
            Some(other) => Some(format!(
                "for {platform} {} leads to {other}, {} to {digest}",
                tag.name, wanted.name
            )),
            None => Some(format!(
                "{} has nothing for {platform}, {} leads to {digest}",
                tag.name, wanted.name
            )),
        })
        .collect();
    for (platform, digest) in &seen {
        if !expected.contains_key(platform) {
            told.push(format!(
                "{} leads to {digest} for {platform}, {} has nothing for it",
                tag.name, wanted.name
            ));
        }
    }
    told
}

/// A tag's digest, or that there is none.
pub(super) fn shown(tag: &Tag) -> &str {
    tag.digest.as_deref().unwrap_or("nothing")
}

/// At most this many of a long list, and how many more there are.
pub(super) fn few(all: &[String]) -> String {
    const MOST: usize = 8;
    match all.len().checked_sub(MOST) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..MOST].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let repository = sample::repository(&["1.9.0", "1.10.0", "latest", "1.10", "1.2.0-amd64"]);
        let names: Vec<&str> = versions(&repository)
            .iter()
            .map(|(_, tag)| tag.name.as_str())
            .collect();
        assert_eq!(names, ["1.10.0", "1.9.0"]);
        assert_eq!(rolling(&repository).count(), 1);
    }

    #[test]
    fn a_long_list_is_cut_with_its_count() {
        let all: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!(few(&all), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
        assert_eq!(few(&all[..8]), "0, 1, 2, 3, 4, 5, 6, 7");
    }
}
