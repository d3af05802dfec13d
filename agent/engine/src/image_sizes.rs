//! Sizes of an image beyond what its inspect tells: layers shared with other images, and layers as they travel, compressed.
//!
//! Source: Docker Engine API, `ImageList`: `shared-size` (since 1.42) and `manifests` (since 1.47).

use conformance::finding::{Reason, Unseen};
use conformance::observation::{ImageFacts, Observed};
use conformance::platform::Platform;
use conformance::record::ImageStore;
use conformance::units::Bytes;
use serde_json::Value;

use crate::client::Engine;
use crate::error::EngineError;
use crate::exact;

/// What a store with a graph driver says of compressed layers, and where they are told.
const NOT_KEPT: &str = "the engine's store keeps layers unpacked only; the registry that the image is pulled from tells their compressed size";

impl Engine {
    /// The image's facts with the sizes that the engine's list of images tells beside them.
    ///
    /// # Errors
    /// The engine cannot be asked, or its containerd store does not tell what the image takes unpacked.
    pub async fn with_sizes(&self, image: ImageFacts) -> Result<ImageFacts, EngineError> {
        if !self.speaks(1, 42) {
            let why = "an engine before API 1.42 tells shared layers only by a walk of everything that it holds (/system/df), which is not asked for";
            return Ok(ImageFacts {
                shared: Observed::unseen(Reason::CannotMeasure, why),
                ..image
            });
        }
        let store = self.facts().await?.image_store;
        let doing = self.doing("list", "images and their sizes".to_owned());
        let manifests = if self.speaks(1, 47) {
            "&manifests=1"
        } else {
            ""
        };
        let list = exact::get(&doing, &format!("/images/json?shared-size=1{manifests}")).await?;
        match store {
            Some(ImageStore::Containerd) => {
                in_containerd(image, &list).map_err(|reason| doing.malformed(reason))
            }
            Some(ImageStore::GraphDriver) | None => Ok(in_graph_driver(image, &list)),
        }
    }
}

/// What the list says of an image.
fn entry<'a>(image: &ImageFacts, list: &'a Value) -> Option<&'a Value> {
    let mut images = list.as_array().into_iter().flatten();
    images.find(|entry| entry["Id"] == image.image_id.as_str())
}

/// The facts with what the list of images adds to them where layers are kept unpacked only.
fn in_graph_driver(image: ImageFacts, list: &Value) -> ImageFacts {
    let Some(entry) = entry(&image, list) else {
        return image;
    };
    ImageFacts {
        shared: shared(entry).into(),
        compressed: Observed::unseen(Reason::CannotMeasure, NOT_KEPT),
        ..image
    }
}

/// The same in containerd's store, which keeps what travelled beside what it unpacked. The size of an image's inspect is
/// there that of what travelled.
///
/// An engine before API 1.47 tells both in one number, over all platforms of the image that it holds: where it holds more than
/// one, as it may of an archive that was loaded, the number is an upper bound.
///
/// # Errors
/// In words, where it is not told what the image takes unpacked: what travelled alone would be too little.
fn in_containerd(image: ImageFacts, list: &Value) -> Result<ImageFacts, String> {
    let name = &image.reference;
    let entry = entry(&image, list).ok_or_else(|| format!("{name} is not in the list"))?;
    let sizes = match entry["Manifests"].as_array() {
        Some(manifests) => sizes_of(manifests, &image.platform),
        None => sizes_of_all(entry, image.unpacked),
    };
    let (content, unpacked) = sizes.ok_or_else(|| {
        format!(
            "{name} is there for {} with no size of its unpacked layers",
            image.platform
        )
    })?;
    Ok(ImageFacts {
        shared: shared(entry).into(),
        compressed: Observed::Seen(content),
        unpacked,
        stored: Some(content.saturating_add(unpacked)),
        ..image
    })
}

/// What travelled of a platform's manifest, and what is unpacked of it.
fn sizes_of(manifests: &[Value], platform: &Platform) -> Option<(Bytes, Bytes)> {
    let manifest = manifest(manifests, platform)?;
    let number = |pointer: &str| manifest.pointer(pointer)?.as_u64().filter(|size| *size > 0);
    let content = number("/Size/Content")?;
    Some((Bytes(content), Bytes(number("/ImageData/Size/Unpacked")?)))
}

/// The same from the size of everything, of which the image's inspect tells what travelled.
fn sizes_of_all(entry: &Value, content: Bytes) -> Option<(Bytes, Bytes)> {
    let unpacked = entry["Size"].as_u64()?.checked_sub(content.0)?;
    (unpacked > 0).then_some((content, Bytes(unpacked)))
}

