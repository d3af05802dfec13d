//! Whether a device's container engine answers, asked from outside through its own endpoint, with the user's certificate.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Asks once; the answer has to come within `patience`.
///
/// # Errors
/// The certificates cannot be used, or the engine gave no good answer.
pub(super) fn ask(port: u16, certs: &Path, patience: Duration) -> anyhow::Result<()> {
    let config = Arc::new(client(certs)?);
    let name = ServerName::from(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, patience)
        .with_context(|| format!("connect to {address}"))?;
    stream
        .set_read_timeout(Some(patience))
        .and_then(|()| stream.set_write_timeout(Some(patience)))
        .context("limit the wait for the engine")?;
    let session = ClientConnection::new(config, name).context("begin tls with the engine")?;
    let mut stream = StreamOwned::new(session, stream);
    stream
        .write_all(b"GET /_ping HTTP/1.0\r\nHost: device\r\n\r\n")
        .context("ask the engine")?;
    let mut answer = [0; 15];
    stream
        .read_exact(&mut answer)
        .context("hear from the engine")?;
    if &answer[8..13] != b" 200 " {
        bail!("the engine answers {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

fn client(certs: &Path) -> anyhow::Result<ClientConfig> {
    let path = |name: &str| certs.join(name);
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(path("ca.pem"))
        .with_context(|| format!("read {}", path("ca.pem").display()))?;
    roots.add(authority).context("trust the authority")?;
    let certificate = CertificateDer::from_pem_file(path("cert.pem"))
        .with_context(|| format!("read {}", path("cert.pem").display()))?;
    let key = PrivateKeyDer::from_pem_file(path("key.pem"))
        .with_context(|| format!("read {}", path("key.pem").display()))?;
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("choose a version of tls")?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .context("use the user's certificate")
}
