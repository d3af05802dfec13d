//! What the published JSON Schema of an offer adds to the types: the forms that an offer file may choose from.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::draft::COMMENT;

/// A JSON document given as an object, or as a string that holds its text.
pub(super) fn document(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "string", "null"] })
}

/// The chunks that follow `createOptions` in the plan.
pub(super) fn with_chunks(plan: &mut Schema) {
    plan.insert(
        "patternProperties".to_owned(),
        serde_json::json!({ "^[cC]reate[oO]ptions(0[1-9]|[1-9][0-9])$": { "type": "string" } }),
    );
}

/// The member that the reader passes over in every object of its own.
pub(super) fn with_comment(object: &mut Schema) {
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(COMMENT.to_owned(), Value::Bool(true));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::offer::Offer;

    #[test]
    fn the_schema_takes_create_options_as_object_text_or_chunks() {
        let schema = schemars::schema_for!(Offer);
        let plan = schema.pointer("/$defs/Plan").unwrap();
        let forms = json!(["object", "string", "null"]);
        assert_eq!(plan.pointer("/properties/createOptions/type"), Some(&forms));
        assert_eq!(plan.pointer("/properties/twin/type"), Some(&forms));
        let chunks = plan.get("patternProperties").unwrap().as_object().unwrap();
        assert_eq!(chunks.len(), 1);
    }
}
