//! Which routes of a deployment are one module's.

use serde_json::{Map, Value};

use super::super::walk::Walk;
use super::deployment::Named;
use crate::route::{self, Entry, Reach, Sink, Source};

/// What a route has to do with a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concern {
    /// It names the module as its source or its sink.
    Names,
    /// It takes the messages of every module.
    TakesAll,
    /// Nothing.
    No,
}

/// The routes that name the module, by name and as they are written; a bad one is lint's business.
pub(super) fn naming(walk: &mut Walk<'_>, routes: &Named<'_>, module: &str) -> Map<String, Value> {
    let mut naming = Map::new();
    for (name, pointer, value) in routes {
        let route = || value.get("route").and_then(Value::as_str);
        let text = value.as_str().or_else(route).unwrap_or_default();
        match concern(text, value, module) {
            Concern::Names => {
                naming.insert(name.clone(), (*value).clone());
            }
            Concern::TakesAll => walk.warn(
                pointer,
                format!("takes the messages of every module, not those of {module} alone, and is left out"),
                format!("an offer's route names its module, as in FROM /messages/modules/{module}/outputs/* INTO $upstream"),
            ),
            Concern::No => {}
        }
    }
    naming
}

fn concern(text: &str, value: &Value, module: &str) -> Concern {
    let parsed = Entry::of(value).ok().map(|entry| route::read(&entry.route));
    let Some(Ok(reading)) = parsed else {
        return if named_in(text, module) {
            Concern::Names
        } else {
            Concern::No
        };
    };
    let is_module = |name: &str| name.eq_ignore_ascii_case(module);
    let route = &reading.route;
    if matches!(&route.sink, Sink::Module { module, .. } if is_module(module)) {
        return Concern::Names;
    }
    match Source::of(&route.source).reach() {
        Reach::Module { module, .. } if is_module(&module) => Concern::Names,
        Reach::All | Reach::EveryModule => Concern::TakesAll,
        Reach::Nothing(_) if named_in(text, module) => Concern::Names,
        Reach::Module { .. } | Reach::TwinChanges | Reach::Nothing(_) => Concern::No,
    }
}

/// `/modules/NAME`, whole, anywhere in a text that is no sound route.
fn named_in(text: &str, module: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let name = format!("modules/{}", module.to_ascii_lowercase());
    let goes_on =
        |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_'));
    text.match_indices(&name)
        .any(|(at, _)| !goes_on(&text[at + name.len()..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_route_is_a_modules_if_it_names_it_at_either_end() {
        for (route, expected) in [
            (
                "FROM /messages/modules/filter/outputs/* INTO $upstream",
                Concern::Names,
            ),
            (
                "FROM /messages/modules/Filter/* INTO $upstream",
                Concern::Names,
            ),
            (
                "FROM /messages/modules/sensor/outputs/t INTO BrokeredEndpoint(\"/modules/filter/inputs/in\")",
                Concern::Names,
            ),
            (
                "FROM /messages/modules/filter2/outputs/* INTO $upstream",
                Concern::No,
            ),
            (
                "FROM /messages/modules/sensor/* INTO $upstream",
                Concern::No,
            ),
            ("FROM /messages/* INTO $upstream", Concern::TakesAll),
            ("FROM /* INTO $upstream", Concern::TakesAll),
            ("FROM /twinChangeNotifications INTO $upstream", Concern::No),
            // No sound routes, and still the module's.
            (
                "FROM /messages/modules/filter/outputs/* INTO upstream",
                Concern::Names,
            ),
            (
                "FROM /messages/modules/filter/inputs/* INTO $upstream",
                Concern::Names,
            ),
            (
                "FORM /messages/modules/filter-2/* INTO $upstream",
                Concern::No,
            ),
            ("", Concern::No),
        ] {
            assert_eq!(concern(route, &json!(route), "filter"), expected, "{route}");
        }
        let object =
            json!({"route": "FROM /messages/modules/filter/* INTO $upstream", "priority": 99});
        assert_eq!(
            concern(object["route"].as_str().unwrap(), &object, "filter"),
            Concern::Names
        );
    }
}
