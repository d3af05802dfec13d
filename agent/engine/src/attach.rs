//! The standard streams of a container, held through the engine.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::query_parameters::AttachContainerOptionsBuilder;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::client::Engine;
use crate::error::EngineError;

/// Bytes of output that may wait to be read.
const WAITING: usize = 64 * 1024;

/// The streams of one container. Where it was created with `StdinOnce`, its input ends when this goes.
pub struct Attached {
    /// Its standard output.
    pub output: Pin<Box<dyn AsyncRead + Send>>,
    /// Its standard input.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attached").finish_non_exhaustive()
    }
}

impl Engine {
    /// Takes hold of a container's standard input and output; before it is started, so that nothing is missed.
    ///
    /// What it writes to standard error goes to the log of this program.
    ///
    /// # Errors
    /// If there is no such container, or the engine cannot be asked.
    pub async fn attach(&self, id: &str) -> Result<Attached, EngineError> {
        let doing = self.doing("attach to", format!("container {id}"));
        let options = AttachContainerOptionsBuilder::default()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        let attached = self.docker.attach_container(id, Some(options)).await;
        let attached = attached.map_err(|error| doing.failed(error))?;
        let (output, written) = tokio::io::simplex(WAITING);
        tokio::spawn(pass_on(attached.output, written));
        Ok(Attached {
            output: Box::pin(output),
            input: attached.input,
        })
    }
}

async fn pass_on(
    mut frames: impl Stream<Item = Result<LogOutput, bollard::errors::Error>> + Unpin,
    mut output: impl AsyncWrite + Unpin,
) {
    while let Some(Ok(frame)) = frames.next().await {
        match frame {
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                if output.write_all(&message).await.is_err() {
                    return;
                }
            }
            LogOutput::StdErr { message } => {
                tracing::info!(words = %String::from_utf8_lossy(&message).trim_end(), "container");
            }
            LogOutput::StdIn { .. } => {}
        }
    }
    // Whoever read it may have gone.
    let _ = output.shutdown().await;
}
