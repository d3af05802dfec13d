//! A tunnel through the system's own ssh, so that its keys, agents and settings hold.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long ssh may take to get there.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the new socket is looked for; ssh does not say when it listens.
const LOOK: Duration = Duration::from_millis(50);

/// The running ssh; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Forwarding(#[allow(dead_code, reason = "held for its end")] Child);

/// Forwards `socket` to the engine's socket on the other side.
///
/// # Errors
/// ssh is not installed, asks for something, or does not get there, in its own words.
pub(super) async fn forward(
    socket: &Path,
    destination: &str,
    port: Option<u16>,
    far: &Path,
) -> anyhow::Result<Forwarding> {
    let mut child = command(socket, destination, port, far)
        .spawn()
        .context("run ssh; install openssh-client")?;
    let until = Instant::now() + PATIENCE;
    loop {
        if UnixStream::connect(socket).await.is_ok() {
            return Ok(Forwarding(child));
        }
        if child.try_wait().context("wait for ssh")?.is_some() {
            bail!("ssh to {destination} ended: {}", words(&mut child).await);
        }
        if Instant::now() >= until {
            bail!("ssh to {destination} takes longer than {PATIENCE:?}");
        }
        sleep(LOOK).await;
    }
}

fn command(socket: &Path, destination: &str, port: Option<u16>, far: &Path) -> Command {
    let mut command = Command::new("ssh");
    // Nobody is there to answer a question; a host key that is not known is refused.
    command.args(["-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes"]);
    command.args(["-o", "ServerAliveInterval=15", "-T"]);
    if let Some(port) = port {
        command.args(["-p", &port.to_string()]);
    }
    command
        .arg("-L")
        .arg(format!("{}:{}", socket.display(), far.display()))
        // It ends with its input, hence with this program, however that ends.
        .args(["--", destination, "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn words(child: &mut Child) -> String {
    let mut words = String::new();
    if let Some(mut errors) = child.stderr.take() {
        // What cannot be read is not told.
        let _ = errors.read_to_string(&mut words).await;
    }
    match words.trim() {
        "" => "without a word".to_owned(),
        words => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_asked_for_one_forwarded_socket_and_nothing_else() {
        let command = command(
            Path::new("/tmp/e.sock"),
            "pi@lab",
            Some(2222),
            Path::new("/var/run/docker.sock"),
        );
        let arguments: Vec<_> = command
            .as_std()
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        let line = arguments.join(" ");
        assert!(line.contains("BatchMode=yes"), "{line}");
        assert!(
            line.contains("-p 2222 -L /tmp/e.sock:/var/run/docker.sock"),
            "{line}"
        );
        assert!(line.ends_with("-- pi@lab cat"), "{line}");
    }
}
