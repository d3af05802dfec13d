//! A client's stream whose first bytes are remembered, until the client is in.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream, and the first bytes that were read from it.
#[derive(Debug)]
pub(super) struct Overheard<S> {
    stream: S,
    heard: Vec<u8>,
    /// Bytes that are still to be remembered.
    more: usize,
}

impl<S> Overheard<S> {
    /// Remembers up to so many bytes.
    pub(super) const fn new(stream: S, longest: usize) -> Self {
        Self {
            stream,
            heard: Vec::new(),
            more: longest,
        }
    }

    pub(super) fn heard(&self) -> &[u8] {
        &self.heard
    }

    /// Forgets them, and remembers no more.
    pub(super) fn forget(&mut self) {
        self.heard = Vec::new();
        self.more = 0;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let new = &buffer.filled()[before..];
        let new = &new[..new.len().min(self.more)];
        self.heard.extend_from_slice(new);
        self.more -= new.len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn the_first_bytes_are_remembered_until_they_are_forgotten() {
        let mut stream = Overheard::new(&b"a hello and more"[..], 7);
        let mut first = [0; 4];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(stream.heard(), b"a he");
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(stream.heard(), b"a hello");
        stream.forget();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!((rest.as_str(), stream.heard()), ("and more", &b""[..]));
    }
}
