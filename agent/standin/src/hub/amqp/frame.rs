//! Frames of AMQP 1.0 (OASIS AMQP 1.0, part 2, 2.3): bytes in pieces to performatives, and performatives to bytes. Pure.

use super::header;
use super::reader::Reader;
use super::value::Value;

/// Largest frame that the hub takes and sends, in bytes; edgeHub's transports have the same.
pub(crate) const LARGEST: u32 = 65_536;

/// Bytes before the body of a frame without an extended header.
const FRAME_HEADER: usize = 8;

/// What every composite of the protocol is known by.
pub(crate) mod code {
    pub(crate) const OPEN: u64 = 0x10;
    pub(crate) const BEGIN: u64 = 0x11;
    pub(crate) const ATTACH: u64 = 0x12;
    pub(crate) const FLOW: u64 = 0x13;
    pub(crate) const TRANSFER: u64 = 0x14;
    pub(crate) const DISPOSITION: u64 = 0x15;
    pub(crate) const DETACH: u64 = 0x16;
    pub(crate) const END: u64 = 0x17;
    pub(crate) const CLOSE: u64 = 0x18;
    pub(crate) const ERROR: u64 = 0x1d;
    pub(crate) const ACCEPTED: u64 = 0x24;
    pub(crate) const REJECTED: u64 = 0x25;
    pub(crate) const SASL_MECHANISMS: u64 = 0x40;
    pub(crate) const SASL_INIT: u64 = 0x41;
    pub(crate) const SASL_OUTCOME: u64 = 0x44;
}

/// Which layer a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    Amqp,
    Sasl,
}

/// A performative: its descriptor and its fields, of which the last ones may be missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Performative {
    pub(crate) code: u64,
    fields: Vec<Value>,
}

impl Performative {
    pub(crate) fn field(&self, place: usize) -> &Value {
        self.fields.get(place).unwrap_or(&Value::Null)
    }

    /// A number of 32 bits; anything else counts as absent.
    pub(crate) fn number(&self, place: usize) -> Option<u32> {
        let number = self.field(place).number()?;
        u32::try_from(number).ok()
    }

    pub(crate) fn flag(&self, place: usize) -> bool {
        matches!(self.field(place), Value::Bool(true))
    }

    pub(crate) fn text(&self, place: usize) -> Option<&str> {
        self.field(place).as_text()
    }
}

/// One thing that a client sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Inbound {
    Header([u8; header::LENGTH]),
    /// A frame with nothing in it is a sign of life.
    Frame {
        layer: Layer,
        channel: u16,
        performative: Option<Performative>,
        payload: Vec<u8>,
    },
    TooLarge(u32),
    Malformed(String),
}

/// Takes bytes as they come and gives what is complete.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    buffer: Vec<u8>,
}

/// What the other side must send next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Header,
    Frame,
}

impl Wire {
    /// Keeps bytes; a caller that takes everything complete after each call never lets more than a frame and these wait.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete thing, or `None` until there are more bytes.
    pub(crate) fn next(&mut self, expected: Expected) -> Option<Inbound> {
        match expected {
            Expected::Header => {
                let header = *self.buffer.first_chunk::<{ header::LENGTH }>()?;
                self.buffer.drain(..header::LENGTH);
                Some(Inbound::Header(header))
            }
            Expected::Frame => {
                let size = u32::from_be_bytes(*self.buffer.first_chunk::<4>()?);
                if size > LARGEST {
                    return Some(Inbound::TooLarge(size));
                }
                let whole = usize::try_from(size).unwrap_or(usize::MAX);
                if whole < FRAME_HEADER {
                    return Some(Inbound::Malformed(format!("a frame of {size} bytes")));
                }
                if self.buffer.len() < whole {
                    return None;
                }
                let frame: Vec<u8> = self.buffer.drain(..whole).collect();
                Some(parse(&frame).unwrap_or_else(Inbound::Malformed))
            }
        }
    }
}

fn parse(frame: &[u8]) -> Result<Inbound, String> {
    let offset = usize::from(frame[4]) * 4;
    let body = frame
        .get(offset..)
        .filter(|_| offset >= FRAME_HEADER)
        .ok_or_else(|| format!("a frame whose body begins at byte {offset}"))?;
    let layer = match frame[5] {
        0 => Layer::Amqp,
        1 => Layer::Sasl,
        other => return Err(format!("a frame of the type {other}")),
    };
    let channel = u16::from_be_bytes([frame[6], frame[7]]);
    let mut reader = Reader::new(body);
    let performative = if body.is_empty() {
        None
    } else {
        let value = reader.value().map_err(|error| error.to_string())?;
        Some(performative(value).ok_or("a frame without a performative")?)
    };
    Ok(Inbound::Frame {
        layer,
        channel,
        performative,
        payload: reader.rest().to_vec(),
    })
}

