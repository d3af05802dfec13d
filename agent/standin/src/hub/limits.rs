//! The numbers that IoT Hub and edgeHub hold their clients to, and where the two differ.
//!
//! Sources: "Communicate with an IoT hub using the MQTT protocol", "IoT Hub quotas and throttling"
//! (Microsoft Learn); Azure/iotedge `appsettings_hub.json`; Azure/azure-iot-protocol-gateway.

use std::time::Duration;

/// Which service the hub stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// IoT Hub itself.
    IotHub,
    /// The edgeHub module of an IoT Edge device.
    EdgeHub,
}

/// Largest message in bytes: body, system property values, application property names and values.
pub(crate) const MESSAGE: usize = 262_144;

/// Largest payload of a direct method in bytes, either way.
pub(crate) const METHOD_PAYLOAD: usize = 131_072;

/// Time from TCP accept to a complete CONNECT.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(60);

/// A client that takes no bytes for so long is dropped, so that it cannot hold its connection's memory.
pub(crate) const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// Time for a client to hear that a connection is closed.
pub(crate) const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Packets that may wait for one connection to write them.
pub(crate) const COMMANDS: usize = 64;

/// How often edgeHub looks at the tokens of those who are connected, in seconds, and ends the connections of those whose time is
/// up (Azure/iotedge, `ConnectionReauthenticator`, made with five minutes).
const LOOKS_AT_TOKENS: u64 = 300;

impl Mode {
    /// How long a connection may go on whose token ends at `expiry`, both in seconds since the Unix epoch: at IoT Hub until then, at
    /// edgeHub until it looks again.
    pub(crate) fn token_life(self, expiry: u64, now: u64) -> Duration {
        let end = match self {
            Self::IotHub => expiry,
            Self::EdgeHub => expiry
                .div_ceil(LOOKS_AT_TOKENS)
                .saturating_mul(LOOKS_AT_TOKENS),
        };
        Duration::from_secs(end.saturating_sub(now))
    }

    /// Largest MQTT packet in bytes. edgeHub's decoder stops at the message limit; IoT Hub counts
    /// the message, so the packet may be larger by its topic.
    pub(crate) fn packet(self) -> u32 {
        match self {
            Self::EdgeHub => 262_144,
            Self::IotHub => 262_144 + 65_536 + 16,
        }
    }

    /// Connections at once. edgeHub takes 100 clients and itself (`MaxConnectedClients`); IoT Hub knows no such number, and no lab
    /// has as many devices.
    pub(crate) fn connections(self) -> usize {
        match self {
            Self::EdgeHub => 128,
            Self::IotHub => 4096,
        }
    }

    /// Silence after which the connection is closed: 1.5 × keep-alive, up to the service's cap.
    pub(crate) fn silence(self, keep_alive: Duration) -> Duration {
        let cap = match self {
            Self::IotHub => Duration::from_secs(1767),
            Self::EdgeHub => Duration::from_secs(600),
        };
        if keep_alive.is_zero() {
            return cap;
        }
        (keep_alive * 3 / 2).min(cap)
    }

    /// IoT Hub knows its API versions, which are dates; edgeHub only wants one to be there.
    pub(crate) fn accepts_api_version(self, version: &str) -> bool {
        match self {
            Self::EdgeHub => !version.is_empty(),
            Self::IotHub => is_date(version.strip_suffix("-preview").unwrap_or(version)),
        }
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_one_and_a_half_keep_alives_up_to_the_cap() {
        let s = Duration::from_secs;
        assert_eq!(Mode::IotHub.silence(s(60)), s(90));
        assert_eq!(Mode::IotHub.silence(s(1)), Duration::from_millis(1500));
        assert_eq!(Mode::IotHub.silence(s(0)), s(1767));
        assert_eq!(Mode::IotHub.silence(s(65_535)), s(1767));
        assert_eq!(Mode::EdgeHub.silence(s(0)), s(600));
        assert_eq!(Mode::EdgeHub.silence(s(500)), s(600));
    }

    #[test]
    fn edge_hub_lets_a_connection_outlive_its_token_until_it_looks_again() {
        let life = |mode: Mode, expiry, now| mode.token_life(expiry, now).as_secs();
        assert_eq!(life(Mode::IotHub, 1_800_000_010, 1_800_000_000), 10);
        assert_eq!(life(Mode::EdgeHub, 1_800_000_010, 1_800_000_000), 300);
        assert_eq!(life(Mode::EdgeHub, 1_800_000_300, 1_800_000_000), 300);
        assert_eq!(life(Mode::EdgeHub, 1_800_003_601, 1_800_000_001), 3_899);
        assert_eq!(life(Mode::EdgeHub, u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn iot_hub_wants_a_dated_api_version() {
        for good in ["2018-06-30", "2017-11-08-preview"] {
            assert!(Mode::IotHub.accepts_api_version(good));
        }
        for bad in ["1", "2018-6-30", "", "latest"] {
            assert!(!Mode::IotHub.accepts_api_version(bad));
        }
        assert!(Mode::EdgeHub.accepts_api_version("1"));
    }
}
