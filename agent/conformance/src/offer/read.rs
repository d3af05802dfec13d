//! Reading an offer file: every mistake in the document's own shape at once, each with its place and its mend.
//!
//! serde stops at the first error, so the parsed JSON is walked by hand. What stands inside createOptions, twin, routes
//! or the description is taken as it is: the requirements judge it.

mod plan;

use std::collections::BTreeMap;

use serde_json::Value;

use super::walk::{Blank, Mistake, Object, Walk, near_miss};
use super::{Attestation, Link, Listing, Offer, Overlay, WaiverRequest, documents, draft};
use plan::plan;

/// An offer file that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The offer.
    pub offer: Offer,
    /// What was ignored or is doubtful, in the order of the file.
    pub warnings: Vec<Mistake>,
}

/// Reads the text of an offer file.
///
/// # Errors
/// Every mistake in the document's shape, in the order of the file; a text that is no JSON is one mistake.
pub fn read(text: &str) -> Result<Read, Vec<Mistake>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value: Value = serde_json::from_str(text).map_err(|error| vec![syntax(&error)])?;
    let mut walk = Walk::new(text);
    report_doubles(&mut walk);
    let offer = offer(&mut walk, &value);
    draft::warn_of_open_places(&mut walk, &value);
    let in_order = |mistake: &Mistake| (mistake.line, mistake.column);
    walk.mistakes.sort_by_key(in_order);
    walk.warnings.sort_by_key(in_order);
    match offer {
        Some(offer) if walk.mistakes.is_empty() => Ok(Read {
            offer,
            warnings: walk.warnings,
        }),
        Some(_) | None => Err(walk.mistakes),
    }
}

/// Where a text stops being JSON.
pub(super) fn syntax(error: &serde_json::Error) -> Mistake {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    Mistake {
        pointer: String::new(),
        line: Some(error.line()),
        column: Some(error.column()),
        message: format!(
            "this is not JSON: {}",
            message.strip_suffix(&place).unwrap_or(&message)
        ),
        mend: "correct the syntax there".to_owned(),
    }
}

/// A member that stands twice: JSON readers disagree about which one counts.
fn report_doubles(walk: &mut Walk<'_>) {
    for pointer in walk.places.duplicates().to_vec() {
        let inside_document = pointer
            .strip_prefix("/plan/")
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(member, rest)| match member {
                "routes" => rest.contains('/'),
                _ => member == "twin" || documents::chunk_number(member).is_some(),
            });
        let message = "this member stands more than once in its object".to_owned();
        if inside_document {
            walk.warn(&pointer, message, "keep one of them");
        } else {
            walk.mistake(&pointer, message, "keep one of them");
        }
    }
}

fn offer(walk: &mut Walk<'_>, value: &Value) -> Option<Offer> {
    let root = walk.object(value, "")?;
    walk.unknown(
        &root,
        &[
            "$schema",
            "publisherId",
            "offerId",
            "planId",
            "offerType",
            "category",
            "listing",
            "plan",
            "overlay",
            "attestations",
            "waiverRequests",
        ],
    );
    let publisher_id = walk.text(&root, "publisherId", Blank::Refused);
    let offer_id = walk.text(&root, "offerId", Blank::Refused);
    let plan_id = walk.text(&root, "planId", Blank::Refused);
    let offer_type = walk.text(&root, "offerType", Blank::Allowed);
    let category = walk.optional_text(&root, "category");
    let listing = walk
        .required(&root, "listing")
        .and_then(|value| listing(walk, value));
    let plan = walk
        .required(&root, "plan")
        .and_then(|value| plan(walk, value));
    let overlay = overlay(walk, &root);
    let attestations = attestations(walk, &root);
    let waiver_requests = each(walk, &root, "waiverRequests", waiver_request);
    Some(Offer {
        publisher_id: publisher_id?,
        offer_id: offer_id?,
        plan_id: plan_id?,
        offer_type: offer_type?,
        category,
        listing: listing?,
        plan: plan?,
        overlay: overlay?,
        attestations: attestations?,
        waiver_requests,
    })
}

fn listing(walk: &mut Walk<'_>, value: &Value) -> Option<Listing> {
    let object = walk.object(value, "/listing")?;
    walk.unknown(
        &object,
        &[
            "name",
            "summary",
            "description",
            "usefulLinks",
            "supportUrl",
            "supportEmail",
            "privacyPolicyUrl",
            "termsOfUseUrl",
            "termsOfUse",
            "thirdPartyNoticeUrl",
            "documentationUrl",
        ],
    );
    let name = walk.text(&object, "name", Blank::Refused);
    let description = walk.text(&object, "description", Blank::Allowed);
    let listing = Listing {
        name: String::new(),
        summary: walk.optional_text(&object, "summary"),
        description: String::new(),
        useful_links: each(walk, &object, "usefulLinks", link),
        support_url: walk.optional_text(&object, "supportUrl"),
        support_email: walk.optional_text(&object, "supportEmail"),
        privacy_policy_url: walk.optional_text(&object, "privacyPolicyUrl"),
        terms_of_use_url: walk.optional_text(&object, "termsOfUseUrl"),
        terms_of_use: walk.optional_text(&object, "termsOfUse"),
        third_party_notice_url: walk.optional_text(&object, "thirdPartyNoticeUrl"),
        documentation_url: walk.optional_text(&object, "documentationUrl"),
    };
    Some(Listing {
        name: name?,
        description: description?,
        ..listing
    })
}

