//! An engine's store as a place where images are read: every tag of the repository is saved to a file, which is read as an archive.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use conformance::image::Reference;
use engine::{Caller, Engine, Owner};

use super::files::Files;
use super::source::Source;
use crate::certify::{place, run_id};
use crate::cli::PlaceArgs;
use crate::exit::Refused;
use crate::tunnel::{EngineUrl, Tunnel};

/// Most bytes that are saved.
const MOST_BYTES: u64 = 64 << 30;

/// The images of a repository that the engine has.
///
/// # Errors
/// The engine cannot be reached or has none, or there is no room for them.
pub(super) async fn open(
    args: &PlaceArgs,
    repository: &Reference,
    tag: &str,
) -> anyhow::Result<Source> {
    let place = place::one(args)?;
    let me = Owner::this_process(Path::new("/proc"))?;
    let tunnel = Tunnel::open(&place.engine, &format!("{}-engine", run_id()?), &me).await?;
    let engine = Engine::connect_as(Caller::Lab, tunnel.socket()).await?;
    let repository = repository.to_string();
    let shown = match (&place.name, &place.engine) {
        (Some(device), _) => format!("the store of the engine on {device}"),
        (None, EngineUrl::Unix(socket)) => {
            format!("the store of the engine at {}", socket.display())
        }
        (None, EngineUrl::Tls { host, .. }) => format!("the store of the engine at {host}"),
        (None, EngineUrl::Ssh { destination, .. }) => {
            format!("the store of the engine at {destination}")
        }
    };
    // Some engines take a name without a tag for `latest`.
    let mut refused = String::new();
    for name in [repository.clone(), format!("{repository}:{tag}")] {
        let saved = match save(&engine, &name).await {
            Ok(saved) => saved,
            Err(error) if name == repository => {
                refused = format!("{error:#}");
                continue;
            }
            Err(error) => return Err(error),
        };
        match Files::of_engine(saved, &repository, tag) {
            Ok(files) if name != repository || files.has_tag(tag) => {
                return Ok(Source::Files(files, shown));
            }
            Ok(_) => {}
            Err(why) => refused = why,
        }
    }
    Err(Refused::BadInput(format!("{shown}: {refused}")).into())
}

/// Saves images to a file that goes with its path.
async fn save(engine: &Engine, name: &str) -> anyhow::Result<tempfile::TempPath> {
    let file = tempfile::Builder::new()
        .prefix("edgeproof-save-")
        .tempfile();
    let mut file = file.context("make a file for the images")?;
    let mut left = MOST_BYTES;
    let saved = engine.save(name, |piece| {
        left = left
            .checked_sub(piece.len() as u64)
            .ok_or_else(|| io::Error::other(format!("they have more than {MOST_BYTES} bytes")))?;
        file.write_all(piece)
    });
    saved
        .await?
        .with_context(|| format!("save {name} to a file"))?;
    Ok(file.into_temp_path())
}
