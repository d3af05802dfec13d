//! A hub that says what it likes: TLS of an authority of its own, and MQTT packets written byte by byte.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long the probe may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A port with a certificate.
pub(crate) struct Peer {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    pub(crate) authority: String,
}

/// One connection of the probe.
pub(crate) struct Link {
    /// None once the hub has left.
    stream: Option<TlsStream<TcpStream>>,
    unread: Vec<u8>,
    next_id: u16,
}

/// A packet: the first byte, and what follows its length.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) head: u8,
    pub(crate) rest: Vec<u8>,
}

impl Packet {
    /// Topic and body of a PUBLISH.
    pub(crate) fn published(&self) -> Option<(String, &[u8])> {
        if self.head >> 4 != 3 {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([self.rest[0], self.rest[1]]));
        let topic = String::from_utf8(self.rest[2..2 + length].to_vec()).unwrap();
        let id = if self.head & 0b110 == 0 { 0 } else { 2 };
        Some((topic, &self.rest[2 + length + id..]))
    }
}

impl Peer {
    pub(crate) async fn new() -> Peer {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2020, 1, 1);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let own = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let server = server.signed_by(&own, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![server.der().clone()],
                PrivateKeyDer::from_pem_slice(own.serialize_pem().as_bytes()).unwrap(),
            );
        Peer {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: TlsAcceptor::from(Arc::new(config.unwrap())),
            authority: authority.pem(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// The next connection, with nothing said yet.
    pub(crate) async fn link(&self) -> Link {
        let (tcp, _) = timeout(PATIENCE, self.listener.accept())
            .await
            .unwrap()
            .unwrap();
        tcp.set_nodelay(true).unwrap();
        let stream = self.acceptor.accept(tcp).await.unwrap();
        Link {
            stream: Some(stream),
            unread: Vec::new(),
            next_id: 1,
        }
    }

    /// The next connection, logged in and subscribed.
    pub(crate) async fn ready(&self) -> Link {
        let mut link = self.link().await;
        assert_eq!(link.read().await.unwrap().head >> 4, 1, "CONNECT");
        link.write(&[0x20, 2, 0, 0]).await.unwrap();
        let subscribe = link.read().await.unwrap();
        assert_eq!(subscribe.head >> 4, 8, "SUBSCRIBE");
        let id = [subscribe.rest[0], subscribe.rest[1]];
        link.write(&[0x90, 5, id[0], id[1], 0, 1, 0]).await.unwrap();
        link
    }
}

impl Link {
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(bytes).await?;
        stream.flush().await
    }

    /// The next packet; an error when the probe has left.
    pub(crate) async fn read(&mut self) -> io::Result<Packet> {
        timeout(PATIENCE, self.read_now())
            .await
            .expect("the probe says nothing")
    }

    async fn read_now(&mut self) -> io::Result<Packet> {
        loop {
            if let Some((packet, length)) = first(&self.unread) {
                self.unread.drain(..length);
                return Ok(packet);
            }
            let mut buffer = [0; 4096];
            let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            match stream.read(&mut buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.unread.extend(&buffer[..count]),
            }
        }
    }

    /// Ends the connection without a word: what the probe has said and nobody has read makes it a reset.
    pub(crate) fn leave(&mut self) {
        self.stream = None;
    }

    /// A message with QoS 0.
    pub(crate) async fn publish(&mut self, topic: &[u8], body: &[u8]) -> io::Result<()> {
        self.write(&message(0x30, topic, &[], body)).await
    }

    /// A message with QoS 1.
    pub(crate) async fn publish_once_more(&mut self, topic: &[u8], body: &[u8]) -> io::Result<()> {
        let id = self.next_id.to_be_bytes();
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        self.write(&message(0x32, topic, &id, body)).await
    }
}

/// A PUBLISH.
pub(crate) fn message(head: u8, topic: &[u8], id: &[u8], body: &[u8]) -> Vec<u8> {
    let topic_length = u16::try_from(topic.len()).unwrap().to_be_bytes();
    let rest = [&topic_length[..], topic, id, body].concat();
    let mut packet = vec![head];
    packet.extend(length(rest.len()));
    packet.extend(rest);
    packet
}

/// A remaining length. Source: MQTT 3.1.1, 2.2.3.
pub(crate) fn length(mut left: usize) -> Vec<u8> {
    let mut digits = Vec::new();
    loop {
        let digit = u8::try_from(left % 128).unwrap();
        left /= 128;
        digits.push(digit | if left > 0 { 0x80 } else { 0 });
        if left == 0 {
            return digits;
        }
    }
}

/// The first whole packet and how many bytes it takes.
fn first(bytes: &[u8]) -> Option<(Packet, usize)> {
    let (mut length, mut at) = (0, 1);
    loop {
        let digit = usize::from(*bytes.get(at)?);
        length += (digit & 127) << (7 * (at - 1));
        at += 1;
        if digit & 128 == 0 {
            break;
        }
    }
    let rest = bytes.get(at..at + length)?.to_vec();
    let head = bytes[0];
    Some((Packet { head, rest }, at + length))
}
