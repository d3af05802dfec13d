//! Ports of protocols without TLS, where edgeHub does not listen: who knocks there is noted and served nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// MQTT and AMQP without TLS (IANA, Service Name and Transport Protocol Port Number Registry).
pub const PLAIN_PORTS: [(u16, &str); 2] = [(1883, "MQTT"), (5672, "AMQP")];

/// Connections to one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knock {
    /// The port.
    pub port: u16,
    /// What is spoken there.
    pub protocol: &'static str,
    /// Time from opening the ports to the first connection.
    pub first: Duration,
    /// Connections.
    pub times: u64,
}

/// Open ports at which nothing is served; they close when this is dropped.
#[derive(Debug)]
pub struct PlainPorts {
    knocks: Arc<Mutex<Vec<Knock>>>,
    /// Keeps them open.
    _listening: JoinSet<()>,
}

impl PlainPorts {
    /// Opens these ports, each as far as it is free: one that somebody else holds is left to them.
    pub async fn open(
        listen: IpAddr,
        ports: &[(u16, &'static str)],
    ) -> (PlainPorts, Vec<SocketAddr>) {
        let knocks = Arc::<Mutex<Vec<Knock>>>::default();
        let mut listening = JoinSet::new();
        let mut addresses = Vec::new();
        let began = Instant::now();
        for &(port, protocol) in ports {
            let bound = TcpListener::bind((listen, port)).await;
            match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
                Ok((address, listener)) => {
                    addresses.push(address);
                    let knocks = Arc::clone(&knocks);
                    listening.spawn(async move {
                        loop {
                            match listener.accept().await {
                                Ok(_) => note(&knocks, (port, protocol), began.elapsed()),
                                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                            }
                        }
                    });
                }
                Err(error) => tracing::warn!(port, %error, "nobody will be heard at this port"),
            }
        }
        let ports = PlainPorts {
            knocks,
            _listening: listening,
        };
        (ports, addresses)
    }

    /// Who knocked so far, port by port.
    pub fn knocks(&self) -> Vec<Knock> {
        let knocks = self.knocks.lock();
        knocks.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn note(knocks: &Mutex<Vec<Knock>>, (port, protocol): (u16, &'static str), at: Duration) {
    let mut knocks = knocks.lock().unwrap_or_else(PoisonError::into_inner);
    match knocks.iter_mut().find(|one| one.port == port) {
        Some(known) => known.times += 1,
        None => knocks.push(Knock {
            port,
            protocol,
            first: at,
            times: 1,
        }),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn who_knocks_is_told_and_served_nothing() {
        let listen = [127, 0, 0, 1].into();
        let (ports, addresses) = PlainPorts::open(listen, &[(0, "MQTT")]).await;
        assert_eq!(ports.knocks(), []);
        for _ in 0..2 {
            let mut stream = TcpStream::connect(addresses[0]).await.unwrap();
            let read = stream.read(&mut [0; 8]).await;
            assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
        }
        let knocks = ports.knocks();
        assert_eq!((knocks.len(), knocks[0].times), (1, 2));
        assert_eq!(knocks[0].protocol, "MQTT");
    }

    #[tokio::test]
    async fn a_port_of_somebody_else_is_left_to_them() {
        let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = holder.local_addr().unwrap().port();
        let (_ports, addresses) =
            PlainPorts::open([127, 0, 0, 1].into(), &[(taken, "MQTT"), (0, "AMQP")]).await;
        assert_eq!(addresses.len(), 1);
    }
}
