//! The offer file to begin with: every member that an offer needs, and a mark wherever something has to be filled in.
//!
//! JSON has no comments, so what there is to say stands in members named `$comment`, which the reader passes over. Every
//! mark is a value that the reader takes, so that the file can be linted from its first minute, and lint names each mark.
//! No mark is a web link, so that none passes for one.

use serde_json::{Map, Value, json};

use super::locate::child;
use super::walk::Walk;

/// In texts that people read.
const FILL_IN: &str = "FILL IN";
/// Where only ids and image names can stand.
pub(super) const FILL_IN_ID: &str = "fill-in";
/// Where the name of a registry has to stand.
pub(super) const FILL_IN_REGISTRY: &str = "fill-in.azurecr.io";
/// The member that is passed over.
pub(super) const COMMENT: &str = "$comment";

/// The text of an offer file in which everything is still open.
#[must_use]
pub fn draft() -> String {
    written(&Value::Object(skeleton(FILL_IN, empty_plan())))
}

/// A draft with this name and plan.
pub(super) fn skeleton(name: &str, plan: Map<String, Value>) -> Map<String, Value> {
    let mut offer = object(json!({
        COMMENT: "What is open says FILL IN or fill-in; edgeproof lint names each such place. Members named $comment are passed over: remove them when you like.",
        "publisherId": FILL_IN_ID,
        "offerId": FILL_IN_ID,
        "planId": FILL_IN_ID,
        "offerType": "IoT Edge module",
        "category": "Internet of Things/IoT Edge modules",
        "listing": {
            COMMENT: "What customers read. The description is basic HTML and ends with the hardware paragraph: edgeproof size OFFER --apply measures and writes it. The marketplace proposes the name, without blanks and signs, as the module's name on a device. One of the useful links leads to a certified device.",
            "name": name,
            "summary": FILL_IN,
            "description": "<p>FILL IN: what the module does, and each of its settings by name.</p><p><u>Minimum hardware requirements:</u> FILL IN</p>",
            "usefulLinks": [{"title": FILL_IN, "url": FILL_IN}],
            "supportUrl": FILL_IN,
            "privacyPolicyUrl": FILL_IN,
            "termsOfUseUrl": FILL_IN,
            "documentationUrl": FILL_IN,
        },
    }));
    offer.insert("plan".to_owned(), Value::Object(plan));
    offer
}

/// The technical configuration of which nothing is known.
fn empty_plan() -> Map<String, Value> {
    object(json!({
        COMMENT: "The defaults that a customer's device gets. platformOption is all-tier-1 or subset; platforms are written as image manifests do, linux/amd64, linux/arm64, linux/arm/v7. A value that only the customer knows is a placeholder such as <SERVER_IP_ADDRESS>. createOptions is the body of the engine's ContainerCreate, twin the desired properties, a route reads FROM /messages/modules/NAME/outputs/* INTO $upstream. usesModuleSdk is true for a module on the IoT module SDK.",
        "platforms": [],
        "image": {"repository": format!("{FILL_IN_REGISTRY}/{FILL_IN_ID}"), "tag": FILL_IN_ID},
        "createOptions": {},
        "env": {},
        "twin": {},
        "routes": {},
        "usesModuleSdk": false,
        "claimScope": "device",
    }))
}

/// The members of a JSON object; nothing where it is none.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// As people read it.
pub(super) fn written(offer: &Value) -> String {
    format!("{offer:#}\n")
}

/// Warns of every place of an offer file that is still open.
pub(super) fn warn_of_open_places(walk: &mut Walk<'_>, value: &Value) {
    open_texts(walk, value, "");
    let none = value.pointer("/plan/platforms").and_then(Value::as_array);
    if none.is_some_and(Vec::is_empty) {
        walk.warn(
            "/plan/platforms",
            "is still open: no platform is listed".to_owned(),
            "list the platforms of the image, such as linux/amd64",
        );
    }
}

/// JSON readers bound the depth of a document, and so of this walk.
fn open_texts(walk: &mut Walk<'_>, value: &Value, pointer: &str) {
    match value {
        Value::String(text) if is_open(text) => walk.warn(
            pointer,
            "is still open".to_owned(),
            "put the value in place of the mark",
        ),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                open_texts(walk, item, &format!("{pointer}/{index}"));
            }
        }
        Value::Object(members) => {
            for (name, inner) in members.iter().filter(|(name, _)| *name != COMMENT) {
                open_texts(walk, inner, &child(pointer, name));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a text holds one of the marks.
pub(crate) fn is_open(text: &str) -> bool {
    let is_mark = |part: &str| [FILL_IN_ID, FILL_IN_REGISTRY].contains(&part);
    text.contains(FILL_IN) || text.split(['/', ':', '@']).any(is_mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::read;

    #[test]
    fn the_draft_can_be_read_and_every_open_place_is_told_with_its_line() {
        let text = draft();
        let read = read(&text).unwrap();
        let told: Vec<&str> = read
            .warnings
            .iter()
            .map(|one| one.pointer.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "/publisherId",
                "/offerId",
                "/planId",
                "/listing/name",
                "/listing/summary",
                "/listing/description",
                "/listing/usefulLinks/0/title",
                "/listing/usefulLinks/0/url",
                "/listing/supportUrl",
                "/listing/privacyPolicyUrl",
                "/listing/termsOfUseUrl",
                "/listing/documentationUrl",
                "/plan/platforms",
                "/plan/image/repository",
                "/plan/image/tag",
            ]
        );
        for warning in &read.warnings {
            let line = text.lines().nth(warning.line.unwrap() - 1).unwrap();
            assert!(
                line.contains(warning.pointer.rsplit('/').next().unwrap()),
                "{line}"
            );
        }
    }

    #[test]
    fn a_draft_that_was_filled_in_is_silent_with_its_comments_left_in_it() {
        let text = draft()
            .replace("FILL IN: ", "")
            .replace(FILL_IN, "Air")
            .replace("\"fill-in", "\"contoso")
            .replace("/fill-in", "/air")
            .replace("\"platforms\": []", "\"platforms\": [\"linux/amd64\"]");
        assert!(text.contains(COMMENT));
        assert_eq!(read(&text).unwrap().warnings, []);
    }

    #[test]
    fn a_mark_is_a_whole_part_of_a_text() {
        for (text, open) in [
            ("fill-in", true),
            ("fill-in.azurecr.io/air:1.0.0", true),
            ("contoso.azurecr.io/fill-in", true),
            ("FILL IN: the name", true),
            ("a form to fill-in", false),
            ("refill-in", false),
            ("Fill in the form", false),
        ] {
            assert_eq!(is_open(text), open, "{text}");
        }
    }
}
