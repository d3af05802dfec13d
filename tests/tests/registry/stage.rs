//! Debian's docker-registry on loopback, for one test: what is pushed to it goes with it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::program::program;
use tempfile::TempDir;

/// A running registry.
pub(crate) struct Stage {
    child: Child,
    pub(crate) address: String,
    pub(crate) directory: TempDir,
}

impl Stage {
    /// Starts one on a free port.
    pub(crate) fn start() -> Stage {
        Stage::open(tempfile::tempdir().unwrap(), "")
    }

    /// The same store served over TLS, with `server.pem` and `server.key` of its directory.
    pub(crate) fn over_tls(mut self) -> Stage {
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        drop(self);
        let of = |name: &str| directory.path().join(name).display().to_string();
        let tls = format!(
            ", tls: {{certificate: {}, key: {}}}",
            of("server.pem"),
            of("server.key")
        );
        Stage::open(directory, &tls)
    }

    /// Starts one on what a directory holds; `tls` is what its configuration has behind the address.
    fn open(directory: TempDir, tls: &str) -> Stage {
        let program = registry_program();
        for _ in 0..5 {
            // It has no way to say which port it took, so one that is free now is named.
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let address = format!("127.0.0.1:{port}");
            let config = directory.path().join("registry.yml");
            let store = directory.path().join("store");
            let text = format!(
                "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {{addr: \"{address}\"{tls}}}\n",
                store.display()
            );
            fs::write(&config, text).unwrap();
            let mut child = Command::new(&program)
                .arg("serve")
                .arg(&config)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            if listens(&address, &mut child) {
                return Stage {
                    child,
                    address,
                    directory,
                };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("{} does not listen on loopback", program.display());
    }

    /// Puts a blob there; answers its digest.
    pub(crate) fn blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        let (status, head) =
            self.call("POST", &format!("/v2/{repository}/blobs/uploads/"), "", &[]);
        assert_eq!(status, 202, "{head}");
        let location = header(&head, "location").unwrap();
        let path = location
            .split_once("://")
            .map_or(location.as_str(), |(_, rest)| {
                &rest[rest.find('/').unwrap()..]
            });
        let joint = if path.contains('?') { '&' } else { '?' };
        let put = format!("{path}{joint}digest={digest}");
        let (status, head) = self.call("PUT", &put, "application/octet-stream", bytes);
        assert_eq!(status, 201, "{head}");
        digest
    }

    /// Puts a manifest there under a tag or its digest.
    pub(crate) fn manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> String {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let (status, head) = self.call("PUT", &path, media_type, bytes);
        assert_eq!(status, 201, "{repository}:{reference}: {head}");
        digest(bytes)
    }

    /// The bytes of a manifest that was put there.
    pub(crate) fn manifest_bytes(&self, digest: &str) -> Vec<u8> {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let blobs = self
            .directory
            .path()
            .join("store/docker/registry/v2/blobs/sha256");
        fs::read(blobs.join(&hex[..2]).join(hex).join("data")).unwrap()
    }

    /// Takes a blob away behind the registry's back.
    pub(crate) fn lose(&self, digest: &str) {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let blobs = self
            .directory
            .path()
            .join("store/docker/registry/v2/blobs/sha256");
        fs::remove_dir_all(blobs.join(&hex[..2]).join(hex)).unwrap();
    }

    fn call(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listens(address: &str, child: &mut Child) -> bool {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until && child.try_wait().unwrap().is_none() {
        if TcpStream::connect(address).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

fn registry_program() -> PathBuf {
    let fetched = support::repository().join("target/tools/usr/bin/docker-registry");
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let installed =
        std::env::split_paths(&paths).map(|directory| directory.join("docker-registry"));
    installed
        .chain([fetched])
        .find(|path| path.is_file())
        .expect("docker-registry is missing; run scripts/tools.sh")
}

/// A header of an answer.
fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().to_owned())
    })
}

/// `sha256:…`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut sum = harness::registry::Digesting::new(bytes);
    std::io::copy(&mut sum, &mut std::io::sink()).unwrap();
    sum.digest()
}

/// `edgeproof inspect`, with no login of whoever runs the tests.
pub(crate) fn inspect(arguments: &[&str], home: &Path) -> Output {
    Command::new(program())
        .arg("inspect")
        .args(arguments)
        .env("DOCKER_CONFIG", home)
        .output()
        .unwrap()
}
