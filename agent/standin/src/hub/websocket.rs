//! MQTT or AMQP inside a WebSocket: the upgrade as Azure's clients ask for it, then bytes both ways.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderMap, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::amqp;
use super::connection::{self, Context};
use super::entrance::Transport;
use super::event::{HubEvent, Rule};
use super::limits;
use super::session::TlsFacts;

/// Where IoT Hub and edgeHub take WebSockets ("Communicate with an IoT hub using the MQTT protocol").
const PATH: &str = "/$iothub/websocket";

/// Names of the protocols inside, as the clients offer them.
const MQTT: &str = "mqtt";
const AMQP: &str = "AMQPWSB10";

/// Bytes that may wait between the two sides.
const PIPE: usize = 64 * 1024;

/// Largest WebSocket message; an MQTT packet of the largest size and its topic fit in.
const MESSAGE: usize = 512 * 1024;

/// What the client wants to speak inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Mqtt,
    Amqp,
}

/// Upgrades a connection and serves the client inside it until it is gone.
#[allow(
    clippy::result_large_err,
    reason = "the library's callback wants exactly this type"
)]
pub(crate) async fn serve<S>(context: &Context, stream: S, facts: TlsFacts, deadline: Instant)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut inside = Err("no WebSocket upgrade in time".to_owned());
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE))
        .max_frame_size(Some(MESSAGE));
    let upgrade = tokio_tungstenite::accept_hdr_async_with_config(
        stream,
        |request: &Request, response: Response| {
            inside = wanted(request.uri().path(), request.headers());
            answer(inside.as_ref(), response)
        },
        Some(limits),
    );
    let upgraded = timeout_at(deadline, upgrade).await;
    let event = match (upgraded, inside) {
        (Ok(Ok(socket)), Ok(Inside::Mqtt)) => {
            let facts = TlsFacts {
                transport: Transport::MqttWebSocket,
                ..facts
            };
            let (near, far) = tokio::io::duplex(PIPE);
            let served = connection::serve(context, near, facts, deadline);
            tokio::join!(served, carry(socket, far));
            return;
        }
        (Ok(Ok(socket)), Ok(Inside::Amqp)) => {
            let facts = TlsFacts {
                transport: Transport::AmqpWebSocket,
                ..facts
            };
            let (near, far) = tokio::io::duplex(PIPE);
            let served = amqp::serve(context, near, facts, deadline);
            tokio::join!(served, carry(socket, far));
            return;
        }
        (Ok(Err(error)), Ok(_)) => refused(error.to_string()),
        (Ok(_) | Err(_), Err(detail)) => refused(detail),
        (Err(_), Ok(_)) => refused("the WebSocket upgrade was not finished in time".to_owned()),
    };
    context.events.emit(event).await;
}

fn refused(detail: String) -> HubEvent {
    HubEvent::Violation {
        identity: None,
        rule: Rule::WebSocket,
        detail,
    }
}

/// What the upgrade asks for, or what is wrong with it.
fn wanted(path: &str, headers: &HeaderMap) -> Result<Inside, String> {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    if decoded.trim_end_matches('/') != PATH {
        return Err(format!("WebSocket upgrade of `{path}`; the path is {PATH}"));
    }
    let offered: Vec<&str> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let offers = |name: &str| offered.iter().any(|o| o.eq_ignore_ascii_case(name));
    if offers(MQTT) {
        Ok(Inside::Mqtt)
    } else if offers(AMQP) {
        Ok(Inside::Amqp)
    } else {
        Err(format!(
            "WebSocket upgrade for the protocols {offered:?}; served are {MQTT} and {AMQP}"
        ))
    }
}

#[allow(
    clippy::result_large_err,
    reason = "the library's callback wants exactly this type"
)]
fn answer(
    inside: Result<&Inside, &String>,
    mut response: Response,
) -> Result<Response, ErrorResponse> {
    match inside {
        Ok(inside) => {
            let name = match inside {
                Inside::Mqtt => MQTT,
                Inside::Amqp => AMQP,
            };
            let headers = response.headers_mut();
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
            Ok(response)
        }
        Err(why) => {
            let mut refusal = ErrorResponse::new(Some(why.clone()));
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            Err(refusal)
        }
    }
}

/// Bytes both ways, until either side ends. The two directions do not wait for each other.
async fn carry<S>(socket: WebSocketStream<S>, far: DuplexStream)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sink, mut stream) = socket.split();
    let (mut from_hub, mut to_hub) = tokio::io::split(far);
    let inward = async {
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Binary(bytes) => {
                    if to_hub.write_all(&bytes).await.is_err() {
                        break;
                    }
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                Message::Text(_) | Message::Close(_) => break,
            }
        }
    };
    let outward = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from_hub.read(&mut buffer).await {
            let message = Message::Binary(Bytes::copy_from_slice(&buffer[..count]));
            let sent = timeout(limits::WRITE_WITHIN, sink.send(message)).await;
            if !matches!(sent, Ok(Ok(()))) {
                break;
            }
        }
        let _closed = timeout(limits::CLOSE_WITHIN, sink.close()).await;
    };
    tokio::select! {
        () = inward => {}
        () = outward => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, protocol: &str) -> Result<Inside, String> {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol.parse().unwrap());
        wanted(path, &headers)
    }

    #[test]
    fn the_upgrade_is_that_of_the_azure_clients() {
        assert_eq!(check("/$iothub/websocket", "mqtt"), Ok(Inside::Mqtt));
        assert_eq!(check("/%24iothub/websocket", "x, MQTT"), Ok(Inside::Mqtt));
        assert_eq!(check("/$iothub/websocket", "AMQPWSB10"), Ok(Inside::Amqp));
        assert!(check("/mqtt", "mqtt").unwrap_err().contains("the path is"));
        assert!(check("/$iothub/websocket", "soap").is_err());
    }
}
