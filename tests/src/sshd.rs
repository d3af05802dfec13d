//! An ssh server on loopback with keys of its own, and an `ssh` that knows them: a device behind ssh, on this machine.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

const PROGRAM: &str = "/usr/sbin/sshd";
const PATIENCE: Duration = Duration::from_secs(20);

/// The running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Sshd {
    /// `ssh://root@127.0.0.1:PORT`.
    pub url: String,
    /// A value of `PATH` under which `ssh` has the key and knows the host.
    pub path: String,
    server: Child,
    _directory: tempfile::TempDir,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Sshd {
    /// Starts one.
    ///
    /// # Errors
    /// It is not installed, or does not listen.
    pub fn start() -> anyhow::Result<Sshd> {
        ensure!(
            Path::new(PROGRAM).is_file(),
            "{PROGRAM} is missing; install openssh-server and openssh-client (scripts/tools.sh does)"
        );
        let directory = tempfile::tempdir()?;
        let at = directory.path();
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        for key in ["host", "client"] {
            make_key(&at.join(key))?;
        }
        fs::copy(at.join("client.pub"), at.join("authorized"))?;
        let host = fs::read_to_string(at.join("host.pub"))?;
        fs::write(at.join("known"), format!("[127.0.0.1]:{port} {host}"))?;
        fs::write(at.join("config"), settings(at, port))?;
        let path = client(at)?;
        // Where it is started without a system around it, nobody has made this.
        fs::create_dir_all("/run/sshd").context("make /run/sshd; the test needs to be root")?;
        let server = Command::new(PROGRAM)
            .args(["-D", "-e", "-f"])
            .arg(at.join("config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(at.join("log"))?)
            .spawn()
            .context("run sshd")?;
        let sshd = Sshd {
            url: format!("ssh://root@127.0.0.1:{port}"),
            path,
            server,
            _directory: directory,
        };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < until, "sshd does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(sshd)
    }
}

fn make_key(path: &Path) -> anyhow::Result<()> {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status()
        .context("run ssh-keygen; install openssh-client")?;
    ensure!(made.success(), "ssh-keygen made no key");
    Ok(())
}

fn settings(at: &Path, port: u16) -> String {
    let at = at.display();
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized\n\
         PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
    )
}

/// An `ssh` before the system's own in the path.
fn client(at: &Path) -> anyhow::Result<String> {
    let bin = at.join("bin");
    fs::create_dir(&bin)?;
    let script = bin.join("ssh");
    let at = at.display();
    fs::write(
        &script,
        format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F none -i {at}/client -o IdentitiesOnly=yes -o UserKnownHostsFile={at}/known \"$@\"\n"
        ),
    )?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    let system = std::env::var("PATH").unwrap_or_default();
    Ok(format!("{}:{system}", bin.display()))
}
