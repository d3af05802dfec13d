//! An offer as calls of the direct method `offer`, for those that the module twin has no room for.

use serde::Serialize;

use crate::record::{ProfileName, RunOptions, ScopeName};
use crate::run_request::{ENCODING, OFFER_BYTES, RunRequest, TWIN_BYTES, coded, sha256_hex};

/// Longest part that one call carries, in characters: a payload is at most 128 KB (Microsoft Learn, "Understand and invoke
/// direct methods from IoT Hub").
pub const CALL_CHARS: usize = 96 * 1024;
/// Most calls for one offer: more than 1 MiB takes, however badly it packs.
pub const MOST_CALLS: usize = 16;

/// The payload of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferCall {
    /// SHA-256 of the whole offer's text, in lower-case hex.
    pub sha256: String,
    /// Which part it is, from 1.
    pub part: usize,
    /// How many there are.
    pub parts: usize,
    /// `gzip+base64`.
    pub encoding: String,
    /// At most [`CALL_CHARS`] characters.
    pub content: String,
}

/// A request for `offer` (the text of an offer file), and the calls that have to come before it: none where the offer fits
/// into the twin, else the request names it by its digest alone.
///
/// # Errors
/// No probe takes an offer of this size, by any way.
pub fn request_and_calls(
    id: &str,
    profile: ProfileName,
    scope: ScopeName,
    offer: &str,
    options: RunOptions,
) -> Result<(RunRequest, Vec<OfferCall>), String> {
    let coded = coded(offer)?;
    if coded.len() <= TWIN_BYTES {
        let request = RunRequest::new(id, profile, scope, offer, options)?;
        return Ok((request, Vec::new()));
    }
    let length = offer.len() as u64;
    if length > OFFER_BYTES {
        return Err(format!(
            "the offer has {length} bytes; a probe takes {OFFER_BYTES}"
        ));
    }
    let request = RunRequest {
        id: id.to_owned(),
        profile,
        scope,
        offer_sha256: sha256_hex(offer.as_bytes()),
        offer: None,
        options,
    };
    let contents: Vec<&[u8]> = coded.as_bytes().chunks(CALL_CHARS).collect();
    let parts = contents.len();
    let call = |(n, content): (usize, &[u8])| OfferCall {
        sha256: request.offer_sha256.clone(),
        part: n + 1,
        parts,
        encoding: ENCODING.to_owned(),
        content: String::from_utf8_lossy(content).into_owned(),
    };
    let calls = contents.into_iter().enumerate().map(call).collect();
    Ok((request, calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text that packs badly: `length` characters without a pattern that gzip finds.
    fn noise(length: usize) -> String {
        let mut state = 1_u64;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    fn asked(offer: &str) -> Result<(RunRequest, Vec<OfferCall>), String> {
        let options = RunOptions::default();
        request_and_calls("r", ProfileName::Quick, ScopeName::Device, offer, options)
    }

    #[test]
    fn an_offer_that_fits_travels_in_the_twin_and_needs_no_call() {
        let (request, calls) = asked("{}").unwrap();
        assert_eq!(request.offer_text().unwrap(), "{}");
        assert_eq!(calls, []);
    }

    #[test]
    fn a_larger_one_goes_in_parts_of_which_none_is_too_long() {
        let offer = noise(200_000);
        let (request, calls) = asked(&offer).unwrap();
        assert_eq!(
            (&request.offer, request.mistakes()),
            (&None, vec!["/offer: missing".to_owned()])
        );
        assert!(
            calls.len() > 1 && calls.len() <= MOST_CALLS,
            "{}",
            calls.len()
        );
        for (n, call) in calls.iter().enumerate() {
            assert_eq!((call.part, call.parts), (n + 1, calls.len()));
            assert_eq!(call.sha256, request.offer_sha256);
            assert!(call.content.len() <= CALL_CHARS);
            assert!(serde_json::to_string(call).unwrap().len() < 128 * 1024);
        }
        let whole: String = calls.iter().map(|call| call.content.as_str()).collect();
        assert_eq!(whole, coded(&offer).unwrap());
    }

    #[test]
    fn the_largest_offer_fits_into_the_most_calls_and_one_byte_more_is_refused() {
        let most = usize::try_from(OFFER_BYTES).unwrap();
        assert!(asked(&noise(most)).unwrap().1.len() <= MOST_CALLS);
        let refused = asked(&noise(most + 1)).unwrap_err();
        assert_eq!(
            refused,
            "the offer has 1048577 bytes; a probe takes 1048576"
        );
    }
}
