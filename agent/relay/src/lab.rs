//! The end in the lab: makes the connections again that were made on the device.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;

use crate::Door;
use crate::connections::{Connections, WAITING};
use crate::device::write_all;
use crate::frame::{self, Frame};

/// What stands behind the doors.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The hub's address.
    pub hub: SocketAddr,
    /// The workload API's socket.
    pub workload: PathBuf,
}

/// Waits until the relay listens.
///
/// # Errors
/// The stream ends or breaks before, or says something else.
pub async fn ready(input: &mut (impl AsyncRead + Unpin)) -> Result<()> {
    match frame::read(input).await? {
        Some(Frame::Ready) => Ok(()),
        Some(other) => Err(Error::new(
            ErrorKind::InvalidData,
            format!("the relay began with {other:?}"),
        )),
        None => Err(Error::new(
            ErrorKind::UnexpectedEof,
            "the relay ended before it listened",
        )),
    }
}

/// Carries connections until the stream ends.
///
/// # Errors
/// The stream breaks.
pub async fn run(
    mut input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
    behind: Behind,
) -> Result<()> {
    let (to_stream, frames) = mpsc::channel(WAITING);
    let writing = tokio::spawn(write_all(frames, output));
    let mut connections = Connections::new(to_stream.clone());
    while let Some(frame) = frame::read(&mut input).await? {
        match frame {
            Frame::Open { id, door } => {
                if let Err(error) = connect(&mut connections, id, door, &behind).await {
                    tracing::warn!(%error, ?door, "nobody behind the relay's door");
                    let _ = to_stream.send(Frame::End { id }).await;
                }
            }
            other @ (Frame::Ready | Frame::Data { .. } | Frame::End { .. }) => {
                connections.take(other).await;
            }
        }
    }
    writing.abort();
    Ok(())
}

async fn connect(
    connections: &mut Connections,
    id: u32,
    door: Door,
    behind: &Behind,
) -> Result<()> {
    match door {
        Door::Hub => {
            let (from, to) = TcpStream::connect(behind.hub).await?.into_split();
            connections.carry(id, from, to);
        }
        Door::Workload => {
            let (from, to) = UnixStream::connect(&behind.workload).await?.into_split();
            connections.carry(id, from, to);
        }
    }
    Ok(())
}
