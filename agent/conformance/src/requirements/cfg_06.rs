//! IEM-CFG-06: the default routes are ones that edgeHub takes, between endpoints that can exist.

use serde_json::Value;

use super::default_texts::escaped;
use super::remarks::Remarks;
use super::route_endpoints::{Endpoints, Names};
use super::{route_use, workload_calls};
use crate::finding::{Outcome, Unseen};
use crate::offer::Offer;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::route::{self, Entry, Fault, Reading};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CFG-06",
    slug: "default-routes-are-valid",
    title: "The default routes are valid",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Device],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Default configuration",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Be an IoT Edge module",
        },
    ],
    statement: "The default routes parse and type-check as edgeHub does it, and lead from sources that messages can have to sinks that can exist; they may be empty.",
    remedy: "Correct the route: for one that does not parse edgeHub refuses its whole configuration, for one that does not type-check it silently takes no route any more.",
    judge: Judge::By(judge),
};

const WANTED: &str = "routes that edgeHub parses to their end and compiles, from messages that there can be, into $upstream or a module's input";

/// Characters that IoT Hub or its tools do not allow in the name of a route, which is a key of a twin.
const NOT_IN_NAMES: [char; 4] = ['.', '$', '#', ' '];

/// Judged by the text, and by the messages that a run saw.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let offer = &record.offer;
    let routes = &offer.plan.routes;
    let on_a_device = record.run.scope != ScopeName::Offer;
    if routes.is_empty() {
        if on_a_device {
            workload_calls::requests(record)?;
        }
        let none = "no default route";
        return Ok(if offer.plan.uses_module_sdk {
            Outcome::met(format!("{none}; none is required"), WANTED)
        } else {
            Outcome::not_applicable(format!("{none}, and no module SDK"), WANTED)
        });
    }
    let mut remarks = Remarks::default();
    let mut told = Vec::new();
    let mut mended = Vec::new();
    for (name, value) in routes {
        told.extend(one_route(name, value, offer, &mut remarks));
        mended.extend(mended_route(name, value));
    }
    if on_a_device && !remarks.has_breach() {
        workload_calls::requests(record)?;
    }
    let edge = record.observations.edge.seen();
    let borne_out = edge.and_then(|edge| route_use::judge(offer, edge, &mut remarks));
    let borne_out = borne_out.unwrap_or_else(|| {
        "by their text alone; whether messages come out of an output shows in a run".to_owned()
    });
    let saw = format!("{} ({borne_out})", told.join(", "));
    let outcome = remarks.outcome(saw, WANTED);
    Ok(if mended.is_empty() {
        outcome
    } else {
        outcome.with_paste(mended.join("\n"))
    })
}

/// The route as it is probably meant, with its place, where it parses and edgeHub would not take it as it stands.
fn mended_route(name: &str, value: &Value) -> Option<String> {
    let entry = Entry::of(value).ok()?;
    let reading = route::read(&entry.route).ok()?;
    if reading.trailing.is_none() && reading.compile().is_ok() {
        return None;
    }
    let within = if value.is_object() { "/route" } else { "" };
    let text = Value::from(route::mended(&reading)?);
    Some(format!("/plan/routes/{}{within}: {text}", escaped(name)))
}

/// Remarks on one route, and tells where it leads if it parses.
fn one_route(name: &str, value: &Value, offer: &Offer, remarks: &mut Remarks) -> Option<String> {
    let pointer = format!("/plan/routes/{}", escaped(name));
    if name.is_empty() || name.contains(NOT_IN_NAMES) || name.contains(char::is_control) {
        remarks.breach(
            format!("{pointer}: the name is no key of a twin"),
            "name the route with letters, digits, `-` and `_`",
        );
    }
    let entry = match Entry::of(value) {
        Ok(entry) => entry,
        Err(message) => {
            remarks.breach(
                format!("{pointer}: {message}"),
                "write the route as edgeHub takes it: a text, or an object with `route`, `priority` 0 to 9, `timeToLiveSecs`",
            );
            return None;
        }
    };
    let text = entry.route.as_str();
    let within = if value.is_object() { "/route" } else { "" };
    let place = |fault: &Fault| format!("{pointer}{within}, {}", fault.told(text));
    let mut names = Names::of(offer);
    let reading = read(text, &place, &mut names, remarks)?;
    let compiled = match reading.compile() {
        Ok(compiled) => compiled,
        Err(faults) => {
            for fault in &faults {
                remarks.breach(
                    place(fault),
                    "correct the condition: edgeHub reports no error for it, and takes no change of any route any more",
                );
            }
            return None;
        }
    };
    if let Some(at) = reading.trailing {
        let message = "edgeHub passes over what follows the sink".to_owned();
        remarks.breach(place(&Fault { at, message }), "end the route with its sink");
    }
    for doubt in route::doubts(&reading, &compiled) {
        remarks.doubt(
            place(&doubt),
            "write the route so that it says what is meant",
        );
    }
    Endpoints::of(&compiled, &names).judge(&place, remarks);
    let route = &compiled.route;
    Some(format!("{name}: {} into {}", route.source, route.sink))
}

