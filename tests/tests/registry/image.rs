//! Images from nothing, as small as they can be, and lists of them.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::stage::{Stage, digest};

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// One image to be pushed.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    /// `linux/arm/v7`.
    pub(crate) platform: &'static str,
    /// What its program is built for: `amd64`, `arm`, `arm64`.
    pub(crate) program: &'static str,
    /// What makes it another image than the next version's.
    pub(crate) version: String,
    /// The config says something else of the layer.
    pub(crate) wrong_config: bool,
    /// Further files of its layer, by path.
    pub(crate) files: Vec<(&'static str, String)>,
    /// Variables of its config.
    pub(crate) env: Vec<&'static str>,
}

/// A list of packages with one in it, and the notice that belongs to it.
pub(crate) const LIST: (&str, &str) = (
    "var/lib/dpkg/status.d/base",
    "Package: base-files\nVersion: 12.4\n",
);
const NOTICE: (&str, &str) = ("usr/share/doc/base-files/copyright", "Free to use.");

/// What was pushed.
#[derive(Debug, Clone)]
pub(crate) struct Pushed {
    pub(crate) digest: String,
    pub(crate) layer: String,
    descriptor: Value,
}

impl Built {
    /// An image in order.
    pub(crate) fn new(platform: &'static str, version: &str) -> Built {
        Built {
            platform,
            program: platform.split('/').nth(1).unwrap(),
            version: version.to_owned(),
            wrong_config: false,
            files: [LIST, NOTICE]
                .map(|(path, text)| (path, text.to_owned()))
                .to_vec(),
            env: Vec::new(),
        }
    }

    /// Pushes layer, config and manifest, the manifest by its digest.
    pub(crate) fn push(&self, stage: &Stage, repository: &str) -> Pushed {
        let plain = self.layer();
        let packed = gzip(&plain);
        let layer = stage.blob(repository, &packed);
        let config = self.config(&plain).to_string().into_bytes();
        let config_digest = stage.blob(repository, &config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": config_digest, "size": config.len()},
            "layers": [{"mediaType": LAYER, "digest": layer, "size": packed.len()}],
        })
        .to_string()
        .into_bytes();
        let digest = stage.manifest(repository, &digest(&manifest), MANIFEST, &manifest);
        let descriptor = json!({
            "mediaType": MANIFEST, "digest": digest, "size": manifest.len(), "platform": platform(self.platform),
        });
        Pushed {
            digest,
            layer,
            descriptor,
        }
    }

    fn layer(&self) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        put(&mut builder, "air-quality", &elf(self.program), 0o755);
        put(&mut builder, "version", self.version.as_bytes(), 0o644);
        for (path, text) in &self.files {
            put(&mut builder, path, text.as_bytes(), 0o644);
        }
        builder.into_inner().unwrap()
    }

    fn config(&self, layer: &[u8]) -> Value {
        let mut config = platform(self.platform);
        let layer = if self.wrong_config {
            digest(b"another")
        } else {
            digest(layer)
        };
        config["config"] = json!({
            "User": "1000", "Entrypoint": ["/air-quality"], "ExposedPorts": {"8080/tcp": {}}, "Env": self.env,
            "Labels": {"org.opencontainers.image.version": self.version},
        });
        config["rootfs"] = json!({"type": "layers", "diff_ids": [layer]});
        config
    }
}

/// Pushes a list under a tag, with an attestation in it; answers its digest.
pub(crate) fn push_list(stage: &Stage, repository: &str, tag: &str, images: &[Pushed]) -> String {
    let attestation = push_attestation(stage, repository, &images[0].digest);
    let descriptors = images.iter().map(|image| image.descriptor.clone());
    let list = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": descriptors.chain([attestation]).collect::<Vec<Value>>(),
    });
    stage.manifest(repository, tag, INDEX, list.to_string().as_bytes())
}

/// As BuildKit stores a statement about an image: a manifest whose platform is none.
fn push_attestation(stage: &Stage, repository: &str, of: &str) -> Value {
    let statement = json!({"_type": "https://in-toto.io/Statement/v0.1"})
        .to_string()
        .into_bytes();
    let layer = stage.blob(repository, &statement);
    let config = json!({"os": "unknown", "architecture": "unknown", "rootfs": {"type": "layers", "diff_ids": [layer]}})
        .to_string()
        .into_bytes();
    let config_digest = stage.blob(repository, &config);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": config_digest, "size": config.len()},
        "layers": [{"mediaType": "application/vnd.in-toto+json", "digest": layer, "size": statement.len()}],
    })
    .to_string()
    .into_bytes();
    let digest = stage.manifest(repository, &digest(&manifest), MANIFEST, &manifest);
    json!({
        "mediaType": MANIFEST, "digest": digest, "size": manifest.len(),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": of},
    })
}

fn platform(text: &str) -> Value {
    let parts: Vec<&str> = text.split('/').collect();
    let mut value = json!({"os": parts[0], "architecture": parts[1]});
    if let Some(variant) = parts.get(2) {
        value["variant"] = json!(variant);
    }
    value
}

/// The first bytes of a program for an architecture; no more is needed of one that never runs.
fn elf(architecture: &str) -> Vec<u8> {
    let (class, machine) = match architecture {
        "amd64" => (2, 62),
        "arm64" => (2, 183),
        "arm" => (1, 40),
        other => panic!("no ELF machine is known here for {other}"),
    };
    let mut head = b"\x7fELF".to_vec();
    head.extend([class, 1, 1]);
    head.resize(18, 0);
    head.extend([machine, 0]);
    head.resize(120, 0);
    head
}

fn put(builder: &mut tar::Builder<Vec<u8>>, path: &str, bytes: &[u8], mode: u32) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    builder.append_data(&mut header, path, bytes).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
