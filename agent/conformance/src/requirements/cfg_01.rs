//! IEM-CFG-01: the plan's technical configuration is complete and readable.

use serde_json::Value;

use super::default_texts::escaped;
use super::remarks::{Remarks, quoted};
use crate::finding::{Outcome, Unseen};
use crate::offer::{Plan, is_open};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CFG-01",
    slug: "defaults-are-complete",
    title: "The default settings are complete",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Configuration",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Be an IoT Edge module",
        },
    ],
    statement: "The plan's technical configuration names an image, and its create options, twin and routes are documents that IoT Edge can read; they may be empty.",
    remedy: "Add the default that is missing to the technical configuration.",
    judge: Judge::By(judge),
};

/// Most routes, twin properties and environment variables that the technical configuration page takes, each.
const MOST: usize = 5;
/// Names and values on that page are shorter than this, in characters.
const TOO_LONG: usize = 512;
/// Levels of objects that the value of a twin property may have on that page.
const LEVELS: usize = 4;

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let plan = &record.offer.plan;
    let mut remarks = Remarks::default();
    if plan.image.repository.trim().is_empty() {
        remarks.breach(
            "/plan/image/repository is empty",
            "name the image's repository",
        );
    }
    if plan.image.tag.trim().is_empty() {
        remarks.breach("/plan/image/tag is empty", "name the image's default tag");
    }
    for (name, text) in [
        ("repository", &plan.image.repository),
        ("tag", &plan.image.tag),
    ] {
        if is_open(text) {
            remarks.breach(
                format!(
                    "/plan/image/{name} is still to be filled in: {}",
                    quoted(text)
                ),
                format!("put the image's {name} in place of the mark"),
            );
        }
    }
    document("createOptions", &plan.create_options, &mut remarks);
    let twin = document("twin", &plan.twin, &mut remarks);
    routes(plan, &mut remarks);
    page_limits(plan, twin.as_ref(), &mut remarks);
    let count = |number: usize, what: &str| match number {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    let properties = twin
        .as_ref()
        .and_then(Value::as_object)
        .map_or(0, serde_json::Map::len);
    Ok(remarks.outcome(
        format!(
            "image {}, {} characters of create options, {}, {}, {}",
            plan.image.reference(),
            plan.create_options.chars().count(),
            count(plan.env.len(), "environment variable"),
            count(properties, "twin property").replace("propertys", "properties"),
            count(plan.routes.len(), "route")
        ),
        "image repository and tag; create options and twin empty or JSON objects; every route a text",
    ))
}

/// The document, where one is given and can be read; it has to be an object.
fn document(name: &str, text: &str, remarks: &mut Remarks) -> Option<Value> {
    if text.trim().is_empty() {
        return None;
    }
    let mend = format!("make /plan/{name} a JSON object, such as {{}}");
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => return Some(value),
        Ok(Value::Null) => {}
        Ok(_) => remarks.breach(format!("/plan/{name} is JSON, but no object"), mend),
        Err(error) => remarks.breach(format!("/plan/{name} is no JSON: {error}"), mend),
    }
    None
}

fn routes(plan: &Plan, remarks: &mut Remarks) {
    for (name, route) in &plan.routes {
        let text = route
            .as_str()
            .or_else(|| route.get("route").and_then(Value::as_str));
        let pointer = format!("/plan/routes/{}", escaped(name));
        match text {
            None => remarks.breach(
                format!("{pointer} is neither a text nor an object with a text in `route`"),
                "write the route as a text, such as \"FROM /messages/* INTO $upstream\"",
            ),
            Some(text) if text.trim().is_empty() => {
                remarks.breach(
                    format!("{pointer} is empty"),
                    "write the route, or remove it",
                );
            }
            Some(_) => {}
        }
    }
}

/// What Partner Center's page takes: "Set IoT Edge module technical configuration", Microsoft Learn.
fn page_limits(plan: &Plan, twin: Option<&Value>, remarks: &mut Remarks) {
    let env = plan
        .env
        .iter()
        .map(|(name, value)| (name, value.chars().count()));
    let routes = plan
        .routes
        .iter()
        .map(|(name, route)| (name, length_of(route)));
    let properties = twin.and_then(Value::as_object);
    let properties = properties
        .into_iter()
        .flatten()
        .map(|(name, value)| (name, length_of(value)));
    page_limit("env", "environment variables", env.collect(), remarks);
    page_limit("routes", "routes", routes.collect(), remarks);
    page_limit("twin", "twin properties", properties.collect(), remarks);
    let options = plan.create_options.chars().count();
    if options >= TOO_LONG {
        remarks.doubt(
            format!("/plan/createOptions has {options} characters"),
            format!("Partner Center takes create options below {TOO_LONG} characters: leave out what the engine does by itself"),
        );
    }
    for (name, value) in twin.and_then(Value::as_object).into_iter().flatten() {
        page_shape(value, &format!("/plan/twin/{}", escaped(name)), 0, remarks);
    }
}

