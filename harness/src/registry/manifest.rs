//! Manifests and indexes, of Docker and of OCI, read into the core's types.
//!
//! Sources: OCI image specification 1.1, "Image Manifest" and "Image Index"; Distribution documentation, "Image Manifest V 2,
//! Schema 2".

use conformance::observation::{Child, ImageManifest, Layer, ManifestKind};
use conformance::platform::Platform;
use conformance::units::Bytes;
use serde::Deserialize;
use serde_json::Value;

/// Largest manifest read. The specification has registries take at least this much.
pub const LARGEST: u64 = 4 << 20;
/// Most entries of a list, and most layers of an image, that are looked at.
const MOST: usize = 1_000;
/// Longest media type. Source: RFC 6838, section 4.2: twice 127 and a slash.
pub(super) const LONGEST_TYPE: usize = 255;
/// Longest part of a platform that is one: `riscv64` has seven letters.
const LONGEST_PART: usize = 64;
/// How much of what is wrong is shown.
const MOST_WORDS: usize = 300;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Media types asked for; a registry may turn a list into an image for a client that does not name it.
pub const ACCEPTED: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];

/// Media types of configs of images.
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// Whether a media type is that of a list of manifests.
#[must_use]
pub fn is_index(media_type: &str) -> bool {
    media_type == OCI_INDEX || media_type == DOCKER_LIST
}

/// Whether a media type is that of one image.
#[must_use]
pub fn is_manifest(media_type: &str) -> bool {
    media_type == OCI_MANIFEST || media_type == DOCKER_MANIFEST
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: Option<String>,
    digest: String,
    size: u64,
    platform: Option<Value>,
    #[serde(default)]
    annotations: Option<Value>,
}

/// The media type of a manifest and what it is. The document's own word counts before the registry's.
#[must_use]
pub fn read(body: &[u8], told: Option<&str>) -> (String, ManifestKind) {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            let told = shown(told.unwrap_or("none"));
            return (told, ManifestKind::Unreadable(format!("no JSON: {error}")));
        }
    };
    let own = value["mediaType"].as_str();
    let guessed = if value["manifests"].is_array() {
        OCI_INDEX
    } else {
        OCI_MANIFEST
    };
    let media_type = own.or(told).unwrap_or(guessed).to_owned();
    if media_type.len() > LONGEST_TYPE {
        let why = format!("its media type has {} bytes", media_type.len());
        return (shown(&media_type), ManifestKind::Unreadable(why));
    }
    let kind = if is_index(&media_type) {
        index(&value)
    } else if is_manifest(&media_type) {
        image(&value)
    } else if value["schemaVersion"] == 1 {
        Err("a manifest of schema 1, which engines no longer read".to_owned())
    } else {
        Err(format!(
            "the media type {media_type} is neither Docker's nor OCI's"
        ))
    };
    let kind = kind.unwrap_or_else(|why| ManifestKind::Unreadable(shown(&why)));
    (media_type, kind)
}

/// Somebody else's text, as far as it is shown.
fn shown(text: &str) -> String {
    text.chars().take(MOST_WORDS).collect()
}

fn index(value: &Value) -> Result<ManifestKind, String> {
    let children = descriptors(value, "manifests")?;
    Ok(ManifestKind::Index(
        children.into_iter().map(child).collect(),
    ))
}

/// An attestation says what it is in an annotation, and has a platform that is none. Source: BuildKit documentation, "Image
/// attestation storage".
fn child(descriptor: Descriptor) -> Child {
    let annotated = descriptor
        .annotations
        .as_ref()
        .is_some_and(|all| all["vnd.docker.reference.type"] == "attestation-manifest");
    let platform = descriptor.platform.as_ref().and_then(platform);
    let unknown = platform
        .as_ref()
        .is_some_and(|one| one.os == "unknown" || one.architecture == "unknown");
    Child {
        digest: descriptor.digest,
        platform,
        attestation: annotated || unknown,
    }
}

fn image(value: &Value) -> Result<ManifestKind, String> {
    let config: Descriptor = serde_json::from_value(value["config"].clone())
        .map_err(|error| format!("/config: {error}"))?;
    check(&config, "/config")?;
    let media_type = config.media_type.unwrap_or_default();
    if !CONFIGS.contains(&media_type.as_str()) {
        return Err(format!(
            "/config/mediaType is {media_type:.100}, which is no image's: some other artefact lies under this tag"
        ));
    }
    let layers = descriptors(value, "layers")?
        .into_iter()
        .map(|layer| Layer {
            digest: layer.digest,
            size: Bytes(layer.size),
            media_type: layer.media_type.unwrap_or_default(),
        });
    Ok(ManifestKind::Image(ImageManifest {
        config: config.digest,
        platform: None,
        config_flaw: None,
        layers: layers.collect(),
    }))
}

