//! Every text among an offer's default settings that a customer might have to change, with its place.

use serde_json::Value;

use crate::offer::Plan;

/// One text of the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DefaultText {
    /// JSON pointer into the offer; inside createOptions and twin it continues into the document.
    pub(super) pointer: String,
    /// The last name on the way: the variable's, the option's, the property's.
    pub(super) name: String,
    /// The text.
    pub(super) text: String,
}

/// Texts of environment, createOptions and twin. Routes are left out: their conditions use angle brackets too.
pub(super) fn default_texts(plan: &Plan) -> Vec<DefaultText> {
    let mut texts: Vec<DefaultText> = plan
        .env
        .iter()
        .map(|(name, value)| DefaultText {
            pointer: format!("/plan/env/{}", escaped(name)),
            name: name.clone(),
            text: value.clone(),
        })
        .collect();
    for (name, document) in [
        ("createOptions", &plan.create_options),
        ("twin", &plan.twin),
    ] {
        // A document that is no JSON is read as one text, so that nothing in it is missed.
        let value =
            serde_json::from_str(document).unwrap_or_else(|_| Value::from(document.as_str()));
        collect(&value, &format!("/plan/{name}"), name, &mut texts);
    }
    texts
}

/// JSON readers bound the depth of a document, and so the depth of this walk.
fn collect(value: &Value, pointer: &str, name: &str, texts: &mut Vec<DefaultText>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => texts.push(DefaultText {
            pointer: pointer.to_owned(),
            name: name.to_owned(),
            text: text.clone(),
        }),
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                collect(inner, &format!("{pointer}/{index}"), name, texts);
            }
        }
        Value::Object(object) => {
            for (member, inner) in object {
                let pointer = format!("{pointer}/{}", escaped(member));
                collect(inner, &pointer, member, texts);
            }
        }
    }
}

/// A member's name in a JSON pointer (RFC 6901).
pub(super) fn escaped(member: &str) -> String {
    member.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn texts_are_found_wherever_they_stand() {
        let mut plan = sample::record().offer.plan;
        plan.env = [("A/B".to_owned(), "x".to_owned())].into();
        plan.create_options = r#"{"HostConfig": {"Binds": ["a:b"], "Memory": 1}}"#.to_owned();
        plan.twin = "{broken".to_owned();
        let found: Vec<(String, String, String)> = default_texts(&plan)
            .into_iter()
            .map(|found| (found.pointer, found.name, found.text))
            .collect();
        let expected = [
            ("/plan/env/A~1B", "A/B", "x"),
            ("/plan/createOptions/HostConfig/Binds/0", "Binds", "a:b"),
            ("/plan/twin", "twin", "{broken"),
        ];
        assert_eq!(
            found,
            expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()))
        );
    }
}
