//! Whether reports belong together: one offer, one edition, one image per platform, every device and run once.

use std::fmt;

use serde_json::Value;

use crate::platform::Platform;
use crate::record::ScopeName;
use crate::report::{self, Report};

/// Longest name of a device.
const LONGEST_NAME: usize = 64;

/// Why a report does not belong into a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The device whose report it is; empty where it speaks of all.
    pub device: String,
    /// JSON pointer into that report; empty where it speaks of the whole.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Mistake {
    /// `arm32 /offer/planId: …; …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = [self.device.as_str(), self.pointer.as_str()].join(" ");
        match place.trim() {
            "" => write!(f, "{}; {}", self.message, self.mend),
            place => write!(f, "{place}: {}; {}", self.message, self.mend),
        }
    }
}

impl Mistake {
    pub(super) fn nothing_to_merge() -> Mistake {
        Mistake {
            device: String::new(),
            pointer: String::new(),
            message: "there is no report to merge".to_owned(),
            mend: "give at least one report".to_owned(),
        }
    }
}

/// Whether a device's name can stand in a file name, a link and a table: letters, digits, `.`, `_`, `-`, no leading dot.
#[must_use]
pub fn is_device_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

/// Every mistake in a set of reports that is sorted by device. Every report is compared with the first.
pub(super) fn mistakes(reports: &[(String, Report)]) -> Vec<Mistake> {
    let Some((first_device, first)) = reports.first() else {
        return vec![Mistake::nothing_to_merge()];
    };
    let mut mistakes = Vec::new();
    for (index, (device, report)) in reports.iter().enumerate() {
        let mut found = Found {
            device,
            mistakes: &mut mistakes,
        };
        let before = reports.get(..index).unwrap_or_default();
        found.by_itself(report);
        found.seen_before(report, before);
        if index > 0 {
            found.of_another_offer(report, first, first_device);
        }
    }
    mistakes
}

/// Where the mistakes of one report go.
struct Found<'a> {
    device: &'a str,
    mistakes: &'a mut Vec<Mistake>,
}

impl Found<'_> {
    fn add(&mut self, pointer: &str, message: String, mend: &str) {
        self.mistakes.push(Mistake {
            device: self.device.to_owned(),
            pointer: pointer.to_owned(),
            message,
            mend: mend.to_owned(),
        });
    }

    fn by_itself(&mut self, report: &Report) {
        if !is_device_name(self.device) {
            self.add(
                "",
                "a device's name is 1 to 64 letters, digits, `.`, `_` or `-`, and does not begin with a dot".to_owned(),
                "give it another name",
            );
        }
        if report.schema != report::SCHEMA {
            self.add(
                "/schema",
                format!(
                    "`{}`, and this version reads `{}`",
                    report.schema,
                    report::SCHEMA
                ),
                "merge it with the version of edgeproof that wrote it",
            );
        }
        if matches!(report.run.scope, ScopeName::Offer | ScopeName::Registry) {
            self.add(
                "/run/scope",
                "offer or repository alone were judged, nothing ran".to_owned(),
                "certify the offer on this device",
            );
        }
    }

    fn seen_before(&mut self, report: &Report, before: &[(String, Report)]) {
        if before.iter().any(|(device, _)| device == self.device) {
            self.add(
                "",
                "the device is there twice".to_owned(),
                "give each device one report and a name of its own",
            );
        }
        let same_run = before
            .iter()
            .find(|(_, other)| other.run.id == report.run.id);
        if let Some((device, _)) = same_run {
            self.add(
                "/run/id",
                format!("run {} is also the run of {device}", report.run.id),
                "give each run once",
            );
        }
        let platform = platform_of(report);
        let other_image = before.iter().find(|(_, other)| {
            platform.is_some() && platform_of(other) == platform && differ(report, other)
        });
        if let (Some((device, _)), Some(platform)) = (other_image, platform) {
            self.add(
                "/candidate",
                format!("another image for {platform} than on {device}"),
                "certify the same image on every device of a platform",
            );
        }
    }

    fn of_another_offer(&mut self, report: &Report, first: &Report, first_device: &str) {
        if report.run.edition != first.run.edition {
            self.add(
                "/run/edition",
                format!("another edition of the programme than on {first_device}"),
                "certify by one edition",
            );
        }
        let (mine, theirs) = (as_json(report), as_json(first));
        if let Some(pointer) = first_difference(&mine, &theirs, "/offer") {
            self.add(
                &pointer,
                format!("not the offer that ran on {first_device}"),
                "certify one and the same offer on every device",
            );
        }
    }
}

/// The offer without the values of its overlay, which stored reports hide.
fn as_json(report: &Report) -> Value {
    let mut offer = report.offer.clone();
    offer.overlay = offer.overlay.hidden();
    // An offer has string keys and no failing parts; without them no two would be told apart.
    serde_json::to_value(offer).unwrap_or_default()
}

fn platform_of(report: &Report) -> Option<&Platform> {
    report.candidate.platform.as_ref()
}

/// Whether two candidates are known to be different images: both have digests, none is the other's, and their layers are not
/// the same.
///
/// The containerd store has no config ids: a manifest digest stands as the image's id. Of an archive that was loaded it makes
/// the manifest itself, so that such an image has no digest in common with the one in another engine.
fn differ(left: &Report, right: &Report) -> bool {
    let digests = |report: &Report| -> Vec<String> {
        let candidate = &report.candidate;
        [&candidate.manifest_digest, &candidate.image_id]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    };
    let reports = [left, right];
    let no_config_id = reports.iter().any(|report| has_no_config_id(report));
    let (left, right) = (digests(left), digests(right));
    let are_disjoint =
        !left.is_empty() && !right.is_empty() && !left.iter().any(|digest| right.contains(digest));
    are_disjoint && !(no_config_id && same_content(reports))
}

fn has_no_config_id(report: &Report) -> bool {
    let candidate = &report.candidate;
    candidate.manifest_digest.is_some() && candidate.manifest_digest == candidate.image_id
}

/// Whether both images were seen to have the same layers, by the digests of what is unpacked, and the same settings.
fn same_content(reports: [&Report; 2]) -> bool {
    let [left, right] = reports.map(|report| report.observations.image.seen());
    left.zip(right)
        .is_some_and(|(left, right)| !left.config.layers.is_empty() && left.config == right.config)
}

/// The pointer to the first value in which two documents differ.
fn first_difference(left: &Value, right: &Value, at: &str) -> Option<String> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys());
            names.into_iter().find_map(|name| {
                let inside = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => first_difference(left, right, &inside),
                    _ => Some(inside),
                }
            })
        }
        _ if left == right => None,
        _ => Some(at.to_owned()),
    }
}
