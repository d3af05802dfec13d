//! Archives and layouts are read as a registry is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::image::INDEX;
use crate::shop::{Shop, verdicts};
use crate::stage::{Stage, digest, inspect};

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Everything that the registry holds of a repository, as a layout.
fn layout(stage: &Stage, tags: &[(&str, String)]) -> PathBuf {
    let layout = stage.directory.path().join("layout");
    let store = stage
        .directory
        .path()
        .join("store/docker/registry/v2/blobs/sha256");
    for prefix in fs::read_dir(store).unwrap() {
        for blob in fs::read_dir(prefix.unwrap().path()).unwrap() {
            let blob = blob.unwrap();
            let bytes = fs::read(blob.path().join("data")).unwrap();
            write(&layout.join("blobs/sha256").join(blob.file_name()), &bytes);
        }
    }
    write(
        &layout.join("oci-layout"),
        br#"{"imageLayoutVersion": "1.0.0"}"#,
    );
    let manifests: Vec<Value> = tags
        .iter()
        .map(|(tag, digest)| json!({"mediaType": INDEX, "digest": digest, "size": 1, "annotations": {"org.opencontainers.image.ref.name": tag}}))
        .collect();
    let index = json!({"schemaVersion": 2, "manifests": manifests});
    write(&layout.join("index.json"), index.to_string().as_bytes());
    layout
}

/// A directory as an archive.
fn archive(directory: &Path) -> PathBuf {
    let path = directory.with_extension("tar");
    let mut builder = tar::Builder::new(File::create(&path).unwrap());
    builder.append_dir_all(".", directory).unwrap();
    builder.into_inner().unwrap();
    path
}

pub(crate) fn inspection(arguments: &[&str], home: &Path) -> Value {
    let output = inspect(&[arguments, &["--format", "json"]].concat(), home);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_layout_and_an_archive_give_the_findings_of_the_registry() {
    let stage = Stage::start();
    let shop = Shop::new("sources");
    let (_, of_registry) = shop.inspected(&stage);
    let tags: Vec<(&str, String)> = of_registry["repository"]["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| {
            (
                tag["name"].as_str().unwrap(),
                tag["digest"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let layout = layout(&stage, &tags);
    let archive = archive(&layout);
    let offer = stage.directory.path().join("sources-offer.json");
    let mut expected = verdicts(&of_registry);
    // Without a registry there is nothing to say of one, and this ledger knows the mirror's tags alone.
    expected.insert("IEM-REG-01".to_owned(), "inconclusive".to_owned());
    expected.insert("IEM-TAG-04".to_owned(), "warn".to_owned());
    for (image, source) in [(&layout, "layout"), (&archive, "archive")] {
        let arguments = [offer.to_str().unwrap(), "--image", image.to_str().unwrap()];
        let seen = inspection(&arguments, stage.directory.path());
        assert_eq!(verdicts(&seen), expected, "{source}");
        let (one, other) = (&seen["repository"], &of_registry["repository"]);
        for same in [
            "tags",
            "manifests",
            "missing",
            "contents",
            "asked",
            "listed",
        ] {
            assert_eq!(one[same], other[same], "{source}: {same}");
        }
        assert_eq!(one["source"], source);
        // The same without an offer: what only an offer says stays open.
        let alone = inspection(&[image.to_str().unwrap()], stage.directory.path());
        assert_eq!(alone["repository"]["tags"], other["tags"], "{source}");
        assert_eq!(verdicts(&alone)["IEM-PLAT-02"], "inconclusive");
    }
}

#[test]
fn an_archive_of_an_older_engine_is_read_by_its_manifest_json() {
    let home = tempfile::tempdir().unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(4);
    builder
        .append_data(&mut header, "run", &b"#!/x"[..])
        .unwrap();
    let layer = builder.into_inner().unwrap();
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {"Cmd": ["/run"]}, "rootfs": {"diff_ids": [digest(&layer)]},
    });
    let directory = home.path().join("saved");
    write(&directory.join("abc/layer.tar"), &layer);
    write(&directory.join("abc.json"), config.to_string().as_bytes());
    let manifest = json!([{"Config": "abc.json", "Layers": ["abc/layer.tar"], "RepoTags": ["contoso.azurecr.io/air:1.0.0", "contoso.azurecr.io/air:latest"]}]);
    write(
        &directory.join("manifest.json"),
        manifest.to_string().as_bytes(),
    );
    let archive = archive(&directory);
    let seen = inspection(&[archive.to_str().unwrap()], home.path());
    let repository = &seen["repository"];
    assert_eq!(repository["tags"].as_array().unwrap().len(), 2);
    let content = &repository["contents"][0];
    assert_eq!(content["layers"]["seen"], json!([]), "{content}");
    assert_eq!(content["program"]["seen"]["interpreter"], "/x");
    assert_eq!(verdicts(&seen)["IEM-CONT-01"], "pass");
}

#[test]
fn what_is_no_archive_ends_65_and_what_is_nothing_64() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("module.tar");
    fs::write(&file, "no archive").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, exit, part) in [
        (&[file][..], 65, "module.tar"),
        (
            &["Not/A/Reference"][..],
            64,
            "neither a file nor an image reference",
        ),
        (&[file, "--mirror", "localhost:5000"][..], 64, "--mirror"),
        (
            &["a.b/c", "--mirror", "localhost:5000/x"][..],
            64,
            "no registry host",
        ),
        (&["a.b/c", "--tested", file][..], 65, "not JSON"),
        (&["a.b/c", "--credentials", file][..], 65, "no JSON"),
    ] {
        let output = inspect(arguments, home.path());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        assert!(told.contains(part), "{arguments:?}: {told}");
    }
}
