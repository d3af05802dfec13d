//! What a deployment gives to the modules of an IoT Edge device: `modulesContent`, read and put into desired properties.
//!
//! `properties.desired` replaces all of a module's desired properties; `properties.desired.a.b` merges below that path; a module
//! that is not named keeps its twin. A layer names paths of `$edgeAgent` only, a whole deployment all of it.
//! Source: "Understand IoT Edge automatic deployments" (Microsoft Learn).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::twin;

/// The one section that every path begins with.
const WHOLE: &str = "properties.desired";

/// Most sections of a module, and most modules; far more than 32 KB of properties can use.
const SECTIONS: usize = 1024;

/// Modules with their sections.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Content {
    modules: BTreeMap<String, Vec<Section>>,
}

/// A part of a module's desired properties.
#[derive(Debug, Clone, PartialEq)]
struct Section {
    /// Names below the desired properties; none for all of them.
    path: Vec<String>,
    value: Value,
}

impl Content {
    /// Reads `{"modulesContent": …}`; every mistake with its place, joined to one text.
    pub(crate) fn parse(content: &Value) -> Result<Self, String> {
        for unserved in ["deviceContent", "moduleContent"] {
            if !content[unserved].is_null() {
                return Err(format!("/{unserved}: only modulesContent is served"));
            }
        }
        let given = content["modulesContent"].as_object();
        let given = given.ok_or("/modulesContent: there is no JSON object")?;
        if given.is_empty() || given.len() > SECTIONS {
            return Err("/modulesContent: there is no module, or there are too many".to_owned());
        }
        let mut mistakes = Vec::new();
        let mut modules = BTreeMap::new();
        for (module, sections) in given {
            let place = format!("/modulesContent/{module}");
            match read(sections) {
                Ok(sections) => drop(modules.insert(module.clone(), sections)),
                Err(why) => mistakes.push(format!("{place}{why}")),
            }
        }
        if mistakes.is_empty() {
            return Ok(Self { modules });
        }
        Err(mistakes.join("; "))
    }

    /// Names of the modules that it gives something to.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().map(String::as_str)
    }

    /// Whether it only adds to a whole deployment.
    pub(crate) fn is_layer(&self) -> bool {
        let agent = self.modules.get("$edgeAgent");
        !agent.is_some_and(|sections| sections.iter().any(|section| section.path.is_empty()))
    }

    /// Whether it says all of a module's desired properties.
    pub(crate) fn is_whole_for(&self, module: &str) -> bool {
        let sections = self.modules.get(module);
        sections.is_some_and(|sections| sections.iter().any(|section| section.path.is_empty()))
    }

    /// A module's desired properties after it, of what they are before.
    pub(crate) fn put(&self, module: &str, mut desired: Map<String, Value>) -> Map<String, Value> {
        for section in self.modules.get(module).into_iter().flatten() {
            if section.path.is_empty() {
                desired = Map::new();
            }
            let nested = section.path.iter().rev();
            let patch = nested.fold(section.value.clone(), |inner, name| {
                Value::Object(Map::from_iter([(name.clone(), inner)]))
            });
            if let Value::Object(patch) = patch {
                twin::merge(&mut desired, &patch);
            }
        }
        desired
    }
}

/// The sections of one module, all of its properties first.
fn read(given: &Value) -> Result<Vec<Section>, String> {
    let given = given.as_object().ok_or(": it is no JSON object")?;
    if given.is_empty() || given.len() > SECTIONS {
        return Err(": it has no section, or too many".to_owned());
    }
    let mut sections = Vec::new();
    for (name, value) in given {
        let below = name.strip_prefix(WHOLE);
        let path: Vec<String> = match below {
            Some("") => Vec::new(),
            Some(below) if below.starts_with('.') => {
                below[1..].split('.').map(str::to_owned).collect()
            }
            Some(_) | None => {
                return Err(format!(
                    "/{name}: it is neither `{WHOLE}` nor a path below it"
                ));
            }
        };
        if path.iter().any(String::is_empty) || path.len() > 10 {
            return Err(format!(
                "/{name}: a name is empty, or there are more than 10"
            ));
        }
        if path.is_empty() && !value.is_object() {
            return Err(format!("/{name}: it is no JSON object"));
        }
        sections.push(Section {
            path,
            value: value.clone(),
        });
    }
    sections.sort_by_key(|section| section.path.len());
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn put(sections: &Value, before: &Value) -> Value {
        let content = Content::parse(&json!({"modulesContent": {"m": sections}})).unwrap();
        Value::Object(content.put("m", before.as_object().unwrap().clone()))
    }

    #[test]
    fn the_whole_replaces_and_a_path_merges() {
        let before = json!({"a": {"x": 1}, "b": 2});
        for (sections, after) in [
            (json!({"properties.desired": {"c": 3}}), json!({"c": 3})),
            (
                json!({"properties.desired.a": {"y": 2}}),
                json!({"a": {"x": 1, "y": 2}, "b": 2}),
            ),
            (
                json!({"properties.desired.a.x": "t"}),
                json!({"a": {"x": "t"}, "b": 2}),
            ),
            (
                json!({"properties.desired.b": null}),
                json!({"a": {"x": 1}}),
            ),
            (
                json!({"properties.desired.c.d": 4, "properties.desired": {"e": 5}}),
                json!({"e": 5, "c": {"d": 4}}),
            ),
        ] {
            assert_eq!(put(&sections, &before), after, "{sections}");
        }
    }

    #[test]
    fn a_layer_says_no_whole_edge_agent() {
        let is_layer = |content| Content::parse(&content).unwrap().is_layer();
        assert!(is_layer(json!({"modulesContent": {
            "$edgeAgent": {"properties.desired.modules.p": {}}, "p": {"properties.desired": {}}}})));
        assert!(!is_layer(
            json!({"modulesContent": {"$edgeAgent": {"properties.desired": {}}}})
        ));
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let mistakes = Content::parse(&json!({"modulesContent": {
            "a": 1, "b": {"properties.reported": {}}, "c": {"properties.desired": 1}, "d": {"properties.desired..x": 1}}}));
        let mistakes = mistakes.unwrap_err();
        for place in [
            "/a:",
            "/b/properties.reported:",
            "/c/properties.desired:",
            "/d/properties.desired..x:",
        ] {
            assert!(
                mistakes.contains(&format!("/modulesContent{place}")),
                "{mistakes}"
            );
        }
        assert!(Content::parse(&json!({"deviceContent": {}})).is_err());
        assert!(Content::parse(&json!([])).is_err());
    }

    proptest! {
        #[test]
        fn any_section_is_answered(name in "(properties.desired)?[.a-c]{0,6}", text in "[ -~]{0,20}") {
            let content = json!({"modulesContent": {"m": {name: text}}});
            if let Ok(content) = Content::parse(&content) {
                let _ = content.put("m", Map::new());
            }
        }
    }
}
