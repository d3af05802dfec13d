//! The module.json of a module: where its images are pushed to, and for which platforms they are built.

use std::path::Path;

use serde_json::Value;

use super::super::walk::{Blank, Mistake, Walk, near_miss};
use crate::image::Reference;

/// A module.json, read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModuleFile {
    /// Its path.
    pub(super) path: String,
    /// The directory that it stands in, after which its module is called.
    pub(super) directory: Option<String>,
    /// The repository as written, variables too.
    pub(super) repository: String,
    /// Where that stands.
    pub(super) repository_at: Mistake,
    /// The version, which is the tag without its platform.
    pub(super) version: String,
    /// Where that stands.
    pub(super) version_at: Mistake,
    /// Platforms in manifest words.
    pub(super) platforms: Vec<String>,
}

impl ModuleFile {
    /// What the module is called where no deployment says so: as its directory, else as its repository.
    pub(super) fn module(&self) -> String {
        let last = self.repository.rsplit('/').next().unwrap_or_default();
        self.directory.clone().unwrap_or_else(|| last.to_owned())
    }
}

/// Platforms as the tools call them, and as manifests do.
const PLATFORMS: [(&str, &str); 4] = [
    ("amd64", "linux/amd64"),
    ("arm32v7", "linux/arm/v7"),
    ("arm64v8", "linux/arm64"),
    ("windows-amd64", "windows/amd64"),
];

/// A module.json has an image with a repository; a deployment has none.
pub(super) fn is_one(value: &Value) -> bool {
    value.get("image").is_some_and(Value::is_object)
}

/// Reads one.
pub(super) fn read(walk: &mut Walk<'_>, value: &Value, path: &str) -> Option<ModuleFile> {
    let root = walk.object(value, "")?;
    let image = walk.required(&root, "image")?;
    let image = walk.object(image, &root.pointer_of("image"))?;
    let repository = walk
        .text(&image, "repository", Blank::Refused)
        .filter(|text| is_repository(walk, text, &image.pointer_of("repository")));
    let tag = walk.required(&image, "tag")?;
    let tag = walk.object(tag, &image.pointer_of("tag"))?;
    let version = walk.text(&tag, "version", Blank::Refused);
    let platforms = platforms(walk, &tag);
    Some(ModuleFile {
        path: path.to_owned(),
        directory: directory(path),
        repository: repository?,
        repository_at: walk.place(&image.pointer_of("repository")),
        version: version?,
        version_at: walk.place(&tag.pointer_of("version")),
        platforms,
    })
}

/// The name of the directory around a file, where the path says it.
fn directory(path: &str) -> Option<String> {
    let name = Path::new(path).parent()?.file_name()?;
    Some(name.to_str()?.to_owned())
}

fn is_repository(walk: &mut Walk<'_>, text: &str, pointer: &str) -> bool {
    let message = match super::image::opened(text).0.parse::<Reference>() {
        Err(message) => message,
        Ok(read) if read.tag.is_some() || read.digest.is_some() => {
            "carries a tag or digest".to_owned()
        }
        Ok(_) => return true,
    };
    let mend = "write registry host and path alone, such as contoso.azurecr.io/air-quality";
    walk.mistake(pointer, message, mend);
    false
}

/// Every platform that an image is built for; builds for debugging are of the same ones.
fn platforms(walk: &mut Walk<'_>, tag: &super::super::walk::Object<'_>) -> Vec<String> {
    let mut platforms: Vec<String> = Vec::new();
    let pointer = tag.pointer_of("platforms");
    let Some(given) =
        Walk::optional(tag, "platforms").and_then(|value| walk.object(value, &pointer))
    else {
        return platforms;
    };
    for name in given.members.keys() {
        let plain = name.strip_suffix(".debug").unwrap_or(name);
        match PLATFORMS.iter().find(|(known, _)| *known == plain) {
            Some((_, platform)) if platforms.iter().any(|known| known == platform) => {}
            Some((_, platform)) => platforms.push((*platform).to_owned()),
            None => {
                let known = PLATFORMS.iter().map(|(known, _)| *known);
                let mend = match near_miss(plain, known) {
                    Some(meant) => format!("is `{meant}` meant?"),
                    None => "add it to the offer's platforms as image manifests name it, such as linux/arm64".to_owned(),
                };
                walk.warn(
                    &given.pointer_of(name),
                    format!("`{name}` is no platform that the tools know, and is left out"),
                    mend,
                );
            }
        }
    }
    platforms
}
