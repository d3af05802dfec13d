//! Images out of the engine's store, as an archive that comes in pieces.

use std::io;

use bytes::Bytes;
use http_body_util::BodyExt;

use crate::client::{Engine, IMAGE_CALL};
use crate::error::EngineError;
use crate::exact;

impl Engine {
    /// Hands out an archive as `docker save` writes it, piece by piece: of one image by `repository:tag` or image id, of every
    /// tag by `repository`. What `take` fails with ends it, and is answered.
    ///
    /// # Errors
    /// If the store has no such image, or the engine breaks off or stands still.
    pub async fn save(
        &self,
        name: &str,
        mut take: impl FnMut(&Bytes) -> io::Result<()>,
    ) -> Result<io::Result<()>, EngineError> {
        let mut doing = self.doing("save", format!("image {name}"));
        // The engine packs everything before it answers.
        doing.limit = IMAGE_CALL;
        let name = exact::path_safe(&doing, name)?;
        let mut body = exact::stream(&doing, &format!("/images/{name}/get")).await?;
        loop {
            let frame = tokio::time::timeout(IMAGE_CALL, body.frame()).await;
            let Some(frame) = frame.map_err(|_| doing.timed_out())? else {
                return Ok(Ok(()));
            };
            let frame = frame.map_err(|error| doing.unreachable(error))?;
            let taken = frame.data_ref().map_or(Ok(()), &mut take);
            if taken.is_err() {
                return Ok(taken);
            }
        }
    }
}
