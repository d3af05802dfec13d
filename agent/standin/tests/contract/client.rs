//! A bare MQTT 3.1.1 client made of hand-written bytes, so that the hub is not tested against its own library.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use standin::hub::{Credentials, HubConfig, HubEvent, Identity, LocalHub, Mode, OtherPorts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Name of the hub in every test.
pub(crate) const HUB: &str = "edgeproof.local";

/// No answer takes longer than this on any machine that can run the tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// A hub with one registered identity and a subscriber.
pub(crate) struct Bench {
    pub(crate) hub: LocalHub,
    pub(crate) events: mpsc::Receiver<HubEvent>,
    pub(crate) identity: Identity,
    pub(crate) credentials: Credentials,
}

impl Bench {
    /// A hub on a free port.
    pub(crate) async fn new(mode: Mode, identity: Identity) -> Self {
        let hub = LocalHub::start(HubConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            also: OtherPorts::default(),
            host_name: HUB.to_owned(),
            names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            mode,
        })
        .await
        .unwrap();
        Self::of(hub, identity)
    }

    /// One more identity's bench at a hub.
    pub(crate) fn of(hub: LocalHub, identity: Identity) -> Self {
        let events = hub.subscribe();
        let credentials = hub.register(&identity).unwrap();
        Self {
            hub,
            events,
            identity,
            credentials,
        }
    }

    /// The hub of most tests: IoT Hub with module d1/m1.
    pub(crate) async fn module() -> Self {
        Self::new(Mode::IotHub, Identity::module("d1", "m1")).await
    }

    /// The next event that `pick` wants; others are passed over.
    pub(crate) async fn until<T>(&mut self, pick: impl Fn(&HubEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the hub still runs");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .expect("the event comes")
    }

    /// TLS to the hub, nothing said yet.
    pub(crate) async fn dial(&self) -> Client {
        Client::dial(&self.hub).await
    }

    /// What an honest client says first.
    pub(crate) fn login(&self) -> LoginBytes {
        let (path, id) = match &self.identity {
            Identity::Device { device } => (format!("devices/{device}"), device.clone()),
            Identity::Module { device, module } => (
                format!("devices/{device}/modules/{module}"),
                format!("{device}/{module}"),
            ),
        };
        let expiry = unix_now() + 3600;
        LoginBytes {
            client_id: id.clone(),
            user_name: format!(
                "{HUB}/{id}/?api-version=2021-04-12&DeviceClientType=contoso.offer.plan%20bare"
            ),
            password: token(&format!("{HUB}/{path}"), &self.credentials.key, expiry),
            keep_alive: 60,
            clean_session: true,
            will: None,
        }
    }

    /// A client that is in.
    pub(crate) async fn connected(&self) -> Client {
        let mut client = self.dial().await;
        client.send(&self.login().bytes()).await;
        assert_eq!(client.packet().await, Some(vec![0x20, 2, 0, 0]));
        client
    }
}

/// The parts of a CONNECT, for a test to change.
pub(crate) struct LoginBytes {
    pub(crate) client_id: String,
    pub(crate) user_name: String,
    pub(crate) password: String,
    pub(crate) keep_alive: u16,
    pub(crate) clean_session: bool,
    /// Topic and body of a will at QoS 0.
    pub(crate) will: Option<(String, String)>,
}

impl LoginBytes {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut body = text("MQTT");
        let clean = if self.clean_session { 2 } else { 0 };
        let will = if self.will.is_some() { 4 } else { 0 };
        body.extend([4, 0x80 | 0x40 | will | clean]);
        body.extend(self.keep_alive.to_be_bytes());
        body.extend(text(&self.client_id));
        for part in self.will.iter().flat_map(|(topic, body)| [topic, body]) {
            body.extend(text(part));
        }
        body.extend(text(&self.user_name));
        body.extend(text(&self.password));
        packet(0x10, &body)
    }
}

pub(crate) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A token for `resource` as a client would sign it.
pub(crate) fn token(resource: &str, key: &[u8; 32], expiry: u64) -> String {
    let escape = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let sr = escape(resource);
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{sr}\n{expiry}").as_bytes());
    let sig = escape(&STANDARD.encode(mac.finalize().into_bytes()));
    format!("SharedAccessSignature sr={sr}&sig={sig}&se={expiry}")
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

/// One packet: first byte, remaining length, body.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    loop {
        let digit = u8::try_from(rest % 128).unwrap();
        rest /= 128;
        bytes.push(if rest > 0 { digit | 0x80 } else { digit });
        if rest == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// PUBLISH with the given flags (QoS in bits 1 and 2, retain in bit 0) and packet id 1 above QoS 0.
pub(crate) fn publish(flags: u8, topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = text(topic);
    if flags & 0b110 != 0 {
        body.extend([0, 1]);
    }
    body.extend(payload);
    packet(0x30 | flags, &body)
}

/// SUBSCRIBE at QoS 2, so that the answer shows what is granted.
pub(crate) fn subscribe(filters: &[&str]) -> Vec<u8> {
    let mut body = vec![0, 1];
    for filter in filters {
        body.extend(text(filter));
        body.push(2);
    }
    packet(0x82, &body)
}

/// Topic and body of a PUBLISH at QoS 0.
pub(crate) fn read_publish(packet: &[u8]) -> (String, String) {
    assert_eq!(packet[0], 0x30, "a publish at QoS 0: {packet:?}");
    let header = 1 + packet[1..].iter().take_while(|b| **b & 0x80 != 0).count() + 1;
    let length = usize::from(u16::from_be_bytes([packet[header], packet[header + 1]]));
    let (topic, body) = packet[header + 2..].split_at(length);
    (
        String::from_utf8(topic.to_vec()).unwrap(),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

/// TLS to one of the hub's ports.
pub(crate) async fn tls(hub: &LocalHub, address: SocketAddr) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(anchor(hub.trust_bundle_pem())).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .unwrap()
}

/// The client's end of a connection.
pub(crate) struct Client {
    tls: TlsStream<TcpStream>,
}

impl Client {
    pub(crate) const fn over(tls: TlsStream<TcpStream>) -> Self {
        Self { tls }
    }

    async fn dial(hub: &LocalHub) -> Self {
        Self {
            tls: tls(hub, hub.address()).await,
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // A hub that has closed already may refuse the rest; what it answered is read next.
        let _refused = self.tls.write_all(bytes).await;
        let _refused = self.tls.flush().await;
    }

    /// The next packet, or `None` once the hub has closed.
    pub(crate) async fn packet(&mut self) -> Option<Vec<u8>> {
        tokio::time::timeout(PATIENCE, self.read())
            .await
            .expect("the hub answers or closes")
    }

    async fn read(&mut self) -> Option<Vec<u8>> {
        let mut packet = vec![self.tls.read_u8().await.ok()?];
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let digit = self.tls.read_u8().await.ok()?;
            packet.push(digit);
            length |= usize::from(digit & 0x7f) << shift;
            if digit & 0x80 == 0 {
                break;
            }
        }
        let start = packet.len();
        packet.resize(start + length, 0);
        self.tls.read_exact(&mut packet[start..]).await.ok()?;
        Some(packet)
    }
}

pub(crate) fn anchor(pem: &str) -> rustls::pki_types::CertificateDer<'static> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap().into()
}
