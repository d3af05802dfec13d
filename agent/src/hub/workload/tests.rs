//! Tests of `workload.rs`.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

/// Serves one canned answer per connection and returns what was asked.
async fn exchange(
    api_version: &str,
    answers: &[&str],
) -> (Result<String, WorkloadError>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("w.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let endpoint = Endpoint::Unix(socket);
    let workload = Workload {
        endpoint: &endpoint,
        api_version,
    };
    let server = async {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !String::from_utf8_lossy(&request).ends_with('}') {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            }
            asked.push(String::from_utf8(request).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    };
    tokio::join!(workload.sign("$m", "6/6", "text"), server)
}

#[tokio::test]
async fn a_signature_is_asked_for_as_the_contract_says() {
    let (digest, asked) = exchange(
        "2022-08-03",
        &["HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"digest\":\"AAEC\"}\n"],
    )
    .await;
    assert_eq!(digest.unwrap(), "AAEC");
    assert!(asked[0].starts_with("POST /modules/%24m/genid/6%2F6/sign?api-version=2022-08-03 "));
    assert!(asked[0].contains(r#""data":"dGV4dA==""#), "{}", asked[0]);
}

#[tokio::test]
async fn a_refused_version_is_followed_by_the_oldest_one() {
    let refused = "HTTP/1.1 400 Bad Request\r\ncontent-length: 17\r\n\r\n{\"message\":\"bad\"}";
    let (result, asked) = exchange("2099-01-01", &[refused, refused]).await;
    assert!(asked[1].contains("api-version=2018-06-28"));
    let text = result.unwrap_err().to_string();
    assert!(text.ends_with("/sign: status 400: bad"), "{text}");
}

#[tokio::test]
async fn answers_outside_the_contract_are_errors() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"digest\":\"%\"}",
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 1\r\n\r\n?",
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{",
        "no http at all\r\n\r\n",
        "",
    ] {
        let (result, _) = exchange("2018-06-28", &[answer]).await;
        assert!(result.is_err(), "{answer}");
    }
}

#[tokio::test]
async fn a_missing_socket_is_named() {
    let endpoint = Endpoint::Unix("/nonexistent/w.sock".into());
    let workload = Workload {
        endpoint: &endpoint,
        api_version: "2018-06-28",
    };
    let text = workload.trust_bundle().await.unwrap_err().to_string();
    assert!(text.contains("unix:///nonexistent/w.sock"), "{text}");
}

#[test]
fn workload_uris_are_unix_or_http() {
    assert!(Endpoint::parse("unix:///var/run/iotedge/workload.sock").is_ok());
    assert!(Endpoint::parse("http://localhost:8081/").is_ok());
    for bad in [
        "",
        "unix://",
        "unix://x",
        "http://localhost",
        "https://a:1",
        "http://a:1/b",
    ] {
        assert!(Endpoint::parse(bad).is_err(), "{bad}");
    }
}
