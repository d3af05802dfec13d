//! Looks into the images of the default tag: config, sizes, what the layers really are, and the program that starts.

use conformance::finding::{Reason, Unseen};
use conformance::observation::{
    Content, ImageManifest, Inventory, ManifestKind, Observed, Program, Repository, Scan, Secrets,
};
use conformance::platform::Platform;
use conformance::units::Bytes;

use super::clam::{self, Scanned};
use super::copies::Waiting;
use super::finds::{Finds, MOST_PACKAGES};
use super::layer::{Reading, Stopped};
use super::program::Head;
use super::secrets::Places;
use super::source::{Source, SourceError};
use super::tree::Tree;
use super::walk::Wanted;
use crate::registry::{ConfigRead, LARGEST_MANIFEST, read_config};

/// What is read of one tag's layers unless everything is asked for: what travels, all platforms together.
const MOST_COMPRESSED: u64 = 256 << 20;
/// What a layer may unpack to then.
const MOST_UNPACKED: u64 = 4 << 30;
/// And where everything is asked for: no layer of a module is larger.
const MOST_UNPACKED_OF_ALL: u64 = 64 << 30;
/// Most images of one tag that are looked into.
const MOST_IMAGES: usize = 32;
/// Most packages told of all images together.
const MOST_PACKAGES_OF_ALL: usize = 2 * MOST_PACKAGES;
/// Most flaws told of one image.
const MOST_FLAWS: usize = 8;

/// One content for each image under the default tag whose config is there.
///
/// # Errors
/// The source does not answer any more.
pub(super) async fn gather(
    source: &Source,
    repository: &Repository,
    wanted: &Wanted,
) -> Result<Vec<Content>, SourceError> {
    let every_layer = wanted.every_layer;
    let Some(tag) = repository.tag(&repository.default_tag) else {
        return Ok(Vec::new());
    };
    let mut left = MOST_COMPRESSED;
    let mut room = MOST_PACKAGES_OF_ALL;
    let mut contents = Vec::new();
    let mut waiting = wanted.clam.as_ref().map(|_| Waiting::new()).transpose();
    let mut nowhere = None;
    let copies = waiting.as_mut().unwrap_or(&mut nowhere);
    for (platform, digest) in repository.images_of(tag).into_iter().take(MOST_IMAGES) {
        let Some(ManifestKind::Image(image)) = repository.manifest(&digest).map(|one| &one.kind)
        else {
            continue;
        };
        let Ok(body) = source.blob(&image.config, LARGEST_MANIFEST).await? else {
            continue;
        };
        let config = read_config(&body.bytes);
        let size = image
            .layers
            .iter()
            .fold(0_u64, |sum, layer| sum.saturating_add(layer.size.0));
        let fits = size <= left;
        if fits {
            left -= size;
        }
        let looked = if fits || every_layer {
            let most = if every_layer {
                MOST_UNPACKED_OF_ALL
            } else {
                MOST_UNPACKED
            };
            layers(source, image, &config, Bounds { most, room }, copies).await?
        } else {
            Looked::not(&Unseen::new(
                Reason::Configuration,
                format!(
                    "its layers have {} compressed, more than is read unless `--verify-layers` asks for it",
                    Bytes(size)
                ),
            ))
        };
        if let Observed::Seen(inventory) = &looked.inventory {
            room -= inventory.packages.len();
        }
        contents.push(content(digest, platform, config, Bytes(size), looked));
    }
    if let Some(clam) = &wanted.clam {
        let scanned = match waiting {
            Ok(Some(waiting)) => clam.scan(waiting).await,
            Ok(None) => Err("nothing waits for it".to_owned()),
            Err(error) => Err(format!("make room for the layers: {error}")),
        };
        for content in &mut contents {
            content.scan = scan_of(content, repository, &scanned);
        }
    }
    Ok(contents)
}

/// What the scanner says of an image; nothing of one whose layers were not read to their end.
fn scan_of(
    content: &Content,
    repository: &Repository,
    scanned: &Result<Scanned, String>,
) -> Observed<Scan> {
    content.inventory.get().map_or_else(Observed::Unseen, |_| {
        let kind = repository.manifest(&content.digest).map(|one| &one.kind);
        match (scanned, kind) {
            (Ok(scanned), Some(ManifestKind::Image(image))) => scanned.of(&image.layers),
            (Ok(_), _) => Observed::default(),
            (Err(why), _) => Observed::unseen(Reason::Tool, format!("the malware scan: {why}")),
        }
    })
}

fn content(
    digest: String,
    platform: Option<Platform>,
    config: ConfigRead,
    compressed: Bytes,
    looked: Looked,
) -> Content {
    Content {
        digest,
        platform,
        config: config.config,
        compressed,
        unpacked: looked.unpacked,
        layers: looked.flaws,
        program: looked.program,
        inventory: looked.inventory,
        secrets: looked.secrets,
        scan: clam::no_scanner(),
    }
}

/// What reading the layers came to.
struct Looked {
    unpacked: Observed<Bytes>,
    flaws: Observed<Vec<String>>,
    program: Observed<Program>,
    inventory: Observed<Inventory>,
    secrets: Observed<Secrets>,
}

