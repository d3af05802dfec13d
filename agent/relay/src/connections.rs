//! The connections of one end of the stream, by number, and the two tasks that each of them has.

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{self, Sender};

use crate::frame::{Frame, LARGEST};

/// Frames that may wait for one connection, or for the stream.
pub(crate) const WAITING: usize = 16;

/// Where the bytes for each connection go; an entry ends when the other side says so.
#[derive(Debug)]
pub(crate) struct Connections {
    to_stream: Sender<Frame>,
    open: HashMap<u32, Sender<Bytes>>,
}

impl Connections {
    pub(crate) fn new(to_stream: Sender<Frame>) -> Connections {
        Connections {
            to_stream,
            open: HashMap::new(),
        }
    }

    /// Takes a connection in: what it says goes to the stream, what the stream says for it goes to it.
    pub(crate) fn carry(
        &mut self,
        id: u32,
        from: impl AsyncRead + Unpin + Send + 'static,
        to: impl AsyncWrite + Unpin + Send + 'static,
    ) {
        let (sender, waiting) = mpsc::channel(WAITING);
        self.open.insert(id, sender);
        tokio::spawn(hear(id, from, self.to_stream.clone()));
        tokio::spawn(say(waiting, to));
    }

    /// Passes on what the stream says of a connection. One that has broken on this side hears nothing.
    pub(crate) async fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Data { id, bytes } => {
                if let Some(connection) = self.open.get(&id)
                    && connection.send(bytes).await.is_err()
                {
                    self.open.remove(&id);
                }
            }
            Frame::End { id } => {
                self.open.remove(&id);
            }
            Frame::Ready | Frame::Open { .. } => {}
        }
    }
}

async fn hear(id: u32, mut from: impl AsyncRead + Unpin, to_stream: Sender<Frame>) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(LARGEST);
        match from.read_buf(&mut (&mut buffer).limit(LARGEST)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                let bytes = buffer.split().freeze();
                if to_stream.send(Frame::Data { id, bytes }).await.is_err() {
                    return;
                }
            }
        }
    }
    // Nobody hears it when the stream has ended, too.
    let _ = to_stream.send(Frame::End { id }).await;
}

async fn say(mut waiting: mpsc::Receiver<Bytes>, mut to: impl AsyncWrite + Unpin) {
    while let Some(bytes) = waiting.recv().await {
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // The other end may have gone already.
    let _ = to.shutdown().await;
}
