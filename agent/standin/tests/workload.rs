//! The workload API over a real unix socket, spoken to in hand-written HTTP.
#![cfg(feature = "edge")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use standin::hub::{Credentials, HubConfig, Identity, LocalHub, Mode, OtherPorts};
use standin::workload::{self, WorkloadError, WorkloadIdentity, WorkloadServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// A hub with module `m1`, and for whom its socket speaks.
async fn module() -> (LocalHub, Credentials, WorkloadIdentity) {
    let hub = LocalHub::start(HubConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        also: OtherPorts::default(),
        host_name: "h".to_owned(),
        names: vec!["localhost".to_owned()],
        mode: Mode::EdgeHub,
    })
    .await
    .unwrap();
    let identity = Identity::module("d1", "m1");
    let credentials = hub.register(&identity).unwrap();
    let speaks_for = hub.workload_identity(&identity).unwrap();
    (hub, credentials, speaks_for)
}

async fn serve(socket: &Path) -> Result<WorkloadServer, WorkloadError> {
    workload::serve(socket, module().await.2).await
}

/// Status line and body of one answer.
async fn ask(socket: &Path, head: &str, body: &str) -> (String, String) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn anybody_may_speak_on_the_socket_and_every_request_is_noted() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let (_hub, credentials, speaks_for) = module().await;
    let server = workload::serve(&socket, speaks_for).await.unwrap();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
    let (status, body) = ask(&socket, "GET /trust-bundle?api-version=2022-08-03", "").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(body.contains("BEGIN CERTIFICATE"));
    let (status, body) = ask(
        &socket,
        "POST /modules/m1/genid/7/sign?api-version=2018-06-28",
        r#"{"keyId":"primary","algo":"HMACSHA256","data":"aC5henVyZS1kZXZpY2VzLm5ldCUyRmRldmljZXMlMkZkMSUyRm1vZHVsZXMlMkZtMQoyMDAwMDAwMDAw"}"#,
    )
    .await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    let mut mac = Hmac::<Sha256>::new_from_slice(&credentials.key).unwrap();
    mac.update(b"h.azure-devices.net%2Fdevices%2Fd1%2Fmodules%2Fm1\n2000000000");
    let digest = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(body, format!(r#"{{"digest":"{digest}"}}"#));
    ask(&socket, "GET /nothing", "").await;
    let seen = server.requests();
    let statuses: Vec<u16> = seen.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [200, 200, 404]);
    assert_eq!(seen[0].path, "/trust-bundle?api-version=2022-08-03");
    assert!(seen[0].peer_uid.is_some());
    drop(server);
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists(), "a dead socket stays behind");
    let _alive = serve(&socket).await.unwrap();
    let second = serve(&socket).await;
    assert!(matches!(second, Err(WorkloadError::InUse { .. })));
    assert!(socket.exists());
    let file = directory.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert!(matches!(
        serve(&file).await,
        Err(WorkloadError::Open { .. })
    ));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn an_eleventh_connection_of_one_user_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let _server = serve(&socket).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).await.unwrap();
        held.push(stream);
    }
    let mut eleventh = UnixStream::connect(&socket).await.unwrap();
    let mut rest = Vec::new();
    let read = eleventh.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{read:?}");
    drop(held);
}

#[tokio::test]
async fn bytes_that_are_no_http_do_not_end_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let _server = serve(&socket).await.unwrap();
    let mut junk = UnixStream::connect(&socket).await.unwrap();
    junk.write_all(&[0xff; 100]).await.unwrap();
    let mut answer = Vec::new();
    let _ = junk.read_to_end(&mut answer).await;
    let (status, _) = ask(&socket, "GET /trust-bundle?api-version=2018-06-28", "").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
}
