//! Sizes of an image beyond what its inspect tells: layers shared with other images, and layers as they travel, compressed.
//!
//! Source: Docker Engine API, `ImageList`: `shared-size` (since 1.42) and `manifests` (since 1.47).

use conformance::finding::{Reason, Unseen};
use conformance::observation::{ImageFacts, Observed};
use conformance::platform::Platform;
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
    /// The engine cannot be asked.
    pub async fn with_sizes(&self, image: ImageFacts) -> Result<ImageFacts, EngineError> {
        if !self.speaks(1, 42) {
            let why = "an engine before API 1.42 tells shared layers only by a walk of everything that it holds (/system/df), which is not asked for";
            return Ok(ImageFacts {
                shared: Observed::unseen(Reason::CannotMeasure, why),
                ..image
            });
        }
        let doing = self.doing("list", "images and their sizes".to_owned());
        let manifests = if self.speaks(1, 47) {
            "&manifests=1"
        } else {
            ""
        };
        let list = exact::get(&doing, &format!("/images/json?shared-size=1{manifests}")).await?;
        Ok(sized(image, &list))
    }
}

/// The facts with what a list of images (`/images/json`) adds to them.
fn sized(image: ImageFacts, list: &Value) -> ImageFacts {
    let mut images = list.as_array().into_iter().flatten();
    let Some(entry) = images.find(|entry| entry["Id"] == image.image_id.as_str()) else {
        return image;
    };
    let manifest = manifest(entry, &image.platform);
    let number = |pointer: &str| {
        manifest
            .and_then(|one| one.pointer(pointer)?.as_u64())
            .map(Bytes)
    };
    let compressed = number("/Size/Content");
    ImageFacts {
        shared: shared(entry).into(),
        unpacked: number("/ImageData/Size/Unpacked")
            .filter(|unpacked| *unpacked > Bytes(0))
            .unwrap_or(image.unpacked),
        compressed: compressed.map_or_else(
            || Observed::unseen(Reason::CannotMeasure, NOT_KEPT),
            Observed::Seen,
        ),
        ..image
    }
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

/// The manifest of this platform, in a store that keeps manifests and has its layers.
fn manifest<'a>(entry: &'a Value, platform: &Platform) -> Option<&'a Value> {
    let manifests = entry["Manifests"].as_array()?;
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
        let sized = sized(image.clone(), &list);
        assert_eq!(sized.shared, Observed::Seen(Bytes(7)));
        assert_eq!(sized.unpacked, image.unpacked);
        assert!(
            sized
                .compressed
                .get()
                .unwrap_err()
                .because
                .contains("registry")
        );
    }

    /// Composed by the API reference of version 1.48, `ImageManifestSummary`.
    #[test]
    fn a_store_with_manifests_tells_compressed_and_unpacked_apart() {
        let image = facts();
        let manifest = |architecture: &str, content: u64, available: bool| {
            json!({"Kind": "image", "Available": available, "Size": {"Total": content * 3, "Content": content},
                "ImageData": {"Platform": {"os": "linux", "architecture": architecture}, "Size": {"Unpacked": content * 2}}})
        };
        let list = |available| {
            json!([{"Id": image.image_id, "SharedSize": -1, "Manifests": [
                manifest("arm64", 1, true), manifest("amd64", 1_000, available), {"Kind": "attestation"}]}])
        };
        let seen = sized(image.clone(), &list(true));
        assert_eq!(seen.compressed, Observed::Seen(Bytes(1_000)));
        assert_eq!(seen.unpacked, Bytes(2_000));
        assert!(seen.shared.seen().is_none());
        // Layers that are not there have no size.
        let absent = sized(image.clone(), &list(false));
        assert!(absent.compressed.seen().is_none());
        assert_eq!(absent.unpacked, image.unpacked);
    }
}
