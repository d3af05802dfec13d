//! What is kept of an unsent report beside the report itself: a small file that carries its own digest. Pure.

use conformance::run_request::sha256_hex;
use serde::{Deserialize, Serialize};

/// An unsent report: its summary goes first (message 0), then its parts, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// Its place in the order of sending.
    pub(super) sequence: u64,
    /// Id of the run.
    pub(super) run: String,
    /// SHA-256 of `report.json`, 64 lower-case hexadecimal digits.
    pub(super) sha256: String,
    /// Length of `report.json` in bytes.
    pub(super) bytes: u64,
    /// Parts of `report.json`; none if there was no room for more than the summary.
    pub(super) parts: usize,
    /// The message that the hub is to acknowledge next.
    pub(super) next: usize,
    /// What the report leaves out for want of room.
    pub(super) left_out: Vec<String>,
    /// The summary's JSON.
    pub(super) summary: String,
}

impl Entry {
    /// Messages without acknowledgement.
    pub(super) fn messages(&self) -> usize {
        (1 + self.parts).saturating_sub(self.next)
    }

    /// What it takes of the outbox's bound, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.bytes + self.summary.len() as u64
    }

    /// Digest of the second line, then that line.
    pub(super) fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_string(self).expect("texts and numbers are always JSON");
        format!("{}\n{json}\n", sha256_hex(json.as_bytes())).into_bytes()
    }

    /// The entry in `bytes`.
    ///
    /// # Errors
    /// What is wrong: it is torn, or of another version.
    pub(super) fn decode(bytes: &[u8]) -> Result<Entry, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let torn = || format!("{} bytes that are not what was written", bytes.len());
        let (digest, rest) = text.split_once('\n').ok_or_else(torn)?;
        let json = rest.strip_suffix('\n').ok_or_else(torn)?;
        if sha256_hex(json.as_bytes()) != digest {
            return Err(torn());
        }
        serde_json::from_str(json).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            sequence: 7,
            run: "r-1".into(),
            sha256: sha256_hex(b"{}"),
            bytes: 2,
            parts: 1,
            next: 0,
            left_out: vec!["/series".into()],
            summary: r#"{"run":"r-1","headline":"ü"}"#.into(),
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        assert_eq!(Entry::decode(&entry().encode()), Ok(entry()));
        assert_eq!((entry().messages(), entry().size()), (2, 31));
    }

    #[test]
    fn a_torn_or_changed_entry_is_recognised_wherever_it_is_cut() {
        let whole = entry().encode();
        for length in 0..whole.len() {
            assert!(Entry::decode(&whole[..length]).is_err(), "cut at {length}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(Entry::decode(&changed).is_err(), "changed at {at}");
        }
    }
}
