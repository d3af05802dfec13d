//! Layers as builders write them, and as nobody should.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, Header};

use super::*;
use crate::inspect::program::Head;
use crate::inspect::tree::Tree;

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const MOST: u64 = 1 << 20;

fn read(raw: impl Read, media_type: &str, most: u64) -> Result<LayerRead, Stopped> {
    let media_type = media_type.to_owned();
    let mut reading = Reading {
        media_type,
        most,
        copy: None,
    };
    super::read(raw, &mut reading)
}

/// An ELF head for 32-bit ARM.
fn arm() -> Vec<u8> {
    let mut head = b"\x7fELF\x01\x01\x01".to_vec();
    head.resize(18, 0);
    head.extend([40, 0]);
    head.resize(200, 7);
    head
}

fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header
}

fn tar(fill: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    fill(&mut builder);
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Packed at a level, with a window of that power of two where it is not the level's own.
fn zstd(bytes: &[u8], level: i32, window: Option<u32>) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), level).unwrap();
    if let Some(window) = window {
        encoder.window_log(window).unwrap();
    }
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn put(builder: &mut Builder<Vec<u8>>, path: &str, bytes: &[u8], mode: u32) {
    let mut header = header(EntryType::Regular, bytes.len() as u64, mode);
    builder.append_data(&mut header, path, bytes).unwrap();
}

fn link(builder: &mut Builder<Vec<u8>>, kind: EntryType, path: &str, target: &str) {
    let mut header = header(kind, 0, 0o777);
    builder.append_link(&mut header, path, target).unwrap();
}

/// An entry whose name the builder would not write.
fn rogue(name: &[u8]) -> Vec<u8> {
    let mut header = header(EntryType::Regular, 0, 0o755);
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(512 + 1024, 0);
    bytes
}

fn program_at(read: LayerRead, path: &str) -> Option<Head> {
    let mut tree = Tree::default();
    tree.lay(read.change);
    tree.find(path, "/", None).map(|(_, head)| head.clone())
}

#[test]
fn a_layer_is_known_by_both_digests_and_by_its_programs() {
    let deep = format!("opt/{}/run", "x".repeat(150));
    let plain = tar(|builder| {
        put(builder, &deep, &arm(), 0o755);
        link(builder, EntryType::Symlink, "run", &format!("/{deep}"));
        link(builder, EntryType::Link, "again", &deep);
        put(builder, "data", b"\x7fELF", 0o644);
    });
    let packed = gzip(&plain);
    let layer = read(&packed[..], GZIP, MOST).unwrap();
    assert_eq!(
        (layer.size, layer.unpacked),
        (packed.len() as u64, plain.len() as u64)
    );
    assert_ne!(layer.digest, layer.unpacked_digest);
    let same = read(&plain[..], TAR, MOST).unwrap();
    assert_eq!(
        (&same.digest, &same.unpacked_digest),
        (&layer.unpacked_digest, &layer.unpacked_digest)
    );
    assert_eq!(program_at(layer, "/run"), Some(Head::Elf("arm".to_owned())));
    assert_eq!(
        program_at(same, "/again"),
        Some(Head::Elf("arm".to_owned()))
    );
}

#[test]
fn a_name_that_climbs_out_is_told_and_leads_nowhere() {
    let layer = read(&rogue(b"../../etc/cron.d/x")[..], TAR, MOST).unwrap();
    assert_eq!(layer.flaws.len(), 1);
    assert!(
        layer.flaws[0].contains("../../etc/cron.d/x"),
        "{:?}",
        layer.flaws
    );
}

#[test]
fn a_gigabyte_of_zeros_is_not_unpacked_beyond_the_bound() {
    let packed = gzip(&vec![0; 4 << 20]);
    let stopped = read(&packed[..], GZIP, MOST).unwrap_err();
    assert_eq!(
        stopped,
        Stopped::NotRead("it unpacks to more than 1048576 bytes".to_owned())
    );
}

#[test]
fn a_name_of_any_length_is_not_held() {
    let mut long = header(EntryType::GNULongName, 1 << 40, 0o644);
    long.set_cksum();
    let endless = io::Read::chain(&long.as_bytes()[..], io::repeat(b'a'));
    let stopped = read(endless, TAR, 4 << 20).unwrap_err();
    assert!(matches!(stopped, Stopped::NotRead(_)), "{stopped:?}");
}

#[test]
fn an_archive_without_an_end_is_left_at_the_bound() {
    let mut one = header(EntryType::Regular, 0, 0o644);
    one.set_path("a").unwrap();
    one.set_cksum();
    let block = *one.as_bytes();
    // An endless archive out of one entry.
    struct Endless([u8; 512], usize);
    impl io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(512 - self.1);
            buffer[..count].copy_from_slice(&self.0[self.1..self.1 + count]);
            self.1 = (self.1 + count) % 512;
            Ok(count)
        }
    }
    let stopped = read(Endless(block, 0), TAR, 4 << 20).unwrap_err();
    assert!(matches!(stopped, Stopped::NotRead(_)), "{stopped:?}");
}

