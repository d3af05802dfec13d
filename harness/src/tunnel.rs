//! Ways to a container engine: every engine is spoken to over a unix socket here; one that is elsewhere gets a tunnel.

mod ssh;
mod tls;

use std::path::{Path, PathBuf};

use engine::Owner;

use crate::exit::Refused;
use crate::sockets::SocketDirectory;

/// Where the engine's socket is on a device reached by ssh.
const SOCKET: &str = "/var/run/docker.sock";
/// Docker's port with TLS.
const TLS_PORT: u16 = 2376;

/// Where an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineUrl {
    /// On this machine: `unix:///var/run/docker.sock`.
    Unix(PathBuf),
    /// Behind TLS: `tcp://HOST[:2376]`, with the client's certificate in a directory.
    Tls {
        /// Name or address, as in the engine's certificate.
        host: String,
        /// Port.
        port: u16,
        /// Directory with `ca.pem`, `cert.pem` and `key.pem`, as Docker's own client has it.
        certificates: PathBuf,
    },
    /// Behind ssh: `ssh://[USER@]HOST[:PORT][/path/to/docker.sock]`.
    Ssh {
        /// `[USER@]HOST`.
        destination: String,
        /// Port, unless ssh's own settings decide.
        port: Option<u16>,
        /// The engine's socket over there.
        socket: PathBuf,
    },
}

impl EngineUrl {
    /// Reads a URL; `certificates` is where the client's TLS files are.
    ///
    /// # Errors
    /// It is none of the three forms, or TLS has no certificates.
    pub fn read(
        named_by: &str,
        url: &str,
        certificates: Option<&Path>,
    ) -> Result<EngineUrl, Refused> {
        let wrong = |why: &str| Refused::Usage(format!("{named_by}{url}: {why}"));
        if let Some(path) = url.strip_prefix("unix://") {
            return match path.starts_with('/') {
                true => Ok(EngineUrl::Unix(path.into())),
                false => Err(wrong("the path of a socket begins with a slash")),
            };
        }
        if let Some(place) = url.strip_prefix("tcp://") {
            let (host, port) = host_and_port(place.trim_end_matches('/'))
                .ok_or_else(|| wrong("tcp://HOST or tcp://HOST:PORT was expected"))?;
            let certificates = certificates.ok_or_else(|| {
                wrong("who reaches an engine without TLS is root on its device; give --tls-certs DIR with ca.pem, cert.pem and key.pem (or DOCKER_CERT_PATH), or use ssh://")
            })?;
            return Ok(EngineUrl::Tls {
                host: host.to_owned(),
                port: port.unwrap_or(TLS_PORT),
                certificates: certificates.to_owned(),
            });
        }
        if let Some(place) = url.strip_prefix("ssh://") {
            let (place, socket) = match place.split_once('/') {
                Some((place, "")) => (place, SOCKET.to_owned()),
                Some((place, path)) => (place, format!("/{path}")),
                None => (place, SOCKET.to_owned()),
            };
            let (destination, port) = host_and_port(place)
                .ok_or_else(|| wrong("ssh://[USER@]HOST[:PORT] was expected"))?;
            // ssh would take it for an option.
            if destination.starts_with('-') {
                return Err(wrong("no host begins with a hyphen"));
            }
            return Ok(EngineUrl::Ssh {
                destination: destination.to_owned(),
                port,
                socket: socket.into(),
            });
        }
        Err(wrong("unix:///path, tcp://HOST:PORT or ssh://[USER@]HOST"))
    }

    /// Whether the engine runs on this machine, so that its containers reach this program and its processes are in `/proc`.
    #[must_use]
    pub const fn is_here(&self) -> bool {
        matches!(self, EngineUrl::Unix(_))
    }
}

/// `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
fn host_and_port(place: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
        Some(_) | None => (place, None),
    };
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"/?#".contains(&byte);
    (!host.is_empty() && host.bytes().all(plain)).then_some((host, port))
}

/// A way to one engine; it closes when this is dropped.
#[derive(Debug)]
pub struct Tunnel {
    socket: PathBuf,
    _held: Option<Held>,
}

/// What a tunnel needs to stay open.
#[derive(Debug)]
enum Held {
    Tls {
        _serving: tls::Serving,
        _directory: SocketDirectory,
    },
    Ssh {
        _forwarding: ssh::Forwarding,
        _directory: SocketDirectory,
    },
}

impl Tunnel {
    /// Opens the way; `name` keeps the sockets of several apart.
    ///
    /// # Errors
    /// The certificates cannot be read, or ssh does not get there.
    pub async fn open(url: &EngineUrl, name: &str, me: &Owner) -> anyhow::Result<Tunnel> {
        let directory = || SocketDirectory::create(&std::env::temp_dir(), name, me);
        Ok(match url {
            EngineUrl::Unix(path) => Tunnel {
                socket: path.clone(),
                _held: None,
            },
            EngineUrl::Tls {
                host,
                port,
                certificates,
            } => {
                let directory = directory()?;
                let socket = directory.socket("engine.sock");
                let serving = tls::serve(&socket, host, *port, certificates)?;
                Tunnel {
                    socket,
                    _held: Some(Held::Tls {
                        _serving: serving,
                        _directory: directory,
                    }),
                }
            }
            EngineUrl::Ssh {
                destination,
                port,
                socket: far,
            } => {
                let directory = directory()?;
                let socket = directory.socket("engine.sock");
                let forwarding = ssh::forward(&socket, destination, *port, far).await?;
                Tunnel {
                    socket,
                    _held: Some(Held::Ssh {
                        _forwarding: forwarding,
                        _directory: directory,
                    }),
                }
            }
        })
    }

    /// The engine's socket on this machine.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<EngineUrl, Refused> {
        EngineUrl::read("--engine ", url, Some(Path::new("/certs")))
    }

    #[test]
    fn an_engine_is_behind_a_socket_tls_or_ssh() {
        let tls = |host: &str, port| EngineUrl::Tls {
            host: host.to_owned(),
            port,
            certificates: "/certs".into(),
        };
        let ssh = |destination: &str, port, socket: &str| EngineUrl::Ssh {
            destination: destination.to_owned(),
            port,
            socket: socket.into(),
        };
        for (url, wanted) in [
            ("unix:///run/d.sock", EngineUrl::Unix("/run/d.sock".into())),
            ("tcp://pi.lab", tls("pi.lab", 2376)),
            ("tcp://127.0.0.1:4000/", tls("127.0.0.1", 4000)),
            ("tcp://[fe80::1]:4000", tls("fe80::1", 4000)),
            ("ssh://pi@10.0.0.7", ssh("pi@10.0.0.7", None, SOCKET)),
            ("ssh://pi:2222/", ssh("pi", Some(2222), SOCKET)),
            ("ssh://pi/run/d.sock", ssh("pi", None, "/run/d.sock")),
        ] {
            assert_eq!(read(url).unwrap(), wanted, "{url}");
        }
    }

    #[test]
    fn whatever_else_is_wrong_usage() {
        for url in [
            "/var/run/docker.sock",
            "unix://relative",
            "tcp://",
            "tcp://host:port",
            "ssh://-oProxyCommand=x",
            "ssh://a b",
            "http://pi:2375",
        ] {
            assert!(matches!(read(url), Err(Refused::Usage(_))), "{url}");
        }
        let open = EngineUrl::read("--engine ", "tcp://10.0.0.7:2375", None).unwrap_err();
        assert!(open.to_string().contains("--tls-certs"), "{open}");
    }
}
