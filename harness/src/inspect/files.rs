//! Image archives and OCI layouts as a repository: names of files instead of addresses.
//!
//! Sources: OCI image specification 1.1, "Image Layout"; Docker documentation, "docker image save", for `manifest.json`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use conformance::image::Reference;
use conformance::observation::ImageSource;
use serde_json::{Value, json};
use tempfile::TempPath;

use super::archive_path::ArchivePath;
use crate::registry::{Body, Digesting, Listing, is_index, is_manifest};

/// Largest JSON file read.
const LARGEST: u64 = 4 << 20;
/// Most files of an archive.
const MOST_FILES: usize = 100_000;

/// An archive or a layout.
#[derive(Debug)]
pub(super) struct Files {
    store: Store,
    /// Which kind it is.
    pub(super) source: ImageSource,
    tags: Vec<(String, String)>,
    /// Manifests that stand in no file: archives of older engines have none.
    made: BTreeMap<String, Vec<u8>>,
    /// Files that are not named after their digest.
    named: BTreeMap<String, String>,
}

#[derive(Debug)]
enum Store {
    Directory(PathBuf),
    Archive {
        path: ArchivePath,
        /// Where each file begins, and how long it is.
        index: BTreeMap<String, (u64, u64)>,
        links: BTreeMap<String, String>,
    },
}

type Opened = (Box<dyn Read + Send>, u64);

impl Files {
    /// Opens an archive or a layout. Of several repositories in it, `repository` is looked at.
    ///
    /// # Errors
    /// In words, why it is neither.
    pub(super) fn open(
        path: &Path,
        repository: Option<&str>,
        tag: Option<&str>,
    ) -> Result<Files, String> {
        let store = if path.is_dir() {
            Store::Directory(path.to_owned())
        } else {
            archive(path).map_err(|error| error.to_string())?
        };
        let source = match store {
            Store::Directory(_) => ImageSource::Layout,
            Store::Archive { .. } => ImageSource::Archive,
        };
        let mut files = Files {
            store,
            source,
            tags: Vec::new(),
            made: BTreeMap::new(),
            named: BTreeMap::new(),
        };
        if let Some(index) = files.json("index.json")? {
            files.tags = layout_tags(&index, repository, tag)?;
        } else if let Some(manifest) = files.json("manifest.json")? {
            files.take_from_manifest(&manifest, repository)?;
        } else {
            return Err("it holds neither index.json nor manifest.json".to_owned());
        }
        Ok(files)
    }

