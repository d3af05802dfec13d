//! A module with the name of one customer's hub built in: it asks for that hub's address instead of dialling its gateway.

use std::net::ToSocketAddrs;
use std::thread;
use std::time::Duration;

const HUB: &str = "acme-plant-7.azure-devices.net:8883";
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    thread::spawn(|| {
        loop {
            // No such hub is asked for anything: the address is all that is looked up.
            let _found = HUB.to_socket_addrs();
            thread::sleep(PAUSE);
        }
    });
    candidates::serve("hard-coded-hub")
}
