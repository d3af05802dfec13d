//! One frame of the stream: connection, kind, length, bytes; numbers are big-endian.
//!
//! ```text
//! 0      4      5      9        9 + length
//! | id   | kind | length | bytes … |
//! ```

use std::io::{Error, ErrorKind, Result};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::Door;

/// No frame carries more bytes.
pub const LARGEST: usize = 16 * 1024;

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The relay listens at all its doors.
    Ready,
    /// A connection was accepted at a door.
    Open {
        /// Its number, never used twice.
        id: u32,
        /// Where.
        door: Door,
    },
    /// Bytes that came on it, at most [`LARGEST`].
    Data {
        /// Which connection.
        id: u32,
        /// At least one byte.
        bytes: Bytes,
    },
    /// No more bytes come from this side; the other may still send.
    End {
        /// Which connection.
        id: u32,
    },
}

const READY: u8 = 0;
const OPEN_HUB: u8 = 1;
const OPEN_WORKLOAD: u8 = 2;
const DATA: u8 = 3;
const END: u8 = 4;

/// Writes one frame; the caller flushes.
///
/// # Errors
/// The stream is broken.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &Frame) -> Result<()> {
    let nothing = Bytes::new();
    let (id, kind, bytes) = match frame {
        Frame::Ready => (0, READY, &nothing),
        Frame::Open { id, door } => match door {
            Door::Hub => (*id, OPEN_HUB, &nothing),
            Door::Workload => (*id, OPEN_WORKLOAD, &nothing),
        },
        Frame::Data { id, bytes } => (*id, DATA, bytes),
        Frame::End { id } => (*id, END, &nothing),
    };
    let length = u32::try_from(bytes.len()).map_err(|_| malformed("a frame is too long"))?;
    stream.write_u32(id).await?;
    stream.write_u8(kind).await?;
    stream.write_u32(length).await?;
    stream.write_all(bytes).await
}

/// Reads one frame; `None` where the stream ends between two.
///
/// # Errors
/// The stream is broken, or what it says is no frame.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Frame>> {
    let mut head = [0_u8; 9];
    let mut have = stream.read(&mut head).await?;
    if have == 0 {
        return Ok(None);
    }
    while let Some(rest) = head.get_mut(have..).filter(|rest| !rest.is_empty()) {
        let more = stream.read(rest).await?;
        if more == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        have += more;
    }
    let [i0, i1, i2, i3, kind, l0, l1, l2, l3] = head;
    let id = u32::from_be_bytes([i0, i1, i2, i3]);
    let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3]));
    let length = length.map_err(|_| malformed("a frame is too long"))?;
    let frame = match (kind, length) {
        (READY, 0) => Frame::Ready,
        (OPEN_HUB, 0) => Frame::Open {
            id,
            door: Door::Hub,
        },
        (OPEN_WORKLOAD, 0) => Frame::Open {
            id,
            door: Door::Workload,
        },
        (DATA, 1..=LARGEST) => {
            let mut bytes = vec![0; length];
            stream.read_exact(&mut bytes).await?;
            Frame::Data {
                id,
                bytes: bytes.into(),
            }
        }
        (END, 0) => Frame::End { id },
        _ => {
            return Err(malformed(&format!(
                "no frame: kind {kind} with {length} bytes"
            )));
        }
    };
    Ok(Some(frame))
}

fn malformed(why: &str) -> Error {
    Error::new(ErrorKind::InvalidData, why.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    fn frames() -> impl Strategy<Value = Frame> {
        let data = (any::<u32>(), prop::collection::vec(any::<u8>(), 1..300));
        prop_oneof![
            Just(Frame::Ready),
            any::<u32>().prop_map(|id| Frame::Open {
                id,
                door: Door::Hub
            }),
            any::<u32>().prop_map(|id| Frame::Open {
                id,
                door: Door::Workload
            }),
            data.prop_map(|(id, bytes)| Frame::Data {
                id,
                bytes: bytes.into()
            }),
            any::<u32>().prop_map(|id| Frame::End { id }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(frames in prop::collection::vec(frames(), 0..20)) {
            now(async {
                let mut stream = Vec::new();
                for frame in &frames {
                    write(&mut stream, frame).await.unwrap();
                }
                let mut rest = stream.as_slice();
                for frame in &frames {
                    assert_eq!(read(&mut rest).await.unwrap().as_ref(), Some(frame));
                }
                assert_eq!(read(&mut rest).await.unwrap(), None);
            });
        }

        #[test]
        fn any_bytes_are_frames_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            now(async {
                let mut rest = bytes.as_slice();
                while let Ok(Some(frame)) = read(&mut rest).await {
                    let small = match frame {
                        Frame::Data { bytes, .. } => bytes.len() <= LARGEST,
                        Frame::Ready | Frame::Open { .. } | Frame::End { .. } => true,
                    };
                    prop_assert!(small);
                }
                Ok(())
            })?;
        }
    }

    #[test]
    fn a_length_that_nobody_sends_is_not_waited_for() {
        let mut head: &[u8] = &[0, 0, 0, 1, DATA, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(
            now(read(&mut head)).unwrap_err().kind(),
            ErrorKind::InvalidData
        );
        let mut cut: &[u8] = &[0, 0, 0];
        assert_eq!(
            now(read(&mut cut)).unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
    }
}
