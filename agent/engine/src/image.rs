//! Images: looked up in the engine's store, pulled, loaded from an archive. edgeproof never removes one.

use std::path::Path;
use std::time::{Duration, Instant};

use bollard::body_try_stream;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::{CreateImageOptionsBuilder, ImportImageOptionsBuilder};
use bytes::Bytes;
use conformance::finding::Reason;
use conformance::observation::{ImageConfig, ImageFacts, ImageSource, Observed};
use conformance::platform::Platform;
use conformance::units::Bytes as Size;
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::client::{Engine, IMAGE_CALL};
use crate::error::EngineError;
use crate::exact;
use crate::facts::texts;
use crate::inspect::labels;

impl Engine {
    /// What the engine's store has under a reference (`repository:tag`, `repository@digest` or an image id).
    ///
    /// # Errors
    /// If the engine cannot be asked, or its answer lacks what every image has.
    pub async fn image(&self, reference: &str) -> Result<Option<ImageFacts>, EngineError> {
        let doing = self.doing("inspect", format!("image {reference}"));
        let Ok(name) = exact::path_safe(&doing, reference) else {
            return Ok(None);
        };
        let Some(raw) = exact::look_up(&doing, &format!("/images/{name}/json")).await? else {
            return Ok(None);
        };
        let facts = image_facts(reference, &raw).map_err(|reason| doing.malformed(reason))?;
        Ok(Some(facts))
    }

    /// Pulls a reference, anonymously. A reference without tag or digest means `latest`.
    ///
    /// # Errors
    /// If the registry or the engine refuses, in the engine's words.
    pub async fn pull(
        &self,
        reference: &str,
        platform: Option<&Platform>,
    ) -> Result<Duration, EngineError> {
        let began = Instant::now();
        let mut doing = self.doing("pull", format!("image {reference}"));
        doing.limit = IMAGE_CALL;
        let (name, tag) = name_and_tag(reference);
        let mut options = CreateImageOptionsBuilder::default()
            .from_image(name)
            .tag(tag);
        let platform = platform.map(Platform::to_string);
        if let Some(platform) = &platform {
            options = options.platform(platform);
        }
        let docker = self.patient(IMAGE_CALL);
        let mut progress = std::pin::pin!(docker.create_image(Some(options.build()), None, None));
        while let Some(step) = next_within(&mut progress, IMAGE_CALL, || doing.timed_out()).await? {
            let step: CreateImageInfo = step.map_err(|error| doing.failed(error))?;
            tracing::debug!(reference, status = step.status, "pull");
        }
        Ok(began.elapsed())
    }

    /// Loads an archive as `docker save` writes it; answers the references or image ids it brought.
    ///
    /// # Errors
    /// If the file cannot be read, or the engine finds it is no image archive.
    pub async fn load_archive(&self, path: &Path) -> Result<Vec<String>, EngineError> {
        let unread = |source| EngineError::Archive {
            path: path.to_owned(),
            source,
        };
        let mut doing = self.doing("load", format!("image archive {}", path.display()));
        doing.limit = IMAGE_CALL;
        let file = tokio::fs::File::open(path).await.map_err(unread)?;
        // Opening a directory works; reading it does not, and only in the middle of the request.
        if !file.metadata().await.map_err(unread)?.is_file() {
            return Err(unread(std::io::Error::other("not a regular file")));
        }
        let docker = self.patient(IMAGE_CALL);
        let options = ImportImageOptionsBuilder::default().build();
        let mut progress =
            std::pin::pin!(docker.import_image(options, body_try_stream(pieces(file)), None));
        let mut loaded = Vec::new();
        while let Some(step) = next_within(&mut progress, IMAGE_CALL, || doing.timed_out()).await? {
            let step = step.map_err(|error| doing.failed(error))?;
            loaded.extend(step.stream.as_deref().and_then(loaded_reference));
        }
        Ok(loaded)
    }
}

/// The next item of a stream, or an error when none comes in time.
async fn next_within<S: Stream + Unpin>(
    stream: &mut S,
    limit: std::time::Duration,
    error: impl Fn() -> EngineError,
) -> Result<Option<S::Item>, EngineError> {
    tokio::time::timeout(limit, stream.next())
        .await
        .map_err(|_| error())
}

/// A file as pieces of 64 KiB.
fn pieces(file: tokio::fs::File) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; 64 << 10];
        let length = file.read(&mut piece).await?;
        piece.truncate(length);
        Ok((length > 0).then(|| (Bytes::from(piece), file)))
    })
}

