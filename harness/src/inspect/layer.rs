//! One layer, read from its beginning to its end and never held: its digests, its size, its programs.
//!
//! Sources: OCI image specification 1.1, "Image Layer Filesystem Changeset"; `tar(5)` for long names and pax headers.

use std::io::{self, BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::copies::Copy;
use super::finds::Finds;
use super::passing::Passing;
use super::secrets::Places;
use super::tree::{self, Change, Node};
use crate::registry::Digesting;

/// Most entries of one layer.
const MOST_ENTRIES: u64 = 1_000_000;
/// Longest name of an entry. Source: `limits.h`, PATH_MAX.
const LONGEST_NAME: u64 = 4096;
/// Longest pax header.
const LONGEST_HEADER: u64 = 64 << 10;

/// The widest window of a zstd frame, as a power of two: what every decoder should bear, and every level but the "ultra" ones
/// keeps to. Source: RFC 8878, section 3.1.1.1.2.
const WIDEST_WINDOW: u32 = 23;

/// What a layer came to.
#[derive(Debug)]
pub(super) struct LayerRead {
    /// Digest of what travelled.
    pub(super) digest: String,
    /// Size of what travelled.
    pub(super) size: u64,
    /// Digest of what it unpacks to.
    pub(super) unpacked_digest: String,
    /// Size of that.
    pub(super) unpacked: u64,
    /// What it changes.
    pub(super) change: Change,
    /// What its files tell beside that.
    pub(super) finds: Finds,
    /// What looks like a secret in its files.
    pub(super) secrets: Places,
    /// What is wrong in it, in words.
    pub(super) flaws: Vec<String>,
}

/// Why a layer was not read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It is no layer: the image's fault.
    Broken(String),
    /// It is more than is read, or in a form that is not read here.
    NotRead(String),
}

/// How a layer is read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Its media type.
    pub(super) media_type: String,
    /// Most bytes that are unpacked.
    pub(super) most: u64,
    /// Where what is unpacked goes too.
    pub(super) copy: Option<Copy>,
}

/// Reads a layer.
///
/// # Errors
/// It ended before its end, is no tar archive, or is too large.
pub(super) fn read(raw: impl Read, reading: &mut Reading) -> Result<LayerRead, Stopped> {
    let Reading {
        media_type,
        most,
        copy,
    } = reading;
    let most = *most;
    let mut raw = BufReader::with_capacity(64 << 10, Digesting::new(raw));
    let unpacked = if media_type.ends_with("gzip") {
        unpack(MultiGzDecoder::new(&mut raw), most, copy)?
    } else if media_type.ends_with("zstd") {
        let mut decoder = Zstd::new(&mut raw).map_err(|error| broken(&error))?;
        let unpacked = unpack(&mut decoder, most, copy);
        if decoder.too_wide {
            return Err(Stopped::NotRead(format!(
                "it takes a window of more than {} bytes to unpack",
                1 << WIDEST_WINDOW
            )));
        }
        unpacked?
    } else {
        unpack(&mut raw, most, copy)?
    };
    // What stands behind the end belongs to the digest all the same.
    io::copy(&mut raw, &mut io::sink()).map_err(|error| broken(&error))?;
    let raw = raw.into_inner();
    Ok(LayerRead {
        digest: raw.digest(),
        size: raw.length(),
        unpacked_digest: unpacked.digest,
        unpacked: unpacked.length,
        change: unpacked.walked.change,
        finds: unpacked.walked.finds,
        secrets: unpacked.walked.secrets,
        flaws: unpacked.walked.flaws,
    })
}

/// What zstd unpacks, within its window.
struct Zstd<R: BufRead> {
    decoder: zstd::Decoder<'static, R>,
    /// Whether it was given up for its window: not the image's fault.
    too_wide: bool,
}

impl<R: BufRead> Zstd<R> {
    fn new(packed: R) -> io::Result<Zstd<R>> {
        let mut decoder = zstd::Decoder::with_buffer(packed)?;
        decoder.window_log_max(WIDEST_WINDOW)?;
        Ok(Zstd {
            decoder,
            too_wide: false,
        })
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer);
        if let Err(error) = &read {
            // The library tells its errors apart by their names alone.
            self.too_wide |= error.to_string().contains("too much memory");
        }
        read
    }
}

/// A reader of which a copy is made.
struct Copied<'a, R> {
    inner: R,
    copy: &'a mut Option<Copy>,
}

impl<R: Read> Read for Copied<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(copy) = self.copy {
            copy.take(&buffer[..read]);
        }
        Ok(read)
    }
}

struct Unpacked {
    digest: String,
    length: u64,
    walked: Walked,
}

struct Walked {
    change: Change,
    finds: Finds,
    secrets: Places,
    flaws: Vec<String>,
}

fn unpack(inner: impl Read, most: u64, copy: &mut Option<Copy>) -> Result<Unpacked, Stopped> {
    // One byte more than is allowed shows that there is more.
    let inner = Copied {
        inner: inner.take(most.saturating_add(1)),
        copy,
    };
    let mut whole = Digesting::new(inner);
    let walked = walk(&mut whole);
    let too_much = || Stopped::NotRead(format!("it unpacks to more than {most} bytes"));
    let walked = match walked {
        Ok(walked) => walked,
        // What is cut off at the bound looks broken.
        Err(_) if whole.length() > most => return Err(too_much()),
        Err(stopped) => return Err(stopped),
    };
    io::copy(&mut whole, &mut io::sink()).map_err(|error| broken(&error))?;
    if whole.length() > most {
        return Err(too_much());
    }
    Ok(Unpacked {
        digest: whole.digest(),
        length: whole.length(),
        walked,
    })
}

