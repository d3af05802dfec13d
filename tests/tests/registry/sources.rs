//! Archives and layouts are read as a registry is, and whatever their size a layer is never held.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::program::program;

use crate::image::{INDEX, LAYER, MANIFEST};
use crate::shop::{PLATFORMS, Shop, verdicts, version};
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

fn inspection(arguments: &[&str], home: &Path) -> Value {
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

/// What a run of the program took.
struct Cost {
    exit: i32,
    /// The most memory, in KiB.
    peak: u64,
    /// Time on the processor, in hundredths of a second.
    ticks: u64,
}

/// Runs the program and looks at it until it ends.
fn cost_of(arguments: &[&str]) -> Cost {
    let mut child = Command::new(program())
        .arg("inspect")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut peak, mut ticks) = (0, 0);
    let until = Instant::now() + Duration::from_secs(100);
    while Instant::now() < until {
        let read = |name: &str| {
            fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap_or_default()
        };
        let status = read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        // utime and stime, counted from behind the name in brackets. Source: `proc_pid_stat(5)`.
        let stat = read("stat");
        let fields = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let used = fields
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok());
        ticks = ticks.max(used.sum());
        if let Some(status) = child.try_wait().unwrap() {
            let exit = status.code().unwrap();
            return Cost { exit, peak, ticks };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("it did not end");
}

#[test]
fn three_platforms_under_twenty_tags_take_less_than_two_seconds_of_a_processor() {
    let stage = Stage::start();
    let mut shop = Shop::new("many");
    for n in 2..17 {
        let name = format!("1.0.{n}");
        shop.tags.insert(name.clone(), version(&name, &PLATFORMS));
    }
    shop.lead(&["latest", "1.0", "1"], "1.0.16");
    assert_eq!(shop.tags.len(), 20);
    let arguments = shop.open(&stage);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let cost = cost_of(&arguments);
    assert_eq!(cost.exit, 0);
    assert!(cost.ticks < 200, "{} ticks", cost.ticks);
    assert!(cost.peak < 64 << 10, "{} KiB", cost.peak);
}

#[test]
fn a_layer_larger_than_the_memory_allowed_is_read_without_being_held() {
    let stage = Stage::start();
    // A file that does not compress, so that as much travels as is unpacked.
    let mut noise = 1_u64;
    let mut bytes = Vec::with_capacity(80 << 20);
    while bytes.len() < 80 << 20 {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        bytes.extend_from_slice(&noise.to_be_bytes());
    }
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    builder
        .append_data(&mut header, "data", &bytes[..])
        .unwrap();
    let plain = builder.into_inner().unwrap();
    drop(bytes);
    let layer = stage.blob("large", &plain);
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [layer]}})
        .to_string()
        .into_bytes();
    let config_digest = stage.blob("large", &config);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len()},
        "layers": [{"mediaType": LAYER.trim_end_matches("+gzip"), "digest": layer, "size": plain.len()}],
    });
    stage.manifest("large", "1.0.0", MANIFEST, manifest.to_string().as_bytes());
    let reference = format!("{}/large:1.0.0", stage.address);
    let cost = cost_of(&[&reference]);
    assert!(cost.exit < 64, "{}", cost.exit);
    assert!(cost.peak < 64 << 10, "{} KiB", cost.peak);
    let seen = inspection(&[&reference], stage.directory.path());
    assert_eq!(
        seen["repository"]["contents"][0]["layers"]["seen"],
        json!([])
    );
    assert_eq!(verdicts(&seen)["IEM-CONT-01"], "pass");
}
