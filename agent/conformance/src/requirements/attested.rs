//! What the partner says of a requirement himself. It stands beside what was seen and never changes a verdict.

use serde_json::json;

use crate::record::Record;

/// `attested by A. Person on 2026-11-01: It is in use.`, or that nobody attests it.
pub(super) fn attested(record: &Record, id: &str) -> String {
    match record.offer.attestations.get(id) {
        Some(one) => format!("attested by {} on {}: {}", one.by, one.on, one.statement),
        None => format!("nobody attests it under /attestations/{id}"),
    }
}

/// What is to be filled in under `attestations` of the offer.
pub(super) fn skeleton(id: &str, statement: &str) -> String {
    json!({id: {"by": "<NAME>", "on": "<DATE>", "statement": statement}}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::Attestation;
    use crate::sample;

    #[test]
    fn the_partners_words_are_told_with_who_and_when() {
        let mut record = sample::record();
        assert_eq!(
            attested(&record, "IEM-USE-01"),
            "nobody attests it under /attestations/IEM-USE-01"
        );
        let one = Attestation {
            by: "A. Person".to_owned(),
            on: "2026-11-01".to_owned(),
            statement: "It is in use.".to_owned(),
        };
        record
            .offer
            .attestations
            .insert("IEM-USE-01".to_owned(), one);
        assert_eq!(
            attested(&record, "IEM-USE-01"),
            "attested by A. Person on 2026-11-01: It is in use."
        );
    }
}
