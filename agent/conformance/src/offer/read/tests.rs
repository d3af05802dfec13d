//! Offer files with and without mistakes.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::json;

use super::super::{ClaimScope, Plan, PlanImage, PlatformOption};
use super::*;

/// A complete offer file, one member a line where a test points at lines.
const COMPLETE: &str = r#"{
  "publisherId": "contoso",
  "offerId": "air-quality",
  "planId": "standard",
  "offerType": "IoT Edge module",
  "category": "Internet of Things/IoT Edge modules",
  "listing": {
    "name": "Air quality",
    "summary": "How good is the air?",
    "description": "<p>It measures.</p>",
    "usefulLinks": [{"title": "Devices", "url": "https://example.com/devices"}],
    "supportEmail": "help@example.com",
    "termsOfUse": "Use it well."
  },
  "plan": {
    "platformOption": "subset",
    "platforms": ["linux/amd64", "linux/arm"],
    "image": {"repository": "contoso.azurecr.io/air-quality", "tag": "1.0.1"},
    "createOptions": { "HostConfig": { "Memory": 12345678901234567890123 } },
    "env": {"LEVEL": "info"},
    "twin": "{\"period\": 5}",
    "routes": {"all": "FROM /messages/* INTO $upstream"},
    "usesModuleSdk": true,
    "claimScope": "module"
  },
  "overlay": {"env": {"SERVER": "10.0.0.7"}},
  "attestations": {"IEM-USE-01": {"by": "A. Person", "on": "2026-11-01", "statement": "It is in use."}},
  "waiverRequests": [{"id": "IEM-SEC-02", "reason": "It reads a sensor."}]
}"#;

fn mistakes(text: &str) -> String {
    let mistakes = match read(text) {
        Err(mistakes) => mistakes,
        Ok(read) => panic!("no mistake was found; {:?}", read.warnings),
    };
    listed(&mistakes)
}

fn listed(mistakes: &[Mistake]) -> String {
    mistakes.iter().fold(String::new(), |mut text, mistake| {
        writeln!(text, "{mistake}").unwrap();
        text
    })
}

#[test]
fn a_complete_offer_is_read_without_a_warning() {
    let read = read(COMPLETE).unwrap();
    assert_eq!(listed(&read.warnings), "");
    let plan = &read.offer.plan;
    assert_eq!(
        plan.create_options,
        r#"{"HostConfig":{"Memory":12345678901234567890123}}"#
    );
    assert_eq!(plan.twin, r#"{"period": 5}"#);
    assert_eq!(plan.platforms[1].to_string(), "linux/arm/v7");
    assert_eq!(
        plan.image.reference(),
        "contoso.azurecr.io/air-quality:1.0.1"
    );
    assert_eq!(plan.claim_scope, ClaimScope::Module);
    assert!(plan.uses_module_sdk);
    assert_eq!(read.offer.overlay.env["SERVER"], "10.0.0.7");
    assert_eq!(read.offer.attestations["IEM-USE-01"].by, "A. Person");
    assert_eq!(read.offer.waiver_requests[0].id, "IEM-SEC-02");
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let text = r#"{
  "publisherId": "",
  "offerID": "air-quality",
  "planId": 7,
  "offerType": "IoT Edge module",
  "listing": {
    "name": "Air quality",
    "usefulLinks": [{"title": "x"}]
  },
  "plan": {
    "platformOption": "all-tier1",
    "platforms": ["linux/amd64", "Linux x64"],
    "image": {"repository": "contoso.azurecr.io/air:1.0"},
    "createOptions": [],
    "env": {"PORT": 8080, "DEEP": {}},
    "routes": [],
    "usesModuleSdk": "yes"
  }
}"#;
    let expected = "\
line 1, column 1, /offerId: `offerId` is missing; rename `offerID` to `offerId`
line 2, column 18, /publisherId: `publisherId` is empty; give `publisherId` a value
line 4, column 13, /planId: a number stands instead of a string; put it in quotation marks
line 6, column 14, /listing/description: `description` is missing; add `description`
line 8, column 21, /listing/usefulLinks/0/url: `url` is missing; add `url`
line 11, column 23, /plan/platformOption: `all-tier1` is not one of all-tier-1, subset; did you mean `all-tier-1`?
line 12, column 34, /plan/platforms/1: `Linux x64` is not os/architecture or os/architecture/variant; write it as an image manifest does: linux/amd64, linux/arm64 or linux/arm/v7
line 13, column 14, /plan/image/tag: `tag` is missing; add `tag`
line 13, column 29, /plan/image/repository: the repository carries a tag; write registry host and path alone, such as contoso.azurecr.io/air-quality, and the tag in `tag`
line 14, column 22, /plan/createOptions: a list stands instead of an object, or a string that holds one; write an object, or a string that holds one
line 15, column 21, /plan/env/PORT: a number stands instead of a string; put it in quotation marks
line 15, column 35, /plan/env/DEEP: an object stands instead of a string; write a string
line 16, column 15, /plan/routes: a list stands instead of an object; write an object
line 17, column 22, /plan/usesModuleSdk: a string stands instead of true or false; write true or false
";
    assert_eq!(mistakes(text), expected);
}

#[test]
fn a_text_that_is_no_json_is_placed_by_line_and_column() {
    assert_eq!(
        mistakes("{\n  \"publisherId\": }"),
        "line 2, column 18, document: this is not JSON: expected value; correct the syntax there\n"
    );
    for text in ["", "{", "nul", "1e999", "\"\\ud800\"", "{\"a\": 1,}"] {
        assert_eq!(read(text).unwrap_err().len(), 1, "{text}");
    }
    assert_eq!(
        mistakes("[]"),
        "line 1, column 1, document: a list stands instead of an object; write an object\n"
    );
}

