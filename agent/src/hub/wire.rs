//! Bytes on their way to the network, written so that an interrupted write loses none.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Packets waiting to be written, and how far the first one is.
#[derive(Debug, Default)]
pub(super) struct Wire {
    packets: VecDeque<Vec<u8>>,
    written: usize,
    unflushed: bool,
}

impl Wire {
    /// Queues one packet.
    pub(super) fn push(&mut self, packet: Vec<u8>) {
        self.packets.push_back(packet);
    }

    /// Bytes not yet handed to the network.
    pub(super) fn waiting(&self) -> usize {
        self.packets.iter().map(Vec::len).sum::<usize>() - self.written
    }

    /// Whether [`Wire::write`] has anything to do.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty() && !self.unflushed
    }

    /// Writes a piece, or flushes when all is written. May be dropped at any await: what was
    /// written is counted, the rest stays.
    ///
    /// # Errors
    /// What the network says.
    pub(super) async fn write<W: AsyncWrite + Unpin>(&mut self, to: &mut W) -> io::Result<()> {
        let Some(packet) = self.packets.front() else {
            to.flush().await?;
            self.unflushed = false;
            return Ok(());
        };
        let count = to.write(&packet[self.written..]).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.unflushed = true;
        self.written += count;
        if self.written == packet.len() {
            self.packets.pop_front();
            self.written = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn everything_arrives_in_order_through_a_narrow_pipe() {
        let (mut near, mut far) = tokio::io::duplex(3);
        let mut wire = Wire::default();
        wire.push(b"hello ".to_vec());
        wire.push(b"world".to_vec());
        assert_eq!(wire.waiting(), 11);
        let mut read = vec![0; 11];
        let send = async {
            while !wire.is_empty() {
                wire.write(&mut near).await.unwrap();
            }
        };
        let (_, result) = tokio::join!(send, far.read_exact(&mut read));
        result.unwrap();
        assert_eq!(read, b"hello world");
    }
}