/// The readable entries of a list that may be missing; unreadable ones are mistakes by then.
fn each<T>(
    walk: &mut Walk<'_>,
    object: &Object<'_>,
    name: &str,
    read: fn(&mut Walk<'_>, &Value, &str) -> Option<T>,
) -> Vec<T> {
    let pointer = object.pointer_of(name);
    let Some(list) = Walk::optional(object, name).and_then(|value| walk.list(value, &pointer))
    else {
        return Vec::new();
    };
    list.iter()
        .enumerate()
        .filter_map(|(index, value)| read(walk, value, &format!("{pointer}/{index}")))
        .collect()
}

fn link(walk: &mut Walk<'_>, value: &Value, pointer: &str) -> Option<Link> {
    let object = walk.object(value, pointer)?;
    walk.unknown(&object, &["title", "url"]);
    let title = walk.text(&object, "title", Blank::Allowed);
    let url = walk.text(&object, "url", Blank::Refused);
    Some(Link {
        title: title?,
        url: url?,
    })
}

/// One of a few words; missing and mistaken are both `None`, a mistake is kept.
fn choice<T: Copy>(
    walk: &mut Walk<'_>,
    object: &Object<'_>,
    name: &str,
    words: &[(&str, T)],
) -> Option<T> {
    let text = walk.optional_text(object, name)?;
    if let Some((_, chosen)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*chosen);
    }
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let mend = match near_miss(&text, all.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("write `{}`", all.join("` or `")),
    };
    let message = format!("`{text}` is not one of {}", all.join(", "));
    walk.mistake(&object.pointer_of(name), message, mend);
    None
}

fn flag(walk: &mut Walk<'_>, object: &Object<'_>, name: &str) -> bool {
    let Some(value) = Walk::optional(object, name) else {
        return false;
    };
    if value.as_bool().is_none() {
        walk.wrong_type(&object.pointer_of(name), value, "true or false");
    }
    value.as_bool().unwrap_or_default()
}

/// An object that may be missing.
fn members<'v>(walk: &mut Walk<'_>, object: &Object<'v>, name: &str) -> Option<Object<'v>> {
    let value = Walk::optional(object, name)?;
    walk.object(value, &object.pointer_of(name))
}

/// An object of strings; missing is empty.
fn texts(walk: &mut Walk<'_>, object: &Object<'_>, name: &str) -> Option<BTreeMap<String, String>> {
    let mistakes_before = walk.mistakes.len();
    let mut texts = BTreeMap::new();
    if let Some(inner) = members(walk, object, name) {
        for (key, value) in inner.members {
            if let Some(text) = walk.string(value, &inner.pointer_of(key)) {
                texts.insert(key.clone(), text);
            }
        }
    }
    (walk.mistakes.len() == mistakes_before).then_some(texts)
}

fn overlay(walk: &mut Walk<'_>, root: &Object<'_>) -> Option<Overlay> {
    if Walk::optional(root, "overlay").is_none() {
        return Some(Overlay::default());
    }
    let object = members(walk, root, "overlay")?;
    walk.unknown(&object, &["env"]);
    texts(walk, &object, "env").map(|env| Overlay { env })
}

fn attestations(walk: &mut Walk<'_>, root: &Object<'_>) -> Option<BTreeMap<String, Attestation>> {
    if Walk::optional(root, "attestations").is_none() {
        return Some(BTreeMap::new());
    }
    let object = members(walk, root, "attestations")?;
    let read = object.members.iter().filter_map(|(id, value)| {
        attestation(walk, value, &object.pointer_of(id)).map(|said| (id.clone(), said))
    });
    Some(read.collect())
}

fn attestation(walk: &mut Walk<'_>, value: &Value, pointer: &str) -> Option<Attestation> {
    let object = walk.object(value, pointer)?;
    walk.unknown(&object, &["by", "on", "statement"]);
    let by = walk.text(&object, "by", Blank::Refused);
    let on = walk.text(&object, "on", Blank::Refused);
    let statement = walk.text(&object, "statement", Blank::Refused);
    Some(Attestation {
        by: by?,
        on: on?,
        statement: statement?,
    })
}

fn waiver_request(walk: &mut Walk<'_>, value: &Value, pointer: &str) -> Option<WaiverRequest> {
    let object = walk.object(value, pointer)?;
    walk.unknown(&object, &["id", "reason"]);
    let id = walk.text(&object, "id", Blank::Refused);
    let reason = walk.text(&object, "reason", Blank::Refused);
    Some(WaiverRequest {
        id: id?,
        reason: reason?,
    })
}

#[cfg(test)]
mod tests;
