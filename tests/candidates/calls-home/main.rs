//! A module that calls its maker and is well without: it asks for a name again and again, and holds a socket to an address
//! that never answers.

use std::net::{Ipv4Addr, ToSocketAddrs, UdpSocket};
use std::thread;
use std::time::Duration;

/// Below `.test`, which nobody has (RFC 6761).
const HOME: &str = "home.contoso.test:443";
/// An address for documentation (RFC 5737), at the port of time servers.
const CLOCK: ([u8; 4], u16) = ([192, 0, 2, 7], 123);
/// A request of an NTP client (RFC 5905, 7.3): version 4, mode 3.
const REQUEST: [u8; 48] = {
    let mut request = [0; 48];
    request[0] = 0x23;
    request
};
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    let clock = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    thread::spawn(move || {
        loop {
            // Whatever comes of it: there is a table at hand.
            let _found = HOME.to_socket_addrs();
            let address = (Ipv4Addr::from(CLOCK.0), CLOCK.1);
            let _sent = clock.connect(address).and_then(|()| clock.send(&REQUEST));
            thread::sleep(PAUSE);
        }
    });
    candidates::serve("calls-home")
}
