//! A service connection string: host, policy and key. The key leaves this file only as a signature.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…`, read.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    /// The hub's host name, with `:port` where it is not 443.
    pub host: String,
    /// Name of the shared access policy.
    pub policy: String,
    /// The policy's key, decoded.
    pub(super) key: Vec<u8>,
}

impl fmt::Debug for ConnectionString {
    /// Leaves the key out: it is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionString")
            .field("host", &self.host)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Reads a connection string of a shared access policy.
///
/// # Errors
/// Every mistake in it. None quotes the text, for it holds a key.
pub fn read(text: &str) -> Result<ConnectionString, Vec<String>> {
    let text = text.trim();
    let field = |name: &str| {
        text.split(';')
            .filter_map(|part| part.split_once('='))
            .find(|(key, _)| key.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    let mut mistakes = Vec::new();
    if field("DeviceId").is_some() {
        mistakes.push(
            "it is a device's (DeviceId=…); a shared access policy's is wanted, such as `service`"
                .to_owned(),
        );
    }
    let mut wanted = |name: &str| {
        field(name).unwrap_or_else(|| {
            mistakes.push(format!("{name}=… is missing"));
            String::new()
        })
    };
    let (host, policy, key) = (
        wanted("HostName"),
        wanted("SharedAccessKeyName"),
        wanted("SharedAccessKey"),
    );
    if !host.is_empty() && !is_host(&host) {
        mistakes.push("HostName is no host name, with or without a port".to_owned());
    }
    let decoded = STANDARD.decode(&key);
    if decoded.is_err() {
        mistakes.push("SharedAccessKey is not base64".to_owned());
    }
    match decoded {
        Ok(key) if mistakes.is_empty() => Ok(ConnectionString { host, policy, key }),
        Ok(_) | Err(_) => Err(mistakes),
    }
}

/// Letters, digits, dots and hyphens, then perhaps a port: nothing that could turn the address into another one.
fn is_host(text: &str) -> bool {
    let (name, port) = text
        .split_once(':')
        .map_or((text, None), |(name, port)| (name, Some(port)));
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    !name.is_empty()
        && name.chars().all(plain)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form is that of "Control access to IoT Hub by using shared access signatures", Microsoft Learn; the key is made up.
    const SOUND: &str =
        "HostName=lab.azure-devices.net;SharedAccessKeyName=service;SharedAccessKey=AAECAw==";

    #[test]
    fn a_policy_s_connection_string_is_read_in_any_order() {
        let read_one = read(SOUND).unwrap();
        assert_eq!(read_one.host, "lab.azure-devices.net");
        assert_eq!(read_one.policy, "service");
        assert_eq!(read_one.key, [0, 1, 2, 3]);
        let turned = "SharedAccessKey=AAECAw==; SharedAccessKeyName=service;HostName=lab.azure-devices.net;\n";
        assert_eq!(read(turned).unwrap(), read_one);
        let local = SOUND.replace("lab.azure-devices.net", "127.0.0.1:8443");
        assert_eq!(read(&local).unwrap().host, "127.0.0.1:8443");
    }

    #[test]
    fn every_mistake_is_told_and_the_key_never() {
        let all = read("SharedAccessKey=c2VjcmV0*;HostName=a/b?c").unwrap_err();
        assert_eq!(
            all,
            [
                "SharedAccessKeyName=… is missing",
                "HostName is no host name, with or without a port",
                "SharedAccessKey is not base64",
            ]
        );
        let device = "HostName=h;DeviceId=d;SharedAccessKey=AAECAw==";
        assert!(read(device).unwrap_err()[0].starts_with("it is a device's"));
        for host in ["a:0", "a:x", ":1", "user@host", "a b"] {
            let text = SOUND.replace("lab.azure-devices.net", host);
            assert_eq!(
                read(&text),
                Err(vec![
                    "HostName is no host name, with or without a port".to_owned()
                ]),
                "{host}"
            );
        }
        assert_eq!(read("").unwrap_err().len(), 3);
    }

    #[test]
    fn what_is_printed_for_debugging_has_no_key() {
        let read = read(SOUND).unwrap();
        let printed = format!("{read:?}");
        assert!(
            printed.contains("service") && !printed.contains("key") && !printed.contains('3'),
            "{printed}"
        );
    }
}