    /// The same of an archive that came out of an engine's store.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub(super) fn of_engine(saved: TempPath, repository: &str, tag: &str) -> Result<Files, String> {
        let mut files = Files::open(&saved, Some(repository), Some(tag))?;
        files.source = ImageSource::EngineStore;
        if let Store::Archive { path, .. } = &mut files.store {
            *path = ArchivePath::Saved(saved);
        }
        Ok(files)
    }

    /// Whether it has a tag.
    pub(super) fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|(name, _)| name == tag)
    }

    /// The names of its tags.
    pub(super) fn tags(&self) -> Listing {
        let mut names: Vec<String> = self.tags.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        Listing { names, cut: None }
    }

    /// A manifest by tag or digest, or why there is none.
    pub(super) fn manifest(&self, reference: &str) -> io::Result<Result<Body, String>> {
        let tagged = self.tags.iter().find(|(name, _)| name == reference);
        let digest = tagged.map_or(reference, |(_, digest)| digest);
        if let Some(bytes) = self.made.get(digest) {
            return Ok(Ok(Body {
                bytes: bytes.clone(),
                media_type: None,
                digest: digest.to_owned(),
            }));
        }
        self.blob(digest, LARGEST)
    }

    /// A small blob, or why there is none.
    pub(super) fn blob(&self, digest: &str, limit: u64) -> io::Result<Result<Body, String>> {
        let Some((file, size)) = self.open_blob(digest)? else {
            return Ok(Err("no such file".to_owned()));
        };
        if size > limit {
            return Err(io::Error::other(format!(
                "{digest} has {size} bytes, more than {limit}"
            )));
        }
        let mut reader = Digesting::new(file.take(limit));
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        let real = reader.digest();
        if real != digest {
            return Ok(Err(format!("what is there has the digest {real}")));
        }
        Ok(Ok(Body {
            bytes,
            media_type: None,
            digest: real,
        }))
    }

    /// Whether a blob is there, and its size.
    pub(super) fn has(&self, digest: &str) -> io::Result<Result<Option<u64>, String>> {
        Ok(match self.open_blob(digest)? {
            Some((_, size)) => Ok(Some(size)),
            None => Err("no such file".to_owned()),
        })
    }

    /// A blob from its beginning.
    pub(super) fn open_blob(&self, digest: &str) -> io::Result<Option<Opened>> {
        let own = digest
            .strip_prefix("sha256:")
            .map(|hex| format!("blobs/sha256/{hex}"));
        match self.named.get(digest).or(own.as_ref()) {
            Some(name) => self.store.open(name),
            None => Ok(None),
        }
    }

    fn json(&self, name: &str) -> Result<Option<Value>, String> {
        let Some((file, size)) = self
            .store
            .open(name)
            .map_err(|error| format!("{name}: {error}"))?
        else {
            return Ok(None);
        };
        if size > LARGEST {
            return Err(format!("{name} has {size} bytes, more than {LARGEST}"));
        }
        let mut text = Vec::new();
        file.take(LARGEST)
            .read_to_end(&mut text)
            .map_err(|error| format!("{name}: {error}"))?;
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| format!("{name}: no JSON: {error}"))
    }

    /// An archive of an engine before 25 has configs and layers and no manifest. One is made of them here, so that its digest is
    /// not that of any registry.
    fn take_from_manifest(
        &mut self,
        manifest: &Value,
        repository: Option<&str>,
    ) -> Result<(), String> {
        let images = manifest.as_array().ok_or("manifest.json is no list")?;
        for (n, image) in images.iter().enumerate() {
            let place = format!("manifest.json /{n}");
            let config = image["Config"]
                .as_str()
                .ok_or_else(|| format!("{place}/Config is missing"))?;
            let mut layers = Vec::new();
            for layer in image["Layers"].as_array().into_iter().flatten() {
                let name = layer
                    .as_str()
                    .ok_or_else(|| format!("{place}/Layers holds no text"))?;
                let (digest, size) = self.name_after_digest(name)?;
                layers.push(json!({"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "digest": digest, "size": size}));
            }
            let (digest, size) = self.name_after_digest(config)?;
            let made = json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "digest": digest, "size": size},
                "layers": layers,
            })
            .to_string()
            .into_bytes();
            let mut sum = Digesting::new(&made[..]);
            io::copy(&mut sum, &mut io::sink()).map_err(|error| error.to_string())?;
            let digest = sum.digest();
            self.made.insert(digest.clone(), made);
            let names = image["RepoTags"].as_array().into_iter().flatten();
            for name in names.filter_map(Value::as_str) {
                if let Some(tag) = tag_of(name, repository) {
                    self.tags.push((tag, digest.clone()));
                }
            }
        }
        Ok(())
    }

    fn name_after_digest(&mut self, name: &str) -> Result<(String, u64), String> {
        let opened = self
            .store
            .open(name)
            .map_err(|error| format!("{name}: {error}"))?;
        let (file, _) = opened.ok_or_else(|| format!("it holds no {name}"))?;
        let mut sum = Digesting::new(file);
        io::copy(&mut sum, &mut io::sink()).map_err(|error| format!("{name}: {error}"))?;
        self.named.insert(sum.digest(), name.to_owned());
        Ok((sum.digest(), sum.length()))
    }
}

impl Store {
    fn open(&self, name: &str) -> io::Result<Option<Opened>> {
        match self {
            Store::Directory(directory) => match File::open(directory.join(name)) {
                Ok(file) => {
                    let size = file.metadata()?.len();
                    Ok(Some((Box::new(file), size)))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            },
            Store::Archive { path, index, links } => {
                let name = links.get(name).map_or(name, String::as_str);
                let Some((start, size)) = index.get(name).copied() else {
                    return Ok(None);
                };
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(start))?;
                Ok(Some((Box::new(file.take(size)), size)))
            }
        }
    }
}

