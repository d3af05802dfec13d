//! The workload API over a real unix socket, spoken to in hand-written HTTP.
#![cfg(feature = "edge")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use standin::workload::{self, WorkloadError, WorkloadIdentity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

fn identity() -> WorkloadIdentity {
    WorkloadIdentity {
        module: "m1".to_owned(),
        key: std::array::from_fn(|i| u8::try_from(i).unwrap()),
        trust_bundle_pem: "-----BEGIN CERTIFICATE-----".to_owned(),
    }
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
    let server = workload::serve(&socket, identity()).await.unwrap();
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
    assert_eq!(
        body,
        r#"{"digest":"vqA3ZHzuMwDjToRjN4jw9yEGqgXmG97O98jLNRZBvKE="}"#
    );
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
async fn a_recorder_answers_404_and_keeps_method_and_path() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let recorder = workload::record(&socket).await.unwrap();
    let (status, body) = ask(
        &socket,
        "POST /modules/m/genid/1/sign?api-version=2018-06-28",
        "{}",
    )
    .await;
    assert_eq!(status, "HTTP/1.1 404 Not Found");
    assert!(body.starts_with(r#"{"message":"#));
    let seen = recorder.requests();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].method.as_str(), seen[0].status), ("POST", 404));
    assert_eq!(
        seen[0].path,
        "/modules/m/genid/1/sign?api-version=2018-06-28"
    );
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists(), "a dead socket stays behind");
    let _alive = workload::record(&socket).await.unwrap();
    let second = workload::record(&socket).await;
    assert!(matches!(second, Err(WorkloadError::InUse { .. })));
    assert!(socket.exists());
    let file = directory.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    assert!(matches!(
        workload::record(&file).await,
        Err(WorkloadError::Open { .. })
    ));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn an_eleventh_connection_of_one_user_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let _server = workload::serve(&socket, identity()).await.unwrap();
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
    let _server = workload::serve(&socket, identity()).await.unwrap();
    let mut junk = UnixStream::connect(&socket).await.unwrap();
    junk.write_all(&[0xff; 100]).await.unwrap();
    let mut answer = Vec::new();
    let _ = junk.read_to_end(&mut answer).await;
    let (status, _) = ask(&socket, "GET /trust-bundle?api-version=2018-06-28", "").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
}