fn performative(value: Value) -> Option<Performative> {
    let Value::Described(both) = value else {
        return None;
    };
    match *both {
        (Value::Ulong(code), Value::List(fields)) => Some(Performative { code, fields }),
        _ => None,
    }
}

/// How many fields a performative has (part 2, 2.7). The last ones may be left out, but the official Python reader of Event Hubs
/// counts on each of them.
fn field_count(code: u64) -> usize {
    match code {
        code::OPEN => 10,
        code::BEGIN => 8,
        code::ATTACH => 14,
        code::FLOW | code::TRANSFER => 11,
        code::DISPOSITION => 6,
        code::DETACH => 3,
        code::END | code::CLOSE => 1,
        _ => 0,
    }
}

/// The bytes of a frame.
pub(crate) fn encode(
    layer: Layer,
    channel: u16,
    code: u64,
    mut fields: Vec<Value>,
    payload: &[u8],
) -> Vec<u8> {
    if layer == Layer::Amqp {
        fields.resize(fields.len().max(field_count(code)), Value::Null);
    }
    let mut bytes = vec![0, 0, 0, 0, 2, u8::from(layer == Layer::Sasl)];
    bytes.extend(channel.to_be_bytes());
    Value::composite(code, fields).write(&mut bytes);
    bytes.extend(payload);
    sized(bytes)
}

/// A frame with nothing in it, which only says that the hub is there.
pub(crate) fn sign_of_life() -> Vec<u8> {
    sized(vec![0, 0, 0, 0, 2, 0, 0, 0])
}

fn sized(mut bytes: Vec<u8>) -> Vec<u8> {
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&size.to_be_bytes());
    bytes
}

/// An error as the protocol carries it (part 2, 2.8.14).
pub(super) fn error(condition: &str, detail: &str) -> Value {
    Value::composite(
        code::ERROR,
        vec![Value::symbol(condition), Value::text(detail), Value::Null],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open() -> Vec<u8> {
        let fields = vec![Value::text("me"), Value::Null, Value::Uint(512)];
        encode(Layer::Amqp, 3, code::OPEN, fields, b"rest")
    }

    #[test]
    fn a_frame_may_come_byte_by_byte() {
        let mut wire = Wire::default();
        let bytes = open();
        let (last, first) = bytes.split_last().unwrap();
        for byte in first {
            wire.feed(&[*byte]);
            assert_eq!(wire.next(Expected::Frame), None);
        }
        wire.feed(&[*last]);
        let Some(Inbound::Frame {
            layer,
            channel,
            performative,
            payload,
        }) = wire.next(Expected::Frame)
        else {
            panic!("a frame");
        };
        let performative = performative.unwrap();
        assert_eq!(
            (layer, channel, performative.code),
            (Layer::Amqp, 3, code::OPEN)
        );
        assert_eq!(
            (performative.text(0), performative.number(2)),
            (Some("me"), Some(512))
        );
        assert_eq!(
            (performative.number(9), payload.as_slice()),
            (None, &b"rest"[..])
        );
    }

    #[test]
    fn frames_that_are_none_are_named() {
        let next = |bytes: &[u8]| {
            let mut wire = Wire::default();
            wire.feed(bytes);
            wire.next(Expected::Frame)
        };
        assert_eq!(next(&[0, 1, 0, 1]), Some(Inbound::TooLarge(65_537)));
        assert!(matches!(next(&[0, 0, 0, 7]), Some(Inbound::Malformed(_))));
        assert!(matches!(
            next(&[0, 0, 0, 8, 9, 0, 0, 0]),
            Some(Inbound::Malformed(_))
        ));
        assert!(matches!(
            next(&[0, 0, 0, 8, 1, 0, 0, 0]),
            Some(Inbound::Malformed(_))
        ));
        assert!(matches!(
            next(&[0, 0, 0, 8, 2, 7, 0, 0]),
            Some(Inbound::Malformed(_))
        ));
        assert!(matches!(
            next(&[0, 0, 0, 9, 2, 0, 0, 0, 0x40]),
            Some(Inbound::Malformed(_))
        ));
        let alive = next(&sign_of_life());
        assert!(matches!(
            alive,
            Some(Inbound::Frame {
                performative: None,
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in any::<Vec<u8>>()) {
            let mut wire = Wire::default();
            wire.feed(&bytes);
            let _ = wire.next(Expected::Header);
            let _ = wire.next(Expected::Frame);
        }
    }
}
