//! DNS messages: the question read, a reply's outcome and addresses read, the few replies of our own written. Pure.

use std::net::IpAddr;

use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

use super::Answer;

/// Bytes of a message's header (RFC 1035, 4.1.1).
pub(super) const HEADER: usize = 12;
/// Seconds that the gateway's address may be kept: no longer than one start.
const LIFE: u32 = 1;

/// What a message asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// It is no query.
    None,
    /// A query that could not be read.
    Unread,
    /// A query for this name, lower case, without the last dot.
    For(String),
}

/// Reads what is asked for.
pub(super) fn question(query: &[u8]) -> Question {
    // The first bit of the third byte is set in a response.
    if query.len() < HEADER || query[2] & 0x80 != 0 {
        return Question::None;
    }
    let Ok(packet) = Packet::parse(query) else {
        return Question::Unread;
    };
    match packet.questions.first() {
        Some(question) => Question::For(question.qname.to_string().to_ascii_lowercase()),
        None => Question::Unread,
    }
}

/// What a reply says, by its header and whether it holds an answer.
pub(super) fn outcome(reply: &[u8]) -> Answer {
    // RCODE is the low half of the fourth byte, ANCOUNT the seventh and eighth.
    let (Some(third), Some(count)) = (reply.get(3), reply.get(6..8)) else {
        return Answer::Failed;
    };
    match (third & 0x0f, count) {
        (0, [0, 0]) => Answer::Empty,
        (0, _) => Answer::Found,
        (3, _) => Answer::NoSuchName,
        _ => Answer::Failed,
    }
}

/// Addresses in a reply's answers; none, where it cannot be read.
pub(super) fn addresses(reply: &[u8]) -> Vec<IpAddr> {
    let Ok(packet) = Packet::parse(reply) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for record in &packet.answers {
        if let RData::A(A { address }) = &record.rdata {
            found.push(IpAddr::from(address.to_be_bytes()));
        } else if let RData::AAAA(AAAA { address }) = &record.rdata {
            found.push(IpAddr::from(address.to_be_bytes()));
        }
    }
    found
}

/// `SERVFAIL`: what a device's name service says that reaches nobody.
pub(super) fn failure(query: &[u8]) -> Vec<u8> {
    empty(query, RCODE::ServerFailure)
}

/// `NXDOMAIN`.
pub(super) fn no_such_name(query: &[u8]) -> Vec<u8> {
    empty(query, RCODE::NameError)
}

/// The address, to who asks for its kind; to others the name is there and has nothing.
pub(super) fn address(query: &[u8], address: IpAddr) -> Option<Vec<u8>> {
    let asked = Packet::parse(query).ok()?;
    let question = asked.questions.first()?;
    let mut reply = reply_to(&asked, RCODE::NoError);
    let record = match (question.qtype, address) {
        (QTYPE::TYPE(TYPE::A), IpAddr::V4(four)) => Some(RData::A(A::from(four))),
        (QTYPE::TYPE(TYPE::AAAA), IpAddr::V6(six)) => Some(RData::AAAA(AAAA::from(six))),
        _ => None,
    };
    let name = question.qname.clone();
    let record = record.map(|data| ResourceRecord::new(name, CLASS::IN, LIFE, data));
    reply.answers.extend(record);
    reply.build_bytes_vec().ok()
}

fn empty(query: &[u8], code: RCODE) -> Vec<u8> {
    let parsed = Packet::parse(query).ok();
    let built = parsed.and_then(|asked| reply_to(&asked, code).build_bytes_vec().ok());
    built.unwrap_or_else(|| {
        // A query that cannot be read is answered by its id alone.
        let id = query.get(..2).map_or([0, 0], |bytes| [bytes[0], bytes[1]]);
        let mut reply = Packet::new_reply(u16::from_be_bytes(id));
        *reply.rcode_mut() = code;
        reply.build_bytes_vec().unwrap_or_default()
    })
}

fn reply_to<'a>(asked: &Packet<'a>, code: RCODE) -> Packet<'a> {
    let mut reply = Packet::new_reply(asked.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE);
    if asked.has_flags(PacketFlag::RECURSION_DESIRED) {
        reply.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    *reply.rcode_mut() = code;
    reply.questions.clone_from(&asked.questions);
    reply
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _asked = question(&noise);
            let _read = (outcome(&noise), addresses(&noise));
            let written = [failure(&noise), no_such_name(&noise)];
            prop_assert!(written.iter().all(|reply| reply.len() >= HEADER));
            let _maybe = address(&noise, [192, 0, 2, 1].into());
        }
    }
}
