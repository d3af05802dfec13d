//! Image archives as `docker save` writes them: for which platform, and loaded where that is the engine's.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use conformance::platform::Platform;
use engine::Engine;
use serde_json::Value;

use crate::exit::Refused;

/// No configuration or manifest of an image is larger.
const LARGEST: u64 = 8 << 20;

/// Loads an archive; of several those that are for the engine's platform. One alone is loaded whatever it is for: that it
/// does not run here is the run's to find.
///
/// # Errors
/// An archive cannot be read, none is for this engine, or the engine refuses.
pub(super) async fn load_for(
    engine: &Engine,
    platform: &Platform,
    archives: &[PathBuf],
) -> anyhow::Result<()> {
    if let [archive] = archives {
        engine.load_archive(archive).await?;
        return Ok(());
    }
    let mut others = Vec::new();
    let mut loaded = archives.is_empty();
    for archive in archives {
        let built = platform_of(archive).map_err(|error| {
            Refused::BadInput(format!("--load {}: {error:#}", archive.display()))
        })?;
        if built == *platform {
            engine.load_archive(archive).await?;
            loaded = true;
        } else {
            others.push(format!("{} is for {built}", archive.display()));
        }
    }
    if loaded {
        return Ok(());
    }
    Err(Refused::BadInput(format!(
        "--load: no archive is for {platform}, the platform of this engine: {}",
        others.join(", ")
    ))
    .into())
}

/// The platform of the first image in an archive.
fn platform_of(archive: &Path) -> anyhow::Result<Platform> {
    let manifest = entry(archive, "manifest.json")?;
    let config = manifest[0]["Config"]
        .as_str()
        .ok_or_else(|| anyhow!("/0/Config is missing in manifest.json"))?;
    let config = entry(archive, config)?;
    let text = |key: &str| config[key].as_str().filter(|text| !text.is_empty());
    let mut words = vec![text("os").unwrap_or("linux")];
    words.push(text("architecture").ok_or_else(|| anyhow!("its image names no architecture"))?);
    words.extend(text("variant"));
    words.join("/").parse().map_err(|why: String| anyhow!(why))
}

/// One JSON file of the archive.
fn entry(archive: &Path, name: &str) -> anyhow::Result<Value> {
    let mut tar = tar::Archive::new(File::open(archive).context("open it")?);
    for file in tar.entries().context("read it as a tar archive")? {
        let file = file.context("read it as a tar archive")?;
        if file.path().is_ok_and(|path| path == Path::new(name)) {
            let mut bytes = Vec::new();
            file.take(LARGEST)
                .read_to_end(&mut bytes)
                .with_context(|| format!("read {name}"))?;
            return serde_json::from_slice(&bytes).with_context(|| format!("read {name} as JSON"));
        }
    }
    Err(anyhow!("it holds no {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut tar = tar::Builder::new(file.reopen().unwrap());
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap();
        file
    }

    const MANIFEST: (&str, &str) = ("manifest.json", r#"[{"Config": "c.json"}]"#);

    #[test]
    fn an_archive_tells_its_platform() {
        for (config, platform) in [
            (r#"{"os": "linux", "architecture": "amd64"}"#, "linux/amd64"),
            (
                r#"{"architecture": "arm", "variant": "v7"}"#,
                "linux/arm/v7",
            ),
            (
                r#"{"os": "linux", "architecture": "arm64", "variant": "v8"}"#,
                "linux/arm64",
            ),
        ] {
            let archive = archive(&[MANIFEST, ("c.json", config)]);
            assert_eq!(platform_of(archive.path()).unwrap().to_string(), platform);
        }
    }

    #[test]
    fn what_is_no_archive_says_what_is_missing() {
        for (files, wanted) in [
            (&[][..], "it holds no manifest.json"),
            (&[MANIFEST][..], "it holds no c.json"),
            (&[MANIFEST, ("c.json", "{}")][..], "no architecture"),
            (&[("manifest.json", "[]")][..], "/0/Config"),
            (&[("manifest.json", "{")][..], "manifest.json as JSON"),
        ] {
            let told = format!("{:#}", platform_of(archive(files).path()).unwrap_err());
            assert!(told.contains(wanted), "{told}");
        }
    }
}
