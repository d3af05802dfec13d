//! A bare AMQP 1.0 client made of hand-written bytes, so that the hub is not tested against its own code.

use std::net::SocketAddr;
use std::time::Duration;

use standin::hub::LocalHub;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::client::{Bench, HUB, tls, token, unix_now};

/// No answer takes longer than this on any machine that can run the tests.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const HEADER: &[u8; 8] = b"AMQP\x00\x01\x00\x00";

pub(crate) const OPEN: u8 = 0x10;
pub(crate) const BEGIN: u8 = 0x11;
pub(crate) const ATTACH: u8 = 0x12;
pub(crate) const FLOW: u8 = 0x13;
pub(crate) const TRANSFER: u8 = 0x14;
pub(crate) const DISPOSITION: u8 = 0x15;
pub(crate) const DETACH: u8 = 0x16;
pub(crate) const CLOSE: u8 = 0x18;

/// Whether an attach is that of a sender or of a receiver.
pub(crate) const SENDS: bool = false;
pub(crate) const HEARS: bool = true;

pub(crate) const NULL: &[u8] = &[0x40];

pub(crate) fn text(text: &str) -> Vec<u8> {
    sized(0xb1, text.as_bytes())
}

pub(crate) fn symbol(text: &str) -> Vec<u8> {
    sized(0xb3, text.as_bytes())
}

pub(crate) fn binary(bytes: &[u8]) -> Vec<u8> {
    sized(0xb0, bytes)
}

pub(crate) fn uint(number: u32) -> Vec<u8> {
    [&[0x70], &number.to_be_bytes()[..]].concat()
}

pub(crate) fn flag(flag: bool) -> Vec<u8> {
    vec![if flag { 0x41 } else { 0x42 }]
}

fn sized(code: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&[code], &length.to_be_bytes()[..], bytes].concat()
}

fn compound(code: u8, values: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(values.len()).unwrap();
    sized(code, &[&count.to_be_bytes()[..], &values.concat()].concat())
}

pub(crate) fn list(values: &[Vec<u8>]) -> Vec<u8> {
    compound(0xd0, values)
}

pub(crate) fn map(values: &[Vec<u8>]) -> Vec<u8> {
    compound(0xd1, values)
}

/// A value under a numeric descriptor.
pub(crate) fn described(code: u8, value: &[u8]) -> Vec<u8> {
    [&[0, 0x53, code], value].concat()
}

pub(crate) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], &[2, kind, 0, 0], body].concat()
}

/// A performative on channel 0 and what follows it.
pub(crate) fn performative(code: u8, fields: &[Vec<u8>], payload: &[u8]) -> Vec<u8> {
    frame(
        0,
        &[described(code, &list(fields)), payload.to_vec()].concat(),
    )
}

/// A message with one section of bytes.
pub(crate) fn data(body: &[u8]) -> Vec<u8> {
    described(0x75, &binary(body))
}

/// Application properties, all of them texts.
pub(crate) fn application(pairs: &[(&str, &str)]) -> Vec<u8> {
    let values: Vec<Vec<u8>> = pairs.iter().flat_map(|(k, v)| [text(k), text(v)]).collect();
    described(0x74, &map(&values))
}

/// Properties with a message id and a correlation id, where they are not empty.
pub(crate) fn properties(message: &str, correlation: &str) -> Vec<u8> {
    let id = |id: &str| {
        if id.is_empty() {
            NULL.to_vec()
        } else {
            text(id)
        }
    };
    let null = || NULL.to_vec();
    described(
        0x73,
        &list(&[id(message), null(), null(), null(), null(), id(correlation)]),
    )
}

pub(crate) fn annotations(pairs: &[(&str, &str)]) -> Vec<u8> {
    let values: Vec<Vec<u8>> = pairs
        .iter()
        .flat_map(|(k, v)| [symbol(k), text(v)])
        .collect();
    described(0x72, &map(&values))
}

pub(crate) fn open(idle: Option<u32>) -> Vec<u8> {
    let idle = idle.map_or_else(|| NULL.to_vec(), uint);
    let null = || NULL.to_vec();
    performative(OPEN, &[text("bare"), null(), null(), null(), idle], &[])
}

pub(crate) fn begin() -> Vec<u8> {
    performative(BEGIN, &[NULL.to_vec(), uint(0), uint(100), uint(100)], &[])
}

/// A link to `address` under this handle, with properties of the link.
pub(crate) fn attach(handle: u32, hears: bool, address: &str, told: &[(&str, &str)]) -> Vec<u8> {
    let end = described(0x28, &list(&[text(address)]));
    let (source, target) = if hears {
        (end, described(0x29, &list(&[])))
    } else {
        (described(0x28, &list(&[])), end)
    };
    let told: Vec<Vec<u8>> = told
        .iter()
        .flat_map(|(k, v)| [symbol(k), text(v)])
        .collect();
    let null = || NULL.to_vec();
    let fields = [
        text(&format!("link-{handle}")),
        uint(handle),
        flag(hears),
        null(),
        null(),
        source,
        target,
        null(),
        null(),
        uint(0),
        null(),
        null(),
        null(),
        map(&told),
    ];
    performative(ATTACH, &fields, &[])
}