/// How much of an image is read.
struct Bounds {
    /// Bytes that a layer may unpack to.
    most: u64,
    /// Packages that are told.
    room: usize,
}

impl Looked {
    fn not(unseen: &Unseen) -> Looked {
        Looked {
            unpacked: Observed::Unseen(unseen.clone()),
            flaws: Observed::Unseen(unseen.clone()),
            program: Observed::Unseen(unseen.clone()),
            inventory: Observed::Unseen(unseen.clone()),
            secrets: Observed::Unseen(unseen.clone()),
        }
    }
}

async fn layers(
    source: &Source,
    image: &ImageManifest,
    config: &ConfigRead,
    bounds: Bounds,
    copies: &mut Option<Waiting>,
) -> Result<Looked, SourceError> {
    let most = bounds.most;
    let mut tree = Tree::default();
    let mut finds = Finds::default();
    let mut places = Places::default();
    let mut unpacked = 0_u64;
    let mut flaws = Vec::new();
    for (n, layer) in image.layers.iter().enumerate() {
        let place = format!("layer {} ({})", n + 1, layer.digest);
        let reading = Reading {
            media_type: layer.media_type.clone(),
            most,
            copy: copies
                .as_mut()
                .and_then(|copies| copies.file(&layer.digest)),
        };
        let (read, copy) = source.layer(&layer.digest, reading).await?;
        if let (Some(copies), Some(copy)) = (copies.as_mut(), copy) {
            copies.done(&layer.digest, copy);
        }
        match read {
            Ok(read) => {
                if read.digest != layer.digest {
                    flaws.push(format!("{place} came with the digest {}", read.digest));
                }
                if read.size != layer.size.0 {
                    flaws.push(format!(
                        "{place} has {} bytes, and the manifest says {}",
                        read.size, layer.size.0
                    ));
                }
                let wanted = config.config.layers.get(n);
                if wanted != Some(&read.unpacked_digest) {
                    flaws.push(format!(
                        "{place} unpacks to {}, and the config says {}",
                        read.unpacked_digest,
                        wanted.map_or("nothing of it", String::as_str)
                    ));
                }
                flaws.extend(
                    read.flaws
                        .into_iter()
                        .map(|flaw| format!("{place}: {flaw}")),
                );
                unpacked = unpacked.saturating_add(read.unpacked);
                finds.lay(read.finds, &read.change);
                places.lay(read.secrets, &layer.digest);
                tree.lay(read.change);
            }
            Err(Stopped::Broken(why)) => {
                flaws.push(format!("{place} cannot be unpacked: {why}"));
                let unseen = Unseen::new(
                    Reason::InputMissing,
                    format!("{place} cannot be unpacked: {why}"),
                );
                return Ok(Looked {
                    flaws: Observed::Seen(flaws),
                    ..Looked::not(&unseen)
                });
            }
            Err(Stopped::NotRead(why)) => {
                return Ok(Looked::not(&Unseen::new(
                    Reason::CannotMeasure,
                    format!("{place}: {why}"),
                )));
            }
        }
    }
    let described = config.config.layers.len();
    if described != image.layers.len() {
        flaws.push(format!(
            "the config describes {described} layers, and the manifest has {}",
            image.layers.len()
        ));
    }
    flaws.truncate(MOST_FLAWS);
    Ok(Looked {
        unpacked: Observed::Seen(Bytes(unpacked)),
        flaws: Observed::Seen(flaws),
        program: program(&tree, config).into(),
        inventory: Observed::Seen(finds.inventory(bounds.room)),
        secrets: Observed::Seen(Secrets {
            in_env: config.secrets.clone(),
            ..places.secrets()
        }),
    })
}

/// The program that the entrypoint names, or the command where there is none.
fn program(tree: &Tree, config: &ConfigRead) -> Result<Program, Unseen> {
    let mut words = config
        .config
        .entrypoint
        .iter()
        .chain(&config.config.command);
    let Some(command) = words.next() else {
        return Err(Unseen::new(
            Reason::InputMissing,
            "the config names neither entrypoint nor command",
        ));
    };
    let path = config.path.as_deref();
    let Some((path, head)) = tree.find(command, &config.working_dir, path) else {
        let why = if tree.is_full() {
            (
                Reason::CannotMeasure,
                "and there are more programs than are kept",
            )
        } else {
            (Reason::InputMissing, "and no layer has such a program")
        };
        return Err(Unseen::new(
            why.0,
            format!("the image starts {command:.200}, {}", why.1),
        ));
    };
    let seen = |path: String, architecture: Option<&String>, interpreter: Option<String>| Program {
        path,
        architecture: architecture.cloned(),
        interpreter,
    };
    Ok(match head {
        Head::Elf(architecture) => seen(path, Some(architecture), None),
        Head::Script(interpreter) => {
            // The interpreter is what the processor runs.
            let of = match tree.find(interpreter, "/", None) {
                Some((_, Head::Elf(architecture))) => Some(architecture),
                Some((_, Head::Script(_) | Head::Other)) | None => None,
            };
            seen(path, of, Some(interpreter.clone()))
        }
        Head::Other => seen(path, None, None),
    })
}
