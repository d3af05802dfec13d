//! Which addresses a link may lead to.
//!
//! An offer is somebody else's text: without this a link in it could have the lab's machine ask its own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far visits reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, and hosts by their names.
    Public,
    /// The same, and this one as if it were public: with it a test plays a server that is elsewhere.
    PublicAnd(IpAddr),
    /// Also this machine and private networks, and hosts by their addresses.
    Private,
}

/// Why an address is not visited, in words; `None` where it is.
///
/// Source: IANA, "IPv4 Special-Purpose Address Registry" and "IPv6 Special-Purpose Address Registry".
#[must_use]
pub fn refusal(address: IpAddr, reach: Reach) -> Option<&'static str> {
    let kind = match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    };
    match (kind, reach) {
        (_, Reach::PublicAnd(played)) if played == address => None,
        (Kind::Public, _) | (Kind::Private(_), Reach::Private) => None,
        (Kind::Private(what), Reach::Public | Reach::PublicAnd(_)) | (Kind::Nowhere(what), _) => {
            Some(what)
        }
    }
}

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    /// Of this machine or a network around it.
    Private(&'static str),
    /// No single host is there that serves a page.
    Nowhere(&'static str),
}

fn v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        [0, ..] => Kind::Nowhere("unspecified (0.0.0.0/8)"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private("private (RFC 1918)"),
        [100, 64..=127, ..] => Kind::Private("shared by a carrier's customers (100.64.0.0/10)"),
        [127, ..] => Kind::Private("loopback"),
        [169, 254, ..] => Kind::Private("link-local"),
        [198, 18..=19, ..] => Kind::Private("for benchmarks (198.18.0.0/15)"),
        [192, 0, 0, _] => Kind::Private("for protocols (192.0.0.0/24)"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Nowhere("for examples"),
        [224..=239, ..] => Kind::Nowhere("multicast"),
        [240..=255, ..] => Kind::Nowhere("reserved or broadcast (240.0.0.0/4)"),
        _ => Kind::Public,
    }
}

/// Addresses that carry one of IPv4 are what that is; of the others only global unicast is public.
fn v6(address: Ipv6Addr) -> Kind {
    let [first, second, third, ..] = address.segments();
    let [.., a, b, c, d] = address.octets();
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => return Kind::Nowhere("unspecified (::)"),
        [0, 0, 0, 0, 0, 0, 0, 1] => return Kind::Private("loopback"),
        // Mapped, and what NAT64 makes of IPv4 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            return v4(Ipv4Addr::new(a, b, c, d));
        }
        _ => {}
    }
    match first {
        // 6to4 (RFC 3056): the network is that of an IPv4 address.
        0x2002 => {
            let ([a, b], [c, d]) = (second.to_be_bytes(), third.to_be_bytes());
            v4(Ipv4Addr::new(a, b, c, d))
        }
        0x2001 if second < 0x200 => Kind::Private("for protocols (2001::/23)"),
        0x2001 if second == 0xdb8 => Kind::Nowhere("for examples"),
        0x3fff if second < 0x1000 => Kind::Nowhere("for examples"),
        0x2000..=0x3fff => Kind::Public,
        0xfc00..=0xfdff => Kind::Private("unique local (fc00::/7)"),
        0xfe80..=0xfebf => Kind::Private("link-local"),
        0xfec0..=0xfeff => Kind::Private("site-local (fec0::/10)"),
        0xff00..=0xffff => Kind::Nowhere("multicast"),
        _ => Kind::Nowhere("not assigned to hosts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_visited() {
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            let address = text.parse().unwrap();
            assert_eq!(refusal(address, Reach::Public), None, "{text}");
        }
    }

    #[test]
    fn private_ones_are_visited_where_that_is_allowed() {
        for text in [
            "127.0.0.1",
            "127.255.0.9",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
        ] {
            let address = text.parse().unwrap();
            assert!(refusal(address, Reach::Public).is_some(), "{text}");
            assert_eq!(refusal(address, Reach::Private), None, "{text}");
        }
    }

    #[test]
    fn where_nobody_serves_a_page_none_is_asked_for() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::",
            "ff02::1",
            "::ffff:0.0.0.0",
            "2001:db8::1",
            "::2",
            "100::1",
        ] {
            let address = text.parse().unwrap();
            for reach in [Reach::Public, Reach::Private] {
                assert!(refusal(address, reach).is_some(), "{text}");
            }
        }
    }
}
