//! Where a repository is read: a registry, or files. The same questions, the same answers.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};
use conformance::observation::{Access, ImageSource};
use thiserror::Error;
use tokio::sync::mpsc::{self, Receiver};

use super::copies::Copy;
use super::files::Files;
use super::layer::{self, LayerRead, Reading, Stopped};
use crate::registry::{Body, Listing, Registry, RegistryError};

/// Pieces of a layer that wait between network and reader.
const WAITING: usize = 4;

/// One repository.
#[derive(Debug)]
pub(super) enum Source {
    Registry(Registry),
    Files(Files, String),
}

/// A question that was not answered.
#[derive(Debug, Error)]
pub(super) enum SourceError {
    #[error("{0}")]
    Registry(#[from] RegistryError),
    #[error("{place}: {source}")]
    Files { place: String, source: io::Error },
}

impl SourceError {
    /// Whether it is a refusal, and not trouble on the way.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, SourceError::Registry(error) if error.is_refusal())
    }
}

/// What is there, or what was answered in its place.
pub(super) type Found<T> = Result<Result<T, String>, SourceError>;

impl Source {
    pub(super) fn kind(&self) -> ImageSource {
        match self {
            Source::Registry(_) => ImageSource::Registry,
            Source::Files(files, _) => files.source,
        }
    }

    /// Where that is.
    pub(super) fn place(&self) -> String {
        match self {
            Source::Registry(registry) => registry.address().base(),
            Source::Files(_, path) => path.clone(),
        }
    }

    pub(super) async fn access(&self) -> Option<Access> {
        match self {
            Source::Registry(registry) => Some(registry.access().await),
            Source::Files(..) => None,
        }
    }

    pub(super) async fn tags(&self) -> Result<Listing, SourceError> {
        match self {
            Source::Registry(registry) => Ok(registry.tags().await?),
            Source::Files(files, _) => Ok(files.tags()),
        }
    }

    pub(super) async fn manifest(&self, reference: &str) -> Found<Body> {
        match self {
            Source::Registry(registry) => Ok(registry.manifest(reference).await?),
            Source::Files(files, _) => files
                .manifest(reference)
                .map_err(|error| self.failed(error)),
        }
    }

    pub(super) async fn blob(&self, digest: &str, limit: u64) -> Found<Body> {
        match self {
            Source::Registry(registry) => Ok(registry.blob(digest, limit).await?),
            Source::Files(files, _) => files
                .blob(digest, limit)
                .map_err(|error| self.failed(error)),
        }
    }

    pub(super) async fn has(&self, digest: &str) -> Found<Option<u64>> {
        match self {
            Source::Registry(registry) => Ok(registry.has(digest).await?),
            Source::Files(files, _) => files.has(digest).map_err(|error| self.failed(error)),
        }
    }

    /// Reads a layer to its end, on a thread of its own, while it comes. The copy comes back with what was read.
    pub(super) async fn layer(
        &self,
        digest: &str,
        mut how: Reading,
    ) -> Result<(Result<LayerRead, Stopped>, Option<Copy>), SourceError> {
        match self {
            Source::Registry(registry) => {
                let (sender, receiver) = mpsc::channel(WAITING);
                let reading = tokio::task::spawn_blocking(move || {
                    let read = layer::read(Poured::new(receiver), &mut how);
                    (read, how.copy)
                });
                // A reader that has seen enough ends the pouring; one that came to an early end is told apart by what the network says.
                let poured = registry.pour(digest, sender).await;
                let read = reading
                    .await
                    .map_err(|error| self.failed(io::Error::other(error)))?;
                poured?;
                Ok(read)
            }
            Source::Files(files, _) => {
                let Some((file, _)) = files
                    .open_blob(digest)
                    .map_err(|error| self.failed(error))?
                else {
                    return Ok((Err(Stopped::Broken("no such file".to_owned())), how.copy));
                };
                let reading = tokio::task::spawn_blocking(move || {
                    let read = layer::read(file, &mut how);
                    (read, how.copy)
                });
                reading
                    .await
                    .map_err(|error| self.failed(io::Error::other(error)))
            }
        }
    }

    fn failed(&self, source: io::Error) -> SourceError {
        SourceError::Files {
            place: self.place(),
            source,
        }
    }
}

/// What comes through a channel, as a reader.
struct Poured {
    pieces: Receiver<Bytes>,
    piece: Bytes,
}

impl Poured {
    fn new(pieces: Receiver<Bytes>) -> Poured {
        Poured {
            pieces,
            piece: Bytes::new(),
        }
    }
}

impl Read for Poured {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
