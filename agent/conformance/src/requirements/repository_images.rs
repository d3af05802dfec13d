//! The images under a repository's default tag held to the formats that Docker reads: the part of IEM-CONT-01 that needs no engine.

use super::remarks::Remarks;
use super::repository_tags::{default_tag, few};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{Content, ImageManifest, ManifestKind, Repository};

/// Media types of layers that engines of IoT Edge's age unpack.
///
/// Source: OCI image specification, "Image Layer Filesystem Changeset"; Distribution documentation, "Image Manifest V 2, Schema 2".
const LAYERS: [&str; 7] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
];

const MEND: &str = "rebuild the image with a standard builder and push it again";

/// Every image under the default tag: format of manifest and layers, config, and what the layers really are.
///
/// # Errors
/// The default tag leads nowhere, or a layer was not read.
pub(super) fn judge(repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "under the default tag only images in OCI or Docker format, with a config that can be read and layers that are what their digests say";
    let tag = default_tag(repository)?;
    let reference = format!("{}:{}", repository.name, tag.name);
    let images = repository.images_of(tag);
    let mut remarks = Remarks::default();
    let mut unread = None;
    if let Some(ManifestKind::Unreadable(why)) = repository.manifest_of(tag).map(|one| &one.kind) {
        remarks.breach(
            format!("{reference} ({}): {why}", shown(tag.digest.as_ref())),
            MEND,
        );
    } else if images.is_empty() {
        remarks.breach(format!("the list under {reference} names no image"), MEND);
    }
    for (platform, digest) in &images {
        let name = platform.as_ref().map_or_else(
            || format!("the image {digest}"),
            |platform| format!("the image for {platform} ({digest})"),
        );
        match repository.manifest(digest).map(|one| &one.kind) {
            None => unread = Some(format!("{name} was not read; see IEM-REG-02")),
            Some(ManifestKind::Unreadable(why)) => remarks.breach(format!("{name}: {why}"), MEND),
            Some(ManifestKind::Index(_)) => {
                remarks.breach(format!("{name} is a list inside a list"), MEND);
            }
            Some(ManifestKind::Image(image)) => {
                remark_on(image, &name, &mut remarks);
                let content = repository.contents.iter().find(|one| one.digest == *digest);
                match content.map(|content| layers_of(content, &name, &mut remarks)) {
                    Some(Ok(())) => {}
                    Some(Err(unseen)) => unread = Some(format!("{name}: {}", unseen.because)),
                    None => unread = Some(format!("nobody looked into {name}")),
                }
            }
        }
    }
    match unread {
        Some(why) if !remarks.has_breach() => Err(Unseen::new(Reason::InputMissing, why)),
        Some(_) | None => Ok(remarks.outcome(
            format!(
                "{reference} ({}): {} images, every layer is what its digests say",
                shown(tag.digest.as_ref()),
                images.len()
            ),
            wanted,
        )),
    }
}

fn shown(digest: Option<&String>) -> &str {
    digest.map_or("no digest", String::as_str)
}

fn remark_on(image: &ImageManifest, name: &str, remarks: &mut Remarks) {
    if let Some(flaw) = &image.config_flaw {
        remarks.breach(
            format!("the config {} of {name}: {flaw}", image.config),
            MEND,
        );
    }
    if image.layers.is_empty() {
        remarks.breach(format!("{name} has no layer"), MEND);
    }
    let strange: Vec<String> = image
        .layers
        .iter()
        .filter(|layer| !LAYERS.contains(&layer.media_type.as_str()))
        .map(|layer| format!("{} of media type {}", layer.digest, layer.media_type))
        .collect();
    if !strange.is_empty() {
        remarks.breach(
            format!(
                "{name} has layers that no engine unpacks: {}",
                few(&strange)
            ),
            MEND,
        );
    }
}

fn layers_of(content: &Content, name: &str, remarks: &mut Remarks) -> Result<(), Unseen> {
    for flaw in content.layers.get()? {
        remarks.breach(format!("{name}: {flaw}"), MEND);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::Observed;
    use crate::sample;

    fn check(change: impl FnOnce(&mut Repository)) -> Result<Outcome, Unseen> {
        let mut repository = sample::repository(&["1.0.1"]);
        change(&mut repository);
        judge(&repository)
    }

    fn image(repository: &mut Repository) -> &mut ImageManifest {
        match &mut repository.manifests[1].kind {
            ManifestKind::Image(image) => image,
            ManifestKind::Index(_) | ManifestKind::Unreadable(_) => {
                panic!("the second is an image")
            }
        }
    }

    /// Makes a repository wrong in one way.
    type Spoil = fn(&mut Repository);

    #[test]
    fn images_whose_layers_were_read_pass() {
        let outcome = check(|_| {}).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.saw.contains("2 images"), "{}", outcome.saw);
    }

    #[test]
    fn each_thing_wrong_with_an_image_fails_with_its_place() {
        let cases: [(&str, Spoil); 4] = [
            ("helm", |repository| {
                repository.manifests[0].kind = ManifestKind::Unreadable("a helm chart".to_owned());
            }),
            ("no layer", |repository| image(repository).layers.clear()),
            ("media type text/plain", |repository| {
                image(repository).layers[0].media_type = "text/plain".to_owned();
            }),
            ("layer 1 unpacks to", |repository| {
                let flaw = "layer 1 unpacks to sha256:0".to_owned();
                repository.contents[0].layers = Observed::Seen(vec![flaw]);
            }),
        ];
        for (part, change) in cases {
            let outcome = check(change).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Unmet, "{part}");
            assert!(outcome.saw.contains(part), "{part}: {}", outcome.saw);
        }
    }

    #[test]
    fn a_layer_that_nobody_read_is_no_pass() {
        let unseen = check(|repository| {
            repository.contents[0].layers = Observed::unseen(Reason::Configuration, "too large");
        });
        assert!(unseen.unwrap_err().because.ends_with("too large"));
    }
}