/// The engine writes −1 for what it did not work out.
fn shared(entry: &Value) -> Result<Bytes, Unseen> {
    entry["SharedSize"].as_u64().map(Bytes).ok_or_else(|| {
        Unseen::new(
            Reason::CannotMeasure,
            "the engine does not tell how much of the image other images have too",
        )
    })
}

/// The manifest of this platform, if its layers are there.
fn manifest<'a>(manifests: &'a [Value], platform: &Platform) -> Option<&'a Value> {
    manifests.iter().find(|one| {
        let of = &one["ImageData"]["Platform"];
        let text = |key: &str| of[key].as_str().unwrap_or_default();
        let plain = format!("{}/{}", text("os"), text("architecture"));
        let whole = match text("variant") {
            "" => plain,
            variant => format!("{plain}/{variant}"),
        };
        let same = whole
            .parse::<Platform>()
            .is_ok_and(|known| known == *platform);
        one["Kind"] == "image" && one["Available"] == true && same
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::image::image_facts;

    fn facts() -> ImageFacts {
        let raw = serde_json::from_str(include_str!("../tests/data/image.json")).unwrap();
        image_facts("edgeproof.test/mosquitto:1.0.0", &raw).unwrap()
    }

    #[test]
    fn a_graph_driver_tells_what_is_shared_and_keeps_nothing_compressed() {
        let image = facts();
        let list = json!([{"Id": "sha256:0"}, {"Id": image.image_id, "Size": 9, "SharedSize": 7}]);
        let sized = in_graph_driver(image.clone(), &list);
        assert_eq!(sized.shared, Observed::Seen(Bytes(7)));
        assert_eq!(sized.unpacked, image.unpacked);
        assert_eq!(sized.on_disk(), image.unpacked);
        assert!(
            sized
                .compressed
                .get()
                .unwrap_err()
                .because
                .contains("registry")
        );
        let untold = json!([{"Id": image.image_id, "SharedSize": -1}]);
        assert!(in_graph_driver(image, &untold).shared.seen().is_none());
    }

    fn recorded(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// An image's facts, and what the same engine's list makes of them: what travelled, what is unpacked, both, and what
    /// other images have too.
    fn check(image: &str, list: &str, wanted: [u64; 4]) {
        let image = image_facts("edgeproof.test/a:1.0.0", &recorded(image)).unwrap();
        let sized = in_containerd(image, &recorded(list)).unwrap();
        let [content, unpacked, stored, shared] = wanted.map(Bytes);
        assert_eq!(sized.compressed, Observed::Seen(content));
        assert_eq!((sized.unpacked, sized.on_disk()), (unpacked, stored));
        assert_eq!(sized.shared, Observed::Seen(shared));
    }

    #[test]
    fn containerd_keeps_what_travelled_beside_what_it_unpacked() {
        check(
            include_str!("../tests/data/containerd-28/image.json"),
            include_str!("../tests/data/containerd-28/images.json"),
            [606_256, 1_425_408, 2_031_664, 1_425_408],
        );
    }

    #[test]
    fn an_engine_that_tells_no_manifests_tells_both_in_one_number() {
        let list = include_str!("../tests/data/containerd-26/images.json");
        check(
            include_str!("../tests/data/containerd-26/image-loaded.json"),
            list,
            [1_424_109, 1_425_408, 2_849_517, 1_425_408],
        );
        // It has the other platform of this image too: an upper bound.
        check(
            include_str!("../tests/data/containerd-26/image.json"),
            list,
            [606_773, 3_685_441 - 606_773, 3_685_441, 1_425_408],
        );
    }

    #[test]
    fn what_is_not_known_to_be_unpacked_is_no_size_of_an_image() {
        let raw = recorded(include_str!("../tests/data/containerd-28/image.json"));
        let image = image_facts("edgeproof.test/a:1.0.0", &raw).unwrap();
        let list = recorded(include_str!("../tests/data/containerd-28/images.json"));
        let refused = |image: &ImageFacts| in_containerd(image.clone(), &list).unwrap_err();
        // As recorded: the layers of the other platform are there, and not unpacked.
        let other = ImageFacts {
            platform: "linux/arm64".parse().unwrap(),
            ..image.clone()
        };
        assert!(refused(&other).contains("for linux/arm64 with no size"));
        let gone = ImageFacts {
            image_id: "sha256:0".to_owned(),
            ..image
        };
        assert!(refused(&gone).contains("not in the list"));
    }
}
