//! Bytes on their way to the network, written so that an interrupted write loses none.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::limits::MAX_MESSAGE_BYTES;

/// Packets waiting to be written, and how far the first one is.
#[derive(Debug, Default)]
pub(super) struct Wire {
    packets: VecDeque<Vec<u8>>,
    written: usize,
    /// Bytes of all of `packets`.
    bytes: usize,
    unflushed: bool,
}

/// More than ever waits of what the client has to say of itself: two of the largest packets.
const CROWDED_BYTES: usize = 2 * MAX_MESSAGE_BYTES;
/// Small packets are answers to the hub's.
const CROWDED_PACKETS: usize = 1024;

impl Wire {
    /// Queues one packet.
    pub(super) fn push(&mut self, packet: Vec<u8>) {
        self.bytes += packet.len();
        self.packets.push_back(packet);
    }

    /// Bytes not yet handed to the network.
    pub(super) fn waiting(&self) -> usize {
        self.bytes - self.written
    }

    /// So much waits that a hub which takes nothing and goes on talking must not be answered any more.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting() > CROWDED_BYTES || self.packets.len() > CROWDED_PACKETS
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
            self.bytes -= self.written;
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
    async fn what_waits_is_counted_in_bytes_and_in_packets() {
        let mut wire = Wire::default();
        for _ in 0..CROWDED_PACKETS {
            wire.push(vec![0; 4]);
        }
        assert!(!wire.is_crowded());
        wire.push(vec![0; 4]);
        assert!(wire.is_crowded());
        let mut all = Vec::new();
        while !wire.is_empty() {
            wire.write(&mut all).await.unwrap();
        }
        assert_eq!((all.len(), wire.waiting()), (4 * (CROWDED_PACKETS + 1), 0));
        wire.push(vec![0; CROWDED_BYTES + 1]);
        assert!(wire.is_crowded());
    }

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