/// `Loaded image: a:1` and `Loaded image ID: sha256:…` are all the engine says.
fn loaded_reference(line: &str) -> Option<String> {
    let line = line.trim();
    let reference = line
        .strip_prefix("Loaded image ID: ")
        .or_else(|| line.strip_prefix("Loaded image: "))?;
    Some(reference.to_owned())
}

/// A reference as the engine's `fromImage` and `tag`. A digest goes where the tag goes.
fn name_and_tag(reference: &str) -> (&str, &str) {
    if let Some((name, digest)) = reference.split_once('@') {
        return (repository(name), digest);
    }
    let name = repository(reference);
    match reference.get(name.len() + 1..) {
        Some(tag) => (name, tag),
        None => (name, "latest"),
    }
}

/// A reference without tag and digest. A colon before the last slash belongs to the registry's port.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[last..].find(':') {
        Some(colon) => &name[..last + colon],
        None => name,
    }
}

/// Facts about an image from the engine's `/images/NAME/json`. With containerd's store the size that stands there is that of
/// what travelled, which [`Engine::with_sizes`] tells apart.
///
/// # Errors
/// In words, where the answer lacks id, platform or size.
pub fn image_facts(reference: &str, raw: &Value) -> Result<ImageFacts, String> {
    let needed = |key: &str| raw[key].as_str().ok_or_else(|| format!("{key} is missing"));
    let variant = raw["Variant"]
        .as_str()
        .filter(|variant| !variant.is_empty());
    let platform = match variant {
        Some(variant) => format!("{}/{}/{variant}", needed("Os")?, needed("Architecture")?),
        None => format!("{}/{}", needed("Os")?, needed("Architecture")?),
    };
    let platform: Platform = platform.parse()?;
    Ok(ImageFacts {
        pull: None,
        reference: reference.to_owned(),
        source: ImageSource::EngineStore,
        manifest_digest: manifest_digest(reference, &texts(&raw["RepoDigests"])),
        image_id: needed("Id")?.to_owned(),
        platforms: vec![platform.clone()],
        platform,
        media_type: raw["Descriptor"]["mediaType"].as_str().map(str::to_owned),
        unpacked: Size(raw["Size"].as_u64().ok_or("Size is missing")?),
        compressed: Observed::unseen(
            Reason::CannotMeasure,
            "the engine's store does not tell the compressed size of its layers; the registry that the image is pulled from does",
        ),
        stored: None,
        shared: Observed::default(),
        config: image_config(raw),
    })
}

/// The digest under which this reference's own repository has the image. Loaded and built images have none.
fn manifest_digest(reference: &str, repo_digests: &[String]) -> Option<String> {
    let wanted = short_name(repository(reference));
    let by_id = reference.starts_with("sha256:");
    repo_digests.iter().find_map(|entry| {
        let (name, digest) = entry.split_once('@')?;
        (by_id || short_name(name) == wanted).then(|| digest.to_owned())
    })
}

/// The engine leaves out the default registry and its `library` folder.
fn short_name(repository: &str) -> &str {
    let name = repository.strip_prefix("docker.io/").unwrap_or(repository);
    name.strip_prefix("library/").unwrap_or(name)
}

fn image_config(raw: &Value) -> ImageConfig {
    let config = &raw["Config"];
    let keys = |value: &Value| -> Vec<String> {
        let map = value.as_object();
        map.into_iter()
            .flat_map(|map| map.keys().cloned())
            .collect()
    };
    let env = texts(&config["Env"]);
    ImageConfig {
        user: config["User"].as_str().unwrap_or_default().to_owned(),
        entrypoint: texts(&config["Entrypoint"]),
        command: texts(&config["Cmd"]),
        env_names: env
            .iter()
            .map(|pair| pair.split('=').next().unwrap_or(pair).to_owned())
            .collect(),
        exposed_ports: keys(&config["ExposedPorts"]),
        volumes: keys(&config["Volumes"]),
        healthcheck: has_healthcheck(&config["Healthcheck"]),
        labels: labels(&config["Labels"]),
        layers: texts(&raw["RootFS"]["Layers"]),
    }
}

