//! The last lines of a container's output, in bounded memory whatever it writes.
//!
//! Without a terminal the engine frames the output: one byte stream number, three of padding, four of length (big endian),
//! then the payload. Source: Docker Engine API, "Attach to a container", stream format.

use std::collections::VecDeque;

use http_body_util::BodyExt;

use crate::client::Engine;
use crate::error::EngineError;
use crate::exact;

/// Longest line kept, in characters; the rest is cut off.
const LONGEST: usize = 400;

/// A character takes at most four bytes.
const LONGEST_BYTES: usize = 4 * LONGEST;

impl Engine {
    /// The last `n` lines of standard output and standard error together, oldest first, each cut at 400 characters.
    ///
    /// # Errors
    /// If there is no such container, or its log driver cannot be read.
    pub async fn last_lines(&self, id: &str, n: usize) -> Result<Vec<String>, EngineError> {
        let seen = self.inspect(id).await?;
        let doing = self.doing("read the output of", format!("container {id}"));
        let path = format!("/containers/{}/logs?stdout=1&stderr=1&tail={n}", seen.id);
        let mut body = exact::stream(&doing, &path).await?;
        let mut lines = LastLines::new(n, seen.tty);
        let reading = async {
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| doing.unreachable(error))?;
                if let Some(bytes) = frame.data_ref() {
                    lines.push(bytes);
                }
            }
            Ok::<(), EngineError>(())
        };
        tokio::time::timeout(doing.limit, reading)
            .await
            .map_err(|_| doing.timed_out())??;
        Ok(lines.finish())
    }
}

/// Takes the engine's log bytes in pieces of any size and keeps the last lines.
#[derive(Debug)]
struct LastLines {
    most: usize,
    kept: VecDeque<String>,
    framing: Framing,
    /// Unfinished line of each stream: input, output, error.
    partial: [Vec<u8>; 3],
}

#[derive(Debug)]
enum Framing {
    /// A terminal: no frames, one stream.
    Raw,
    /// Within a frame's header.
    Header(Vec<u8>),
    /// Within a frame's payload.
    Payload { stream: usize, left: usize },
}

impl LastLines {
    fn new(most: usize, tty: bool) -> LastLines {
        LastLines {
            most,
            kept: VecDeque::new(),
            framing: if tty {
                Framing::Raw
            } else {
                Framing::Header(Vec::new())
            },
            partial: [Vec::new(), Vec::new(), Vec::new()],
        }
    }

    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match &mut self.framing {
                Framing::Raw => {
                    self.text(1, bytes);
                    &[]
                }
                Framing::Header(header) => {
                    let missing = 8 - header.len();
                    let (now, rest) = bytes.split_at(missing.min(bytes.len()));
                    header.extend_from_slice(now);
                    if let [stream, _, _, _, a, b, c, d] = header[..] {
                        self.framing = Framing::Payload {
                            stream: usize::from(stream).min(2),
                            left: u32::from_be_bytes([a, b, c, d]) as usize,
                        };
                    }
                    rest
                }
                Framing::Payload { stream, left } => {
                    let (stream, now) = (*stream, (*left).min(bytes.len()));
                    let (text, rest) = bytes.split_at(now);
                    *left -= now;
                    if *left == 0 {
                        self.framing = Framing::Header(Vec::new());
                    }
                    self.text(stream, text);
                    rest
                }
            };
        }
    }

    fn text(&mut self, stream: usize, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (line, ended) = match piece.strip_suffix(b"\n") {
                Some(line) => (line, true),
                None => (piece, false),
            };
            let partial = &mut self.partial[stream];
            let room = LONGEST_BYTES.saturating_sub(partial.len());
            partial.extend_from_slice(&line[..room.min(line.len())]);
            if ended {
                self.end_line(stream);
            }
        }
    }

    fn end_line(&mut self, stream: usize) {
        let bytes = std::mem::take(&mut self.partial[stream]);
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches('\r').chars().take(LONGEST).collect();
        self.kept.push_back(line);
        if self.kept.len() > self.most {
            self.kept.pop_front();
        }
    }

    fn finish(mut self) -> Vec<String> {
        for stream in 0..self.partial.len() {
            if !self.partial[stream].is_empty() {
                self.end_line(stream);
            }
        }
        self.kept.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0], &length[..], text.as_bytes()].concat()
    }

    #[test]
    fn frames_in_pieces_of_any_size_make_the_same_lines() {
        let log = [
            frame(1, "one\ntw"),
            frame(2, "error\n"),
            frame(1, "o\n"),
            frame(1, "end"),
        ]
        .concat();
        for size in 1..=log.len() {
            let mut lines = LastLines::new(10, false);
            for piece in log.chunks(size) {
                lines.push(piece);
            }
            assert_eq!(
                lines.finish(),
                ["one", "error", "two", "end"],
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn only_the_last_lines_are_kept_and_long_ones_are_cut() {
        let mut lines = LastLines::new(2, true);
        lines.push(b"first\r\nsecond\r\n");
        lines.push("ä".repeat(100_000).as_bytes());
        let kept = lines.finish();
        assert_eq!(kept[0], "second");
        assert_eq!(kept[1].chars().count(), 400);
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_the_reading() {
        let mut lines = LastLines::new(5, true);
        lines.push(b"\xff\xfe ok\n");
        assert_eq!(lines.finish(), ["\u{fffd}\u{fffd} ok"]);
    }
}
