//! The packages of the images under a repository's default tag, as several requirements ask for them.

use crate::finding::{Reason, Unseen};
use crate::observation::{Content, Inventory, Observed, Package, Repository};

/// The inventory of one image that was looked into, with the platform's name.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// `linux/arm64`, or the image's digest where it has no platform.
    pub(super) platform: String,
    /// What it holds.
    pub(super) inventory: &'a Inventory,
}

/// What was looked into, and why something was not: an image that nobody read, or a list in one that could not be read.
#[derive(Debug)]
pub(super) struct Images<'a> {
    /// In the order of the list.
    pub(super) seen: Vec<Seen<'a>>,
    /// The first reason why the inventory is not whole.
    pub(super) gap: Option<Unseen>,
}

/// The images of the default tag.
///
/// # Errors
/// The repository was not seen, or nothing under its default tag is an image.
pub(super) fn images(registry: &Observed<Repository>) -> Result<Images<'_>, Unseen> {
    let repository = registry.get()?;
    if repository.contents.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!(
                "nobody looked into an image under the default tag \"{}\" of {}; see IEM-CFG-02",
                repository.default_tag, repository.name
            ),
        ));
    }
    let mut images = Images {
        seen: Vec::new(),
        gap: None,
    };
    for content in &repository.contents {
        let platform = name_of(content);
        match content.inventory.get() {
            Ok(inventory) => {
                if let Some(why) = inventory.unread.first() {
                    let unread = inventory.unread.len();
                    images.gap.get_or_insert_with(|| {
                        let why = format!(
                            "{platform}: lists of packages that were not read ({unread}): {why}"
                        );
                        Unseen::new(Reason::CannotMeasure, why)
                    });
                }
                images.seen.push(Seen {
                    platform,
                    inventory,
                });
            }
            Err(unseen) => {
                images.gap.get_or_insert_with(|| {
                    Unseen::new(unseen.reason, format!("{platform}: {}", unseen.because))
                });
            }
        }
    }
    Ok(images)
}

/// The platform of an image, or its digest.
pub(super) fn name_of(content: &Content) -> String {
    let platform = content.platform.as_ref();
    platform.map_or_else(|| content.digest.clone(), ToString::to_string)
}

impl Images<'_> {
    /// Every package of every image, sorted, each once.
    pub(super) fn packages(&self) -> Vec<&Package> {
        let all = self.seen.iter().flat_map(|one| &one.inventory.packages);
        let mut all: Vec<&Package> = all.collect();
        all.sort();
        all.dedup();
        all
    }
}

/// `pip azure-iot-device 2.14.0`.
pub(super) fn in_words(package: &Package) -> String {
    let Package {
        ecosystem,
        name,
        version,
    } = package;
    format!("{} {name} {version}", ecosystem.words())
        .trim_end()
        .to_owned()
}
