//! Tags: `latest`, X.Y.Z and rolling ones, and what they point to.

use super::{UNOBSERVED, current, note_2018};
use crate::requirement::{Force, Forces, Requirement, Stage};

const TAGS: &str = "Tags and versioning";

pub(crate) const TAG_01: Requirement = Requirement {
    id: "IEM-TAG-01",
    slug: "latest-is-the-newest-version",
    title: "`latest` is the newest version",
    stages: &[Stage::Registry],
    sources: &[current(TAGS)],
    statement: "The manifest tag `latest` points to the newest version on every supported platform.",
    remedy: "Retag `latest` to the index of the highest X.Y.Z version.",
    ..UNOBSERVED
};

pub(crate) const TAG_02: Requirement = Requirement {
    id: "IEM-TAG-02",
    slug: "version-tags-are-x-y-z",
    title: "Version tags have the form X.Y.Z",
    stages: &[Stage::Registry],
    sources: &[current(TAGS), note_2018("Versioning")],
    statement: "At least one version tag exists, and version tags are three integers joined by dots.",
    remedy: "Publish the version as X.Y.Z, without a leading `v` and without a suffix.",
    ..UNOBSERVED
};

pub(crate) const TAG_03: Requirement = Requirement {
    id: "IEM-TAG-03",
    slug: "version-tags-cover-all-platforms",
    title: "Each version tag covers every supported platform",
    stages: &[Stage::Registry],
    sources: &[current(TAGS)],
    statement: "Every published version tag carries an image for each supported platform.",
    remedy: "Add the missing platforms under a new version tag.",
    ..UNOBSERVED
};

pub(crate) const TAG_04: Requirement = Requirement {
    id: "IEM-TAG-04",
    slug: "version-tags-never-move",
    title: "Version tags never move",
    stages: &[Stage::Registry],
    sources: &[current(TAGS), note_2018("Versioning")],
    statement: "A version tag points to the same digest for ever.",
    remedy: "Publish the change under a new version and lock version tags in the registry.",
    ..UNOBSERVED
};

pub(crate) const TAG_05: Requirement = Requirement {
    id: "IEM-TAG-05",
    slug: "rolling-tags-follow-their-line",
    title: "Rolling tags follow their version line",
    force: Forces::always(Force::May),
    stages: &[Stage::Registry],
    sources: &[current(TAGS), note_2018("Versioning")],
    statement: "Rolling tags such as X.Y or X are optional; where they exist they point to the newest version of their line.",
    remedy: "Retarget the rolling tag to the newest matching X.Y.Z.",
    ..UNOBSERVED
};

pub(crate) const TAG_06: Requirement = Requirement {
    id: "IEM-TAG-06",
    slug: "platforms-share-a-manifest-list",
    title: "Several platforms share a manifest list",
    stages: &[Stage::Registry],
    sources: &[current(
        "A subset of Tier 1 platforms supported by IoT Edge",
    )],
    statement: "Where a tag serves several platforms it is a manifest list; with one platform that is optional.",
    remedy: "Create an index over the images that exist and push it under the tag.",
    ..UNOBSERVED
};

pub(crate) const TAG_07: Requirement = Requirement {
    id: "IEM-TAG-07",
    slug: "customers-can-follow-or-freeze",
    title: "Customers can follow updates or freeze a version",
    stages: &[Stage::Registry],
    sources: &[current(TAGS), note_2018("Versioning")],
    statement: "There is a tag that moves with updates and a tag that stays, so that customers can choose.",
    remedy: "Publish the kind of tag that is missing: `latest` or a rolling one, or a fixed X.Y.Z.",
    ..UNOBSERVED
};