fn walk(whole: &mut impl Read) -> Result<Walked, Stopped> {
    let mut archive = tar::Archive::new(whole);
    let mut change = Change::default();
    let mut finds = Finds::default();
    let mut flaws = Vec::new();
    let mut passing = Passing::new();
    let mut long = Long::default();
    let mut count = 0;
    // Names and headers are read here, with a bound: the archive's own reader would hold one of any length.
    for entry in archive.entries().map_err(|error| broken(&error))?.raw(true) {
        let mut entry = entry.map_err(|error| broken(&error))?;
        count += 1;
        if count > MOST_ENTRIES {
            return Err(Stopped::NotRead(format!(
                "it has more than {MOST_ENTRIES} entries"
            )));
        }
        let kind = entry.header().entry_type();
        // The rest of its map stands where its content is looked for, so that everything behind it would be misread.
        if kind.is_gnu_sparse()
            && entry
                .header()
                .as_gnu()
                .is_some_and(tar::GnuHeader::is_extended)
        {
            return Err(Stopped::NotRead(
                "it has a sparse file of more than four pieces".to_owned(),
            ));
        }
        if long.takes(kind, &mut entry)? {
            continue;
        }
        let named = std::mem::take(&mut long);
        let name = named.name.unwrap_or_else(|| text(&entry.path_bytes()));
        let Some(path) = tree::plain(&name) else {
            if flaws.len() < 8 {
                flaws.push(format!(
                    "the entry {:?} climbs out of the image",
                    shown(&name)
                ));
            }
            continue;
        };
        if path.is_empty() || change.whiteout(&path) {
            continue;
        }
        let link = || {
            named
                .link
                .clone()
                .or_else(|| entry.link_name_bytes().map(|name| text(&name)))
        };
        let is_file = kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse();
        if kind.is_symlink() {
            let target = link().unwrap_or_default();
            finds.named(&path);
            change.put(path, Node::Link(target));
        } else if kind.is_hard_link() {
            let target = link().and_then(|target| tree::plain(&target));
            finds.hard_link(&path, target.as_deref());
            let node = target.map(|target| match change.node(&target) {
                Some(node) => node.clone(),
                // It is in a lower layer, then; as a link it leads there.
                None => Node::Link(format!("/{target}")),
            });
            if let Some(node) = node {
                change.put(path, node);
            }
        } else if is_file {
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
            let head = passing.file(&path, executable, &mut entry, &mut finds);
            match head.map_err(|error| broken(&error))? {
                Some(head) => change.put(path, Node::Program(head)),
                None => change.hide(&path),
            }
        } else if !kind.is_dir() {
            change.hide(&path);
        }
    }
    change.settle();
    Ok(Walked {
        change,
        finds,
        secrets: passing.places,
        flaws,
    })
}

/// Names that stand in entries of their own before the entry that they belong to.
#[derive(Debug, Default)]
struct Long {
    name: Option<String>,
    link: Option<String>,
}

impl Long {
    /// Whether the entry only tells of the next one.
    fn takes(&mut self, kind: EntryType, entry: &mut impl Read) -> Result<bool, Stopped> {
        if kind.is_gnu_longname() {
            self.name = Some(c_text(&bounded(entry, LONGEST_NAME)?));
        } else if kind.is_gnu_longlink() {
            self.link = Some(c_text(&bounded(entry, LONGEST_NAME)?));
        } else if kind.is_pax_local_extensions() {
            self.pax(&bounded(entry, LONGEST_HEADER)?)?;
        } else if kind.is_pax_global_extensions() {
            bounded(entry, LONGEST_HEADER)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn pax(&mut self, header: &[u8]) -> Result<(), Stopped> {
        for extension in tar::PaxExtensions::new(header) {
            let extension = extension.map_err(|error| broken(&error))?;
            match extension.key() {
                Ok("path") => self.name = Some(text(extension.value_bytes())),
                Ok("linkpath") => self.link = Some(text(extension.value_bytes())),
                Ok("size") => {
                    return Err(Stopped::NotRead(
                        "it has a file of more than 8 GiB".to_owned(),
                    ));
                }
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// The whole of a short entry.
fn bounded(entry: &mut impl Read, most: u64) -> Result<Vec<u8>, Stopped> {
    let mut bytes = Vec::new();
    let read = entry.take(most + 1).read_to_end(&mut bytes);
    if read.map_err(|error| broken(&error))? as u64 > most {
        return Err(Stopped::NotRead(format!(
            "it has a name or header of more than {most} bytes"
        )));
    }
    Ok(bytes)
}

fn broken(error: &io::Error) -> Stopped {
    Stopped::Broken(error.to_string())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn c_text(bytes: &[u8]) -> String {
    text(bytes.split(|b| *b == 0).next().unwrap_or_default())
}

fn shown(name: &str) -> String {
    name.chars().take(120).collect()
}

#[cfg(test)]
mod tests;