/// Values of twin properties are taken without arrays, and with few levels of objects below the property.
fn page_shape(value: &Value, pointer: &str, level: usize, remarks: &mut Remarks) {
    match value {
        Value::Array(_) => remarks.doubt(
            format!("{pointer} is an array"),
            "Partner Center takes no arrays in twin properties: write an object with names",
        ),
        Value::Object(_) if level == LEVELS => remarks.doubt(
            format!("{pointer} is an object on level {}", LEVELS + 1),
            format!(
                "Partner Center takes {LEVELS} levels of objects in a twin property: flatten it"
            ),
        ),
        Value::Object(members) => {
            for (name, inner) in members {
                page_shape(
                    inner,
                    &format!("{pointer}/{}", escaped(name)),
                    level + 1,
                    remarks,
                );
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn page_limit(field: &str, what: &str, entries: Vec<(&String, usize)>, remarks: &mut Remarks) {
    if entries.len() > MOST {
        remarks.doubt(
            format!("/plan/{field} has {} entries", entries.len()),
            format!("Partner Center takes at most {MOST} {what}: join or remove some"),
        );
    }
    for (name, length) in entries {
        let longest = length.max(name.chars().count());
        if longest >= TOO_LONG {
            remarks.doubt(
                format!("/plan/{field}/{} has {longest} characters", escaped(name)),
                format!(
                    "Partner Center takes names and values below {TOO_LONG} characters: shorten it"
                ),
            );
        }
    }
}

fn length_of(value: &Value) -> usize {
    value.as_str().map_or_else(
        || value.to_string().chars().count(),
        |text| text.chars().count(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(spoil: impl FnOnce(&mut Plan), kind: OutcomeKind, saw: &str) {
        let mut record = sample::record();
        spoil(&mut record.offer.plan);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, kind, "{}", outcome.saw);
        assert!(outcome.saw.contains(saw), "{} lacks {saw}", outcome.saw);
    }

    #[test]
    fn complete_defaults_pass_even_where_they_are_empty() {
        check(
            |_| {},
            OutcomeKind::Met,
            "no environment variable, no twin property, no route",
        );
        let empty = |plan: &mut Plan| {
            plan.create_options = String::new();
            plan.uses_module_sdk = true;
        };
        check(empty, OutcomeKind::Met, "0 characters of create options");
    }

    #[test]
    fn a_missing_image_fails() {
        check(
            |plan| plan.image.tag.clear(),
            OutcomeKind::Unmet,
            "/plan/image/tag is empty",
        );
        check(
            |plan| plan.image.repository = " ".to_owned(),
            OutcomeKind::Unmet,
            "/plan/image/repository is empty",
        );
    }

    #[test]
    fn an_image_that_is_still_to_be_filled_in_fails() {
        check(
            |plan| plan.image.repository = "fill-in.azurecr.io/air".to_owned(),
            OutcomeKind::Unmet,
            "/plan/image/repository is still to be filled in: \"fill-in.azurecr.io/air\"",
        );
        check(
            |plan| plan.image.tag = "fill-in".to_owned(),
            OutcomeKind::Unmet,
            "/plan/image/tag is still to be filled in",
        );
    }

    #[test]
    fn documents_that_cannot_be_read_fail_with_their_place() {
        check(
            |plan| plan.create_options = "\"HostConfig\": {}".to_owned(),
            OutcomeKind::Unmet,
            "/plan/createOptions is no JSON: trailing characters at line 1 column 13",
        );
        check(
            |plan| plan.twin = "[1]".to_owned(),
            OutcomeKind::Unmet,
            "/plan/twin is JSON, but no object",
        );
        check(
            |plan| plan.routes = [("a/b".to_owned(), json!({"priority": 1}))].into(),
            OutcomeKind::Unmet,
            "/plan/routes/a~1b is neither",
        );
        check(
            |plan| plan.routes = [("r".to_owned(), json!({"route": " "}))].into(),
            OutcomeKind::Unmet,
            "/plan/routes/r is empty",
        );
    }

    #[test]
    fn more_than_partner_centers_page_takes_is_a_concern() {
        let six = |plan: &mut Plan| {
            plan.env = (0..6).map(|n| (format!("N{n}"), "1".to_owned())).collect();
        };
        check(six, OutcomeKind::Concern, "/plan/env has 6 entries");
        let long = |plan: &mut Plan| plan.twin = json!({"p": "x".repeat(512)}).to_string();
        check(
            long,
            OutcomeKind::Concern,
            "/plan/twin/p has 512 characters",
        );
        let long = |plan: &mut Plan| {
            plan.create_options = json!({"Cmd": ["x".repeat(512)]}).to_string();
        };
        check(
            long,
            OutcomeKind::Concern,
            "/plan/createOptions has 524 characters",
        );
    }

    #[test]
    fn arrays_and_deep_objects_in_a_twin_property_are_a_concern() {
        let twin =
            |value: Value| move |plan: &mut Plan| plan.twin = json!({"a/b": value}).to_string();
        check(
            twin(json!({"list": [1]})),
            OutcomeKind::Concern,
            "/plan/twin/a~1b/list is an array",
        );
        let four = json!({"1": {"2": {"3": {"4": 1}}}});
        check(twin(four.clone()), OutcomeKind::Met, "1 twin property");
        check(
            twin(json!({ "0": four })),
            OutcomeKind::Concern,
            "/plan/twin/a~1b/0/1/2/3 is an object on level 5",
        );
    }
}
