//! The clients: many of hand-written bytes that say nothing, and Debian's `mosquitto_pub`, which does.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::figures::Rate;
use crate::servers::{Login, Server};

const PATIENCE: Duration = Duration::from_secs(10);
/// Seconds of silence that a client announces.
const KEEP_ALIVE: u16 = 600;
const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
const PINGREQ: [u8; 2] = [0xc0, 0];
const PINGRESP: [u8; 2] = [0xd0, 0];

/// Clients that are logged in.
#[derive(Default)]
pub(crate) struct Crowd {
    connector: Option<TlsConnector>,
    clients: Vec<TlsStream<TcpStream>>,
}

impl Crowd {
    /// One more.
    ///
    /// # Errors
    /// The server does not take it.
    pub(crate) async fn join(&mut self, server: &Server, number: usize) -> anyhow::Result<()> {
        let connector = match &self.connector {
            Some(connector) => connector,
            None => self.connector.insert(connector(server)?),
        };
        let tcp = TcpStream::connect(server.address).await?;
        let mut client = connector
            .connect(ServerName::try_from("localhost")?, tcp)
            .await
            .context("TLS")?;
        client.write_all(&connect(&server.login(number))?).await?;
        let mut answer = [0; CONNACK.len()];
        tokio::time::timeout(PATIENCE, client.read_exact(&mut answer))
            .await
            .context("no answer")??;
        ensure!(answer == CONNACK, "refused: {answer:?}");
        self.clients.push(client);
        Ok(())
    }

    /// How many of them the server still answers.
    pub(crate) async fn answered(mut self) -> usize {
        let mut answered = 0;
        for client in &mut self.clients {
            let asked = async {
                client.write_all(&PINGREQ).await?;
                let mut answer = [0; PINGRESP.len()];
                client.read_exact(&mut answer).await?;
                Ok::<_, std::io::Error>(answer == PINGRESP)
            };
            if let Ok(Ok(true)) = tokio::time::timeout(PATIENCE, asked).await {
                answered += 1;
            }
        }
        answered
    }
}

fn connector(server: &Server) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&server.anchor)?)?;
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// CONNECT of MQTT 3.1.1 with user name and password, clean session.
fn connect(login: &Login) -> anyhow::Result<Vec<u8>> {
    let text = |text: &str| -> anyhow::Result<Vec<u8>> {
        let length = u16::try_from(text.len())?.to_be_bytes();
        Ok([&length[..], text.as_bytes()].concat())
    };
    let mut body = text("MQTT")?;
    body.extend([4, 0xc2]);
    body.extend(KEEP_ALIVE.to_be_bytes());
    for part in [&login.client, &login.user, &login.password] {
        body.extend(text(part)?);
    }
    // Two digits of seven bits: up to 16,383 bytes.
    let length = u16::try_from(body.len())?;
    let low = u8::try_from(length % 128)? | 0x80;
    let high = u8::try_from(length / 128).ok().filter(|high| *high < 128);
    let mut packet = vec![0x10, low, high.context("a login too long")?];
    packet.extend(body);
    Ok(packet)
}

/// One run of `mosquitto_pub` with so many messages of 100 bytes, each acknowledged.
///
/// # Errors
/// It cannot be started, or ends with a failure.
pub(crate) fn publish(server: &Server, messages: usize) -> anyhow::Result<Rate> {
    let login = server.login(0);
    let (begun, cpu) = (Instant::now(), server.cpu()?);
    let mut client = Command::new("mosquitto_pub")
        .args(["-h", "localhost", "-p", &server.address.port().to_string()])
        .args(["-V", "mqttv311", "-q", "1", "-l", "-i", &login.client])
        .args(["-u", &login.user, "-P", &login.password])
        .args([
            "-t",
            "devices/crowd/modules/m0/messages/events/",
            "--cafile",
        ])
        .arg(&server.anchor)
        .stdin(Stdio::piped())
        .spawn()
        .context("run mosquitto_pub")?;
    let mut input = client.stdin.take().context("it has an input")?;
    let line = format!("{}\n", "x".repeat(100));
    input.write_all(line.repeat(messages).as_bytes())?;
    drop(input);
    let ended = client.wait()?;
    ensure!(ended.success(), "mosquitto_pub: {ended}");
    #[allow(clippy::cast_precision_loss, reason = "some ten thousand messages")]
    let a_second = messages as f64 / begun.elapsed().as_secs_f64();
    Ok(Rate {
        a_second,
        cpu: server.cpu()?.saturating_sub(cpu).as_secs_f64(),
    })
}
