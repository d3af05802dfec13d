//! Addresses to which a container has sockets, from its network namespace's socket tables: no packet is sent or read.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use conformance::observation::Protocol;

use super::Roots;
use super::ports::{LISTEN, PortsError, table};

/// States of the kernel's socket tables (`include/net/tcp_states.h`).
const SYN_SENT: &str = "02";
const SYN_RECEIVED: &str = "03";
const CLOSED: &str = "07";

/// One socket with another side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remote {
    /// The other side's address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// UDP only where it was connected.
    pub udp: bool,
    /// Whether the other side has answered; UDP does not tell.
    pub answered: Option<bool>,
}

impl Remote {
    /// Its protocol.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        if self.udp {
            Protocol::Udp
        } else {
            Protocol::Tcp
        }
    }
}

/// Sockets that a process of the host or its neighbours in the same network namespace opened to other addresses than
/// loopback. One that came in at a listening port is not among them.
///
/// # Errors
/// If a table cannot be read; that of IPv6 need not be there.
pub fn of(roots: &Roots, pid: u32) -> Result<Vec<Remote>, PortsError> {
    let net = roots.process(pid).join("net");
    let read = |name: &str| match table(&net.join(name)) {
        // A kernel without IPv6 has no such table.
        Err(PortsError::Read { source, .. })
            if name.ends_with('6') && source.kind() == io::ErrorKind::NotFound =>
        {
            Ok(String::new())
        }
        other => other,
    };
    let tcp = [read("tcp")?, read("tcp6")?].concat();
    let udp = [read("udp")?, read("udp6")?].concat();
    let mut remotes = opened(&tcp, false);
    remotes.extend(opened(&udp, true));
    Ok(remotes.into_iter().collect())
}

/// Field 22 of `/proc/PID/stat` (proc(5)): a number that another process of the same id does not have.
///
/// # Errors
/// The process is gone.
pub fn started(roots: &Roots, pid: u32) -> io::Result<u64> {
    let text = std::fs::read_to_string(roots.process(pid).join("stat"))?;
    // The name, second, may hold anything; the last `)` ends it.
    let after = text.rsplit_once(')').map_or("", |(_, after)| after);
    let field = after.split_ascii_whitespace().nth(19);
    field
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| io::Error::other("it has no start time"))
}

struct Line<'a> {
    local_port: &'a str,
    remote: (IpAddr, u16),
    state: &'a str,
}

/// Lines of number, local address, remote address, state: ` 0: 00000000:1F90 00000000:0000 0A …`.
fn lines(table: &str) -> impl Iterator<Item = Line<'_>> {
    table.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (_, local_port) = words.nth(1)?.rsplit_once(':')?;
        let (address, port) = words.next()?.rsplit_once(':')?;
        let state = words.next()?;
        let remote = (address_of(address)?, u16::from_str_radix(port, 16).ok()?);
        Some(Line {
            local_port,
            remote,
            state,
        })
    })
}

/// As the kernel prints it: words of 32 bits in hexadecimal, in the machine's byte order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = hex.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let bytes: [u8; 16] = words.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

fn opened(table: &str, udp: bool) -> BTreeSet<Remote> {
    let listens = |line: &Line<'_>| !udp && line.state == LISTEN;
    let listening: BTreeSet<&str> = lines(table)
        .filter(listens)
        .map(|line| line.local_port)
        .collect();
    lines(table)
        .filter(|line| {
            let (address, port) = line.remote;
            let came_in =
                !udp && (line.state == SYN_RECEIVED || listening.contains(line.local_port));
            let closed = !udp && line.state == CLOSED;
            port != 0 && !came_in && !closed && !address.is_unspecified() && !address.is_loopback()
        })
        .map(|line| Remote {
            address: line.remote.0,
            port: line.remote.1,
            udp,
            answered: (!udp).then_some(line.state != SYN_SENT),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Composed after proc(5): a listener, one who came in, one who went out, one without an answer, one to loopback.
    #[cfg(target_endian = "little")]
    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n\
           0: 00000000:1F90 00000000:0000 0A 0:0\n\
           1: 020013AC:1F90 050013AC:D0F0 01 0:0\n\
           2: 020013AC:B3A2 070200C0:01BB 06 0:0\n\
           3: 020013AC:B3A4 076433C6:22B3 02 0:0\n\
           4: 0100007F:B3A6 0B00007F:0035 01 0:0\n\
           5: 0000000000000000FFFF0000020013AC:B3A8 0000000000000000FFFF0000077100CB:0050 01 0:0\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn what_went_out_is_told_and_what_came_in_is_not() {
        let told: Vec<String> = opened(TCP, false)
            .iter()
            .map(|one| format!("{}:{} {:?}", one.address, one.port, one.answered))
            .collect();
        assert_eq!(
            told,
            [
                "192.0.2.7:443 Some(true)",
                "198.51.100.7:8883 Some(false)",
                "203.0.113.7:80 Some(true)"
            ]
        );
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn connected_udp_is_told_without_an_answer() {
        let udp = "  sl  local_address rem_address   st\n\
               0: 020013AC:B3A2 070200C0:007B 01 0:0\n\
               1: 00000000:0035 00000000:0000 07 0:0\n";
        let told = opened(udp, true);
        let one = told.first().unwrap();
        assert_eq!((told.len(), one.port, one.answered), (1, 123, None));
    }

    #[test]
    fn this_process_is_seen_with_its_own_sockets() {
        let roots = Roots {
            proc: "/proc".into(),
            cgroup: "/sys/fs/cgroup".into(),
            data_root: None,
            data_root_on_host: "/var/lib/docker".into(),
        };
        let pid = std::process::id();
        assert!(started(&roots, pid).unwrap() > 0);
        // UDP needs nobody on the other side: an address for documentation (RFC 5737).
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.connect("192.0.2.44:4711").unwrap();
        let seen = of(&roots, pid).unwrap();
        let wanted: IpAddr = [192, 0, 2, 44].into();
        assert!(
            seen.iter()
                .any(|one| one.address == wanted && one.port == 4711 && one.udp)
        );
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(noise in ".{0,200}", almost in "(\n +[0-9]: [0-9A-F:]{0,40} [0-9A-F:]{0,40} 0[0-9A-F]){0,5}") {
            opened(&noise, false);
            opened(&almost, true);
        }
    }
}
