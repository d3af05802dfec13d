//! Both ends over one stream, with real sockets on either side.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use relay::lab::Behind;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// A relay at work: where its doors are, and the stream's end in the lab.
struct Setup {
    directory: tempfile::TempDir,
    port: u16,
    lab: JoinHandle<std::io::Result<()>>,
    device: JoinHandle<std::io::Result<()>>,
}

impl Setup {
    async fn socket(&self) -> UnixStream {
        UnixStream::connect(self.directory.path().join("workload.sock"))
            .await
            .unwrap()
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

async fn set_up(hub: SocketAddr, workload: PathBuf) -> Setup {
    let directory = tempfile::tempdir().unwrap();
    let port = free_port().await;
    let (near, far) = duplex(1024);
    let socket = directory.path().join("workload.sock");
    let (far_in, far_out) = split(far);
    let device =
        tokio::spawn(async move { relay::device::run(port, &socket, far_in, far_out).await });
    let (mut near_in, near_out) = split(near);
    timeout(PATIENCE, relay::lab::ready(&mut near_in))
        .await
        .unwrap()
        .unwrap();
    let behind = Behind { hub, workload };
    let lab = tokio::spawn(relay::lab::run(near_in, near_out, behind));
    Setup {
        directory,
        port,
        lab,
        device,
    }
}

/// Answers every connection with what it was told, and `!` when the caller has finished.
async fn echo_tcp() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = caller.split();
                tokio::io::copy(&mut from, &mut to).await.unwrap();
                to.write_all(b"!").await.unwrap();
            });
        }
    });
    address
}

fn echo_unix(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            let mut word = [0; 4];
            caller.read_exact(&mut word).await.unwrap();
            caller.write_all(&word).await.unwrap();
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_connections_say_a_megabyte_each_and_hear_it_again() {
    let setup = set_up(echo_tcp().await, PathBuf::from("/nowhere")).await;
    let talks: Vec<_> = (0..100_u8)
        .map(|n| {
            let port = setup.port;
            tokio::spawn(async move {
                let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (mut from, mut to) = stream.into_split();
                let said = vec![n; 1 << 20];
                let saying = said.clone();
                let writer = tokio::spawn(async move {
                    to.write_all(&saying).await.unwrap();
                    to.shutdown().await.unwrap();
                    to
                });
                let mut heard = Vec::new();
                from.read_to_end(&mut heard).await.unwrap();
                writer.await.unwrap();
                // The end of one direction is passed on, and the other direction goes on.
                assert_eq!(heard.pop(), Some(b'!'));
                assert!(heard == said, "{n}");
            })
        })
        .collect();
    for talk in talks {
        timeout(PATIENCE, talk).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_workload_socket_is_carried_too() {
    let behind = tempfile::tempdir().unwrap();
    let api = behind.path().join("api.sock");
    echo_unix(&api);
    let setup = set_up("127.0.0.1:1".parse().unwrap(), api).await;
    let mut caller = setup.socket().await;
    caller.write_all(b"sign").await.unwrap();
    let mut word = [0; 4];
    timeout(PATIENCE, caller.read_exact(&mut word))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&word, b"sign");
}

#[tokio::test]
async fn a_caller_finds_a_closed_connection_where_nobody_stands_behind_the_door() {
    let setup = set_up("127.0.0.1:1".parse().unwrap(), PathBuf::from("/nowhere")).await;
    let mut caller = setup.tcp().await;
    let mut heard = Vec::new();
    timeout(PATIENCE, caller.read_to_end(&mut heard))
        .await
        .unwrap()
        .unwrap();
    assert!(heard.is_empty());
}

#[tokio::test]
async fn when_the_lab_goes_the_relay_ends() {
    let setup = set_up(echo_tcp().await, PathBuf::from("/nowhere")).await;
    let _caller = setup.tcp().await;
    setup.lab.abort();
    let ended = timeout(PATIENCE, setup.device).await.unwrap().unwrap();
    ended.unwrap();
}
