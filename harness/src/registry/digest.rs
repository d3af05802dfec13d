//! Digests of what is read, while it is read.

use std::fmt::Write as _;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// A reader that knows the SHA-256 and the length of everything that went through it.
#[derive(Debug)]
pub struct Digesting<R> {
    inner: R,
    sum: Sha256,
    length: u64,
}

impl<R: Read> Digesting<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Digesting<R> {
        Digesting {
            inner,
            sum: Sha256::new(),
            length: 0,
        }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest of what was read: `sha256:…`.
    #[must_use]
    pub fn digest(&self) -> String {
        written(&self.sum.clone().finalize())
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sum.update(&buffer[..read]);
        self.length += read as u64;
        Ok(read)
    }
}

/// The digest of a whole text.
#[must_use]
pub(super) fn of(bytes: &[u8]) -> String {
    written(&Sha256::digest(bytes))
}

fn written(sum: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in sum {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_through_is_counted_and_summed() {
        let mut reader = Digesting::new(&b"abc"[..]);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), reader.length()), ("abc", 3));
        assert_eq!(
            reader.digest(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(reader.digest(), of(b"abc"));
    }
}
