//! A name service for one module: hands on what it is asked, or knows of no way out, and remembers every name.
//!
//! It must not judge, and it never makes an answer up: beside the gateway's name and what RFC 6761 reserves, an answer is the
//! one that came from beyond. Source of the messages: RFC 1035, sections 4.1 and 4.2.

mod asked;
mod message;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

pub use asked::{Answer, AskedName, Questions};
use message::Question;

/// Questions that are answered at a time; the next one waits in the socket's queue or is dropped there, as anywhere.
const AT_A_TIME: usize = 64;
/// How long one server beyond may take. The engine's own name service gives up after four seconds.
const WITHIN: Duration = Duration::from_millis(1_500);
/// Servers beyond that are asked, one after the other.
const SERVERS: usize = 2;
/// How long a client of TCP may take with a question.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest message (RFC 1035, 4.2.2: a length of two bytes).
const LONGEST: usize = 65_535;

/// How a name service is set up.
#[derive(Debug, Clone)]
pub struct NamesConfig {
    /// Where it listens, over UDP and TCP.
    pub listen: SocketAddr,
    /// A name that it knows by itself, and its address.
    pub gateway: (String, IpAddr),
    /// Who is asked for all others.
    pub beyond: Beyond,
}

/// Who knows other names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beyond {
    /// These servers, the first two in order.
    Servers(Vec<SocketAddr>),
    /// Nobody: every question fails as on a device that is offline.
    NoWayOut,
}

/// Why there is no name service.
#[derive(Debug, Error)]
#[error("listen for questions on {address}: {source}")]
pub struct NamesError {
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

/// A running name service; it stops when dropped.
#[derive(Debug)]
pub struct NameService {
    address: SocketAddr,
    desk: Arc<Desk>,
    serving: JoinHandle<()>,
}

impl Drop for NameService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl NameService {
    /// Listens and answers from then on.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn start(config: NamesConfig) -> Result<NameService, NamesError> {
        let failed = |source| NamesError {
            address: config.listen,
            source,
        };
        let tcp = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        let udp = UdpSocket::bind(address).await.map_err(failed)?;
        let (gateway, at) = config.gateway;
        let desk = Arc::new(Desk {
            gateway: gateway.to_ascii_lowercase(),
            at,
            beyond: config.beyond,
            began: Instant::now(),
            asked: Mutex::default(),
        });
        let serving = tokio::spawn(serve(udp, tcp, Arc::clone(&desk)));
        Ok(NameService {
            address,
            desk,
            serving,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that was asked so far.
    pub fn questions(&self) -> Questions {
        self.desk.asked().clone()
    }
}

/// What every answer is made from.
#[derive(Debug)]
struct Desk {
    gateway: String,
    at: IpAddr,
    beyond: Beyond,
    began: Instant,
    asked: Mutex<Questions>,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Udp,
    Tcp,
}

async fn serve(udp: UdpSocket, tcp: TcpListener, desk: Arc<Desk>) {
    let udp = Arc::new(udp);
    let mut answering = JoinSet::new();
    let mut datagram = vec![0; LONGEST];
    loop {
        let room = answering.len() < AT_A_TIME;
        tokio::select! {
            Some(_) = answering.join_next() => {}
            got = udp.recv_from(&mut datagram), if room => match got {
                Ok((length, peer)) => {
                    let (desk, udp) = (Arc::clone(&desk), Arc::clone(&udp));
                    let query = datagram[..length].to_vec();
                    answering.spawn(async move {
                        if let Some(reply) = desk.answer(&query, Way::Udp).await {
                            // Who asked may be gone.
                            let _sent = udp.send_to(&reply, peer).await;
                        }
                    });
                }
                Err(error) => pause(&error).await,
            },
            accepted = tcp.accept(), if room => match accepted {
                Ok((stream, _)) => {
                    let desk = Arc::clone(&desk);
                    answering.spawn(async move {
                        if let Err(error) = converse(&desk, stream).await {
                            tracing::debug!(%error, "a question over TCP ended badly");
                        }
                    });
                }
                Err(error) => pause(&error).await,
            },
        }
    }
}

/// A socket's passing trouble must not make a busy loop.
async fn pause(error: &io::Error) {
    tracing::debug!(%error, "a question was lost");
    tokio::time::sleep(Duration::from_millis(20)).await;
}

async fn converse(desk: &Desk, mut stream: TcpStream) -> io::Result<()> {
    while let Ok(query) = timeout(PATIENCE, read_framed(&mut stream)).await {
        match desk.answer(&query?, Way::Tcp).await {
            Some(reply) => timeout(PATIENCE, write_framed(&mut stream, &reply)).await??,
            None => break,
        }
    }
    Ok(())
}

async fn read_framed(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_framed(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    let framed = [&length.to_be_bytes(), message].concat();
    stream.write_all(&framed).await
}

impl Desk {
    /// The reply to a query; none to what is no query.
    async fn answer(&self, query: &[u8], way: Way) -> Option<Vec<u8>> {
        match message::question(query) {
            Question::None => None,
            Question::Unread => {
                self.asked().further += 1;
                Some(self.ask_beyond(query, way).await.1)
            }
            Question::For(name) if name == self.gateway => message::address(query, self.at),
            Question::For(name) => {
                let place = self.asked().take(&name, self.began.elapsed());
                let (answer, reply) = if is_nowhere(&name) {
                    (Answer::NoSuchName, message::no_such_name(query))
                } else {
                    self.ask_beyond(query, way).await
                };
                if let Some(place) = place {
                    self.asked()
                        .answered(place, answer, &message::addresses(&reply));
                }
                Some(reply)
            }
        }
    }

    async fn ask_beyond(&self, query: &[u8], way: Way) -> (Answer, Vec<u8>) {
        let servers = match &self.beyond {
            Beyond::NoWayOut => return (Answer::NoWayOut, message::failure(query)),
            Beyond::Servers(servers) => servers,
        };
        for server in servers.iter().take(SERVERS) {
            let replied = match way {
                Way::Udp => timeout(WITHIN, over_udp(*server, query)).await,
                Way::Tcp => timeout(WITHIN, over_tcp(*server, query)).await,
            };
            match replied {
                Ok(Ok(reply)) => return (message::outcome(&reply), reply),
                Ok(Err(error)) => tracing::debug!(%server, %error, "a question was not answered"),
                Err(_) => tracing::debug!(%server, "a question was not answered in time"),
            }
        }
        (Answer::Unanswered, message::failure(query))
    }

    fn asked(&self) -> MutexGuard<'_, Questions> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names below `.invalid` exist nowhere, and nobody is to be asked for them (RFC 6761, 6.4).
fn is_nowhere(name: &str) -> bool {
    name == "invalid" || name.ends_with(".invalid")
}

async fn over_udp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut reply = vec![0; LONGEST];
    loop {
        let length = socket.recv(&mut reply).await?;
        if length >= message::HEADER && reply[..2] == query[..2] {
            reply.truncate(length);
            return Ok(reply);
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    write_framed(&mut stream, query).await?;
    let reply = read_framed(&mut stream).await?;
    if reply.len() < message::HEADER {
        return Err(io::Error::other("it is no message"));
    }
    Ok(reply)
}

#[cfg(test)]
mod tests;