/// A HEALTHCHECK with a test; `NONE` switches an inherited one off.
fn has_healthcheck(healthcheck: &Value) -> bool {
    let test = texts(&healthcheck["Test"]);
    test.first().is_some_and(|first| first != "NONE")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_recorded_image_becomes_facts() {
        let raw: Value = serde_json::from_str(include_str!("../tests/data/image.json")).unwrap();
        let facts = image_facts("edgeproof.test/mosquitto:1.0.0", &raw).unwrap();
        assert_eq!(facts.source, ImageSource::EngineStore);
        assert_eq!(facts.manifest_digest, None);
        assert!(facts.image_id.starts_with("sha256:"));
        assert_eq!(facts.platform.to_string(), "linux/amd64");
        assert!(facts.unpacked > Size(1 << 20));
        assert!(facts.compressed.seen().is_none());
        assert!(!facts.config.entrypoint.is_empty());
        assert!(!facts.config.layers.is_empty());
    }

    #[test]
    fn a_full_config_keeps_names_but_no_values_of_its_environment() {
        let raw = json!({"Id": "sha256:1", "Os": "linux", "Architecture": "arm", "Variant": "v7", "Size": 7,
            "RepoDigests": ["other/a@sha256:0", "alpine@sha256:9"],
            "Descriptor": {"mediaType": "application/vnd.oci.image.index.v1+json"},
            "Config": {"User": "app", "Env": ["KEY=secret", "EMPTY="], "Cmd": ["serve"],
                "ExposedPorts": {"8080/tcp": {}}, "Volumes": {"/data": {}},
                "Healthcheck": {"Test": ["CMD", "/check"]}, "Labels": {"a": "b"}}});
        let facts = image_facts("docker.io/library/alpine:3", &raw).unwrap();
        assert_eq!(facts.manifest_digest.as_deref(), Some("sha256:9"));
        assert_eq!(facts.platform.to_string(), "linux/arm/v7");
        assert_eq!(
            facts.media_type.as_deref(),
            Some("application/vnd.oci.image.index.v1+json")
        );
        assert_eq!(facts.config.env_names, ["KEY", "EMPTY"]);
        assert!(facts.config.healthcheck);
        assert!(!format!("{facts:?}").contains("secret"));
    }

    #[test]
    fn the_containerd_store_has_one_digest_for_manifest_and_image_and_no_config_id() {
        for raw in [
            include_str!("../tests/data/containerd-26/image.json"),
            include_str!("../tests/data/containerd-28/image.json"),
        ] {
            let raw = serde_json::from_str(raw).unwrap();
            let facts = image_facts("edgeproof.test/two-platforms:1.0.0", &raw).unwrap();
            assert_eq!(facts.manifest_digest.as_ref(), Some(&facts.image_id));
            assert_eq!(facts.platform.to_string(), "linux/amd64");
            assert_eq!(facts.config.exposed_ports, ["8080/tcp"]);
            assert_eq!(facts.config.env_names, ["A"]);
            assert_eq!(facts.config.layers.len(), 1);
        }
    }

    #[test]
    fn a_switched_off_healthcheck_is_none() {
        assert!(!has_healthcheck(&json!({"Test": ["NONE"]})));
        assert!(!has_healthcheck(&Value::Null));
    }

    #[test]
    fn a_digest_of_another_repository_is_not_this_one_s() {
        let digests = ["other/a@sha256:0".to_owned()];
        assert_eq!(manifest_digest("mine/a:1", &digests), None);
        assert_eq!(
            manifest_digest("sha256:77", &digests).as_deref(),
            Some("sha256:0")
        );
    }

    #[test]
    fn references_split_into_name_and_tag() {
        for (reference, split) in [
            ("a", ("a", "latest")),
            ("a:1", ("a", "1")),
            ("h:5000/a/b", ("h:5000/a/b", "latest")),
            ("h:5000/a/b:1.2", ("h:5000/a/b", "1.2")),
            ("a@sha256:0", ("a", "sha256:0")),
            ("h:5000/a:1@sha256:0", ("h:5000/a", "sha256:0")),
        ] {
            assert_eq!(name_and_tag(reference), split, "{reference}");
        }
    }

    #[test]
    fn what_an_archive_brought_is_read_off_the_engine_s_lines() {
        assert_eq!(
            loaded_reference("Loaded image: a:1\n").as_deref(),
            Some("a:1")
        );
        assert_eq!(
            loaded_reference("Loaded image ID: sha256:00\n").as_deref(),
            Some("sha256:00")
        );
        assert_eq!(loaded_reference("Loading layer"), None);
    }
}
