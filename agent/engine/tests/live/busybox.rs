//! What every live test starts from: a connection, an image with a static busybox, stamps of this very process.

use std::io::Write;
use std::path::Path;

use engine::{Caller, Engine, Owner, Role, Stamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

/// The image: `/bin/busybox` as entry point, and `/garbage`, which is executable but no program.
pub(crate) const IMAGE: &str = "edgeproof.test/engine-live:1";

const SOCKET: &str = "/var/run/docker.sock";
const PROGRAM: &str = "/bin/busybox";

/// The engine, with the image in its store.
pub(crate) async fn engine() -> Engine {
    static LOADED: OnceCell<()> = OnceCell::const_new();
    let engine = Engine::connect_as(Caller::Lab, Path::new(SOCKET)).await;
    let engine = engine.expect("start a container engine (apt-get install docker.io; dockerd)");
    LOADED.get_or_init(|| load(&engine)).await;
    engine.with_proc_root(Path::new("/proc"))
}

async fn load(engine: &Engine) {
    let mut archive = tempfile::NamedTempFile::new().unwrap();
    archive.write_all(&image_archive()).unwrap();
    let loaded = engine.load_archive(archive.path()).await.unwrap();
    assert_eq!(loaded, [IMAGE]);
}

/// An image archive as `docker save` writes it.
fn image_archive() -> Vec<u8> {
    let program =
        std::fs::read(PROGRAM).expect("install busybox-static (apt-get install busybox-static)");
    let layer = tar(&[("bin/busybox", &program), ("garbage", b"not a program\n")]);
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": [PROGRAM], "Cmd": ["true"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]);
    tar(&[
        ("config.json", config.to_string().as_bytes()),
        ("layer.tar", &layer),
        ("manifest.json", manifest.to_string().as_bytes()),
    ])
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        tar.append_data(&mut header, path, *content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// This very process.
pub(crate) fn me() -> Owner {
    Owner::this_process(Path::new("/proc")).unwrap()
}

/// A process that has ended.
pub(crate) fn dead() -> Owner {
    let mut child = std::process::Command::new(PROGRAM)
        .arg("true")
        .spawn()
        .unwrap();
    let pid = child.id();
    child.wait().unwrap();
    let Owner::Process { boot_id, .. } = me() else {
        panic!("tests own things as a process");
    };
    Owner::Process {
        boot_id,
        pid,
        start_time: 1,
    }
}

/// A stamp for a run of this name and process, owned by `owner`.
pub(crate) fn stamp(name: &str, owner: &Owner) -> Stamp {
    Stamp {
        run: run(name),
        owner: owner.clone(),
        role: Role::Candidate,
    }
}

/// A run id that no other test process has.
pub(crate) fn run(name: &str) -> String {
    format!("live-{name}-{}", std::process::id())
}

/// A container body that runs busybox with these arguments.
pub(crate) fn busybox(arguments: &[&str]) -> Value {
    json!({"Image": IMAGE, "Cmd": arguments, "HostConfig": {"NetworkMode": "none"}})
}

/// A container body that runs a shell script.
pub(crate) fn shell(script: &str) -> Value {
    busybox(&["sh", "-c", script])
}
