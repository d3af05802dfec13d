//! Cuts a report into messages that a hub accepts, each saying which part of what it is.

use sha2::{Digest, Sha256};

/// Largest body of one part, in bytes. IoT Hub counts body and properties against 256 KiB, and
/// the metering and other consumers add to it; 200 000 leaves room for all of them.
pub const MAX_PART_BYTES: usize = 200_000;

/// Schema identifier of a part's message, in its property `schema`.
pub const PART_SCHEMA: &str = "edgeproof.report/1";

/// Module output on which reports leave.
pub const REPORT_OUTPUT: &str = "report";

/// One message of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Id of the run that the report belongs to.
    pub run: String,
    /// Which part this is, counted from 1.
    pub part: usize,
    /// How many parts there are.
    pub parts: usize,
    /// SHA-256 of the whole report, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// This part's bytes of the report, at most [`MAX_PART_BYTES`].
    pub body: Vec<u8>,
}

impl Part {
    /// The application properties that go with the part: `schema`, `run`, `part`, `parts`, `sha256`.
    pub fn properties(&self) -> Vec<(String, String)> {
        [
            ("schema", PART_SCHEMA.to_owned()),
            ("run", self.run.clone()),
            ("part", self.part.to_string()),
            ("parts", self.parts.to_string()),
            ("sha256", self.sha256.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

/// Cuts `report_json` into parts of at most [`MAX_PART_BYTES`], in order.
///
/// There is always at least one part, so that an empty report is seen to be empty. A cut may fall
/// inside a UTF-8 character: only the joined bytes are JSON.
pub fn report_parts(run: &str, report_json: &[u8]) -> Vec<Part> {
    let sha256 = hex(&Sha256::digest(report_json));
    let parts = report_json.len().div_ceil(MAX_PART_BYTES).max(1);
    (0..parts)
        .map(|index| {
            let from = index * MAX_PART_BYTES;
            let to = report_json.len().min(from + MAX_PART_BYTES);
            Part {
                run: run.to_owned(),
                part: index + 1,
                parts,
                sha256: sha256.clone(),
                body: report_json[from..to].to_vec(),
            }
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_small_report_is_one_part() {
        let parts = report_parts("r1", b"abc");
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0].part, parts[0].parts), (1, 1));
        // The SHA-256 test value for "abc" of FIPS 180-2, appendix B.1.
        assert_eq!(
            parts[0].sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let names: Vec<_> = parts[0].properties().into_iter().map(|p| p.0).collect();
        assert_eq!(names, ["schema", "run", "part", "parts", "sha256"]);
    }

    #[test]
    fn an_empty_report_is_one_empty_part() {
        let parts = report_parts("r1", b"");
        assert_eq!((parts.len(), parts[0].body.len()), (1, 0));
    }

    #[test]
    fn a_report_of_exactly_the_limit_is_not_cut() {
        assert_eq!(report_parts("r", &vec![b'x'; MAX_PART_BYTES]).len(), 1);
        assert_eq!(report_parts("r", &vec![b'x'; MAX_PART_BYTES + 1]).len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn the_joined_parts_are_the_report(length in 0usize..900_000, fill: u8) {
            let report: Vec<u8> = (0..length).map(|i| fill.wrapping_add(i.to_le_bytes()[0])).collect();
            let parts = report_parts("r", &report);
            prop_assert!(parts.iter().all(|p| p.body.len() <= MAX_PART_BYTES));
            prop_assert!(parts.iter().enumerate().all(|(i, p)| p.part == i + 1 && p.parts == parts.len()));
            let joined: Vec<u8> = parts.into_iter().flat_map(|p| p.body).collect();
            prop_assert_eq!(joined, report);
        }
    }
}
