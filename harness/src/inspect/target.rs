//! What `inspect` was given: an offer, a reference, an archive or a layout, and where its images are read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use conformance::image::Reference;
use conformance::offer::{ClaimScope, Listing, Mistake, Offer, Overlay, Plan, PlanImage};

use super::engine_store;
use super::files::Files;
use super::source::Source;
use crate::cli::InspectArgs;
use crate::exit::Refused;
use crate::input;
use crate::registry::{Address, Credentials, Doors, Registry, Trust};

/// What is judged, and where it is read.
#[derive(Debug)]
pub(super) struct Target {
    /// The offer; one without content where none was given.
    pub(super) offer: Offer,
    /// Whether one was given.
    pub(super) offered: bool,
    /// What was ignored or doubtful in its file.
    pub(super) warnings: Vec<Mistake>,
    /// Where the images are.
    pub(super) source: Source,
}

/// Reads what was given and opens the place where the images are.
///
/// # Errors
/// [`Refused`] if a file or a name cannot be used.
pub(super) async fn resolve(args: &InspectArgs) -> anyhow::Result<Target> {
    let path = Path::new(&args.target);
    if !args.from_engine && (args.place.engine.is_some() || !args.place.device.is_empty()) {
        return Err(usage("--engine and --device", "go with --from-engine").into());
    }
    if !path.exists() {
        let reference = reference(&args.target)?;
        if reference.digest.is_some() {
            return Err(usage(&args.target, "a tag is looked at here, not a digest").into());
        }
        let tag = reference.tag.clone().unwrap_or_else(|| "latest".to_owned());
        let repository = Reference {
            tag: None,
            ..reference.clone()
        };
        let source = match &args.image {
            Some(image) => files(image, Some(&repository.to_string()), Some(&tag))?,
            None if args.from_engine => engine_store::open(&args.place, &repository, &tag).await?,
            None => registry(args, &reference)?,
        };
        let offer = without_content(&repository.to_string(), &tag);
        return Ok(Target::without_offer(offer, source));
    }
    if path.is_dir() || !looks_like_json(path)? {
        if args.image.is_some() || args.mirror.is_some() || args.from_engine {
            let why = "is read itself; --image, --mirror and --from-engine go with an offer or a reference";
            return Err(usage(&args.target, why).into());
        }
        let source = files(path, None, None)?;
        let tag = only_tag(&source);
        let offer = without_content(&args.target, &tag);
        return Ok(Target::without_offer(offer, source));
    }
    let read = input::offer(path)?;
    let image = &read.offer.plan.image;
    let source = match &args.image {
        Some(archive) => files(archive, Some(&image.repository), Some(&image.tag))?,
        None => {
            let named: Reference = image.repository.parse().map_err(|why| {
                Refused::BadInput(format!(
                    "{}: /plan/image/repository: {why}\n  mend: write it as NAME.azurecr.io/repository",
                    path.display()
                ))
            })?;
            if args.from_engine {
                engine_store::open(&args.place, &named, &image.tag).await?
            } else {
                registry(args, &named)?
            }
        }
    };
    Ok(Target {
        offer: read.offer,
        offered: true,
        warnings: read.warnings,
        source,
    })
}

impl Target {
    fn without_offer(offer: Offer, source: Source) -> Target {
        Target {
            offer,
            offered: false,
            warnings: Vec::new(),
            source,
        }
    }
}

/// The repository of a registry, without signing in.
///
/// # Errors
/// [`Refused`] if the name is none, or the authority cannot be read.
pub(super) fn published(
    args: &InspectArgs,
    name: &str,
    tag: &str,
) -> anyhow::Result<(Registry, String)> {
    let reference = reference(name)?;
    let tag = reference.tag.clone().unwrap_or_else(|| tag.to_owned());
    let trust = Trust {
        credentials: None,
        ..trust(args)?
    };
    let address = Address::of(&reference, None, &trust.doors);
    Ok((client(args, address, trust)?, tag))
}

