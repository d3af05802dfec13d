//! Damaged layers against their reader: nothing panics, what is read is counted and summed right, no name climbs out.
//! `scripts/fuzz.sh` plays a million; a few thousand are part of every test run. No product has this module.

#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is how a promise is found broken"
)]

use std::io::{self, Read, Write as _};

use damage::{Dice, hurt};
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::layer::{self, Reading, Stopped};
use super::tree::Tree;
use crate::registry::Digesting;

const GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// Names as builders write them, and as nobody should.
const NAMES: &[&str] = &[
    "bin/run",
    "usr/bin/",
    "./usr//lib/./x",
    "/etc/passwd",
    "../../etc/cron.d/x",
    "a/../b",
    "..",
    "",
    "/",
    ".wh.run",
    "bin/.wh.run",
    "usr/.wh..wh..opq",
    ".wh..wh..opq",
    ".wh.",
    "dev/null",
    "caf\u{e9}/\u{202e}",
];

/// What a header is told to be.
const KINDS: [EntryType; 13] = [
    EntryType::Regular,
    EntryType::Regular,
    EntryType::Directory,
    EntryType::Symlink,
    EntryType::Link,
    EntryType::GNULongName,
    EntryType::GNULongLink,
    EntryType::XHeader,
    EntryType::XGlobalHeader,
    EntryType::GNUSparse,
    EntryType::Continuous,
    EntryType::Fifo,
    EntryType::Char,
];

/// Records of pax headers, their lengths right and wrong.
const RECORDS: &[&str] = &[
    "16 path=bin/run\n",
    "25 linkpath=../../../etc\n",
    "20 size=99999999999\n",
    "27 GNU.sparse.name=bin/run\n",
    "30 mtime=1350244992.023960108\n",
    "9 path=\n",
    "99999999999999999999 path=x\n",
    "3 \n",
    "x",
];

const BLOCK: usize = 512;

/// One entry: header and what follows it.
fn entry(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let kind = KINDS[dice.below(KINDS.len())];
    let mut body = Vec::new();
    if matches!(kind, EntryType::XHeader | EntryType::XGlobalHeader) {
        for _ in 0..dice.below(4) {
            body.extend(dice.of(RECORDS).bytes());
        }
    } else if matches!(kind, EntryType::GNULongName | EntryType::GNULongLink) {
        body = vec![b"ab/"[dice.below(3)]; [3, 150, 5_000][dice.below(3)]];
        body.extend(dice.of(NAMES).bytes());
    } else if dice.below(2) == 0 {
        let head: &[u8] = dice.of(&[
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0".as_slice(),
            b"#!/bin/run -x\n",
            b"#!",
            b"\x7fELF",
            b"text",
        ]);
        body = head.to_vec();
        body.resize(body.len() + dice.below(900), b'x');
    }
    let mut header = if dice.below(4) == 0 {
        Header::new_ustar()
    } else {
        Header::new_gnu()
    };
    header.set_entry_type(kind);
    header.set_mode([0o755, 0o644][dice.below(2)]);
    let lie = [0, 1, 511, 513, 1 << 33, u64::MAX >> 1, u64::MAX];
    header.set_size(if dice.below(8) == 0 {
        lie[dice.below(lie.len())]
    } else {
        body.len() as u64
    });
    let raw = header.as_mut_bytes();
    let name = dice.of(NAMES).as_bytes();
    raw[..name.len()].copy_from_slice(name);
    let target = dice.of(NAMES).as_bytes();
    raw[157..157 + target.len()].copy_from_slice(target);
    header.set_cksum();
    bytes.extend(header.as_bytes());
    bytes.extend(&body);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
}

