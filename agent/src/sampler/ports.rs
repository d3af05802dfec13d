//! TCP ports on which a container listens, from its network namespace's socket table: no packet is sent.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use conformance::finding::{Reason, Unseen};

use super::Roots;

/// `TCP_LISTEN` in the kernel's socket tables (proc(5), `/proc/net/tcp`).
pub(super) const LISTEN: &str = "0A";

/// Why listening ports are not known.
#[derive(Debug, thiserror::Error)]
pub enum PortsError {
    /// Mostly: the process has ended.
    #[error("read {}", path.display())]
    Read {
        /// The socket table.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Ports with a listening TCP socket that others can reach, IPv4 or IPv6 but not loopback, in the network namespace of a process of the host.
///
/// # Errors
/// If the IPv4 table cannot be read, or the IPv6 table exists and cannot.
pub fn listening(roots: &Roots, pid: u32) -> Result<BTreeSet<u16>, PortsError> {
    let net = roots.process(pid).join("net");
    let mut ports = in_table(&table(&net.join("tcp"))?);
    match table(&net.join("tcp6")) {
        Ok(six) => ports.extend(in_table(&six)),
        // A kernel without IPv6 has no such table.
        Err(PortsError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(ports)
}

/// How many TCP sockets there are in a network namespace, listening ones and loopback's included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sockets {
    /// IPv4.
    pub four: u64,
    /// IPv6; none on a kernel without it.
    pub six: u64,
}

/// Counts that the kernel keeps for the network namespace of a process of the host: cheap, however large its tables are.
///
/// # Errors
/// If `/proc/PID/net/sockstat` (proc(5)) cannot be read or has no such count.
pub fn sockets(roots: &Roots, pid: u32) -> io::Result<Sockets> {
    let net = roots.process(pid).join("net");
    let counts = std::fs::read_to_string(net.join("sockstat"))?;
    let six = std::fs::read_to_string(net.join("sockstat6")).unwrap_or_default();
    Ok(Sockets {
        four: in_use(&counts, "TCP:").ok_or_else(|| io::Error::other("it counts no TCP"))?,
        six: in_use(&six, "TCP6:").unwrap_or(0),
    })
}

/// A line of a protocol and pairs of name and number: `TCP: inuse 3 orphan 0 tw 0 alloc 3 mem 0`.
fn in_use(counts: &str, protocol: &str) -> Option<u64> {
    let mut words = counts
        .lines()
        .find_map(|line| line.strip_prefix(protocol))?
        .split_ascii_whitespace();
    words.find(|word| *word == "inuse")?;
    words.next()?.parse().ok()
}

/// The same as a fact of the run, lowest port first.
///
/// # Errors
/// As [`listening`].
pub fn reachable(roots: &Roots, pid: u32) -> Result<Vec<u16>, Unseen> {
    let ports = listening(roots, pid);
    ports
        .map(|ports| ports.into_iter().collect())
        .map_err(|error| Unseen::new(Reason::CannotMeasure, error.to_string()))
}

pub(super) fn table(path: &Path) -> Result<String, PortsError> {
    let text = std::fs::read(path).map_err(|source| PortsError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// 127.0.0.0/8 or ::1, as the kernel prints them: words of 32 bits in hexadecimal, in the machine's byte order.
fn is_loopback(address: &str) -> bool {
    match address.len() {
        8 if cfg!(target_endian = "little") => address.ends_with("7F"),
        8 => address.starts_with("7F"),
        _ => {
            let (zeros, last) = address.split_at(address.len().min(24));
            zeros.bytes().all(|digit| digit == b'0') && matches!(last, "01000000" | "00000001")
        }
    }
}

/// Lines of number, local address, remote address, state: ` 0: 00000000:1F90 00000000:0000 0A …`.
fn in_table(table: &str) -> BTreeSet<u16> {
    let port = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (address, port) = words.nth(1)?.rsplit_once(':')?;
        let listens = words.nth(1)? == LISTEN;
        (listens && !is_loopback(address))
            .then(|| u16::from_str_radix(port, 16).ok())
            .flatten()
    };
    table.lines().skip(1).filter_map(port).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_listening_sockets_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue\n\
               0: 00000000:1F90 00000000:0000 0A 00000000:00000000\n\
               1: 0100007F:1F91 0100007F:A000 01 00000000:00000000\n\
               2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0\n";
        assert_eq!(in_table(table), BTreeSet::from([80, 8080]));
    }

    #[test]
    fn what_listens_on_loopback_alone_can_be_reached_by_nobody() {
        let table = "  sl  local_address rem_address   st\n\
               0: 0100007F:1F90 00000000:0000 0A 0:0\n\
               1: 0101A8C0:1F91 00000000:0000 0A 0:0\n\
               2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0\n\
               3: 000080FE000000000000000001000000:0051 00000000000000000000000000000000:0000 0A 0:0\n";
        assert_eq!(in_table(table), BTreeSet::from([8081, 81]));
    }

    #[test]
    fn a_listening_socket_is_counted() {
        let roots = Roots {
            proc: "/proc".into(),
            cgroup: PathBuf::new(),
            data_root: None,
            data_root_on_host: PathBuf::new(),
        };
        // Others of this machine come and go: so many at once do not.
        let before = sockets(&roots, std::process::id()).unwrap();
        let held: Vec<_> = (0..500)
            .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let after = sockets(&roots, std::process::id()).unwrap();
        assert!(after.four >= before.four + 400, "{before:?} {after:?}");
        drop(held);
    }

    #[test]
    fn counts_are_read_where_they_stand() {
        let counts =
            "sockets: used 24\nTCP: inuse 3 orphan 1 tw 2 alloc 5 mem 0\nUDP: inuse 7 mem 0\n";
        assert_eq!(in_use(counts, "TCP:"), Some(3));
        assert_eq!(in_use("TCP6: inuse 2\nUDP6: inuse 1\n", "TCP6:"), Some(2));
        assert_eq!(in_use("TCP: orphan 1\n", "TCP:"), None);
    }

    #[test]
    fn a_process_that_has_ended_has_no_ports_to_tell() {
        let tree = tempfile::tempdir().unwrap();
        let roots = Roots {
            proc: tree.path().to_owned(),
            cgroup: PathBuf::new(),
            data_root: None,
            data_root_on_host: PathBuf::new(),
        };
        let error = listening(&roots, 4711).unwrap_err().to_string();
        assert!(error.ends_with("4711/net/tcp"), "{error}");
        let unseen = reachable(&roots, 4711).unwrap_err();
        assert_eq!(unseen.reason, Reason::CannotMeasure);
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(noise in ".{0,200}", almost in "(\n +[0-9]: [0-9A-F:]{0,14} [0-9A-F:]{0,14} 0A){0,5}") {
            in_table(&noise);
            in_table(&almost);
            in_use(&noise, "TCP:");
        }
    }
}
