//! Walks a repository from its tags down to its layers, and writes down what is there and what is not. It judges nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use conformance::image::TagKind;
use conformance::observation::{
    ImageManifest, Manifest, ManifestKind, Missing, Observed, Repository, ScanReport, Tag,
};
use conformance::units::Bytes;
use futures_util::stream::{self, StreamExt as _};

use super::clam::Clam;
use super::contents;
use super::source::{Found, Source, SourceError};
use crate::registry::{LARGEST_MANIFEST, read_config, read_manifest};

/// Questions asked at the same time.
const AT_ONCE: usize = 8;
/// Most tags looked at.
pub(super) const MOST_TAGS: usize = 500;
/// Most manifests looked at, attestations among them.
const MOST_MANIFESTS: usize = 5_000;
/// Most configs and layers asked for.
const MOST_BLOBS: usize = 20_000;
/// Most bytes of manifests that are kept, as [`weight`] counts them.
const MOST_KEPT: usize = 16 << 20;

/// What is looked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The repository as the offer names it.
    pub(super) name: String,
    /// The host asked in place of the one in its name.
    pub(super) mirror: Option<String>,
    /// The tag whose images are looked into.
    pub(super) default_tag: String,
    /// Whether every layer of these is read, however large.
    pub(super) every_layer: bool,
    /// What looks for malware in them.
    pub(super) clam: Option<Clam>,
    /// What others said of them.
    pub(super) scan_reports: Vec<ScanReport>,
}

/// Everything that the source shows.
///
/// # Errors
/// It does not answer, or lets us not in.
pub(super) async fn gather(source: &Source, wanted: &Wanted) -> Result<Repository, SourceError> {
    let listing = source.tags().await?;
    let chosen = chosen(&listing.names, &wanted.default_tag);
    let mut walk = Walk::new(source, &wanted.name);
    walk.left_out = left_out(listing.cut, chosen.len(), listing.names.len());
    let tags = walk.tags(chosen).await?;
    walk.children().await?;
    walk.blobs().await?;
    walk.missing
        .sort_by(|a, b| (&a.what, &a.name, &a.of).cmp(&(&b.what, &b.name, &b.of)));
    let mut repository = Repository {
        name: wanted.name.clone(),
        source: source.kind(),
        place: source.place(),
        mirror: wanted.mirror.clone(),
        access: source.access().await,
        listed: listing.names.len() as u64,
        left_out: walk.left_out,
        default_tag: wanted.default_tag.clone(),
        tags,
        manifests: walk.manifests.into_values().collect(),
        asked: walk.asked as u64,
        missing: walk.missing,
        contents: Vec::new(),
        history: Observed::default(),
        published: Observed::default(),
        tested: Observed::default(),
        scan_reports: wanted.scan_reports.clone(),
    };
    repository.contents = contents::gather(source, &repository, wanted).await?;
    Ok(repository)
}

/// The tags looked at: the default one, `latest`, versions from the highest down, rolling ones, others.
fn chosen(names: &[String], default: &str) -> Vec<String> {
    let rank = |name: &String| match TagKind::of(name) {
        _ if name == default => (0, None),
        TagKind::Latest => (1, None),
        TagKind::Version(version) => (2, Some(Reverse(version))),
        TagKind::Rolling => (3, None),
        TagKind::Other => (4, None),
    };
    let mut chosen: Vec<_> = names.iter().map(|name| (rank(name), name)).collect();
    chosen.sort();
    let chosen = chosen.into_iter().map(|(_, name)| name);
    let mut chosen: Vec<String> = chosen.take(MOST_TAGS).cloned().collect();
    chosen.sort();
    chosen
}

fn left_out(cut: Option<String>, looked_at: usize, listed: usize) -> Option<String> {
    match cut {
        Some(why) => Some(format!("{looked_at} tags were looked at; {why}")),
        None if looked_at < listed => Some(format!("{looked_at} of {listed} tags were looked at")),
        None => None,
    }
}

