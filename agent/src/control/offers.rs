//! Offers that came in parts by the direct method `offer`: put together, checked, and kept on disk by their digest.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::offer_calls::{CALL_CHARS, MOST_CALLS};
use conformance::run_request::{OFFER_BYTES, sha256_hex};
use flate2::read::GzDecoder;
use serde::Deserialize;

use super::is_sha256;
use crate::journal::write_whole;

/// Offers on disk; the oldest goes first.
const MOST_OFFERS: usize = 16;
/// Bytes of all offers on disk.
const MOST_BYTES: u64 = 4 << 20;
/// Offers of which some parts are there, in memory; the oldest goes first.
const MOST_OPEN: usize = 2;

/// The payload of a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfferPart {
    pub(super) sha256: String,
    #[serde(default = "first")]
    pub(super) part: usize,
    #[serde(default = "first")]
    pub(super) parts: usize,
    pub(super) encoding: String,
    pub(super) content: String,
}

const fn first() -> usize {
    1
}

/// How much of an offer is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Have {
    pub(super) have: usize,
    pub(super) of: usize,
    pub(super) complete: bool,
}

/// Why a part was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its own mistakes, after JSON pointers.
    Mistakes(Vec<String>),
    /// The disk does not take the offer.
    Disk(String),
}

/// Offers on disk, and those under way.
#[derive(Debug)]
pub(super) struct Offers {
    directory: PathBuf,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    sha256: String,
    of: usize,
    parts: BTreeMap<usize, String>,
}

impl Offers {
    pub(super) fn open(state: &Path) -> std::io::Result<Offers> {
        let directory = state.join("offers");
        fs::create_dir_all(&directory)?;
        Ok(Offers {
            directory,
            open: Vec::new(),
        })
    }

    /// The text of an offer, if it is there and what it should be.
    pub(super) fn text(&self, sha256: &str) -> Option<String> {
        let text = fs::read_to_string(self.path(sha256)?).ok()?;
        (sha256_hex(text.as_bytes()) == sha256).then_some(text)
    }

    /// Takes one part; the last one puts the offer on disk.
    pub(super) fn take(&mut self, part: OfferPart) -> Result<Have, Refused> {
        let mistakes = mistakes(&part);
        if !mistakes.is_empty() {
            return Err(Refused::Mistakes(mistakes));
        }
        let of = part.parts;
        if self.text(&part.sha256).is_some() {
            return Ok(Have {
                have: of,
                of,
                complete: true,
            });
        }
        let sha256 = part.sha256.clone();
        let open = self.opened(&sha256, of);
        open.parts.insert(part.part, part.content);
        let have = open.parts.len();
        if have < of {
            return Ok(Have {
                have,
                of,
                complete: false,
            });
        }
        let coded: String = open.parts.values().map(String::as_str).collect();
        self.open.retain(|open| open.sha256 != sha256);
        let text = unpacked(&coded, &sha256).map_err(|mistake| Refused::Mistakes(vec![mistake]))?;
        self.keep(&sha256, &text)?;
        Ok(Have {
            have,
            of,
            complete: true,
        })
    }

    /// The parts that are there of an offer. Another number of parts begins it anew.
    fn opened(&mut self, sha256: &str, of: usize) -> &mut Open {
        self.open
            .retain(|open| open.sha256 != sha256 || open.of == of);
        let at = self.open.iter().position(|open| open.sha256 == sha256);
        let at = at.unwrap_or_else(|| {
            if self.open.len() == MOST_OPEN {
                self.open.remove(0);
            }
            self.open.push(Open {
                sha256: sha256.to_owned(),
                of,
                parts: BTreeMap::new(),
            });
            self.open.len() - 1
        });
        &mut self.open[at]
    }

    fn keep(&self, sha256: &str, text: &str) -> Result<(), Refused> {
        let path = self.path(sha256).ok_or(Refused::Mistakes(Vec::new()))?;
        self.make_room(text.len() as u64);
        write_whole(&path, text.as_bytes()).map_err(|error| Refused::Disk(error.to_string()))
    }

    fn make_room(&self, coming: u64) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        let mut kept: Vec<(SystemTime, PathBuf, u64)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let about = entry.metadata().ok()?;
                Some((about.modified().ok()?, entry.path(), about.len()))
            })
            .collect();
        kept.sort();
        let mut bytes = coming + kept.iter().map(|(_, _, bytes)| bytes).sum::<u64>();
        let mut offers = kept.len() + 1;
        for (_, path, length) in kept {
            if offers <= MOST_OFFERS && bytes <= MOST_BYTES {
                break;
            }
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "an old offer stays");
            }
            offers -= 1;
            bytes -= length;
        }
    }

    fn path(&self, sha256: &str) -> Option<PathBuf> {
        is_sha256(sha256).then(|| self.directory.join(format!("{sha256}.json")))
    }
}

fn mistakes(part: &OfferPart) -> Vec<String> {
    let mut mistakes = Vec::new();
    if !is_sha256(&part.sha256) {
        mistakes.push("/sha256: 64 lower-case hexadecimal digits".to_owned());
    }
    if !(1..=MOST_CALLS).contains(&part.parts) {
        mistakes.push(format!("/parts: 1 to {MOST_CALLS}"));
    }
    if part.part == 0 || part.part > part.parts {
        mistakes.push("/part: 1 to the number of parts".to_owned());
    }
    if part.encoding != "gzip+base64" {
        mistakes.push("/encoding: `gzip+base64`".to_owned());
    }
    if part.content.len() > CALL_CHARS {
        let length = part.content.len();
        mistakes.push(format!(
            "/content: {length} characters; at most {CALL_CHARS}"
        ));
    }
    mistakes
}