fn registry(args: &InspectArgs, reference: &Reference) -> anyhow::Result<Source> {
    let mut trust = trust(args)?;
    if let Some(mirror) = &args.mirror {
        // It stands where a host stands, so it must be one and nothing else.
        let host: Result<Reference, String> = format!("{mirror}/x").parse();
        if !host.is_ok_and(|read| read.registry.as_ref() == Some(mirror)) {
            return Err(usage(mirror, "is no registry host such as localhost:5000").into());
        }
    }
    let address = Address::of(reference, args.mirror.as_deref(), &trust.doors);
    trust.credentials = match &args.credentials {
        Some(file) => Credentials::from_file(file, &address.host)?,
        None => docker_config()
            .filter(|file| file.exists())
            .map(|file| Credentials::from_file(&file, &address.host))
            .transpose()?
            .flatten(),
    };
    Ok(Source::Registry(client(args, address, trust)?))
}

/// What is wrong with an authority that was named is the caller's to mend.
fn client(args: &InspectArgs, address: Address, trust: Trust) -> anyhow::Result<Registry> {
    Registry::new(address, trust).map_err(|error| match &args.registry_ca {
        Some(file) => Refused::BadInput(format!("{}: {error}", file.display())).into(),
        None => error.into(),
    })
}

fn trust(args: &InspectArgs) -> anyhow::Result<Trust> {
    let authority = args.registry_ca.as_deref().map(input::text).transpose()?;
    Ok(Trust {
        doors: Doors {
            plain_http: args.plain_http.clone(),
            tls_on_loopback: authority.is_some(),
        },
        authority: authority.map(String::into_bytes),
        credentials: None,
    })
}

/// Where `docker login` leaves what opens a registry. Source: Docker documentation, "docker", configuration files.
fn docker_config() -> Option<PathBuf> {
    let directory = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker"));
    Some(directory.or_else(home)?.join("config.json"))
}

fn files(path: &Path, repository: Option<&str>, tag: Option<&str>) -> Result<Source, Refused> {
    let place = path.display().to_string();
    Files::open(path, repository, tag)
        .map(|files| Source::Files(files, place.clone()))
        .map_err(|why| Refused::BadInput(format!("{place}: {why}")))
}

fn only_tag(source: &Source) -> String {
    let names = match source {
        Source::Files(files, _) => files.tags().names,
        Source::Registry(_) => Vec::new(),
    };
    names
        .iter()
        .find(|name| *name == "latest")
        .or(names.last())
        .cloned()
        .unwrap_or_default()
}

fn reference(text: &str) -> Result<Reference, Refused> {
    text.parse().map_err(|why| {
        usage(
            text,
            &format!("is neither a file nor an image reference: {why}"),
        )
    })
}

fn usage(what: &str, why: &str) -> Refused {
    Refused::Usage(format!("{what}: {why}"))
}

/// An offer begins with a brace; an archive does not.
fn looks_like_json(path: &Path) -> Result<bool, Refused> {
    let refused = |error: std::io::Error| Refused::BadInput(format!("{}: {error}", path.display()));
    let mut begun = Vec::new();
    let file = fs::File::open(path).map_err(refused)?;
    file.take(64).read_to_end(&mut begun).map_err(refused)?;
    let begun = begun.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&begun);
    Ok(begun.trim_ascii_start().starts_with(b"{"))
}

/// An offer of which nothing is known but its image.
fn without_content(repository: &str, tag: &str) -> Offer {
    Offer {
        publisher_id: String::new(),
        offer_id: String::new(),
        plan_id: String::new(),
        offer_type: String::new(),
        category: None,
        listing: Listing {
            name: "no offer was given".to_owned(),
            ..Listing::default()
        },
        plan: Plan {
            platform_option: None,
            platforms: Vec::new(),
            image: PlanImage {
                repository: repository.to_owned(),
                tag: tag.to_owned(),
            },
            create_options: String::new(),
            env: BTreeMap::new(),
            twin: String::new(),
            routes: BTreeMap::new(),
            uses_module_sdk: false,
            claim_scope: ClaimScope::default(),
        },
        overlay: Overlay::default(),
        attestations: BTreeMap::new(),
        waiver_requests: Vec::new(),
    }
}