struct Walk<'a> {
    source: &'a Source,
    name: &'a str,
    manifests: BTreeMap<String, Manifest>,
    missing: Vec<Missing>,
    asked: usize,
    kept: usize,
    left_out: Option<String>,
}

/// About what a manifest takes of memory, in bytes.
fn weight(manifest: &Manifest) -> usize {
    let each = match &manifest.kind {
        ManifestKind::Index(children) => children.len(),
        ManifestKind::Image(image) => image.layers.len(),
        ManifestKind::Unreadable(_) => 0,
    };
    500 + 250 * each
}

impl<'a> Walk<'a> {
    fn new(source: &'a Source, name: &'a str) -> Walk<'a> {
        Walk {
            source,
            name,
            manifests: BTreeMap::new(),
            missing: Vec::new(),
            asked: 0,
            kept: 0,
            left_out: None,
        }
    }

    async fn tags(&mut self, names: Vec<String>) -> Result<Vec<Tag>, SourceError> {
        let of = self.name.to_owned();
        let asked = names.into_iter().map(|name| (name, of.clone())).collect();
        let found = self.manifests_of(asked, "tag").await?;
        let mut tags: Vec<Tag> = found
            .into_iter()
            .map(|(name, digest)| Tag { name, digest })
            .collect();
        tags.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(tags)
    }

    /// What indexes refer to. A list inside a list is not followed: no engine does.
    async fn children(&mut self) -> Result<(), SourceError> {
        let mut asked = BTreeMap::new();
        for manifest in self.manifests.values() {
            if let ManifestKind::Index(children) = &manifest.kind {
                for child in children {
                    asked
                        .entry(child.digest.clone())
                        .or_insert_with(|| manifest.digest.clone());
                }
            }
        }
        asked.retain(|digest, _| !self.manifests.contains_key(digest));
        let asked: Vec<(String, String)> = asked.into_iter().collect();
        let asked = self.at_most(asked, MOST_MANIFESTS, "manifests");
        self.manifests_of(asked, "manifest").await?;
        Ok(())
    }

    /// Asks for manifests by tag or digest; answers the digest of each that is there.
    async fn manifests_of(
        &mut self,
        asked: Vec<(String, String)>,
        what: &str,
    ) -> Result<Vec<(String, Option<String>)>, SourceError> {
        let source = self.source;
        let mut answers = stream::iter(asked)
            .map(|(reference, of)| async move {
                let found = source.manifest(&reference).await;
                // Only what is read of it is kept: four megabytes each would be too much to wait with.
                let read = found.map(|found| {
                    found.map(|body| {
                        let (media_type, kind) =
                            read_manifest(&body.bytes, body.media_type.as_deref());
                        Manifest {
                            digest: body.digest,
                            media_type,
                            kind,
                        }
                    })
                });
                (reference, of, read)
            })
            .buffer_unordered(AT_ONCE);
        let mut found = Vec::new();
        while let Some((reference, of, answer)) = answers.next().await {
            let answer: Result<Manifest, String> = answer?;
            self.asked += 1;
            match answer {
                Ok(manifest) => {
                    self.kept += weight(&manifest);
                    if self.kept > MOST_KEPT {
                        let read = self.manifests.len();
                        let why = "what more say is more than is kept";
                        self.leave_out(format!("{read} manifests were looked at; {why}"));
                        break;
                    }
                    found.push((reference, Some(manifest.digest.clone())));
                    self.manifests.insert(manifest.digest.clone(), manifest);
                }
                Err(answer) => {
                    self.missing(what, &reference, &of, answer);
                    found.push((reference, None));
                }
            }
        }
        Ok(found)
    }

    /// Configs are read, layers are asked for.
    async fn blobs(&mut self) -> Result<(), SourceError> {
        let mut configs = BTreeMap::new();
        let mut layers = BTreeMap::new();
        for manifest in self.manifests.values() {
            if let ManifestKind::Image(image) = &manifest.kind {
                configs
                    .entry(image.config.clone())
                    .or_insert_with(|| manifest.digest.clone());
                for layer in &image.layers {
                    layers
                        .entry(layer.digest.clone())
                        .or_insert_with(|| (manifest.digest.clone(), layer.size));
                }
            }
        }
        let configs = self.at_most(configs.into_iter().collect(), MOST_BLOBS, "configs");
        let layers = self.at_most(layers.into_iter().collect(), MOST_BLOBS, "layers");
        self.configs(configs).await?;
        self.layers(layers).await
    }

    async fn configs(&mut self, asked: Vec<(String, String)>) -> Result<(), SourceError> {
        let source = self.source;
        let answers: Vec<(String, String, Found<_>)> = stream::iter(asked)
            .map(|(digest, of)| async move {
                let found = source.blob(&digest, LARGEST_MANIFEST).await;
                let read = found.map(|found| {
                    found.map(|body| {
                        let read = read_config(&body.bytes);
                        (read.platform, read.flaw)
                    })
                });
                (digest, of, read)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut read = BTreeMap::new();
        for (digest, of, answer) in answers {
            self.asked += 1;
            match answer? {
                Ok(config) => {
                    read.insert(digest, config);
                }
                Err(answer) => self.missing("config", &digest, &of, answer),
            }
        }
        for manifest in self.manifests.values_mut() {
            if let ManifestKind::Image(ImageManifest {
                config,
                platform,
                config_flaw,
                ..
            }) = &mut manifest.kind
                && let Some((of, flaw)) = read.get(config)
            {
                platform.clone_from(of);
                config_flaw.clone_from(flaw);
            }
        }
        Ok(())
    }

    async fn layers(&mut self, asked: Vec<(String, (String, Bytes))>) -> Result<(), SourceError> {
        let source = self.source;
        let answers: Vec<(String, (String, Bytes), Found<_>)> = stream::iter(asked)
            .map(|(digest, of)| async move {
                let found = source.has(&digest).await;
                (digest, of, found)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (digest, (of, size), answer) in answers {
            self.asked += 1;
            match answer? {
                Ok(Some(length)) if length != size.0 => {
                    let answer = format!("it has {length} bytes, and the manifest says {}", size.0);
                    self.missing("layer", &digest, &of, answer);
                }
                Ok(_) => {}
                Err(answer) => self.missing("layer", &digest, &of, answer),
            }
        }
        Ok(())
    }

    fn at_most<T>(&mut self, mut asked: Vec<T>, most: usize, what: &str) -> Vec<T> {
        if asked.len() > most {
            self.leave_out(format!("{most} of {} {what} were looked at", asked.len()));
            asked.truncate(most);
        }
        asked
    }

    fn leave_out(&mut self, what: String) {
        self.left_out = Some(match self.left_out.take() {
            Some(more) => format!("{more}; {what}"),
            None => what,
        });
    }

    fn missing(&mut self, what: &str, name: &str, of: &str, answer: String) {
        self.missing.push(Missing {
            what: what.to_owned(),
            name: name.to_owned(),
            of: of.to_owned(),
            answer,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_tags_the_newest_versions_are_looked_at() {
        let mut names: Vec<String> = (0..100_000).map(|n| format!("1.0.{n}")).collect();
        names.extend(["latest", "old", "1.0", "0.0.1"].map(str::to_owned));
        let chosen = chosen(&names, "0.0.1");
        assert_eq!(chosen.len(), MOST_TAGS);
        for name in ["latest", "0.0.1", "1.0.99999", "1.0.99502"] {
            assert!(chosen.iter().any(|one| one == name), "{name}");
        }
        assert!(!chosen.iter().any(|one| one == "1.0.0" || one == "old"));
        assert_eq!(
            left_out(None, chosen.len(), names.len()).unwrap(),
            "500 of 100004 tags were looked at"
        );
        assert_eq!(left_out(None, 3, 3), None);
    }
}
