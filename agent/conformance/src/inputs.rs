//! What of an offer a verdict rests on, part by part, by digest: a part that has another digest makes a certificate stale.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::offer::{Offer, Plan};
use crate::run_request::sha256_hex;

/// One part of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// `listing`, `plan.createOptions`, …
    pub name: String,
    /// SHA-256 of its JSON with sorted names and without white space, in lower-case hex.
    pub sha256: String,
}

/// Parts by name, with what rests on each.
const RESTS_ON: [(&str, &str); 9] = [
    ("identity", "IEM-CAT-01, IEM-PUB-01, IEM-TEL-01"),
    (
        "listing",
        "the hardware claim (IEM-HW-…), IEM-DOC-…, IEM-DEV-02, IEM-LEG-…, IEM-SUP-…",
    ),
    ("plan.platforms", "IEM-PLAT-…"),
    ("plan.image", "everything that ran"),
    (
        "plan.createOptions",
        "IEM-CFG-03, IEM-SEC-… and everything that ran",
    ),
    (
        "plan.env",
        "IEM-CFG-04, IEM-CFG-08, IEM-DOC-01 and everything that ran",
    ),
    (
        "plan.twin",
        "IEM-CFG-05, IEM-DOC-01 and everything that ran",
    ),
    (
        "plan.routes",
        "IEM-CFG-06, IEM-DOC-01 and everything that ran",
    ),
    (
        "plan.scope",
        "the memory budget (IEM-HW-03, IEM-HW-07) and what is asked of a module on the SDK",
    ),
];

/// What rests on a part of this name.
#[must_use]
pub fn rests_on(name: &str) -> &'static str {
    let known = RESTS_ON.iter().find(|(known, _)| *known == name);
    known.map_or("everything", |(_, rests)| rests)
}

/// The parts of an offer. Test values, attestations and requests for waivers are none: no verdict rests on them.
#[must_use]
pub fn inputs(offer: &Offer) -> Vec<Input> {
    let Plan {
        platform_option,
        platforms,
        image,
        create_options,
        env,
        twin,
        routes,
        uses_module_sdk,
        claim_scope,
    } = &offer.plan;
    let platforms: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    let parts = [
        json!([
            offer.publisher_id,
            offer.offer_id,
            offer.plan_id,
            offer.offer_type,
            offer.category
        ]),
        json!(offer.listing),
        json!([platform_option, platforms]),
        json!(image),
        document(create_options),
        json!(env),
        document(twin),
        json!(routes),
        json!([uses_module_sdk, claim_scope]),
    ];
    RESTS_ON
        .iter()
        .zip(parts)
        .map(|((name, _), part)| Input {
            name: (*name).to_owned(),
            sha256: sha256_hex(sorted(part).to_string().as_bytes()),
        })
        .collect()
}

/// A document by its value; one that cannot be read by its text. No document and an empty one say the same.
fn document(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) if fields.is_empty() => Value::Null,
        Ok(value) => value,
        Err(_) if text.trim().is_empty() => Value::Null,
        Err(_) => json!({"text": text}),
    }
}

/// The same value with its names in order: their order says nothing.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|(left, _), (right, _)| left.cmp(right));
            let fields = fields
                .into_iter()
                .map(|(name, field)| (name, sorted(field)));
            Value::Object(Map::from_iter(fields))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::{Attestation, Link};
    use crate::sample;

    /// Names of the parts that a change gives another digest.
    fn changed(change: impl FnOnce(&mut Offer)) -> Vec<String> {
        let before = sample::record().offer;
        let mut after = before.clone();
        change(&mut after);
        let pairs = inputs(&before).into_iter().zip(inputs(&after));
        pairs
            .filter(|(old, new)| old != new)
            .map(|(old, _)| old.name)
            .collect()
    }

    #[test]
    fn each_part_has_a_digest_of_its_own() {
        assert_eq!(
            changed(|offer| offer.plan_id = "pro".to_owned()),
            ["identity"]
        );
        let link = Link {
            title: "A".to_owned(),
            url: "https://a.example".to_owned(),
        };
        assert_eq!(
            changed(|offer| offer.listing.useful_links.push(link)),
            ["listing"]
        );
        assert_eq!(
            changed(|offer| offer.plan.image.tag = "1.0.2".to_owned()),
            ["plan.image"]
        );
        assert_eq!(
            changed(|offer| offer.plan.create_options = "{}".to_owned()),
            ["plan.createOptions"]
        );
        assert_eq!(
            changed(|offer| offer.plan.uses_module_sdk = true),
            ["plan.scope"]
        );
        for input in inputs(&sample::record().offer) {
            assert_ne!(rests_on(&input.name), "everything");
        }
    }

    #[test]
    fn what_no_verdict_rests_on_and_what_is_only_written_otherwise_changes_nothing() {
        let attestation = Attestation {
            by: "A".to_owned(),
            on: "2026-11-01".to_owned(),
            statement: "It is in use.".to_owned(),
        };
        let id = "IEM-USE-01".to_owned();
        assert!(changed(|offer| drop(offer.attestations.insert(id, attestation))).is_empty());
        assert!(changed(|offer| drop(offer.overlay.env.insert("A".into(), "b".into()))).is_empty());
        let other = r#"{ "HostConfig":{"ReadonlyRootfs":true}, "ExposedPorts":{"8080/tcp":{}} }"#;
        assert!(changed(|offer| offer.plan.create_options = other.to_owned()).is_empty());
        assert!(changed(|offer| offer.plan.twin = " {} ".to_owned()).is_empty());
    }

    #[test]
    fn a_document_that_cannot_be_read_counts_by_its_text() {
        assert_eq!(
            changed(|offer| offer.plan.twin = "{".to_owned()),
            ["plan.twin"]
        );
    }
}
