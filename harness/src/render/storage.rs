//! Storage as rows of a report: the image's sizes, and every volume and bind with what is in it.

use conformance::observation::{ImageFacts, MountKind, MountUse, Observed};
use conformance::report::Report;
use conformance::units::Bytes;

use crate::render::words;

/// The rows; none, where neither image nor mounts tell more than the measurements do.
pub(super) fn rows(report: &Report) -> Vec<(&'static str, String)> {
    let seen = &report.observations;
    let mut rows = Vec::new();
    if let Some(image) = seen.image.seen() {
        rows.extend(sizes(image));
    }
    let used = seen.storage.seen().into_iter();
    rows.extend(used.flat_map(|used| &used.mounts).map(mount));
    rows
}

fn sizes(image: &ImageFacts) -> Vec<(&'static str, String)> {
    if image.shared == Observed::default() {
        return Vec::new();
    }
    let counts = |bytes| format!("{bytes}, which is what counts");
    let unpacked = match image.stored {
        None => counts(image.unpacked),
        Some(_) => image.unpacked.to_string(),
    };
    let mut rows = vec![
        ("Image, unpacked", unpacked),
        ("Image, compressed", told(&image.compressed)),
        ("Shared with other images", told(&image.shared)),
    ];
    if let Some(stored) = image.stored {
        rows.push(("Image, both in the engine's store", counts(stored)));
    }
    rows
}

fn told(bytes: &Observed<Bytes>) -> String {
    match bytes {
        Observed::Seen(bytes) => bytes.to_string(),
        Observed::Unseen(unseen) => format!(
            "unseen ({}): {}",
            words::reason(unseen.reason),
            unseen.because
        ),
    }
}

fn mount(mount: &MountUse) -> (&'static str, String) {
    let kind = match mount.kind {
        MountKind::NamedVolume => "Named volume",
        MountKind::AnonymousVolume => "Anonymous volume",
        MountKind::Bind => "Bind of a host path",
    };
    let used = match &mount.used {
        Observed::Seen(space) => format!(
            "{} of blocks in {}",
            space.blocks,
            words::number(usize::try_from(space.inodes).unwrap_or(usize::MAX), "inode")
        ),
        Observed::Unseen(unseen) => format!("unseen: {}", unseen.because),
    };
    let summed = if mount.kind == MountKind::Bind && !mount.writable {
        "; read-only, outside of the candidate and not summed"
    } else {
        ""
    };
    (
        kind,
        format!("{} at {}: {used}{summed}", mount.name, mount.destination),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::finding::Reason;
    use conformance::observation::Space;

    #[test]
    fn a_mount_is_told_with_its_blocks_and_a_bind_that_is_only_read_is_not_summed() {
        let volume = MountUse {
            kind: MountKind::NamedVolume,
            name: "data".to_owned(),
            destination: "/data".to_owned(),
            writable: true,
            used: Observed::Seen(Space {
                blocks: Bytes(8_192),
                inodes: 2,
            }),
        };
        let (title, text) = mount(&volume);
        assert_eq!(
            (title, text.as_str()),
            ("Named volume", "data at /data: 8 KiB of blocks in 2 inodes")
        );
        let bind = MountUse {
            kind: MountKind::Bind,
            writable: false,
            used: Observed::unseen(Reason::Configuration, "not below the data root"),
            ..volume
        };
        let (_, text) = mount(&bind);
        assert!(
            text.contains("unseen: not below") && text.ends_with("not summed"),
            "{text}"
        );
    }
}
