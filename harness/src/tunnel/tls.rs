//! A tunnel through mutual TLS, with the files that Docker's own client uses.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// Serves the socket until it is dropped.
#[derive(Debug)]
pub(super) struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where connections go.
#[derive(Clone)]
struct Target {
    connector: TlsConnector,
    name: ServerName<'static>,
    host: String,
    port: u16,
}

/// Listens on `socket` and carries each connection to the engine.
///
/// # Errors
/// The certificates cannot be used, or the socket cannot be made.
pub(super) fn serve(
    socket: &Path,
    host: &str,
    port: u16,
    certificates: &Path,
) -> anyhow::Result<Serving> {
    let target = Target {
        connector: TlsConnector::from(Arc::new(client(certificates)?)),
        name: ServerName::try_from(host.to_owned())
            .with_context(|| format!("`{host}` can stand in no certificate"))?,
        host: host.to_owned(),
        port,
    };
    let listener =
        UnixListener::bind(socket).with_context(|| format!("listen on {}", socket.display()))?;
    Ok(Serving(tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                if let Err(error) = carry(near, &target).await {
                    tracing::warn!(error = %format!("{error:#}"), "tunnel to the engine");
                }
            });
        }
    })))
}

async fn carry(mut near: UnixStream, target: &Target) -> anyhow::Result<()> {
    let place = format!("{}:{}", target.host, target.port);
    let far = TcpStream::connect((target.host.as_str(), target.port)).await;
    let far = far.with_context(|| format!("connect to {place}"))?;
    let far = target.connector.connect(target.name.clone(), far).await;
    let mut far = far.with_context(|| format!("agree on TLS with {place}"))?;
    // Either end may just stop speaking; what was said has arrived.
    let _ = copy_bidirectional(&mut near, &mut far).await;
    Ok(())
}

/// The client's settings from `ca.pem`, `cert.pem` and `key.pem`.
fn client(directory: &Path) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in chain(&directory.join("ca.pem"))? {
        roots
            .add(authority)
            .with_context(|| format!("use {}", directory.join("ca.pem").display()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("set up TLS")?
        .with_root_certificates(roots)
        .with_client_auth_cert(
            chain(&directory.join("cert.pem"))?,
            key(&directory.join("key.pem"))?,
        )
        .with_context(|| format!("use the certificate in {}", directory.display()))
}

fn chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let pem = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(anyhow!("{} holds no certificate", path.display())),
        Err(error) => Err(anyhow!("{} is not PEM: {error}", path.display())),
    }
}

fn key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&read(path)?)
        .map_err(|error| anyhow!("{} holds no private key: {error}", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let told = || format!("{:#}", client(directory.path()).unwrap_err());
        assert!(told().contains("ca.pem"), "{}", told());
        fs::write(directory.path().join("ca.pem"), "nothing").unwrap();
        assert!(told().contains("ca.pem holds no certificate"), "{}", told());
    }
}