/// A placeholder that the technical configuration page asks for is read as the name that a customer puts in its place.
fn read(
    text: &str,
    place: &impl Fn(&Fault) -> String,
    names: &mut Names,
    remarks: &mut Remarks,
) -> Option<Reading> {
    let fault = match route::read(text) {
        Ok(reading) => return Some(reading),
        Err(fault) => fault,
    };
    if let Some(filled) = names.fill(text)
        && let Ok(reading) = route::read(&filled)
    {
        remarks.doubt(
            format!("{}; it is a placeholder", place(&fault)),
            "tell customers which name to put there: until they do, edgeHub refuses its whole configuration",
        );
        return Some(reading);
    }
    remarks.breach(
        place(&fault),
        "correct the route: edgeHub refuses its whole configuration for one that does not parse",
    );
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    const SOUND: &str = "FROM /messages/modules/airquality/outputs/* INTO $upstream";

    fn check(value: Value, kind: OutcomeKind, saw: &str) {
        let mut record = sample::record();
        record.offer.plan.uses_module_sdk = true;
        record.offer.plan.routes = [
            ("a/b".to_owned(), value),
            ("sound".to_owned(), json!(SOUND)),
        ]
        .into();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, kind, "{}", outcome.saw);
        assert!(outcome.saw.contains(saw), "{}\nlacks {saw}", outcome.saw);
    }

    #[test]
    fn routes_are_optional() {
        let mut record = sample::record();
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
        record.offer.plan.uses_module_sdk = true;
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
    }

    #[test]
    fn sound_routes_pass_and_are_told_with_their_ends() {
        for text in [
            "FROM /* INTO $upstream",
            "FROM /messages/* WHERE as_number(index) > 50 INTO $upstream",
            "FROM /messages/modules/AirQuality/outputs/alarm INTO $upstream",
            "FROM /messages/modules/air-quality/* INTO BrokeredEndpoint('/modules/<TO_MODULE_NAME>/inputs/in')",
            "FROM /messages/* INTO BrokeredEndpoint(\"/modules/airquality/inputs/in\")",
            "FROM /twinChangeNotifications INTO $upstream",
        ] {
            check(json!(text), OutcomeKind::Met, "a/b: /");
        }
        check(
            json!({"route": "FROM /* INTO $upstream", "priority": 0, "timeToLiveSecs": 60}),
            OutcomeKind::Met,
            "a/b: /* into $upstream, sound: /messages/modules/airquality/outputs/* into $upstream (by their text alone",
        );
    }

    #[test]
    fn a_route_that_edge_hub_refuses_fails_with_pointer_and_column() {
        for (value, saw) in [
            (
                json!("FROM messages/* INTO $upstream"),
                "/plan/routes/a~1b, column 6: expected a path",
            ),
            (
                json!("FROM /messages/* INTO upstream"),
                "/plan/routes/a~1b, column 31: expected `$`",
            ),
            (
                json!("FROM /messages/* WHERE t > 5 INTO $upstream"),
                "/plan/routes/a~1b, column 26: `>` takes two of one type, not string and number",
            ),
            (
                json!("FROM /messages/* WHERE NOT a = 'b' INTO $upstream"),
                "/plan/routes/a~1b, column 24: NOT takes a bool",
            ),
            (
                json!(" "),
                "/plan/routes/a~1b, column 1: the route is empty",
            ),
            (
                json!({"route": "FROM x"}),
                "/plan/routes/a~1b/route, column 6: expected a path",
            ),
            (
                json!({"route": SOUND, "priority": 10}),
                "/plan/routes/a~1b: `priority` is 10",
            ),
            (
                json!(["FROM /* INTO $upstream"]),
                "/plan/routes/a~1b: a route is a text",
            ),
            (
                json!("FROM /* INTO $upstream;"),
                "column 23: edgeHub passes over what follows",
            ),
        ] {
            check(value, OutcomeKind::Unmet, saw);
        }
    }

    #[test]
    fn ends_that_cannot_exist_fail() {
        for (text, saw) in [
            (
                "FROM /message/* INTO $upstream",
                "column 6: no message comes from /message/*",
            ),
            (
                "FROM /messages/modules/*/outputs/* INTO $upstream",
                "a star means something at the end",
            ),
            (
                "FROM /* INTO BrokeredEndpoint('/modules//inputs/in')",
                "column 14: the sink has no module",
            ),
            (
                "FROM /* INTO BrokeredEndpoint('/modules/airquality/inputs/')",
                "is not of the form",
            ),
        ] {
            check(json!(text), OutcomeKind::Unmet, saw);
        }
    }

    #[test]
    fn what_is_legal_and_hardly_meant_warns() {
        for (text, saw) in [
            (
                "FROM /messages/modules/<FROM_MODULE_NAME>/* INTO $upstream",
                "column 24: expected a name or `*` in the path, found `<`; it is a placeholder",
            ),
            (
                "FROM /messages/modules/filter/* INTO $upstream",
                "column 6: the offer brings no module `filter`",
            ),
            (
                "FROM /* INTO BrokeredEndpoint('/modules/filter/inputs/in')",
                "column 14: the offer brings no module `filter`",
            ),
            (
                "FROM /messages/modules/airquality/* INTO BrokeredEndpoint('/modules/airquality/inputs/in')",
                "gets what it sent",
            ),
            (
                "FROM /* INTO BrokeredEndpoint('/module/airquality/input/in')",
                "edgeHub does not read",
            ),
            (
                "FROM /messages/* WHERE a!='b' INTO $upstream",
                "column 24: `a!` is the name of one property",
            ),
            (
                "FROM /messages/* WHERE $contentTyp = 'b' INTO $upstream",
                "no system property `contentTyp`",
            ),
            (
                "FROM /messages/* WHERE is_null($body.a) INTO $upstream",
                "column 24: edgeHub says true of every",
            ),
            (
                "FROM /messages/* WHERE temperature INTO $upstream",
                "a string, which is never true",
            ),
            (
                "FROM /messages/modules/airquality/outputs/t* INTO $upstream",
                "`t*` stands for `t` alone",
            ),
        ] {
            check(json!(text), OutcomeKind::Concern, saw);
        }
        check(
            json!("FROM /messages/modules/*/outputs/*/ INTO $upstream"),
            OutcomeKind::Concern,
            "column 23: edgeHub passes over what stands between /* and */",
        );
    }

    #[test]
    fn a_slip_that_can_be_mended_comes_with_the_mended_route() {
        let mut record = sample::record();
        let hot = "FROM /messages/* WHERE temperature > 25 INTO $upstream";
        let routes = &mut record.offer.plan.routes;
        routes.insert("hot".to_owned(), json!(hot));
        routes.insert("long".to_owned(), json!({"route": format!("{SOUND};")}));
        routes.insert("lost".to_owned(), json!("FROM x INTO $upstream"));
        routes.insert("sound".to_owned(), json!(SOUND));
        let paste = judge(&record).unwrap().paste.unwrap();
        let mended = "FROM /messages/* WHERE as_number(temperature) > 25 INTO $upstream";
        assert_eq!(
            paste,
            format!("/plan/routes/hot: \"{mended}\"\n/plan/routes/long/route: \"{SOUND}\"")
        );
    }

    #[test]
    fn a_name_that_no_twin_takes_fails() {
        let mut record = sample::record();
        record.offer.plan.routes = [("to.hub".to_owned(), json!(SOUND))].into();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.starts_with("/plan/routes/to.hub: the name"),
            "{}",
            outcome.saw
        );
    }
}
