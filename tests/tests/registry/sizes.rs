//! However large a repository or a layer is, an inspection ends soon, holds little and says what it did not read.

use std::fs;
use std::io::{self, Read, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use support::program::program;

use crate::image::{LAYER, MANIFEST};
use crate::shop::{PLATFORMS, Shop, verdicts, version};
use crate::sources::inspection;
use crate::stage::{Stage, digest};

/// What an inspection may hold, in KiB.
const MOST_MEMORY: u64 = 64 << 10;

/// What a run of the program took.
struct Cost {
    exit: i32,
    /// The most memory, in KiB.
    peak: u64,
    /// Time on the processor, in hundredths of a second.
    ticks: u64,
    /// Time on the clock.
    took: Duration,
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
    let begun = Instant::now();
    let until = begun + Duration::from_secs(100);
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
            return Cost {
                exit,
                peak,
                ticks,
                took: begun.elapsed(),
            };
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
    assert!(cost.peak < MOST_MEMORY, "{} KiB", cost.peak);
}

/// Pushes an image of one layer, which is told to unpack to this; answers its reference.
fn image(stage: &Stage, name: &str, layer: &[u8], media_type: &str, unpacked: &str) -> String {
    let pushed = stage.blob(name, layer);
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {"Cmd": ["/run"]},
        "rootfs": {"type": "layers", "diff_ids": [unpacked]},
    })
    .to_string()
    .into_bytes();
    let config_digest = stage.blob(name, &config);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len()},
        "layers": [{"mediaType": media_type, "digest": pushed, "size": layer.len()}],
    });
    stage.manifest(name, "1.0.0", MANIFEST, manifest.to_string().as_bytes());
    format!("{}/{name}:1.0.0", stage.address)
}

/// What comes out of a reader, packed, and the digest of it.
fn packed(plain: impl Read) -> (Vec<u8>, String) {
    let mut sum = harness::registry::Digesting::new(plain);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    io::copy(&mut sum, &mut encoder).unwrap();
    (encoder.finish().unwrap(), sum.digest())
}

/// The header of an entry.
fn head(name: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_size(size);
    header.set_mode(0o755);
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn a_layer_larger_than_the_memory_allowed_is_read_without_being_held() {
    let stage = Stage::start();
    // A file that does not compress, so that as much travels as is unpacked.
    let mut noise = 1_u64;
    let mut plain = head("data", 80 << 20);
    while plain.len() < 512 + (80 << 20) {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        plain.extend_from_slice(&noise.to_be_bytes());
    }
    plain.resize(plain.len() + 1024, 0);
    let media_type = LAYER.trim_end_matches("+gzip");
    let reference = image(&stage, "large", &plain, media_type, &digest(&plain));
    let cost = cost_of(&[&reference]);
    assert!(cost.exit < 64, "{}", cost.exit);
    assert!(cost.peak < MOST_MEMORY, "{} KiB", cost.peak);
    let seen = inspection(&[&reference], stage.directory.path());
    assert_eq!(
        seen["repository"]["contents"][0]["layers"]["seen"],
        json!([])
    );
    assert_eq!(verdicts(&seen)["IEM-CONT-01"], "pass");
}

#[test]
fn a_gigabyte_of_zeros_is_read_to_its_end_and_a_million_entries_and_one_are_left_with_words() {
    let stage = Stage::start();
    let size = 1_u64 << 30;
    let first = head("zeros", size);
    let (zeros, unpacked) = packed(first.chain(io::repeat(0).take(size + 1024)));
    assert!(zeros.len() < 16 << 20, "{} bytes", zeros.len());
    let zeros = image(&stage, "zeros", &zeros, LAYER, &unpacked);
    let mut many = GzEncoder::new(Vec::new(), Compression::fast());
    let mut entry = head("bin/0000000", 0);
    for n in 0..=1_000_000 {
        entry[4..11].copy_from_slice(format!("{n:07}").as_bytes());
        // Another name has another sum.
        let mut header = tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(&entry);
        header.set_cksum();
        many.write_all(header.as_bytes()).unwrap();
    }
    let many = image(&stage, "many", &many.finish().unwrap(), LAYER, &unpacked);
    for (reference, verdict, words) in [
        (&zeros, "pass", ""),
        (&many, "inconclusive", "more than 1000000 entries"),
    ] {
        let cost = cost_of(&[reference]);
        assert!(cost.exit < 64, "{reference}: {}", cost.exit);
        assert!(cost.peak < MOST_MEMORY, "{reference}: {} KiB", cost.peak);
        // Without optimisation and beside other tests; docs/registry.md has the figures of a release.
        assert!(cost.took < Duration::from_secs(60), "{:?}", cost.took);
        let seen = inspection(&[reference], stage.directory.path());
        let findings = seen["findings"].as_array().unwrap();
        let finding = findings
            .iter()
            .find(|finding| finding["id"] == "IEM-CONT-01")
            .unwrap();
        assert_eq!(finding["verdict"], verdict, "{finding}");
        assert!(
            finding["saw"].as_str().unwrap().contains(words),
            "{finding}"
        );
    }
}
