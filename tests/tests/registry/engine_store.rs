//! An engine's store is read as the archive that the engine hands out. The engine is played here; a real one is
//! asked in `agent/engine/tests/live`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use serde_json::{Value, json};

use crate::stage::{digest, inspect};

const REPOSITORY: &str = "contoso.azurecr.io/air";

/// An archive as engines before 25 save it, of one image under these tags, with a package and no notice.
fn archive(tags: &[&str]) -> Vec<u8> {
    let tar = |files: &[(&str, &[u8], u32)]| {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, bytes, mode) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(*mode);
            builder.append_data(&mut header, path, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    };
    let layer = tar(&[
        ("run", b"#!/x", 0o755),
        ("lib/apk/db/installed", b"P:musl\nV:1.2.5-r0\n", 0o644),
    ]);
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": {"Cmd": ["/run"]}, "rootfs": {"diff_ids": [digest(&layer)]},
    });
    let names: Vec<String> = tags
        .iter()
        .map(|tag| format!("{REPOSITORY}:{tag}"))
        .collect();
    let manifest = json!([{"Config": "abc.json", "Layers": ["abc/layer.tar"], "RepoTags": names}]);
    tar(&[
        ("abc/layer.tar", &layer, 0o644),
        ("abc.json", config.to_string().as_bytes(), 0o644),
        ("manifest.json", manifest.to_string().as_bytes(), 0o644),
    ])
}

/// Answers one call of an engine whose store has these answers to `/images/NAME/get`, in pieces.
fn answer(stream: UnixStream, store: &[(&str, Vec<u8>)]) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).ok()?;
    }
    let mut stream = stream;
    let name = path
        .strip_prefix("/images/")
        .and_then(|rest| rest.strip_suffix("/get"));
    let saved = store.iter().find(|(known, _)| Some(*known) == name);
    if path == "/version" {
        let body = json!({"ApiVersion": "1.45"}).to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        return stream.write_all(format!("{head}{body}").as_bytes()).ok();
    }
    let Some((_, bytes)) = saved else {
        let body = json!({"message": "no such image"}).to_string();
        let head = format!(
            "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        return stream.write_all(format!("{head}{body}").as_bytes()).ok();
    };
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).ok()?;
    for piece in bytes.chunks(1_000) {
        stream
            .write_all(format!("{:x}\r\n", piece.len()).as_bytes())
            .ok()?;
        stream.write_all(piece).ok()?;
        stream.write_all(b"\r\n").ok()?;
    }
    stream.write_all(b"0\r\n\r\n").ok()
}

/// Starts an engine with this store; answers its URL.
fn engine(directory: &Path, store: Vec<(&'static str, Vec<u8>)>) -> String {
    let socket = directory.join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(stream, &store);
        }
    });
    format!("unix://{}", socket.display())
}

fn inspected(store: Vec<(&'static str, Vec<u8>)>, reference: &str) -> (i32, Result<Value, String>) {
    let home = tempfile::tempdir().unwrap();
    let url = engine(home.path(), store);
    let output = inspect(
        &[
            reference,
            "--from-engine",
            "--engine",
            &url,
            "--no-clamav",
            "--format",
            "json",
        ],
        home.path(),
    );
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let seen = serde_json::from_slice(&output.stdout).map_err(|_| told);
    (output.status.code().unwrap(), seen)
}

#[test]
fn the_store_shows_what_the_archive_shows() {
    let both = archive(&["1.0.0", "latest"]);
    let reference = format!("{REPOSITORY}:1.0.0");
    let (_, of_store) = inspected(vec![(REPOSITORY, both.clone())], &reference);
    let of_store = of_store.unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("module.tar");
    fs::write(&file, both).unwrap();
    let arguments = [
        &reference,
        "--image",
        file.to_str().unwrap(),
        "--no-clamav",
        "--format",
        "json",
    ];
    let output = inspect(&arguments, home.path());
    let of_archive: Value = serde_json::from_slice(&output.stdout).unwrap();
    for same in [
        "tags",
        "manifests",
        "missing",
        "contents",
        "asked",
        "listed",
    ] {
        assert_eq!(
            of_store["repository"][same], of_archive["repository"][same],
            "{same}"
        );
    }
    assert_eq!(of_store["repository"]["source"], "engine-store");
    assert_eq!(of_store["deviations"][0]["what"], "images");
    let inventory = &of_store["repository"]["contents"][0]["inventory"]["seen"];
    assert_eq!(
        inventory["packages"][0],
        json!({"ecosystem": "apk", "name": "musl", "version": "1.2.5-r0"})
    );
    let verdicts = |inspection: &Value| crate::shop::verdicts(inspection);
    assert_eq!(verdicts(&of_store), verdicts(&of_archive));
    assert_eq!(verdicts(&of_store)["IEM-LEG-04"], "warn");
}

#[test]
fn an_engine_that_takes_a_name_alone_for_latest_is_asked_for_the_tag_too() {
    let store = || vec![("contoso.azurecr.io/air:1.0.0", archive(&["1.0.0"]))];
    let reference = format!("{REPOSITORY}:1.0.0");
    let mut only_latest = store();
    only_latest.push((REPOSITORY, archive(&["latest"])));
    for store in [store(), only_latest] {
        let (_, seen) = inspected(store, &reference);
        assert_eq!(seen.unwrap()["repository"]["tags"][0]["name"], "1.0.0");
    }
    let (exit, told) = inspected(Vec::new(), &reference);
    let told = told.unwrap_err();
    assert_eq!(exit, 2, "{told}");
    assert!(told.contains("no such image"), "{told}");
}

#[test]
fn an_engine_without_its_flag_is_wrong_usage() {
    let home = tempfile::tempdir().unwrap();
    let output = inspect(&["a.b/c:1", "--engine", "unix:///x"], home.path());
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("--from-engine"), "{told}");
}
