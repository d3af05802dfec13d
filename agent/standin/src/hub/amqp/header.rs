//! The eight bytes that open a layer of AMQP (OASIS AMQP 1.0, part 2, 2.2). Pure.

use crate::hub::event::Rule;

/// Length of a header.
pub(super) const LENGTH: usize = 8;

/// Opens the layer of the protocol itself.
pub(super) const AMQP: [u8; LENGTH] = *b"AMQP\x00\x01\x00\x00";

/// Opens the layer of SASL.
pub(super) const SASL: [u8; LENGTH] = *b"AMQP\x03\x01\x00\x00";

/// What is wrong with a header that is not served.
pub(super) fn unknown(header: [u8; LENGTH]) -> (Rule, String) {
    match header {
        [b'A', b'M', b'Q', b'P', layer, major, minor, revision] => {
            let detail = format!("AMQP of layer {layer}, version {major}.{minor}.{revision}");
            (Rule::UnservedProtocol, detail)
        }
        other => {
            let detail = format!("a connection to the port of AMQP that began with {other:02x?}");
            (Rule::Malformed, detail)
        }
    }
}