#[test]
fn a_sparse_file_with_a_long_map_is_not_read_rather_than_misread() {
    let mut sparse = header(EntryType::GNUSparse, 512, 0o755);
    let map = sparse.as_gnu_mut().unwrap();
    map.set_is_extended(true);
    sparse.set_cksum();
    let mut bytes = sparse.as_bytes().to_vec();
    // The rest of the map, the content, the end.
    bytes.resize(5 * 512, 0);
    let stopped = read(&bytes[..], TAR, MOST).unwrap_err();
    assert!(matches!(stopped, Stopped::NotRead(_)), "{stopped:?}");
}

#[test]
fn what_is_cut_off_or_no_archive_is_broken() {
    let packed = gzip(&tar(|builder| put(builder, "a", &[1; 5000], 0o755)));
    assert!(matches!(
        read(&packed[..packed.len() / 2], GZIP, MOST),
        Err(Stopped::Broken(_))
    ));
    assert!(matches!(
        read(&b"no gzip at all"[..], GZIP, MOST),
        Err(Stopped::Broken(_))
    ));
    assert!(matches!(
        read(&[b'x'; 2048][..], TAR, MOST),
        Err(Stopped::Broken(_))
    ));
    let packed = zstd(
        &tar(|builder| put(builder, "a", &[1; 5000], 0o755)),
        3,
        None,
    );
    for bytes in [&packed[..packed.len() / 2], b"no zstd at all"] {
        assert!(matches!(read(bytes, ZSTD, MOST), Err(Stopped::Broken(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_damage_makes_the_reader_panic(at in 0_usize..4096, byte in any::<u8>(), packed in 0..3) {
        let plain = tar(|builder| {
            put(builder, "bin/run", &arm(), 0o755);
            link(builder, EntryType::Symlink, "run", "bin/run");
        });
        let (media_type, mut bytes) = match packed {
            0 => (GZIP, gzip(&plain)),
            1 => (ZSTD, zstd(&plain, 3, None)),
            _ => (TAR, plain),
        };
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read(&bytes[..], media_type, MOST);
        let _ = read(&bytes[..at], TAR, MOST);
    }
}

#[test]
fn the_packages_of_a_layer_are_found_by_long_names_and_through_hard_links() {
    let deep = format!("opt/{}/node_modules/a/package.json", "x".repeat(150));
    let read = read(
        &tar(|builder| {
            put(builder, &deep, br#"{"name": "a", "version": "1"}"#, 0o644);
            link(
                builder,
                EntryType::Link,
                "node_modules/a/package.json",
                &deep,
            );
            link(
                builder,
                EntryType::Link,
                "node_modules/b/package.json",
                "store/0f",
            );
            put(
                builder,
                "var/lib/dpkg/status",
                b"Package: x\nVersion: 2\n",
                0o755,
            );
            put(builder, "LICENSE", b"Free.", 0o644);
        })[..],
        TAR,
        MOST,
    )
    .unwrap();
    let inventory = read.finds.inventory(10);
    let names: Vec<&str> = inventory
        .packages
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["x", "a"]);
    assert_eq!(inventory.notice_paths, ["/LICENSE"]);
    assert!(inventory.unread[0].starts_with("/node_modules/b/package.json: it is a hard link"));
}

#[test]
fn a_zstd_layer_is_the_same_as_a_plain_one_also_in_several_frames() {
    let plain = tar(|builder| {
        put(builder, "bin/run", &arm(), 0o755);
        put(builder, "data", &[7; 100_000], 0o644);
    });
    let (first, second) = plain.split_at(5_000);
    // The frame between them holds nothing that belongs to the layer, as estargz has them. Source: RFC 8878, section 3.1.2.
    let skipped = b"\x50\x2a\x4d\x18\x04\0\0\0toc!";
    let frames = [&zstd(first, 3, None)[..], skipped, &zstd(second, 19, None)].concat();
    let wanted = read(&plain[..], TAR, MOST).unwrap();
    for packed in [zstd(&plain, 3, None), frames] {
        let layer = read(&packed[..], ZSTD, MOST).unwrap();
        assert_eq!(layer.unpacked_digest, wanted.unpacked_digest);
        assert_eq!(layer.size, packed.len() as u64);
        let program = program_at(layer, "/bin/run");
        assert_eq!(program, Some(Head::Elf("arm".to_owned())));
    }
}

#[test]
fn a_zstd_layer_with_too_wide_a_window_or_too_much_in_it_is_not_read() {
    let wide = zstd(&[0; 5_000], 3, Some(27));
    assert_eq!(
        read(&wide[..], ZSTD, MOST).unwrap_err(),
        Stopped::NotRead("it takes a window of more than 8388608 bytes to unpack".to_owned())
    );
    let bomb = zstd(&vec![0; 4 << 20], 3, None);
    assert_eq!(
        read(&bomb[..], ZSTD, MOST).unwrap_err(),
        Stopped::NotRead("it unpacks to more than 1048576 bytes".to_owned())
    );
}
