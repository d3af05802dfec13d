//! The run as the module twin asks for it: desired property `conformance.run`, written by the harness, read by the probe.
//!
//! An offer travels gzip-compressed and base64-coded in parts, because the twin takes no string above 4,096 bytes and
//! no document above 32 KB (Microsoft Learn, "Understand and use module twins in IoT Hub").

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::faults::LONGEST;
use crate::record::{MOST_CADENCE_HZ, MOST_SLOWDOWN, Profile, ProfileName, RunOptions, ScopeName};

/// How an offer is packed: gzip, then base64.
pub const ENCODING: &str = "gzip+base64";
/// Longest part of an offer in the twin.
pub const PART_BYTES: usize = 2_048;
/// Longest offer in the twin, all parts together.
pub const TWIN_BYTES: usize = 24 * 1_024;
/// Longest offer once unpacked; a bound against decompression bombs.
pub const OFFER_BYTES: u64 = 1 << 20;

/// What the desired property `conformance.run` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunRequest {
    /// Id of the run: lower-case letters, digits, hyphens, at most 64.
    pub id: String,
    /// Profile to play.
    pub profile: ProfileName,
    /// Scope to judge.
    pub scope: ScopeName,
    /// SHA-256 of the offer's text, in lower-case hex.
    pub offer_sha256: String,
    /// The offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<PackedOffer>,
    /// Settings.
    #[serde(default)]
    pub options: RunOptions,
}

/// An offer, packed for the twin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PackedOffer {
    /// `gzip+base64`.
    pub encoding: String,
    /// The text in order, each part at most [`PART_BYTES`] long.
    pub parts: Vec<String>,
}

impl RunRequest {
    /// A request for `offer` (the text of an offer file).
    ///
    /// # Errors
    /// The packed offer is larger than the twin takes.
    pub fn new(
        id: &str,
        profile: ProfileName,
        scope: ScopeName,
        offer: &str,
        options: RunOptions,
    ) -> Result<RunRequest, String> {
        Ok(RunRequest {
            id: id.to_owned(),
            profile,
            scope,
            offer_sha256: sha256_hex(offer.as_bytes()),
            offer: Some(pack(offer)?),
            options,
        })
    }

    /// Every mistake in the request's own fields.
    #[must_use]
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || self.id.len() > 64 || !self.id.chars().all(plain) {
            mistakes.push("/id: 1 to 64 lower-case letters, digits or hyphens".to_owned());
        }
        if let Err(mistake) = self.profile() {
            mistakes.push(mistake);
        }
        if !matches!(self.scope, ScopeName::Device | ScopeName::Full) {
            mistakes.push("/scope: `device` or `full`".to_owned());
        }
        if let Some(hz) = self.options.cadence_hz
            && !(1..=MOST_CADENCE_HZ).contains(&hz)
        {
            mistakes.push(format!("/options/cadenceHz: 1 to {MOST_CADENCE_HZ}"));
        }
        if let Some(slowdown) = self.options.slowdown
            && !(1.0..=MOST_SLOWDOWN).contains(&slowdown)
        {
            mistakes.push(format!("/options/slowdown: 1 to {MOST_SLOWDOWN}"));
        }
        let spans = [
            ("outage", self.options.outage),
            ("recovery", self.options.recovery),
        ];
        for (name, span) in spans {
            if span.is_some_and(|span| span > LONGEST) {
                mistakes.push(format!("/options/{name}: at most {LONGEST}"));
            }
        }
        if self.offer.is_none() {
            mistakes.push("/offer: missing".to_owned());
        }
        mistakes
    }

    /// The profile asked for, before options change its numbers.
    ///
    /// # Errors
    /// There is no such profile, after a JSON pointer.
    pub fn profile(&self) -> Result<Profile, String> {
        Profile::named(self.profile, &self.options)
    }

    /// The offer's text, checked against its digest.
    ///
    /// # Errors
    /// What is wrong with the packed offer.
    pub fn offer_text(&self) -> Result<String, String> {
        let packed = self.offer.as_ref().ok_or("/offer: missing")?;
        let text = unpack(packed)?;
        let digest = sha256_hex(text.as_bytes());
        if digest == self.offer_sha256 {
            Ok(text)
        } else {
            Err(format!(
                "/offerSha256: the offer's digest is {digest}, not {}",
                self.offer_sha256
            ))
        }
    }
}