/// A link that hears `address` from where a selector says.
pub(crate) fn attach_with_filter(handle: u32, address: &str, selector: &str) -> Vec<u8> {
    const NAME: &str = "apache.org:selector-filter:string";
    let filter = [vec![0], symbol(NAME), text(selector)].concat();
    let mut source = vec![text(address)];
    source.extend(std::iter::repeat_n(NULL.to_vec(), 6));
    source.push(map(&[symbol(NAME), filter]));
    let null = || NULL.to_vec();
    let fields = [
        text(&format!("link-{handle}")),
        uint(handle),
        flag(HEARS),
        null(),
        null(),
        described(0x28, &list(&source)),
        described(0x29, &list(&[])),
    ];
    performative(ATTACH, &fields, &[])
}

pub(crate) fn transfer(handle: u32, id: u32, more: bool, message: &[u8]) -> Vec<u8> {
    let fields = [
        uint(handle),
        uint(id),
        binary(&id.to_be_bytes()),
        uint(0),
        flag(false),
        flag(more),
    ];
    performative(TRANSFER, &fields, message)
}

/// Credit for a link that the client hears.
pub(crate) fn credit(handle: u32, credit: u32) -> Vec<u8> {
    let fields = [0, 1000, 0, 1000, handle, 0, credit].map(uint);
    performative(FLOW, &fields, &[])
}

/// A frame that the hub sent: its performative's code and all its bytes; an empty one has the code 0.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) code: u8,
    pub(crate) bytes: Vec<u8>,
}

impl Seen {
    pub(crate) fn holds(&self, part: &[u8]) -> bool {
        self.bytes.windows(part.len()).any(|window| window == part)
    }
}

/// The client's end of a connection.
pub(crate) struct Amqp {
    tls: TlsStream<TcpStream>,
    deliveries: u32,
}

impl Amqp {
    /// TLS to the hub's AMQP port, nothing said yet.
    pub(crate) async fn dial(hub: &LocalHub) -> Self {
        Self::dial_at(hub, hub.amqp_address().unwrap()).await
    }

    async fn dial_at(hub: &LocalHub, address: SocketAddr) -> Self {
        Self {
            tls: tls(hub, address).await,
            deliveries: 0,
        }
    }

    /// Both sides opened the connection and one session, without SASL, as Node's SDK does.
    pub(crate) async fn opened(hub: &LocalHub) -> Self {
        Self::opened_at(hub, hub.amqp_address().unwrap()).await
    }

    pub(crate) async fn opened_at(hub: &LocalHub, address: SocketAddr) -> Self {
        let mut client = Self::dial_at(hub, address).await;
        client.send(HEADER).await;
        assert_eq!(client.header().await.as_ref(), Some(HEADER));
        client.send(&[open(None), begin()].concat()).await;
        assert_eq!(client.seen().await.unwrap().code, OPEN);
        assert_eq!(client.seen().await.unwrap().code, BEGIN);
        client
    }

    /// A client whose token was put; both links for tokens have the handles 0 and 1.
    pub(crate) async fn with_token(bench: &Bench) -> Self {
        let mut client = Self::opened(&bench.hub).await;
        let password = token(
            &format!("{HUB}/devices/d1/modules/m1"),
            &bench.credentials.key,
            unix_now() + 3600,
        );
        let answer = client.put_token(&password).await;
        assert!(
            answer.holds(b"status-code\x71\x00\x00\x00\xc8"),
            "{answer:?}"
        );
        client
    }

    /// Attaches the links for tokens and puts one; the answer.
    pub(crate) async fn put_token(&mut self, password: &str) -> Seen {
        self.send(&[attach(0, SENDS, "$cbs", &[]), attach(1, HEARS, "$cbs", &[])].concat())
            .await;
        self.send(&credit(1, 10)).await;
        let request = [
            properties("token-1", ""),
            application(&[
                ("operation", "put-token"),
                ("type", "servicebus.windows.net:sastoken"),
                ("name", &format!("{HUB}/devices/d1/modules/m1")),
            ]),
            described(0x77, &text(password)),
        ];
        self.transfer(0, &request.concat()).await;
        self.until(TRANSFER).await
    }

    /// Sends a message on a link in one transfer.
    pub(crate) async fn transfer(&mut self, handle: u32, message: &[u8]) {
        self.deliveries += 1;
        let bytes = transfer(handle, self.deliveries, false, message);
        self.send(&bytes).await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // A hub that has closed already may refuse the rest; what it answered is read next.
        let _refused = self.tls.write_all(bytes).await;
        let _refused = self.tls.flush().await;
    }

    /// The next eight bytes, or `None` once the hub has closed.
    pub(crate) async fn header(&mut self) -> Option<[u8; 8]> {
        let mut header = [0; 8];
        let read = tokio::time::timeout(PATIENCE, self.tls.read_exact(&mut header)).await;
        read.expect("the hub answers or closes").ok()?;
        Some(header)
    }

    /// The next frame, or `None` once the hub has closed.
    pub(crate) async fn seen(&mut self) -> Option<Seen> {
        tokio::time::timeout(PATIENCE, self.read())
            .await
            .expect("the hub answers or closes")
    }

    /// The next frame with this performative; others are passed over.
    pub(crate) async fn until(&mut self, code: u8) -> Seen {
        loop {
            let seen = self.seen().await.expect("the hub is still there");
            if seen.code == code {
                return seen;
            }
        }
    }

    async fn read(&mut self) -> Option<Seen> {
        let size = self.tls.read_u32().await.ok()?;
        let mut bytes = vec![0; usize::try_from(size).unwrap() - 4];
        self.tls.read_exact(&mut bytes).await.ok()?;
        let code = bytes.get(6).copied().unwrap_or(0);
        Some(Seen { code, bytes })
    }
}