/// A layer, damaged in up to six places; most of its headers are summed again, else hardly one would be looked at.
fn archive(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=dice.below(6) {
        entry(dice, &mut bytes);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    let whole = bytes.clone();
    let words: Vec<&[u8]> = NAMES
        .iter()
        .chain(RECORDS)
        .map(|one| one.as_bytes())
        .collect();
    for _ in 0..dice.below(7) {
        // Half of it stays within its block.
        if dice.below(2) == 0 && !bytes.is_empty() {
            let at = dice.below(bytes.len());
            bytes[at] = dice.byte();
        } else {
            hurt(dice, &mut bytes, &[&whole], &words);
        }
    }
    if dice.below(8) > 0 {
        for block in bytes.chunks_exact_mut(BLOCK) {
            if &block[257..262] == b"ustar" {
                let mut header = Header::new_old();
                header.as_mut_bytes().copy_from_slice(block);
                header.set_cksum();
                block.copy_from_slice(header.as_bytes());
            }
        }
    }
    bytes
}

fn packed(dice: &mut Dice, plain: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Several members are one layer.
    let cut = plain.len() / (1 + dice.below(2));
    for part in [&plain[..cut], &plain[cut..]] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(1));
        encoder.write_all(part).unwrap();
        bytes.extend(encoder.finish().unwrap());
    }
    let whole = bytes.clone();
    for _ in 0..dice.below(4) {
        hurt(dice, &mut bytes, &[&whole], &[b"\x1f\x8b\x08\0", b"\0"]);
    }
    bytes
}

/// Gives what it has in pieces, as a network does.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

/// Reads one layer and holds what comes of it to its promises; whether it was read to its end.
fn play(tree: &mut Tree, bytes: &[u8], media_type: &str, most: u64, piece: usize) -> bool {
    let mut reading = Reading {
        media_type: media_type.to_owned(),
        most,
        copy: None,
    };
    match layer::read(Pieces(bytes, piece), &mut reading) {
        Ok(read) => {
            let mut sum = Digesting::new(bytes);
            io::copy(&mut sum, &mut io::sink()).unwrap();
            assert_eq!((read.size, read.digest), (sum.length(), sum.digest()));
            assert!(read.unpacked <= most, "{} of {most}", read.unpacked);
            assert!(read.flaws.len() <= 8);
            assert!(read.flaws.iter().all(|flaw| flaw.len() <= 1_000));
            tree.lay(read.change);
            for command in ["run", "/bin/run", "../x", "ab", ""] {
                if let Some((path, _)) = tree.find(command, "usr/bin", Some("/bin::/a/../b:.")) {
                    let mut parts = path.split('/');
                    assert_eq!(parts.next(), Some(""), "{path}");
                    assert!(parts.all(|part| !matches!(part, "" | "." | "..")), "{path}");
                }
            }
            true
        }
        Err(Stopped::Broken(why) | Stopped::NotRead(why)) => {
            assert!(!why.is_empty() && why.len() <= 1_000, "{why}");
            false
        }
    }
}

/// Plays so many layers, four upon another, tells the caller after each, and answers how many were read to their end. The same
/// seed plays the same ones.
///
/// # Panics
/// A promise is broken, or the damage kept nearly everything out, or nothing.
pub fn layers(layers: u64, seed: u64, after: &mut dyn FnMut()) -> u64 {
    let mut dice = Dice::new(seed);
    let mut taken = 0;
    let mut tree = Tree::default();
    for number in 0..layers {
        if number % 4 == 0 {
            tree = Tree::default();
        }
        let plain = archive(&mut dice);
        let most = [1 << 20, 1 << 20, 4_096, 0, u64::MAX][dice.below(5)];
        let piece = [1, 7, 512, 1 << 20][dice.below(4)];
        let is_read = if dice.below(4) == 0 {
            let bytes = packed(&mut dice, &plain);
            play(&mut tree, &bytes, GZIP, most, piece)
        } else {
            play(&mut tree, &plain, TAR, most, piece)
        };
        taken += u64::from(is_read);
        after();
    }
    assert!(taken > layers / 20, "only {taken} of {layers} were read");
    assert!(taken < layers, "nothing was damaged");
    taken
}

#[test]
fn damaged_layers_are_read_or_refused() {
    layers(3_000, 0x5eed, &mut || {});
}