#[test]
fn a_text_nested_too_deeply_is_a_mistake() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(mistakes(&deep).contains("recursion limit"));
}

#[test]
fn unknown_members_are_warnings_with_what_was_probably_meant() {
    let text = COMPLETE
        .replace(
            "\"env\": {\"LEVEL\"",
            "\"createOptions1\": \"x\", \"environment\": {}, \"Env\": {}, \"env\": {\"LEVEL\"",
        )
        .replace("\"summary\"", "\"sumary\"");
    let read = read(&text).unwrap();
    assert_eq!(
        listed(&read.warnings),
        "\
line 9, column 15, /listing/sumary: `sumary` is not known and is ignored; did you mean `summary`?
line 20, column 23, /plan/createOptions1: `createOptions1` is not known and is ignored; did you mean `createOptions`?
line 20, column 43, /plan/environment: `environment` is not known and is ignored; remove it; known here: platformOption, platforms, image, createOptions, env, twin, routes, usesModuleSdk, claimScope
line 20, column 54, /plan/Env: `Env` is not known and is ignored; did you mean `env`?
"
    );
}

#[test]
fn a_member_written_twice_is_a_mistake_unless_it_stands_inside_a_document() {
    let own = COMPLETE.replace(
        "\"LEVEL\": \"info\"",
        "\"LEVEL\": \"info\", \"LEVEL\": \"debug\"",
    );
    assert_eq!(
        mistakes(&own),
        "line 20, column 39, /plan/env/LEVEL: this member stands more than once in its object; keep one of them\n"
    );
    let inside = COMPLETE.replace("\"Memory\"", "\"Memory\": 1, \"Memory\"");
    let read = read(&inside).unwrap();
    assert_eq!(read.warnings.len(), 1);
    assert_eq!(
        read.offer.plan.create_options,
        r#"{"HostConfig":{"Memory":1,"Memory":12345678901234567890123}}"#
    );
}

#[test]
fn what_stands_inside_documents_and_texts_is_no_mistake() {
    let text = json!({
        "publisherId": "a", "offerId": "b", "planId": "c", "offerType": "",
        "listing": {"name": "n", "description": ""},
        "plan": {
            "image": {"repository": "a.b/c", "tag": ""},
            "createOptions": "{not json", "twin": "[]",
            "routes": {"r": 7, "s": {"route": "FROM"}}
        }
    });
    let read = read(&text.to_string()).unwrap();
    assert_eq!(listed(&read.warnings), "");
    assert_eq!(read.offer.plan.create_options, "{not json");
    assert_eq!(read.offer.plan.routes["r"], json!(7));
}

#[test]
fn an_overlay_value_never_shows_in_a_message() {
    let text = COMPLETE.replace("\"10.0.0.7\"", "[\"canary-value\"]");
    assert!(!mistakes(&text).contains("canary"));
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    assert!(read(&format!("\u{feff}{COMPLETE}")).is_ok());
}

/// Any offer that the types can hold and the reader accepts.
fn offers() -> impl Strategy<Value = Offer> {
    let text = || "\\PC{0,12}";
    let name = || "[a-zA-Zé/~\"]{1,8}";
    let env = || prop::collection::btree_map(name(), text(), 0..4);
    let listing = (
        name(),
        text(),
        prop::option::of(text()),
        prop::option::of(text()),
    )
        .prop_map(|(name, description, summary, support_url)| Listing {
            name,
            description,
            summary,
            useful_links: vec![Link {
                title: String::new(),
                url: "https://example.com".to_owned(),
            }],
            support_url,
            ..Listing::default()
        });
    let plan = (text(), text(), env(), text(), any::<bool>()).prop_map(
        |(tag, create_options, env, twin, flag)| Plan {
            platform_option: flag.then_some(PlatformOption::AllTier1),
            platforms: vec!["linux/arm/v7".parse().unwrap()],
            image: PlanImage {
                repository: "contoso.azurecr.io/air".to_owned(),
                tag,
            },
            create_options,
            env,
            twin,
            routes: [("r".to_owned(), json!({"route": "FROM /* INTO $upstream"}))].into(),
            uses_module_sdk: flag,
            claim_scope: if flag {
                ClaimScope::Module
            } else {
                ClaimScope::Device
            },
        },
    );
    (name(), prop::option::of(text()), listing, plan, env()).prop_map(
        |(id, category, listing, plan, env)| Offer {
            publisher_id: id.clone(),
            offer_id: id.clone(),
            plan_id: id.clone(),
            offer_type: "IoT Edge module".to_owned(),
            category,
            listing,
            plan,
            overlay: Overlay { env },
            attestations: [(
                id.clone(),
                Attestation {
                    by: id.clone(),
                    on: id.clone(),
                    statement: id.clone(),
                },
            )]
            .into(),
            waiver_requests: vec![WaiverRequest {
                id: id.clone(),
                reason: id,
            }],
        },
    )
}

proptest! {
    #[test]
    fn an_offer_that_was_written_is_read_back_the_same(offer in offers()) {
        let text = serde_json::to_string_pretty(&offer).unwrap();
        let read = read(&text).unwrap();
        prop_assert_eq!(read.offer, offer);
        prop_assert_eq!(listed(&read.warnings), "");
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*", cut in 0..COMPLETE.len(), noise in "[{}\\[\\]\",:1e]{0,3}") {
        let _ = read(&text);
        // A complete offer with some of it cut out and something else put there.
        let end = (cut + 7).min(COMPLETE.len());
        let spoilt = format!("{}{noise}{}", &COMPLETE[..cut], &COMPLETE[end..]);
        if let Err(mistakes) = read(&spoilt) {
            prop_assert!(!mistakes.is_empty());
        }
    }
}
