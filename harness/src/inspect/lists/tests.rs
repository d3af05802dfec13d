//! Lists as package managers write them, and as nobody should.

use proptest::prelude::*;

use super::*;

fn names(packages: &[Package]) -> Vec<(&str, &str)> {
    packages
        .iter()
        .map(|one| (one.name.as_str(), one.version.as_str()))
        .collect()
}

/// Takes a text in pieces of this size.
fn lines(list: List, text: &str, piece: usize) -> Vec<Package> {
    let mut lines = Lines::new(list);
    for piece in text.as_bytes().chunks(piece) {
        lines.take(piece);
    }
    lines.end()
}

const STATUS: &str = "\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u9
Description: GNU C Library
 Package: is no field here

Package: left-over
Status: deinstall ok config-files
Version: 1.0

Package: tzdata
Status: install ok installed
Version: 2024a-0
";

const INSTALLED: &str = "\
C:Q1abc=
P:musl
V:1.2.5-r0
A:aarch64

P:busybox
V:1.36.1-r29
";

const METADATA: &str = "\
Metadata-Version: 2.1
Name: azure-iot-device
Version: 2.14.0

Name: of the description
Version: 9
";

#[test]
fn lists_of_lines_give_their_packages_however_they_are_cut() {
    for piece in [1, 2, 7, 64, 10_000] {
        assert_eq!(
            names(&lines(List::Dpkg, STATUS, piece)),
            [("libc6", "2.36-9+deb12u9"), ("tzdata", "2024a-0")],
            "{piece}"
        );
        assert_eq!(
            names(&lines(List::Apk, INSTALLED, piece)),
            [("musl", "1.2.5-r0"), ("busybox", "1.36.1-r29")]
        );
        assert_eq!(
            names(&lines(List::Pip, METADATA, piece)),
            [("azure-iot-device", "2.14.0")]
        );
    }
    assert_eq!(lines(List::Apk, INSTALLED, 9)[0].ecosystem, Ecosystem::Apk);
}

#[test]
fn a_line_without_an_end_is_left_and_the_next_one_is_read() {
    let text = format!(
        "Package: {}\nVersion: 1\n\nPackage: b\nVersion: 2\n",
        "a".repeat(1 << 20)
    );
    let packages = lines(List::Dpkg, &text, 4_096);
    assert_eq!(packages[0].name.len(), LONGEST_TEXT);
    assert_eq!(packages[1].name, "b");
}

#[test]
fn a_list_is_known_by_its_path() {
    for (path, list) in [
        ("var/lib/dpkg/status", Some(List::Dpkg)),
        ("var/lib/dpkg/status.d/base", Some(List::Dpkg)),
        ("var/lib/dpkg/status.d/base.md5sums", None),
        ("var/lib/dpkg/status-old", None),
        ("lib/apk/db/installed", Some(List::Apk)),
        (
            "usr/lib/python3/dist-packages/six-1.16.0.egg-info",
            Some(List::Pip),
        ),
        ("app/x-1.dist-info/METADATA", Some(List::Pip)),
        ("app/METADATA", None),
        ("app/node_modules/express/package.json", Some(List::Npm)),
        ("node_modules/@azure/core/package.json", Some(List::Npm)),
        (
            "a/node_modules/b/node_modules/c/package.json",
            Some(List::Npm),
        ),
        ("node_modules/@azure/package.json", None),
        ("node_modules/.cache/package.json", None),
        ("node_modules/express/test/package.json", None),
        ("my_node_modules/express/package.json", None),
        ("app/package.json", None),
        ("app/Air.deps.json", Some(List::Nuget)),
        ("var/lib/rpm/rpmdb.sqlite", Some(List::Rpm)),
    ] {
        assert_eq!(list_of(path), list, "{path}");
    }
}

#[test]
fn lists_of_json_give_their_packages_and_say_what_is_wrong() {
    let path = "node_modules/@a/b/package.json";
    let read = npm(
        path,
        br#"{"name": "@a/b", "version": "1.0.0", "main": {"x": [1]}}"#,
    )
    .unwrap();
    assert_eq!(names(&read), [("@a/b", "1.0.0")]);
    assert_eq!(
        names(&npm(path, b"\xef\xbb\xbf{}").unwrap()),
        [("@a/b", "")]
    );
    assert!(
        npm(path, b"{\"name\": 7}")
            .unwrap_err()
            .starts_with("no JSON of its form")
    );
    let deps = br#"{"runtimeTarget": {}, "libraries": {"Air/1.0.0": {"type": "project"}, "Microsoft.Azure.Devices.Client/1.42.3": {"type": "package", "sha512": ""}}}"#;
    assert_eq!(
        names(&nuget(deps).unwrap()),
        [("Microsoft.Azure.Devices.Client", "1.42.3")]
    );
    assert!(nuget(b"{\"libraries\": 7}").is_err());
    assert!(
        cargo(b"\x7fELF")
            .unwrap_err()
            .starts_with("the list of cargo-auditable")
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), piece in 1_usize..50) {
        for list in [List::Dpkg, List::Apk, List::Pip] {
            let mut lines = Lines::new(list);
            for piece in bytes.chunks(piece) {
                lines.take(piece);
            }
            let _ = lines.end();
        }
        let _ = npm("node_modules/a/package.json", &bytes);
        let _ = nuget(&bytes);
        let _ = cargo(&bytes);
        let elf: Vec<u8> = b"\x7fELF\x02\x01\x01".iter().chain(&bytes).copied().collect();
        let _ = cargo(&elf);
    }
}
