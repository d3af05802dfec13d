//! What a client's TLS hello offers, read beside the TLS library, which says of one that it refuses only that it does.
//!
//! Pure. It must not decide anything: the library alone takes or refuses a client.

use std::io;

/// More of a hello than this is not looked at; one with a session ticket and post-quantum keys has some 3 KiB.
pub(super) const LONGEST: usize = 16 * 1024;

/// TLS records of a handshake, and the client's first message in them (RFC 8446, 4 and 5.1).
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// The extensions that are read (RFC 6066, 3; RFC 8446, 4.2.1).
const SERVER_NAME: u16 = 0;
const SUPPORTED_VERSIONS: u16 = 43;
/// Versions as TLS writes them.
const SSL_3: u16 = 0x0300;
const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

/// What a client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hello {
    /// The newest version of TLS; absent where it names none that there is.
    newest: Option<u16>,
    /// Whether it names the server that it wants.
    names_server: bool,
}

/// What was heard of a client that did not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Not a byte.
    Nothing,
    /// A hello that is not whole: so many bytes of it.
    Part(usize),
    Whole(Hello),
    /// No hello that can be read, or a longer one than is looked at.
    Unread,
}

/// Why a handshake failed, with what the client had offered; `bytes` are the first that it sent, up to [`LONGEST`].
pub(super) fn told(error: &io::Error, bytes: &[u8]) -> String {
    let hung_up = error.kind() == io::ErrorKind::UnexpectedEof;
    match heard(bytes) {
        Heard::Nothing if hung_up => "the client hung up before its TLS hello".to_owned(),
        Heard::Part(count) if hung_up => {
            format!("the client hung up within its TLS hello, after {count} bytes")
        }
        Heard::Whole(hello) => {
            let versions = match hello.newest {
                Some(newest) if newest >= TLS_1_2 => error.to_string(),
                newest => {
                    let offered = newest.map_or("no version of TLS that is known", at_most);
                    format!("offers {offered}, wanted is TLS 1.2 or 1.3 ({error})")
                }
            };
            let nameless = if hello.names_server {
                ""
            } else {
                "; its hello names no server"
            };
            format!("{versions}{nameless}")
        }
        Heard::Nothing | Heard::Part(_) | Heard::Unread => error.to_string(),
    }
}

const fn at_most(version: u16) -> &'static str {
    match version {
        SSL_3 => "at most SSL 3.0",
        0x0301 => "at most TLS 1.0",
        0x0302 => "at most TLS 1.1",
        TLS_1_2 => "at most TLS 1.2",
        _ => "TLS 1.3",
    }
}

fn heard(bytes: &[u8]) -> Heard {
    if bytes.is_empty() {
        return Heard::Nothing;
    }
    let Some(message) = handshake(bytes) else {
        return Heard::Unread;
    };
    let Some((head, body)) = message.split_at_checked(4) else {
        return part(bytes);
    };
    if head[0] != CLIENT_HELLO {
        return Heard::Unread;
    }
    let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
    match body.get(..length) {
        Some(body) => hello(body).map_or(Heard::Unread, Heard::Whole),
        None => part(bytes),
    }
}

fn part(bytes: &[u8]) -> Heard {
    if bytes.len() < LONGEST {
        Heard::Part(bytes.len())
    } else {
        Heard::Unread
    }
}

/// What the records carry of the handshake, as far as they came; nothing where the first is of another kind.
fn handshake(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = Reader(bytes);
    let mut message = Vec::new();
    while let Some(kind) = rest.byte() {
        if kind != HANDSHAKE {
            // An alert after the hello is the client's word on the server's answer.
            return (!message.is_empty()).then_some(message);
        }
        let Some((_, length)) = rest.number().zip(rest.number()) else {
            break;
        };
        let length = usize::from(length);
        message.extend_from_slice(&rest.0[..length.min(rest.0.len())]);
        if rest.take(length).is_none() {
            break;
        }
    }
    Some(message)
}

/// The body of a client's hello (RFC 8446, 4.1.2); before TLS 1.2 it may end without extensions (RFC 5246, 7.4.1.2).
fn hello(body: &[u8]) -> Option<Hello> {
    let mut body = Reader(body);
    let legacy = body.number()?;
    // The random, the session's id, the cipher suites, the compressions.
    body.take(32)?;
    let length = usize::from(body.byte()?);
    body.take(length)?;
    let length = usize::from(body.number()?);
    body.take(length)?;
    let length = usize::from(body.byte()?);
    body.take(length)?;
    // Without the extension of TLS 1.3 nothing newer than 1.2 can be meant.
    let mut hello = Hello {
        newest: (SSL_3..).contains(&legacy).then_some(legacy.min(TLS_1_2)),
        names_server: false,
    };
    if body.0.is_empty() {
        return Some(hello);
    }
    let length = usize::from(body.number()?);
    let mut extensions = Reader(body.take(length)?);
    while !extensions.0.is_empty() {
        let kind = extensions.number()?;
        let length = usize::from(extensions.number()?);
        let value = extensions.take(length)?;
        match kind {
            SERVER_NAME => hello.names_server = true,
            SUPPORTED_VERSIONS => hello.newest = newest(value)?,
            _ => {}
        }
    }
    Some(hello)
}

/// The newest of the versions in the extension; values that stand for none (RFC 8701) are passed over.
fn newest(value: &[u8]) -> Option<Option<u16>> {
    let mut value = Reader(value);
    let length = usize::from(value.byte()?);
    let versions = value.take(length)?.chunks_exact(2);
    let versions = versions.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    Some(
        versions
            .filter(|version| (SSL_3..=TLS_1_3).contains(version))
            .max(),
    )
}

/// Bytes that are taken from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2)
            .map(|taken| u16::from_be_bytes([taken[0], taken[1]]))
    }
}

#[cfg(test)]
mod tests;
