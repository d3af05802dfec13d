//! The session against bytes that no sound hub sends: refused or ignored, never a panic.

use proptest::prelude::*;

use super::super::peer::puback;
use super::bench::{Bench, login};
use super::*;

#[test]
fn a_packet_beyond_the_limit_ends_the_link_before_it_is_stored() {
    let mut bench = Bench::ready();
    // PUBLISH with a remaining length of 2 097 151 bytes.
    let error = bench
        .session
        .receive(&[0x30, 0xff, 0xff, 0x7f], bench.now)
        .unwrap_err();
    assert!(matches!(error, LinkError::Protocol { .. }), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_from_the_hub_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        chunk in 1usize..8,
    ) {
        let mut fresh = Bench::new();
        fresh.session.begin(login(), fresh.now).unwrap();
        for mut bench in [fresh, Bench::ready()] {
            for piece in bytes.chunks(chunk) {
                if bench.session.receive(piece, bench.now).is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn no_damage_to_a_real_message_makes_it_panic(
        place in 0usize..200, value: u8, kind in 0usize..4, body in "[{}\"a:1,]{0,12}",
    ) {
        let topic = [
            "$iothub/methods/POST/run/?$rid=1",
            "$iothub/twin/res/200/?$rid=1&$version=2",
            "$iothub/twin/PATCH/properties/desired/?$version=5",
            "other",
        ][kind];
        let mut bench = Bench::ready();
        let _answer = bench.give("one");
        bench.messages();
        let mut bytes = bench.peer.message(topic, body.as_bytes());
        let place = place % bytes.len();
        bytes[place] = value;
        bytes.extend(bench.peer.write(puback(1)));
        let _ = bench.session.receive(&bytes, bench.now);
        let _ = bench.session.pump(bench.now);
    }
}
