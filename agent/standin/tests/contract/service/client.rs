//! A bare HTTP client made of hand-written bytes, signed as a service signs, so that the hub is not tested against its own library.

use std::net::SocketAddr;

use serde_json::Value;
use standin::hub::{HubConfig, Identity, LocalHub, Mode, OtherPorts, Policy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Bench, HUB, tls, token, unix_now};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut lines = lines.filter(|(own, _)| own.eq_ignore_ascii_case(name));
        lines.next().map(|(_, value)| value)
    }

    /// The error's name, in body and header alike.
    pub(crate) fn error(&self) -> &str {
        let name = self
            .header("iothub-errorcode")
            .expect("an error has a name");
        let message = self.body["Message"]
            .as_str()
            .expect("an error has a message");
        assert!(
            message.starts_with(&format!("ErrorCode:{name};")),
            "{message}"
        );
        name
    }
}

/// A hub with its service API on a free port, and module d1/m1.
pub(crate) async fn bench() -> Bench {
    let hub = LocalHub::start(HubConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        also: OtherPorts {
            service: Some("127.0.0.1:0".parse().unwrap()),
            ..OtherPorts::default()
        },
        host_name: HUB.to_owned(),
        names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        mode: Mode::IotHub,
    });
    Bench::of(hub.await.unwrap(), Identity::module("d1", "m1"))
}

pub(crate) fn address(hub: &LocalHub) -> SocketAddr {
    hub.service_address().unwrap()
}

/// Sends bytes, gives what comes until the hub closes.
pub(crate) async fn raw(hub: &LocalHub, bytes: &[u8]) -> Vec<u8> {
    let mut stream = tls(hub, address(hub)).await;
    // A hub that has closed already may refuse the rest; what it answered is read next.
    let _refused = stream.write_all(bytes).await;
    let _refused = stream.flush().await;
    let mut answer = Vec::new();
    let _broken = stream.read_to_end(&mut answer).await;
    answer
}

/// The same as one reply.
pub(crate) async fn reply(hub: &LocalHub, bytes: &[u8]) -> Reply {
    let answer = String::from_utf8(raw(hub, bytes).await).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = match body {
        "" => Value::Null,
        body => serde_json::from_str(body).unwrap(),
    };
    Reply {
        status,
        head: head.to_owned(),
        body,
    }
}

/// One request of the hub's owner, with more header lines.
pub(crate) async fn ask(hub: &LocalHub, line: &str, headers: &str, body: &Value) -> Reply {
    let string = hub.service_connection_string(Policy::IotHubOwner).unwrap();
    let (_, key) = string.split_once("SharedAccessKey=").unwrap();
    let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, key).unwrap();
    let host = address(hub).to_string();
    let token = token(&host, &key.try_into().unwrap(), unix_now() + 60);
    let (method, path) = line.split_once(' ').unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {path}?api-version=2021-04-12 HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}&skn=iothubowner\r\n\
         Connection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    reply(hub, request.as_bytes()).await
}
