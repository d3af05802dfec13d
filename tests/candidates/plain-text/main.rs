//! A module that dials its gateway without TLS, at MQTT's port for that, and is well though nobody serves it there.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// CONNECT of MQTT 3.1.1 with an empty client id, a clean session and a keep-alive of a minute (MQTT 3.1.1, 3.1).
const CONNECT: &[u8] = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00";
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    candidates::exit_on_sigterm()?;
    // The gateway's name is all that a module is told of edgeHub's place.
    let gateway = std::env::var("IOTEDGE_GATEWAYHOSTNAME")?;
    thread::spawn(move || {
        loop {
            let stream = TcpStream::connect((gateway.as_str(), 1883));
            // Nobody answers, and it goes on without.
            let _sent = stream.and_then(|mut stream| stream.write_all(CONNECT));
            thread::sleep(PAUSE);
        }
    });
    candidates::serve("plain-text")
}