/// Where everything is in an archive. Names that take an entry of their own belong to no file that is looked for.
fn archive(path: &Path) -> io::Result<Store> {
    let mut magic = [0; 2];
    let mut file = File::open(path)?;
    if file.read(&mut magic)? == 2 && magic == [0x1f, 0x8b] {
        return Err(io::Error::other("it is compressed; `gunzip` it first"));
    }
    file.seek(SeekFrom::Start(0))?;
    let mut archive = tar::Archive::new(file);
    let (mut index, mut links) = (BTreeMap::new(), BTreeMap::new());
    for entry in archive.entries_with_seek()?.raw(true) {
        let entry = entry?;
        if index.len() + links.len() >= MOST_FILES {
            return Err(io::Error::other(format!(
                "it holds more than {MOST_FILES} files"
            )));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes())
            .trim_start_matches("./")
            .to_owned();
        let kind = entry.header().entry_type();
        if kind.is_file() || kind.is_contiguous() {
            index.insert(name, (entry.raw_file_position(), entry.size()));
        } else if kind.is_symlink() {
            // Older engines link a layer that is there already: `../ID/layer.tar`.
            let target = entry.link_name_bytes().unwrap_or_default();
            let target = String::from_utf8_lossy(&target)
                .trim_start_matches("../")
                .to_owned();
            links.insert(name, target);
        }
    }
    let path = ArchivePath::Given(path.to_owned());
    Ok(Store::Archive { path, index, links })
}

/// The tags of a layout. A lone image without a name has the tag that was asked for.
fn layout_tags(
    index: &Value,
    repository: Option<&str>,
    asked: Option<&str>,
) -> Result<Vec<(String, String)>, String> {
    let entries = index["manifests"]
        .as_array()
        .ok_or("index.json: /manifests is no list")?;
    let mut tags = Vec::new();
    let mut unnamed = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        let media_type = entry["mediaType"].as_str().unwrap_or_default();
        if !is_index(media_type) && !is_manifest(media_type) {
            continue;
        }
        let digest = entry["digest"]
            .as_str()
            .ok_or_else(|| format!("index.json: /manifests/{n}/digest is missing"))?;
        let annotations = &entry["annotations"];
        let whole = annotations["io.containerd.image.name"].as_str();
        match whole.or(annotations["org.opencontainers.image.ref.name"].as_str()) {
            Some(name) => tags.extend(tag_of(name, repository).map(|tag| (tag, digest.to_owned()))),
            None => unnamed.push(digest.to_owned()),
        }
    }
    if let ([], [only]) = (tags.as_slice(), unnamed.as_slice()) {
        tags.push((asked.unwrap_or("latest").to_owned(), only.clone()));
    }
    Ok(tags)
}

/// The tag in `contoso.azurecr.io/air:1.0.1`, if that is the repository asked for; a name without a repository is a tag.
fn tag_of(name: &str, repository: Option<&str>) -> Option<String> {
    if !name.contains([':', '/']) {
        return Some(name.to_owned());
    }
    let named: Reference = name.parse().ok()?;
    let tag = named.tag.clone()?;
    let Some(repository) = repository else {
        return Some(tag);
    };
    let wanted: Reference = repository.parse().ok()?;
    let hub = |one: &Reference| {
        let host = one.registry.clone().filter(|host| host != "docker.io");
        (
            host,
            one.repository.trim_start_matches("library/").to_owned(),
        )
    };
    (hub(&named) == hub(&wanted)).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_its_tag_if_it_is_of_the_repository() {
        let repository = Some("contoso.azurecr.io/air");
        for (name, repository, tag) in [
            ("1.0.1", repository, Some("1.0.1")),
            ("contoso.azurecr.io/air:1.0.1", repository, Some("1.0.1")),
            ("contoso.azurecr.io/water:1.0.1", repository, None),
            ("docker.io/library/air:latest", Some("air"), Some("latest")),
            ("contoso.azurecr.io/air:1", None, Some("1")),
            ("contoso.azurecr.io/air", repository, None),
        ] {
            assert_eq!(tag_of(name, repository).as_deref(), tag, "{name}");
        }
    }

    #[test]
    fn what_is_neither_archive_nor_layout_says_why() {
        let directory = tempfile::tempdir().unwrap();
        let told = |path: &Path| Files::open(path, None, None).unwrap_err();
        assert!(told(directory.path()).contains("neither index.json"));
        let file = directory.path().join("module.tar.gz");
        std::fs::write(&file, [0x1f, 0x8b, 8, 0]).unwrap();
        assert!(told(&file).contains("gunzip"));
        std::fs::write(directory.path().join("index.json"), "{").unwrap();
        assert!(told(directory.path()).contains("index.json: no JSON"));
    }
}
