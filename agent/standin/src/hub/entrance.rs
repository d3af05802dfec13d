//! The ways into the hub: MQTT over TLS, AMQP over TLS, and either over WebSocket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::server::TlsStream;

use super::amqp;
use super::client_certificate::Shown;
use super::connection::{self, Context};
use super::event::{HubEvent, Rule};
use super::hello;
use super::limits;
use super::overheard::Overheard;
#[cfg(feature = "hub")]
use super::service;
use super::session::TlsFacts;
use super::websocket;

/// First byte of every TLS connection: a handshake record (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// What a client speaks, and through what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// MQTT over TLS.
    Mqtt,
    /// MQTT over WebSocket and TLS.
    MqttWebSocket,
    /// AMQP 1.0 over TLS.
    Amqp,
    /// AMQP 1.0 over WebSocket and TLS.
    AmqpWebSocket,
}

/// What is spoken at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    Mqtt,
    WebSocket,
    Amqp,
    /// The service API over HTTPS.
    #[cfg(feature = "hub")]
    Service,
    /// The Event Hubs-compatible endpoint: AMQP for readers of the messages that came to the cloud.
    #[cfg(feature = "hub")]
    Events,
}

/// Takes connections at one port until `stopped` says true; returns when all of them are gone.
pub(crate) async fn accept(
    listener: TcpListener,
    entrance: Entrance,
    context: Context,
    places: Arc<Semaphore>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // A sender that is gone stops it as well.
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection of the hub ended badly");
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        connections.spawn(serve(context.clone(), entrance, tcp, peer, place));
                    }
                    Err(_) => tracing::warn!(%peer, "too many connections: one was dropped"),
                },
                Err(error) => {
                    // Out of file descriptors, or a client that left at once: neither ends the hub.
                    tracing::warn!(%error, "failed to accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    connections.shutdown().await;
}

async fn serve(
    context: Context,
    entrance: Entrance,
    tcp: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
) {
    let deadline = Instant::now() + limits::CONNECT_WITHIN;
    // Answers are small packets that the client waits for: Nagle's delay and the client's delayed acknowledgement would hold
    // each of them up for 40 ms.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, %peer, "answers may be held up");
    }
    if let Some(event) = plain_text(&tcp, entrance, deadline).await {
        return context.events.emit(event).await;
    }
    let stream = Overheard::new(tcp, hello::LONGEST);
    let handshake = context.acceptor.accept(stream).into_fallible();
    let detail = match timeout_at(deadline, handshake).await {
        Ok(Ok(mut tls)) => {
            tls.get_mut().0.forget();
            return inside(context, entrance, tls, deadline).await;
        }
        Ok(Err((error, stream))) => hello::told(&error, stream.heard()),
        Err(_) => "no TLS handshake in time".to_owned(),
    };
    context
        .events
        .emit(HubEvent::HandshakeFailed { peer, detail })
        .await;
}

async fn inside(
    context: Context,
    entrance: Entrance,
    tls: TlsStream<Overheard<TcpStream>>,
    deadline: Instant,
) {
    let facts = facts(&tls);
    match entrance {
        Entrance::Mqtt => connection::serve(&context, tls, facts, deadline).await,
        Entrance::WebSocket => websocket::serve(&context, tls, facts, deadline).await,
        Entrance::Amqp => {
            let facts = TlsFacts {
                transport: Transport::Amqp,
                ..facts
            };
            amqp::serve(&context, tls, facts, deadline).await;
        }
        #[cfg(feature = "hub")]
        Entrance::Service => service::serve(&context.shared, tls).await,
        #[cfg(feature = "hub")]
        Entrance::Events => amqp::serve_consumer(&context, tls, facts, deadline).await,
    }
}

/// What to tell of a client that speaks without TLS. One that says nothing in time is left to the handshake.
async fn plain_text(tcp: &TcpStream, entrance: Entrance, deadline: Instant) -> Option<HubEvent> {
    let mut first = [0];
    let peeked = timeout_at(deadline, tcp.peek(&mut first)).await;
    let is_plain = matches!(peeked, Ok(Ok(1))) && first[0] != TLS_HANDSHAKE;
    is_plain.then(|| {
        let what = match entrance {
            Entrance::Mqtt => "MQTT",
            Entrance::WebSocket => "HTTP",
            Entrance::Amqp => "AMQP",
            #[cfg(feature = "hub")]
            Entrance::Service => "HTTP",
            #[cfg(feature = "hub")]
            Entrance::Events => "AMQP",
        };
        HubEvent::Violation {
            identity: None,
            rule: Rule::PlainText,
            detail: format!(
                "a connection to the port of {what} over TLS began with the byte {:#04x}, which is no TLS handshake",
                first[0]
            ),
        }
    })
}

fn facts(tls: &TlsStream<Overheard<TcpStream>>) -> TlsFacts {
    let (_, state) = tls.get_ref();
    let unknown = || "unknown".to_owned();
    TlsFacts {
        version: state
            .protocol_version()
            .map_or_else(unknown, |version| format!("{version:?}")),
        suite: state
            .negotiated_cipher_suite()
            .map_or_else(unknown, |suite| format!("{:?}", suite.suite())),
        server_name: state.server_name().map(str::to_owned),
        shown: Shown::of(state.peer_certificates()),
        transport: Transport::Mqtt,
    }
}
