//! A repository in which nothing is wrong, as the tests of its requirements start from.

use crate::finding::Reason;
use crate::observation::{
    Access, Child, Content, Ecosystem, ImageConfig, ImageManifest, ImageSource, Inventory, Layer,
    Manifest, ManifestKind, Observed, Package, Program, Published, Repository, Secrets, Tag,
    Tested,
};
use crate::platform::Platform;
use crate::record::{Record, ScopeName};
use crate::units::Bytes;

/// The platforms of its images.
pub(crate) const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm/v7"];

/// The sample's offer for those platforms, with a repository of these tags, in registry scope.
pub(crate) fn registry_record(tags: &[&str]) -> Record {
    let mut record =
        super::record_claiming("Linux x64 and arm32 OS, 512 MB of RAM, 100 MB of storage");
    record.run.scope = ScopeName::Registry;
    record.offer.plan.platforms = platforms();
    record.observations = crate::observation::Observations {
        registry: Observed::Seen(repository(tags)),
        ..Default::default()
    };
    record
}

/// The same record with its repository changed.
pub(crate) fn with_repository(tags: &[&str], change: impl FnOnce(&mut Repository)) -> Record {
    let mut record = registry_record(tags);
    if let Observed::Seen(repository) = &mut record.observations.registry {
        change(repository);
    }
    record
}

fn platforms() -> Vec<Platform> {
    PLATFORMS.iter().map(|text| text.parse().unwrap()).collect()
}

/// A repository whose X.Y.Z tags have an image of their own for each platform, and whose other tags follow the newest of them.
pub(crate) fn repository(tags: &[&str]) -> Repository {
    let mut repository = Repository {
        name: "contoso.azurecr.io/air-quality".to_owned(),
        source: ImageSource::Registry,
        place: "https://contoso.azurecr.io/v2/air-quality".to_owned(),
        mirror: None,
        access: Some(Access::SignedIn),
        listed: tags.len() as u64,
        left_out: None,
        default_tag: "1.0.1".to_owned(),
        tags: Vec::new(),
        manifests: Vec::new(),
        asked: 8,
        missing: Vec::new(),
        contents: contents("1.0.1"),
        history: Observed::default(),
        published: Observed::default(),
        tested: Observed::default(),
        scan_reports: Vec::new(),
    };
    let newest = tags
        .iter()
        .filter(|tag| tag.matches('.').count() == 2)
        .max()
        .map_or("none", |tag| *tag);
    for tag in tags {
        let of = if tag.matches('.').count() == 2 {
            tag
        } else {
            newest
        };
        repository.tags.push(Tag {
            name: (*tag).to_owned(),
            digest: Some(digest(of, "index")),
        });
        if repository.manifest(&digest(of, "index")).is_none() {
            repository.manifests.extend(manifests(of));
        }
    }
    repository
}

/// A digest that is the same for the same words.
pub(crate) fn digest(version: &str, of: &str) -> String {
    let sum = version.bytes().chain(of.bytes()).fold(7_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    format!("sha256:{sum:064x}")
}

/// The index of a version and its images.
pub(crate) fn manifests(version: &str) -> Vec<Manifest> {
    let children = platforms()
        .into_iter()
        .map(|platform| Child {
            digest: digest(version, &platform.to_string()),
            platform: Some(platform),
            attestation: false,
        })
        .collect();
    let index = Manifest {
        digest: digest(version, "index"),
        media_type: "application/vnd.oci.image.index.v1+json".to_owned(),
        kind: ManifestKind::Index(children),
    };
    let images = PLATFORMS.iter().map(|platform| Manifest {
        digest: digest(version, platform),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        kind: ManifestKind::Image(ImageManifest {
            config: digest(version, &format!("{platform} config")),
            platform: platform.parse().ok(),
            config_flaw: None,
            layers: vec![Layer {
                digest: digest(version, &format!("{platform} layer")),
                size: Bytes(1_000),
                media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
            }],
        }),
    });
    [index].into_iter().chain(images).collect()
}

fn contents(version: &str) -> Vec<Content> {
    let of = |platform: &&str| Content {
        digest: digest(version, platform),
        platform: platform.parse().ok(),
        config: ImageConfig {
            entrypoint: vec!["/air-quality".to_owned()],
            layers: vec![digest(version, "unpacked")],
            ..ImageConfig::default()
        },
        compressed: Bytes(1_000),
        unpacked: Observed::Seen(Bytes(2_048)),
        layers: Observed::Seen(Vec::new()),
        program: Observed::Seen(Program {
            path: "/air-quality".to_owned(),
            architecture: platform.split('/').nth(1).map(str::to_owned),
            interpreter: None,
        }),
        inventory: Observed::Seen(inventory(&[(Ecosystem::Dpkg, "libc6", "2.36-9")], 1)),
        secrets: Observed::Seen(Secrets {
            files: 3,
            ..Secrets::default()
        }),
        scan: Observed::unseen(Reason::InputMissing, "no scanner is installed"),
    };
    PLATFORMS.iter().map(of).collect()
}

/// An inventory of these packages, with that many notices.
pub(crate) fn inventory(packages: &[(Ecosystem, &str, &str)], notices: u64) -> Inventory {
    let package = |(ecosystem, name, version): &(Ecosystem, &str, &str)| Package {
        ecosystem: *ecosystem,
        name: (*name).to_owned(),
        version: (*version).to_owned(),
    };
    let paths = (0..notices).map(|n| format!("/usr/share/doc/p{n}/copyright"));
    Inventory {
        packages: packages.iter().map(package).collect(),
        notices,
        notice_paths: paths.collect(),
        ..Inventory::default()
    }
}

/// A published copy that leads here.
pub(crate) fn published(digest: &str) -> Published {
    Published {
        reference: "marketplace.azurecr.io/air-quality:1.0.1".to_owned(),
        digest: Some(digest.to_owned()),
        answer: None,
    }
}

/// A run that tested an image of these digests.
pub(crate) fn tested(digests: &[&str]) -> Tested {
    Tested {
        run: "r1".to_owned(),
        reference: "contoso.azurecr.io/air-quality:1.0.1".to_owned(),
        digests: digests.iter().map(|one| (*one).to_owned()).collect(),
    }
}