/// The offer's text compressed by gzip, in base64.
pub(crate) fn coded(offer: &str) -> Result<String, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let packed = encoder
        .write_all(offer.as_bytes())
        .and_then(|()| encoder.finish())
        .map_err(|error| format!("the offer cannot be packed: {error}"))?;
    Ok(STANDARD.encode(packed))
}

fn pack(offer: &str) -> Result<PackedOffer, String> {
    let text = coded(offer)?;
    if text.len() > TWIN_BYTES {
        return Err(format!(
            "the offer takes {} bytes packed; a module twin takes {TWIN_BYTES}",
            text.len()
        ));
    }
    let parts = text
        .as_bytes()
        .chunks(PART_BYTES)
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect();
    Ok(PackedOffer {
        encoding: ENCODING.to_owned(),
        parts,
    })
}

fn unpack(packed: &PackedOffer) -> Result<String, String> {
    if packed.encoding != ENCODING {
        return Err(format!(
            "/offer/encoding: `{}` is not `gzip+base64`",
            packed.encoding
        ));
    }
    let length: usize = packed.parts.iter().map(String::len).sum();
    if length > TWIN_BYTES {
        return Err(format!(
            "/offer/parts: {length} bytes together; at most {TWIN_BYTES}"
        ));
    }
    let bytes = STANDARD
        .decode(packed.parts.concat())
        .map_err(|error| format!("/offer/parts: not base64: {error}"))?;
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice())
        .take(OFFER_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| format!("/offer/parts: not gzip of a UTF-8 text: {error}"))?;
    if text.len() as u64 > OFFER_BYTES {
        return Err(format!(
            "/offer/parts: more than {OFFER_BYTES} bytes once unpacked"
        ));
    }
    Ok(text)
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(offer: &str) -> RunRequest {
        RunRequest::new(
            "run-1",
            ProfileName::Quick,
            ScopeName::Device,
            offer,
            RunOptions::default(),
        )
        .unwrap()
    }

    #[test]
    fn no_part_is_longer_than_the_twin_takes() {
        let noise: String = (0..9_000_u32)
            .map(|n| {
                char::from(b'!' + u8::try_from((n.wrapping_mul(2_654_435_761) >> 24) % 90).unwrap())
            })
            .collect();
        let packed = request(&noise).offer.unwrap();
        assert!(packed.parts.len() > 1);
        assert!(packed.parts.iter().all(|part| part.len() <= PART_BYTES));
    }

    #[test]
    fn a_changed_part_is_refused() {
        let mut changed = request("{}");
        changed.offer_sha256 = sha256_hex(b"[]");
        assert!(
            changed
                .offer_text()
                .unwrap_err()
                .starts_with("/offerSha256")
        );
    }

    #[test]
    fn an_offer_that_unpacks_to_too_much_is_refused() {
        let bomb = pack(&" ".repeat(usize::try_from(OFFER_BYTES).unwrap() + 1)).unwrap();
        assert!(unpack(&bomb).unwrap_err().contains("once unpacked"));
    }

    #[test]
    fn mistakes_are_told_together() {
        let mut wrong = request("{}");
        wrong.id = "Run 1".to_owned();
        wrong.scope = ScopeName::Offer;
        wrong.offer = None;
        assert_eq!(wrong.mistakes().len(), 3);
        wrong.scope = ScopeName::Fleet;
        assert_eq!(wrong.mistakes().len(), 3);
        wrong.options.outage = Some(crate::units::Millis(u64::MAX));
        assert!(
            wrong
                .mistakes()
                .contains(&"/options/outage: at most 86400.0 s".to_owned())
        );
    }

    proptest! {
        #[test]
        fn an_offer_arrives_as_it_was_sent(offer in ".{0,400}") {
            let sent = request(&offer);
            let wire = serde_json::to_string(&sent).unwrap();
            let arrived: RunRequest = serde_json::from_str(&wire).unwrap();
            prop_assert_eq!(arrived.offer_text().unwrap(), offer);
        }
    }
}
