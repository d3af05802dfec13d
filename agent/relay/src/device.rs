//! The end on the device: listens at its doors and hands every connection to the stream.

use std::io::Result;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc::{self, Receiver};

use crate::Door;
use crate::connections::{Connections, WAITING};
use crate::frame::{self, Frame};

/// Listens on a TCP port of every address and on a new unix socket, and carries what connects until `input` ends.
///
/// # Errors
/// A door cannot be opened, or the stream breaks.
pub async fn run(
    port: u16,
    socket: &Path,
    input: impl AsyncRead + Unpin + Send + 'static,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> Result<()> {
    let hub = TcpListener::bind((std::net::Ipv4Addr::UNSPECIFIED, port)).await?;
    let workload = UnixListener::bind(socket)?;
    let (to_stream, frames) = mpsc::channel(WAITING);
    let (heard, mut from_stream) = mpsc::channel(WAITING);
    // A reader of its own: reading half a frame must not be given up because somebody connects.
    let reading = tokio::spawn(read_all(input, heard));
    let writing = tokio::spawn(write_all(frames, output));
    let mut connections = Connections::new(to_stream.clone());
    let mut last = 0_u32;
    // The stream has just begun: if it is broken already, reading it tells.
    let _ = to_stream.send(Frame::Ready).await;
    loop {
        tokio::select! {
            frame = from_stream.recv() => match frame {
                Some(frame) => connections.take(frame).await,
                None => break,
            },
            accepted = hub.accept() => {
                let (from, to) = accepted?.0.into_split();
                last += 1;
                let _ = to_stream.send(Frame::Open { id: last, door: Door::Hub }).await;
                connections.carry(last, from, to);
            }
            accepted = workload.accept() => {
                let (from, to) = accepted?.0.into_split();
                last += 1;
                let _ = to_stream.send(Frame::Open { id: last, door: Door::Workload }).await;
                connections.carry(last, from, to);
            }
        }
    }
    writing.abort();
    reading.await.unwrap_or(Ok(()))
}

async fn read_all(mut input: impl AsyncRead + Unpin, heard: mpsc::Sender<Frame>) -> Result<()> {
    while let Some(frame) = frame::read(&mut input).await? {
        if heard.send(frame).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Writes frames as they come; flushes when none waits.
pub(crate) async fn write_all(
    mut frames: Receiver<Frame>,
    mut output: impl AsyncWrite + Unpin,
) -> Result<()> {
    while let Some(frame) = frames.recv().await {
        frame::write(&mut output, &frame).await?;
        while let Ok(frame) = frames.try_recv() {
            frame::write(&mut output, &frame).await?;
        }
        output.flush().await?;
    }
    Ok(())
}