fn unpacked(coded: &str, sha256: &str) -> Result<String, String> {
    let bytes = STANDARD
        .decode(coded)
        .map_err(|error| format!("/content: the parts together are not base64: {error}"))?;
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice())
        .take(OFFER_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| {
            format!("/content: the parts together are not gzip of a UTF-8 text: {error}")
        })?;
    if text.len() as u64 > OFFER_BYTES {
        return Err(format!(
            "/content: more than {OFFER_BYTES} bytes once unpacked"
        ));
    }
    let digest = sha256_hex(text.as_bytes());
    if digest == sha256 {
        return Ok(text);
    }
    Err(format!(
        "/sha256: the offer's digest is {digest}, not {sha256}"
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn packed(text: &str) -> String {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        STANDARD.encode(encoder.finish().unwrap())
    }

    fn parts(text: &str, of: usize) -> Vec<OfferPart> {
        let coded = packed(text);
        let size = coded.len().div_ceil(of).max(1);
        (0..of)
            .map(|index| OfferPart {
                sha256: sha256_hex(text.as_bytes()),
                part: index + 1,
                parts: of,
                encoding: "gzip+base64".to_owned(),
                content: coded.chars().skip(index * size).take(size).collect(),
            })
            .collect()
    }

    fn have(have: usize, of: usize) -> Result<Have, Refused> {
        let complete = have == of;
        Ok(Have { have, of, complete })
    }

    #[test]
    fn parts_in_any_order_and_twice_make_one_offer() {
        let state = tempfile::tempdir().unwrap();
        let mut offers = Offers::open(state.path()).unwrap();
        let [a, b, c] = parts("an offer", 3).try_into().unwrap();
        assert_eq!(offers.take(c.clone()), have(1, 3));
        assert_eq!(offers.take(a.clone()), have(2, 3));
        assert_eq!(offers.take(a.clone()), have(2, 3));
        assert_eq!(offers.text(&a.sha256), None);
        assert_eq!(offers.take(b), have(3, 3));
        let again = Offers::open(state.path()).unwrap();
        assert_eq!(again.text(&a.sha256).as_deref(), Some("an offer"));
        assert_eq!(offers.take(c), have(3, 3));
    }

    #[test]
    fn an_offer_that_is_not_what_it_says_is_not_kept() {
        let state = tempfile::tempdir().unwrap();
        let mut offers = Offers::open(state.path()).unwrap();
        let mut part = parts("an offer", 1).remove(0);
        part.sha256 = sha256_hex(b"another");
        for (content, place) in [
            (part.content.clone(), "/sha256: "),
            ("?".to_owned(), "/content: "),
            (STANDARD.encode("no gzip"), "/content: "),
            (packed(&"x".repeat((1 << 20) + 1)), "/content: more than"),
        ] {
            let refused = offers.take(OfferPart {
                content,
                ..part.clone()
            });
            let Err(Refused::Mistakes(told)) = refused else {
                panic!("{refused:?}")
            };
            assert!(told[0].starts_with(place), "{told:?}");
        }
        assert_eq!(
            fs::read_dir(state.path().join("offers")).unwrap().count(),
            0
        );
    }

    #[test]
    fn every_mistake_of_a_part_is_told() {
        let state = tempfile::tempdir().unwrap();
        let mut offers = Offers::open(state.path()).unwrap();
        let refused = offers.take(OfferPart {
            sha256: "../../etc/passwd".to_owned(),
            part: 3,
            parts: MOST_CALLS + 1,
            encoding: "zip".to_owned(),
            content: "x".repeat(CALL_CHARS + 1),
        });
        let Err(Refused::Mistakes(told)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(told.len(), 4, "{told:?}");
    }

    #[test]
    fn offers_are_bounded_in_number_and_in_bytes() {
        let state = tempfile::tempdir().unwrap();
        let mut offers = Offers::open(state.path()).unwrap();
        let directory = state.path().join("offers");
        for n in 0..MOST_OFFERS + 3 {
            offers
                .take(parts(&format!("offer {n}"), 1).remove(0))
                .unwrap();
        }
        assert_eq!(fs::read_dir(&directory).unwrap().count(), MOST_OFFERS);
        for n in 0..6 {
            let text = format!("{n}{}", " ".repeat((1 << 20) - 1));
            offers.take(parts(&text, 1).remove(0)).unwrap();
        }
        let entries = fs::read_dir(&directory).unwrap();
        let bytes: u64 = entries.map(|e| e.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes <= MOST_BYTES, "{bytes}");
    }

    #[test]
    fn only_so_many_offers_are_under_way_at_once() {
        let state = tempfile::tempdir().unwrap();
        let mut offers = Offers::open(state.path()).unwrap();
        for n in 0..5 {
            offers
                .take(parts(&format!("offer {n}"), 2).remove(0))
                .unwrap();
        }
        assert_eq!(offers.open.len(), MOST_OPEN);
        assert_eq!(offers.take(parts("offer 0", 2).remove(1)), have(1, 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn an_offer_arrives_as_it_was_sent(text in ".{0,200}", of in 1usize..8) {
            let state = tempfile::tempdir().unwrap();
            let mut offers = Offers::open(state.path()).unwrap();
            for part in parts(&text, of) {
                offers.take(part).unwrap();
            }
            prop_assert_eq!(offers.text(&sha256_hex(text.as_bytes())), Some(text));
        }
    }
}