fn descriptors(value: &Value, name: &str) -> Result<Vec<Descriptor>, String> {
    let list = value[name]
        .as_array()
        .ok_or_else(|| format!("/{name} is no list"))?;
    if list.len() > MOST {
        return Err(format!(
            "/{name} has {} entries, more than {MOST}",
            list.len()
        ));
    }
    let mut all = Vec::with_capacity(list.len());
    for (n, one) in list.iter().enumerate() {
        let place = format!("/{name}/{n}");
        let descriptor: Descriptor =
            serde_json::from_value(one.clone()).map_err(|error| format!("{place}: {error}"))?;
        check(&descriptor, &place)?;
        all.push(descriptor);
    }
    Ok(all)
}

/// A digest becomes part of addresses and paths, so nothing but a digest may stand there. A thousand media types are kept.
fn check(descriptor: &Descriptor, place: &str) -> Result<(), String> {
    if descriptor
        .media_type
        .as_ref()
        .is_some_and(|media_type| media_type.len() > LONGEST_TYPE)
    {
        return Err(format!(
            "{place}/mediaType has more than {LONGEST_TYPE} bytes"
        ));
    }
    let digest = &descriptor.digest;
    let good = digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    });
    if good {
        Ok(())
    } else {
        Err(format!(
            "{place}/digest is {digest:.80}: sha256: and 64 hexadecimal digits in lower case were expected"
        ))
    }
}

/// `{"os": "linux", "architecture": "arm", "variant": "v7"}`; nothing where it is no platform.
pub(super) fn platform(value: &Value) -> Option<Platform> {
    let fits = |text: &&str| (1..=LONGEST_PART).contains(&text.len());
    let text = |key: &str| value[key].as_str().filter(fits);
    let (os, architecture) = (text("os")?, text("architecture")?);
    let whole = match text("variant") {
        Some(variant) => format!("{os}/{architecture}/{variant}"),
        None => format!("{os}/{architecture}"),
    };
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn digest(n: u8) -> String {
        format!("sha256:{n:064x}")
    }

    fn kind(value: &Value) -> ManifestKind {
        read(value.to_string().as_bytes(), None).1
    }

    fn index_of(manifests: Value) -> Value {
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})
    }

    fn image_value() -> Value {
        json!({
            "schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
            "config": {"mediaType": CONFIGS[1], "digest": digest(1), "size": 2},
            "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "digest": digest(2), "size": 3}]
        })
    }

    #[test]
    fn a_list_tells_platforms_from_attestations() {
        let child = |n, os: &str, architecture: &str| json!({"digest": digest(n), "size": 1, "mediaType": OCI_MANIFEST, "platform": {"os": os, "architecture": architecture}});
        let list = index_of(json!([
            child(1, "linux", "amd64"),
            child(2, "unknown", "unknown"),
            {"digest": digest(3), "size": 1, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
            {"digest": digest(4), "size": 1, "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}},
        ]));
        let ManifestKind::Index(children) = kind(&list) else {
            panic!("it is a list");
        };
        let attestations: Vec<bool> = children.iter().map(|child| child.attestation).collect();
        assert_eq!(attestations, [false, true, true, false]);
        assert_eq!(children[3].platform, "linux/arm/v7".parse().ok());
    }

    #[test]
    fn an_image_is_read_with_its_layers() {
        let ManifestKind::Image(image) = kind(&image_value()) else {
            panic!("it is an image");
        };
        assert_eq!(image.config, digest(1));
        assert_eq!((image.layers.len(), image.layers[0].size), (1, Bytes(3)));
    }

    #[test]
    fn what_is_neither_says_where_it_stops_being_one() {
        let mut helm = image_value();
        helm["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
        let mut path = image_value();
        path["layers"][0]["digest"] = json!("../../etc/passwd");
        let many: Vec<Value> = (0..1001)
            .map(|_| json!({"digest": digest(1), "size": 1}))
            .collect();
        for (value, part) in [
            (
                json!({"schemaVersion": 1, "fsLayers": [], "mediaType": "x"}),
                "schema 1",
            ),
            (json!({"mediaType": "text/plain"}), "text/plain"),
            (helm, "/config/mediaType is application/vnd.cncf.helm"),
            (path, "/layers/0/digest is ../../etc/passwd"),
            (index_of(json!(many)), "1001 entries"),
            (index_of(json!({})), "/manifests is no list"),
            (json!([]), "/config"),
        ] {
            let ManifestKind::Unreadable(why) = kind(&value) else {
                panic!("{value:.60} was read");
            };
            assert!(why.contains(part), "{why}");
        }
    }

    #[test]
    fn deep_json_is_refused() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(
            read(deep.as_bytes(), None).1,
            ManifestKind::Unreadable(_)
        ));
    }

    proptest! {
        #[test]
        fn no_manifest_makes_the_reader_panic(at in 0_usize..400, byte in any::<u8>()) {
            let mut text = image_value().to_string().into_bytes();
            let at = at % text.len();
            text[at] = byte;
            let _ = read(&text, Some(OCI_MANIFEST));
            let _ = read(&text[..at], None);
        }
    }
}
