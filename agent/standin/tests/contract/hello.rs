//! TLS hellos made of hand-written bytes: what the hub answers to one that is too old or cut off, and what it says of it.

use std::net::SocketAddr;
use std::sync::Arc;

use standin::hub::{HubEvent, Identity, Mode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client::Bench;

/// Fatal alerts (RFC 8446, 6.2): what the hub's library answers where it gets as far as the version, and before that.
const REFUSALS: [u8; 2] = [70, 40];

/// A ClientHello with one suite that TLS 1.0 knows (RFC 4346, 7.4.1.2), and the server's name (RFC 6066, 3) where there is one.
fn hello(version: [u8; 2], name: Option<&str>) -> Vec<u8> {
    let number = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let mut body = version.to_vec();
    body.extend([0x5a; 32]);
    body.extend([0, 0, 2, 0xc0, 0x0a, 1, 0]);
    if let Some(name) = name {
        body.extend(number(name.len() + 9));
        body.extend([0, 0]);
        body.extend(number(name.len() + 5));
        body.extend(number(name.len() + 3));
        body.push(0);
        body.extend(number(name.len()));
        body.extend(name.bytes());
    }
    let mut bytes = vec![22, 3, 1];
    bytes.extend(number(body.len() + 4));
    bytes.extend([1, 0]);
    bytes.extend(number(body.len()));
    bytes.extend(body);
    bytes
}

async fn bench() -> Bench {
    Bench::new(Mode::EdgeHub, Identity::module("d1", "m1")).await
}

/// Sends the bytes and, where it has been answered, hangs up; the answer, and what the hub says.
async fn sent(bench: &mut Bench, bytes: &[u8], address: SocketAddr) -> (Vec<u8>, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _end = stream.read_to_end(&mut answer).await;
    (answer, failed(bench).await)
}

async fn failed(bench: &mut Bench) -> String {
    bench
        .until(|event| match event {
            HubEvent::HandshakeFailed { detail, .. } => Some(detail.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_hello_of_an_old_tls_is_refused_and_told_by_its_version() {
    let mut bench = bench().await;
    let address = bench.hub.address();
    for (version, words) in [([3, 1], "TLS 1.0"), ([3, 2], "TLS 1.1")] {
        for (name, nameless) in [
            (Some("edgeproof.local"), ""),
            (None, "; its hello names no server"),
        ] {
            let (answer, told) = sent(&mut bench, &hello(version, name), address).await;
            assert_eq!(answer[0], 21, "an alert: {answer:?}");
            assert_eq!(answer[3..6], [0, 2, 2], "{answer:?}");
            assert!(REFUSALS.contains(&answer[6]), "{answer:?}");
            let wanted =
                format!("offers at most {words}, wanted is TLS 1.2 or 1.3 (peer is incompatible: ");
            assert!(told.starts_with(&wanted), "{told}");
            assert!(told.ends_with(&format!("){nameless}")), "{told}");
        }
    }
}

#[tokio::test]
async fn a_hello_that_comes_in_pieces_is_read_as_one() {
    let mut bench = bench().await;
    let mut stream = TcpStream::connect(bench.hub.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in hello([3, 2], Some("edgeproof.local")).chunks(9) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    let told = failed(&mut bench).await;
    assert!(told.starts_with("offers at most TLS 1.1"), "{told}");
}

/// A client that only tries the port, or breaks off, says nothing of the certificate.
#[tokio::test]
async fn a_client_that_hangs_up_within_its_hello_is_told_as_such() {
    let mut bench = bench().await;
    let address = bench.hub.address();
    let whole = hello([3, 3], Some("edgeproof.local"));
    let (_, told) = sent(&mut bench, &whole[..40], address).await;
    assert_eq!(
        told,
        "the client hung up within its TLS hello, after 40 bytes"
    );
    let (_, told) = sent(&mut bench, &[], address).await;
    assert_eq!(told, "the client hung up before its TLS hello");
}

#[tokio::test]
async fn a_client_that_trusts_nobody_is_told_with_its_alert_and_its_missing_name() {
    let mut bench = bench().await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    for (name, wanted) in [
        ("localhost", "received fatal alert: UnknownCA"),
        (
            "127.0.0.1",
            "received fatal alert: UnknownCA; its hello names no server",
        ),
    ] {
        let tcp = TcpStream::connect(bench.hub.address()).await.unwrap();
        let refused = connector.connect(name.try_into().unwrap(), tcp).await;
        assert!(refused.is_err(), "it trusts nobody");
        assert_eq!(failed(&mut bench).await, wanted);
    }
}
