//! The workload API of an IoT Edge device on a unix socket, one socket for one module.
//!
//! [`serve`] answers as the device's daemon would and notes every request. It knows the caller by the socket, not by its
//! process. Source: Azure/iotedge, `edgelet-http-workload`.

mod api;
mod seal;
mod socket;

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

pub use api::WorkloadIdentity;

/// One request as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadRequest {
    /// HTTP method.
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// Status of the answer.
    pub status: u16,
    /// Time from the opening of the socket to the answer.
    pub at: Duration,
    /// User id of the caller; absent where the kernel did not tell.
    pub peer_uid: Option<u32>,
}

/// Why there is no socket.
#[derive(Debug, Error)]
pub enum WorkloadError {
    /// Something listens there already.
    #[error("failed to open the workload socket {}: something else listens there", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The system refused it.
    #[error("failed to open the workload socket {}: {source}", path.display())]
    Open {
        /// The socket.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// A workload API that answers for one module; the socket is removed when this is dropped.
#[derive(Debug)]
pub struct WorkloadServer {
    listening: socket::Listening,
}

impl WorkloadServer {
    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<WorkloadRequest> {
        self.listening.requests()
    }
}

/// Serves the workload API for `identity` on `socket` (mode 0666, there before this returns).
///
/// # Errors
/// When the socket cannot be made. A dead socket left behind is replaced.
pub async fn serve(
    socket: &Path,
    identity: WorkloadIdentity,
) -> Result<WorkloadServer, WorkloadError> {
    let listening = socket::listen(socket, identity).await?;
    Ok(WorkloadServer { listening })
}
