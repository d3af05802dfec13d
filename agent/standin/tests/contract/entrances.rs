//! The other ways in: MQTT and AMQP inside a WebSocket made of hand-written frames, and clients without TLS.

use std::net::SocketAddr;

use standin::hub::{HubConfig, HubEvent, Identity, LocalHub, Mode, OtherPorts, Rule, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::client::{Bench, HUB, tls};
use super::rule;

const UPGRADE: &str = "GET /$iothub/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

async fn edge_hub() -> (Bench, SocketAddr, SocketAddr) {
    let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let hub = LocalHub::start(HubConfig {
        listen: free,
        also: OtherPorts {
            web_socket: Some(free),
            amqp: Some(free),
            ..OtherPorts::default()
        },
        host_name: HUB.to_owned(),
        names: vec!["localhost".to_owned()],
        mode: Mode::EdgeHub,
    })
    .await
    .unwrap();
    let web_socket = hub.web_socket_address().unwrap();
    let amqp = hub.amqp_address().unwrap();
    let bench = Bench::of(hub, Identity::module("d1", "m1"));
    (bench, web_socket, amqp)
}

/// One binary frame as a client must send it: final, masked (RFC 6455, 5.2).
fn frame(payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut bytes = vec![0x82];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..126) => bytes.push(0x80 | short),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    bytes
}

/// Asks for the upgrade with this protocol; the status line of the answer.
async fn upgrade(stream: &mut TlsStream<TcpStream>, protocol: &str) -> String {
    let request = format!("{UPGRADE}Sec-WebSocket-Protocol: {protocol}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn mqtt_inside_a_web_socket_is_the_same_mqtt() {
    let (mut bench, web_socket, _) = edge_hub().await;
    let mut stream = tls(&bench.hub, web_socket).await;
    let head = upgrade(&mut stream, "mqtt").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.to_lowercase().contains("sec-websocket-protocol: mqtt"));
    let packet = bench.login().bytes();
    // In two frames: packets and frames need not have the same borders.
    let (first, second) = packet.split_at(7);
    stream.write_all(&frame(first)).await.unwrap();
    stream.write_all(&frame(second)).await.unwrap();
    let mut connack = [0; 6];
    stream.read_exact(&mut connack).await.unwrap();
    assert_eq!(connack, [0x82, 4, 0x20, 2, 0, 0]);
    let transport = bench.until(|event| match event {
        HubEvent::Connected(login) => Some(login.transport),
        _ => None,
    });
    assert_eq!(transport.await, Transport::MqttWebSocket);
    stream.write_all(&frame(&[0xc0, 0])).await.unwrap();
    let mut pong = [0; 4];
    stream.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong, [0x82, 2, 0xd0, 0]);
    // The hub says goodbye in WebSocket's way when it drops the client.
    assert!(bench.hub.disconnect(&bench.identity));
    let mut rest = Vec::new();
    let _end = stream.read_to_end(&mut rest).await;
    assert_eq!(rest.first().map(|byte| byte & 0x0f), Some(8), "{rest:?}");
}

#[tokio::test]
async fn amqp_inside_a_web_socket_is_the_same_amqp() {
    let (bench, web_socket, _) = edge_hub().await;
    let mut stream = tls(&bench.hub, web_socket).await;
    let head = upgrade(&mut stream, "AMQPWSB10").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(
        head.to_lowercase()
            .contains("sec-websocket-protocol: amqpwsb10")
    );
    stream
        .write_all(&frame(b"AMQP\x00\x01\x00\x00"))
        .await
        .unwrap();
    let mut header = [0; 10];
    stream.read_exact(&mut header).await.unwrap();
    assert_eq!(&header, b"\x82\x08AMQP\x00\x01\x00\x00");
}

#[tokio::test]
async fn a_foreign_upgrade_is_refused_in_words() {
    let (mut bench, web_socket, _) = edge_hub().await;
    let mut stream = tls(&bench.hub, web_socket).await;
    let head = upgrade(&mut stream, "soap").await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert_eq!(rule(&mut bench).await, Rule::WebSocket);
}

#[tokio::test]
async fn a_client_without_tls_is_told_as_such() {
    let (mut bench, _, amqp) = edge_hub().await;
    for address in [bench.hub.address(), amqp] {
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(&bench.login().bytes()).await.unwrap();
        assert_eq!(rule(&mut bench).await, Rule::PlainText);
    }
}
