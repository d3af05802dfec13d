//! `authentication` of an identity: read from the body of a PUT, and told.
//!
//! Shapes: "AuthenticationMechanism" of "IoT Hub REST API" (Microsoft Learn).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::registry::{Keys, Known};
use super::super::x509::{Certificates, Thumbprint};

/// What is read: new keys, and whether a certificate logs in from now on.
type Read = (Option<Keys>, Option<Option<Certificates>>);

/// The texts of two members; absent, null and empty are the same.
fn two<'a>(given: &'a Value, names: [&'static str; 2]) -> [Option<&'a str>; 2] {
    names.map(|name| given[name].as_str().filter(|text| !text.is_empty()))
}

const KEYS: [&str; 2] = ["primaryKey", "secondaryKey"];
const THUMBPRINTS: [&str; 2] = ["primaryThumbprint", "secondaryThumbprint"];

/// Reads it; an identity keeps what is not said.
pub(super) fn authentication(given: &Value, mistakes: &mut Vec<String>) -> Read {
    let keys = two(&given["symmetricKey"], KEYS);
    let thumbprints = two(&given["x509Thumbprint"], THUMBPRINTS);
    let kind = &given["type"];
    let named = kind.as_str().unwrap_or_default();
    if !kind.is_null() && !["sas", "selfSigned", "certificateAuthority"].contains(&named) {
        mistakes.push(format!(
            "/authentication/type: {kind} is not served, only \"sas\", \"selfSigned\" and \"certificateAuthority\""
        ));
        return (None, None);
    }
    let is_sas = kind.is_null() || named == "sas";
    if !is_sas && keys.iter().any(Option::is_some) {
        mistakes.push(format!(
            "/authentication/symmetricKey: keys are of the type \"sas\", not of {kind}"
        ));
    }
    if named != "selfSigned" && thumbprints.iter().any(Option::is_some) {
        mistakes.push(
            "/authentication/x509Thumbprint: thumbprints are of the type \"selfSigned\"".to_owned(),
        );
    }
    match named {
        "selfSigned" => (None, Some(self_signed(thumbprints, mistakes))),
        "certificateAuthority" => (None, Some(Some(Certificates::CertificateAuthority))),
        // Without a type nothing is said of certificates.
        _ => (symmetric(keys, mistakes), (!kind.is_null()).then_some(None)),
    }
}

fn self_signed(given: [Option<&str>; 2], mistakes: &mut Vec<String>) -> Option<Certificates> {
    let mut read = |place: usize| {
        let text = given[place]?;
        let thumbprint = Thumbprint::parse(text);
        if thumbprint.is_none() {
            mistakes.push(format!(
                "/authentication/x509Thumbprint/{}: it is no SHA-1 (40 hexadecimal digits) and no SHA-256 (64) of a certificate, without colons",
                THUMBPRINTS[place]
            ));
        }
        thumbprint
    };
    let (primary, secondary) = (read(0), read(1));
    if given == [None, None] {
        mistakes.push(
            "/authentication/x509Thumbprint: \"selfSigned\" wants one thumbprint or two".to_owned(),
        );
    }
    Some(Certificates::SelfSigned { primary, secondary })
}

fn symmetric(given: [Option<&str>; 2], mistakes: &mut Vec<String>) -> Option<Keys> {
    let mut read = |place: usize| {
        let text = given[place]?;
        let key = STANDARD
            .decode(text)
            .ok()
            .and_then(|key| key.try_into().ok());
        if key.is_none() {
            let place = format!("/authentication/symmetricKey/{}", KEYS[place]);
            mistakes.push(format!("{place}: it is no base64 of 32 bytes"));
        }
        key
    };
    match (read(0), read(1)) {
        (Some(primary), Some(secondary)) => Some(Keys { primary, secondary }),
        (Some(one), None) | (None, Some(one)) => {
            mistakes
                .push("/authentication/symmetricKey: there must be two keys or none".to_owned());
            Some(Keys {
                primary: one,
                secondary: one,
            })
        }
        (None, None) => None,
    }
}

/// As the API tells it.
pub(super) fn told(known: &Known) -> Value {
    let text = |thumbprint: Option<&Thumbprint>| thumbprint.map(|one| one.as_str().to_owned());
    match &known.record.certificates {
        None => json!({
            "type": "sas",
            "symmetricKey": {
                "primaryKey": STANDARD.encode(known.key),
                "secondaryKey": known.record.secondary.map(|key| STANDARD.encode(key)),
            },
            "x509Thumbprint": {"primaryThumbprint": null, "secondaryThumbprint": null},
        }),
        Some(certificates) => {
            let [primary, secondary] = certificates.thumbprints().map(text);
            json!({
                "type": certificates.kind(),
                "symmetricKey": {"primaryKey": null, "secondaryKey": null},
                "x509Thumbprint": {"primaryThumbprint": primary, "secondaryThumbprint": secondary},
            })
        }
    }
}
