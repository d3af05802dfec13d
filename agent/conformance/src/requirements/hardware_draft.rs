//! A hardware paragraph to paste where the offer has none or an incomplete one: what is unknown stands as dots.

use crate::hardware::{self, Claim};
use crate::platform::Platform;
use crate::record::Record;

/// The claim as HTML, platforms filled in from the offer or the image, unknown quantities as dots.
pub(super) fn draft(record: &Record, claim: Option<&Claim>) -> String {
    let mut claim = claim.cloned().unwrap_or_default();
    let platforms = known_platforms(record);
    if claim.os.is_empty() {
        claim.os = distinct(platforms.iter().map(|platform| platform.os.clone()));
    }
    if claim.architectures.is_empty() {
        claim.architectures = distinct(platforms.iter().map(Platform::architecture_with_variant));
    }
    let missing = [
        (claim.ram_bytes.is_none(), "… MB of RAM"),
        (claim.storage_bytes.is_none(), "… MB of storage"),
    ];
    let recommended = claim.recommended.take();
    let mut html = hardware::write(&claim);
    for (_, dots) in missing.into_iter().filter(|(missing, _)| *missing) {
        let end = html.len() - "</p>".len();
        let joint = if html[..end].ends_with(' ') { "" } else { ", " };
        html.insert_str(end, &format!("{joint}{dots}"));
    }
    if let Some(recommended) = recommended {
        let both = Claim {
            recommended: Some(recommended),
            ..Claim::default()
        };
        let written = hardware::write(&both);
        html.push_str(written.split_once("</p>").map_or("", |(_, rest)| rest));
    }
    html
}

/// Why no paragraph was found in the description.
pub(super) fn absence(record: &Record) -> String {
    let length = record.offer.listing.description.len();
    let longest = hardware::LONGEST_DESCRIPTION;
    if length > longest {
        format!("/listing/description has {length} bytes; of more than {longest} nothing is read")
    } else {
        "/listing/description: no paragraph starts with \"Minimum hardware requirements\""
            .to_owned()
    }
}

/// Declared by the plan, else those of the image.
fn known_platforms(record: &Record) -> Vec<Platform> {
    let declared = &record.offer.plan.platforms;
    match record.observations.image.seen() {
        Some(image) if declared.is_empty() => image.platforms.clone(),
        Some(_) | None => declared.clone(),
    }
}

/// The words in their order, each once.
pub(super) fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for word in words {
        if !distinct.contains(&word) {
            distinct.push(word);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::units::Bytes;

    #[test]
    fn what_is_unknown_stands_as_dots() {
        assert_eq!(
            draft(&sample::record(), None),
            "<p><u>Minimum hardware requirements:</u> Linux x64 OS, … MB of RAM, … MB of storage</p>"
        );
        let claim = Claim {
            ram_bytes: Some(Bytes(1 << 30)),
            recommended: Some(Box::new(Claim {
                ram_bytes: Some(Bytes(2 << 30)),
                ..Claim::default()
            })),
            ..Claim::default()
        };
        assert_eq!(
            draft(&sample::record(), Some(&claim)),
            "<p><u>Minimum hardware requirements:</u> Linux x64 OS, 1 GB of RAM, … MB of storage</p>\
             <p><u>Recommended hardware requirements:</u> 2 GB of RAM</p>"
        );
    }

    #[test]
    fn with_no_platform_known_the_dots_stand_alone() {
        let mut record = sample::record();
        record.offer.plan.platforms.clear();
        record.observations.image = crate::observation::Observed::default();
        assert_eq!(
            draft(&record, None),
            "<p><u>Minimum hardware requirements:</u> … MB of RAM, … MB of storage</p>"
        );
    }
}
