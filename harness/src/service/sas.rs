//! The service's shared access signature. Pure: connection string and time in, token out.
//!
//! Source: "Control access to IoT Hub by using shared access signatures", Microsoft Learn.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::utf8_percent_encode;
use sha2::Sha256;

use super::connection_string::ConnectionString;
use super::request::COMPONENT;

/// Seconds that a token lives. Each request signs its own, so this is only room for clocks that differ.
const LIFETIME: u64 = 3600;

/// The token for everything on the hub that the policy may do; `now` in seconds since 1970.
pub(super) fn token(connection: &ConnectionString, now: u64) -> String {
    let resource = utf8_percent_encode(&connection.host, COMPONENT).to_string();
    let expiry = now.saturating_add(LIFETIME);
    let mut mac = Hmac::<Sha256>::new_from_slice(&connection.key)
        .expect("HMAC takes a key of any length (RFC 2104)");
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    format!(
        "SharedAccessSignature sr={resource}&sig={}&se={expiry}&skn={}",
        utf8_percent_encode(&signature, COMPONENT),
        utf8_percent_encode(&connection.policy, COMPONENT)
    )
}

#[cfg(test)]
mod tests {
    use super::super::connection_string::read;
    use super::*;

    #[test]
    fn the_token_is_the_one_that_openssl_computes() {
        // The key is the bytes 00 to 1f. The signature: printf 'h.azure-devices.net\n2000000000' |
        // openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f -binary | base64
        let text = "HostName=h.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        assert_eq!(
            token(&read(text).unwrap(), 2_000_000_000 - LIFETIME),
            "SharedAccessSignature sr=h.azure-devices.net&sig=vyFYvznrgGIbkLKcmaAx%2F99%2Baoen0v0OxnITWUZ0WjE%3D&se=2000000000&skn=service"
        );
    }

    #[test]
    fn a_port_is_part_of_the_resource() {
        let text = "HostName=localhost:8443;SharedAccessKeyName=own er;SharedAccessKey=AA==";
        let token = token(&read(text).unwrap(), 0);
        assert!(token.starts_with("SharedAccessSignature sr=localhost%3A8443&sig="));
        assert!(token.ends_with("&se=3600&skn=own%20er"), "{token}");
    }
}
