//! The two servers, each a process of its own, and what the kernel accounts to it.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);
/// Unit of the CPU times in `/proc/PID/stat` (`USER_HZ`, 100 on every Linux platform of ours).
const TICK: Duration = Duration::from_millis(10);

/// How a client logs in.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Login {
    /// MQTT client id.
    pub(crate) client: String,
    /// User name.
    pub(crate) user: String,
    /// Password.
    pub(crate) password: String,
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    /// Where it listens for MQTT over TLS, as `localhost`.
    pub(crate) address: SocketAddr,
    /// What its clients must trust, as PEM.
    pub(crate) anchor: PathBuf,
    logins: Vec<Login>,
    _directory: TempDir,
}

/// What the hub says of itself.
#[derive(Deserialize)]
struct Told {
    address: SocketAddr,
    anchor: String,
    logins: Vec<Login>,
}

impl Server {
    /// The stand-in, with this many modules.
    ///
    /// # Errors
    /// It does not start, or says nothing of itself.
    pub(crate) fn hub(program: &str, modules: usize) -> anyhow::Result<Server> {
        let directory = tempfile::tempdir()?;
        let mut process = Command::new(program)
            .arg(modules.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("run {program}"))?;
        let output = process.stdout.take().context("it has an output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let told: Told = serde_json::from_str(&line).context("read what it says of itself")?;
        let anchor = directory.path().join("anchor.pem");
        std::fs::write(&anchor, told.anchor)?;
        Ok(Server {
            process,
            address: told.address,
            anchor,
            logins: told.logins,
            _directory: directory,
        })
    }

    /// Mosquitto, with a certificate of the same kind (P-256) and nothing kept on disk; anybody may log in.
    ///
    /// # Errors
    /// It does not start, or does not listen within some seconds.
    pub(crate) fn mosquitto(program: &str, libraries: &str) -> anyhow::Result<Server> {
        let directory = tempfile::tempdir()?;
        let place = directory.path();
        certificate(place)?;
        let address = free_address()?;
        let configuration = format!(
            "listener {} 127.0.0.1\ncertfile {}\nkeyfile {}\nallow_anonymous true\npersistence false\nuser root\nlog_dest none\n",
            address.port(),
            place.join("server.pem").display(),
            place.join("server.key").display(),
        );
        let file = place.join("mosquitto.conf");
        std::fs::write(&file, configuration)?;
        let process = Command::new(program)
            .arg("-c")
            .arg(&file)
            .env("LD_LIBRARY_PATH", libraries)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("run {program}"))?;
        let server = Server {
            process,
            address,
            anchor: place.join("server.pem"),
            logins: Vec::new(),
            _directory: directory,
        };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(begun.elapsed() < PATIENCE, "it does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// How client `number` logs in. Where anybody may, it sends what the hub's clients send.
    pub(crate) fn login(&self, number: usize) -> Login {
        self.logins.get(number).cloned().unwrap_or_else(|| Login {
            client: format!("crowd/m{number}"),
            user: format!("edgeproof.local/crowd/m{number}/?api-version=2021-04-12"),
            password: "x".repeat(150),
        })
    }

    /// Resident memory, in bytes.
    ///
    /// # Errors
    /// The process has ended.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.context("no VmRSS")?.trim().trim_end_matches(" kB");
        Ok(number.parse::<u64>().context("read VmRSS")? * 1024)
    }

    /// CPU time so far, of all its threads.
    ///
    /// # Errors
    /// The process has ended.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        // The name is the second field, user and system time the 14th and 15th.
        let times = fields.split_ascii_whitespace().skip(11).take(2);
        let ticks: Result<Vec<u32>, _> = times.map(str::parse).collect();
        Ok(TICK * ticks.context("read CPU times")?.iter().sum())
    }

    fn read(&self, name: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{name}", self.process.id());
        let mut text = String::new();
        let mut file = std::fs::File::open(&path).with_context(|| format!("open {path}"))?;
        file.read_to_string(&mut text)
            .with_context(|| format!("read {path}"))?;
        Ok(text)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.process.kill();
        let _waited = self.process.wait();
    }
}

/// A port that was free a moment ago: mosquitto cannot be asked which one it took.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// `server.pem` and `server.key` for `localhost`, signed by itself.
fn certificate(place: &Path) -> anyhow::Result<()> {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args([
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            "server.key",
            "-out",
            "server.pem",
        ])
        .current_dir(place)
        .output()
        .context("run openssl")?;
    if !made.status.success() {
        bail!("openssl: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}
