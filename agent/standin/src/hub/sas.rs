//! Shared access signatures: reads the password of a device or module, and verifies it with the identity's own key.
//!
//! Form: `SharedAccessSignature sr={resource}&sig={signature}&se={expiry}`; the signature is
//! HMAC-SHA256 over `{sr}\n{se}` with `sr` exactly as sent ("Control access to IoT Hub with SAS").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use sha2::Sha256;
use thiserror::Error;

use super::event::Rule;
use super::identity::Identity;

/// Word that opens every token.
const SCHEME: &str = "SharedAccessSignature ";

/// Whose tokens a hub takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Audience<'a> {
    /// Name of the hub.
    pub(crate) host: &'a str,
    /// At edgeHub, its own names: a token may be for one of them as well (the C SDK's is over AMQP), the case of ids does not
    /// matter, and a module's token may name its device alone. Source: Azure/iotedge, `DeviceScopeTokenAuthenticator.cs`.
    pub(crate) gateway: Option<&'a [String]>,
}

/// Whom a token must speak for, and when it is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) audience: Audience<'a>,
    pub(crate) identity: &'a Identity,
    pub(crate) key: &'a [u8; 32],
    /// Seconds since the Unix epoch.
    pub(crate) now: u64,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SasError {
    #[error("the password is no shared access signature")]
    NotAToken,
    #[error("the token has no usable `{0}`")]
    Field(&'static str),
    #[error("the token names the policy `{0}`; an identity signs with its own key and no policy")]
    Policy(String),
    #[error("the token is for `{0}`, not for this identity")]
    Resource(String),
    #[error("the token expired {0} s ago")]
    Expired(u64),
    #[error("the signature does not match the identity's key")]
    Signature,
}

impl SasError {
    /// The rule that the token breaks.
    pub(crate) const fn rule(&self) -> Rule {
        match self {
            SasError::Expired(_) => Rule::TokenExpired,
            SasError::NotAToken
            | SasError::Field(_)
            | SasError::Policy(_)
            | SasError::Resource(_)
            | SasError::Signature => Rule::Token,
        }
    }
}

/// A token taken apart, nothing of it verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// What it is for, exactly as sent.
    pub(crate) resource: &'a str,
    /// The policy whose key signed it, if it names one.
    pub(crate) policy: Option<&'a str>,
    /// Its end, exactly as sent and in seconds since the Unix epoch.
    end: (&'a str, u64),
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, SasError> {
        let fields = text.strip_prefix(SCHEME).ok_or(SasError::NotAToken)?;
        let resource = field(fields, "sr").ok_or(SasError::Field("sr"))?;
        let se = field(fields, "se").ok_or(SasError::Field("se"))?;
        let expiry: u64 = se.parse().map_err(|_| SasError::Field("se"))?;
        let signature = field(fields, "sig")
            .map(|sig| percent_decode_str(sig).collect::<Vec<u8>>())
            .and_then(|sig| STANDARD.decode(sig).ok())
            .ok_or(SasError::Field("sig"))?;
        Ok(Self {
            resource,
            policy: field(fields, "skn").filter(|name| !name.is_empty()),
            end: (se, expiry),
            signature,
        })
    }

    /// Holds signature and end against a key and the time; returns its expiry in seconds since the Unix epoch.
    pub(crate) fn verify(&self, key: &[u8], now: u64) -> Result<u64, SasError> {
        let (se, expiry) = self.end;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(format!("{}\n{se}", self.resource).as_bytes());
        mac.verify_slice(&self.signature)
            .map_err(|_| SasError::Signature)?;
        if expiry <= now {
            return Err(SasError::Expired(now - expiry));
        }
        Ok(expiry)
    }
}

/// Verifies the token in `password`; returns its expiry in seconds since the Unix epoch.
pub(crate) fn verify(password: &str, expected: Expected<'_>) -> Result<u64, SasError> {
    let token = Token::parse(password)?;
    if let Some(policy) = token.policy {
        return Err(SasError::Policy(policy.to_owned()));
    }
    if !speaks_for(token.resource, expected.audience, expected.identity) {
        return Err(SasError::Resource(token.resource.to_owned()));
    }
    token.verify(expected.key, expected.now)
}

fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    fields
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// The C# client encodes the ids and then the whole resource once more, so ids are decoded twice at need.
fn speaks_for(sr: &str, audience: Audience<'_>, identity: &Identity) -> bool {
    let once = percent_decode_str(sr).decode_utf8_lossy();
    let Some((host, stem)) = once.split_once('/') else {
        return false;
    };
    let segments: Vec<_> = stem
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy())
        .collect();
    let is = |wanted: &str, same: fn(&str, &str) -> bool| {
        let wanted_segments: Vec<&str> = wanted.split('/').collect();
        let mut pairs = segments.iter().zip(&wanted_segments);
        same(stem, wanted)
            || (segments.len() == wanted_segments.len()
                && pairs.all(|(seen, wanted)| same(seen, wanted)))
    };
    match audience.gateway {
        None => {
            host.eq_ignore_ascii_case(audience.host)
                && is(&identity.stem(), |seen, wanted| seen == wanted)
        }
        Some(names) => {
            let is_a_name = |name: &str| host.eq_ignore_ascii_case(name);
            (is_a_name(audience.host) || names.iter().any(|name| is_a_name(name)))
                && [identity.stem(), identity.device_stem()]
                    .iter()
                    .any(|stem| is(stem, str::eq_ignore_ascii_case))
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Computed with Python's `hmac` and with OpenSSL over the key 00 01 … 1f.
    const TOKEN: &str = "SharedAccessSignature sr=h.azure-devices.net%2Fdevices%2Fd1%2Fmodules%2Fm1&sig=vqA3ZHzuMwDjToRjN4jw9yEGqgXmG97O98jLNRZBvKE%3D&se=2000000000";

    fn key() -> [u8; 32] {
        std::array::from_fn(|i| u8::try_from(i).unwrap())
    }

    fn check(password: &str, identity: &Identity, now: u64) -> Result<u64, SasError> {
        verify(
            password,
            Expected {
                audience: Audience {
                    host: "h.azure-devices.net",
                    gateway: None,
                },
                identity,
                key: &key(),
                now,
            },
        )
    }

    /// A token as a client makes it, without a policy.
    pub(crate) fn signed(sr: &str, se: &str, key: &[u8; 32]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(format!("{sr}\n{se}").as_bytes());
        let sig = STANDARD.encode(mac.finalize().into_bytes());
        let sig = percent_encoding::utf8_percent_encode(&sig, percent_encoding::NON_ALPHANUMERIC);
        format!("SharedAccessSignature sr={sr}&sig={sig}&se={se}")
    }

    #[test]
    fn a_token_made_by_another_implementation_verifies() {
        let m1 = Identity::module("d1", "m1");
        assert_eq!(check(TOKEN, &m1, 1_999_999_999), Ok(2_000_000_000));
    }

    #[test]
    fn a_token_is_worth_nothing_from_its_expiry_on() {
        let m1 = Identity::module("d1", "m1");
        assert_eq!(check(TOKEN, &m1, 2_000_000_000), Err(SasError::Expired(0)));
        assert_eq!(check(TOKEN, &m1, 2_000_000_060), Err(SasError::Expired(60)));
    }

    #[test]
    fn a_token_of_another_identity_is_refused() {
        for other in [
            Identity::module("d1", "m2"),
            Identity::module("D1", "m1"),
            Identity::device("d1"),
        ] {
            assert!(
                matches!(check(TOKEN, &other, 0), Err(SasError::Resource(_))),
                "{other}"
            );
        }
    }

    #[test]
    fn edge_hub_takes_a_token_for_its_own_name_too() {
        let names = ["gateway".to_owned(), "172.18.0.2".to_owned()];
        let m1 = Identity::module("d1", "m1");
        let at = |gateway, sr: &str, identity: &Identity| {
            let audience = Audience {
                host: "h.azure-devices.net",
                gateway,
            };
            let expected = Expected {
                audience,
                identity,
                key: &key(),
                now: 0,
            };
            verify(&signed(sr, "9", &key()), expected).is_ok()
        };
        for sr in [
            "gateway%2Fdevices%2Fd1%2Fmodules%2Fm1",
            "172.18.0.2/devices/d1/modules/m1",
            "H.azure-devices.net%2Fdevices%2FD1%2Fmodules%2FM1",
            "gateway%2Fdevices%2Fd1",
        ] {
            assert!(at(Some(&names), sr, &m1), "{sr}");
            assert!(!at(None, sr, &m1), "{sr} at IoT Hub");
        }
        for sr in [
            "other%2Fdevices%2Fd1%2Fmodules%2Fm1",
            "gateway%2Fdevices%2Fd2%2Fmodules%2Fm1",
            "gateway%2Fdevices%2Fd1%2Fmodules%2Fm2",
            "gateway%2Fdevices%2Fd1%2Fmodules%2Fm1%2Fx",
            "gateway%2Fdevices",
            "%2Fdevices%2Fd1%2Fmodules%2Fm1",
        ] {
            assert!(!at(Some(&names), sr, &m1), "{sr}");
        }
    }

    #[test]
    fn a_changed_expiry_breaks_the_signature() {
        let later = TOKEN.replace("se=2000000000", "se=2000000001");
        assert_eq!(
            check(&later, &Identity::module("d1", "m1"), 0),
            Err(SasError::Signature)
        );
    }

    #[test]
    fn ids_that_were_encoded_twice_are_understood() {
        let twice = signed(
            "h.azure-devices.net%2Fdevices%2Fd%252B1%2Fmodules%2F%2524edgeAgent",
            "9",
            &key(),
        );
        assert_eq!(
            check(&twice, &Identity::module("d+1", "$edgeAgent"), 0),
            Ok(9)
        );
        let once = signed(
            "h.azure-devices.net%2Fdevices%2Fd%2B1%2Fmodules%2F%24edgeAgent",
            "9",
            &key(),
        );
        assert_eq!(
            check(&once, &Identity::module("d+1", "$edgeAgent"), 0),
            Ok(9)
        );
    }

    #[test]
    fn what_is_no_identity_token_is_named() {
        let m1 = Identity::module("d1", "m1");
        assert_eq!(check("", &m1, 0), Err(SasError::NotAToken));
        assert_eq!(
            check("SharedAccessSignature se=1", &m1, 0),
            Err(SasError::Field("sr"))
        );
        assert_eq!(
            check(&format!("{TOKEN}&skn=iothubowner"), &m1, 0),
            Err(SasError::Policy("iothubowner".to_owned()))
        );
        let half = TOKEN.replace("%3D&", "&");
        assert_eq!(check(&half, &m1, 0), Err(SasError::Field("sig")));
    }

    proptest! {
        #[test]
        fn no_text_opens_the_door(text in "(SharedAccessSignature )?[ -~]{0,200}") {
            prop_assert!(check(&text, &Identity::module("d1", "m1"), 0).is_err());
        }
    }
}
