//! Programs with and without a list of their crates, and lists that are too large.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;

/// The smallest 64-bit ELF file with one section of this name. Source: `elf(5)`.
fn elf_with(section: &str, data: &[u8]) -> Vec<u8> {
    let names = format!("\0{section}\0.shstrtab\0");
    let (data_at, names_at) = (64_u64, 64 + data.len() as u64);
    let headers_at = names_at + names.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    file.extend([0; 16]);
    file.extend(headers_at.to_le_bytes());
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 0, 0, 64, 0, 3, 0, 2, 0]);
    file.extend(data);
    file.extend(names.as_bytes());
    let mut header = |name: u32, kind: u32, at: u64, size: u64| {
        file.extend(name.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend([0; 16]);
        file.extend(at.to_le_bytes());
        file.extend(size.to_le_bytes());
        file.extend([0; 24]);
    };
    header(0, 0, 0, 0);
    header(1, 1, data_at, data.len() as u64);
    header(
        u32::try_from(2 + section.len()).unwrap(),
        3,
        names_at,
        names.len() as u64,
    );
    file
}

fn zlib(text: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn found(
    path: &str,
    executable: bool,
    bytes: &[u8],
) -> (Option<Head>, conformance::observation::Inventory) {
    let mut finds = Finds::default();
    let head = Passing::new().file(path, executable, &mut &bytes[..], &mut finds);
    (head.unwrap(), finds.inventory(1_000))
}

const CRATES: &str = r#"{"packages": [
    {"name": "air", "version": "0.1.0", "source": "local", "dependencies": [1, 2], "root": true},
    {"name": "azure_iot_sdk", "version": "0.8.0", "source": "crates.io"},
    {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"}]}"#;

#[test]
fn a_program_built_with_cargo_auditable_tells_its_crates() {
    let (head, inventory) = found("app/air", true, &elf_with(".dep-v0", &zlib(CRATES)));
    assert_eq!(head, Some(Head::Elf("amd64".to_owned())));
    let names: Vec<&str> = inventory
        .packages
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["azure_iot_sdk"]);
    assert_eq!(inventory.unlisted_programs, 0);
}

#[test]
fn a_program_without_a_list_is_counted_and_one_that_is_too_large_is_told() {
    let (_, inventory) = found("app/air", true, &elf_with(".text", b"code"));
    assert_eq!(
        (inventory.unlisted_programs, inventory.unread.len()),
        (1, 0)
    );
    let mut large = elf_with(".text", &vec![0; LARGEST_PROGRAM]);
    assert_eq!(found("app/air", true, &large).1.unlisted_programs, 1);
    // The name stands across two pieces.
    let at = (64 << 10) - 3;
    large[at..at + SECTION.len()].copy_from_slice(SECTION);
    let (head, inventory) = found("app/air", true, &large);
    assert!(matches!(head, Some(Head::Elf(_))));
    assert_eq!(
        inventory.unread,
        ["/app/air: it has more than 16777216 bytes"]
    );
    // What nobody starts is no program.
    assert_eq!(found("lib/air.so", false, &large).1.unlisted_programs, 0);
}

#[test]
fn a_list_that_is_too_large_or_broken_is_told() {
    let bomb = zlib(&" ".repeat(LARGEST_JSON + 1));
    let (_, inventory) = found("app/air", true, &elf_with(".dep-v0", &bomb));
    assert!(
        inventory.unread[0].starts_with("/app/air: the list of cargo-auditable"),
        "{inventory:?}"
    );
    let (_, inventory) = found(
        "node_modules/a/package.json",
        false,
        &vec![b'['; LARGEST_JSON + 1],
    );
    assert!(
        inventory.unread[0].ends_with("it has more than 2097152 bytes"),
        "{inventory:?}"
    );
    let (_, inventory) = found("var/lib/rpm/rpmdb.sqlite", false, b"SQLite");
    assert!(inventory.unread[0].contains("RPM"), "{inventory:?}");
}

#[test]
fn a_script_is_a_program_without_a_list_of_its_own() {
    let (head, inventory) = found("run", true, b"#!/bin/sh\n");
    assert_eq!(head, Some(Head::Script("/bin/sh".to_owned())));
    assert_eq!(inventory, conformance::observation::Inventory::default());
}
