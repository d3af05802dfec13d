//! A module or device twin: two documents with versions, changed by merge patches.

use serde_json::{Map, Value};

use super::twin_limits::{self, TwinError};

/// Both halves of a twin as they stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Twin {
    /// What the cloud wants, without `$version`.
    pub desired: Map<String, Value>,
    /// Counts changes of `desired`; 1 at birth.
    pub desired_version: u64,
    /// What the client says, without `$version`.
    pub reported: Map<String, Value>,
    /// Counts changes of `reported`; 1 at birth.
    pub reported_version: u64,
}

impl Twin {
    pub(crate) fn new() -> Self {
        Self {
            desired: Map::new(),
            desired_version: 1,
            reported: Map::new(),
            reported_version: 1,
        }
    }

    /// A twin as a deployment makes it: desired properties of version 1, nothing reported.
    pub(crate) fn deployed(desired: &Value) -> Result<Self, TwinError> {
        Ok(Self {
            desired: patched(&Map::new(), desired)?,
            ..Self::new()
        })
    }

    /// Merges into the desired properties; `null` deletes. Nothing changes on an error.
    pub(crate) fn patch_desired(&mut self, patch: &Value) -> Result<u64, TwinError> {
        self.desired = patched(&self.desired, patch)?;
        self.desired_version += 1;
        Ok(self.desired_version)
    }

    /// Merges into the reported properties; `null` deletes. Nothing changes on an error.
    pub(crate) fn patch_reported(&mut self, patch: &Value) -> Result<u64, TwinError> {
        self.reported = patched(&self.reported, patch)?;
        self.reported_version += 1;
        Ok(self.reported_version)
    }

    /// Makes these the desired properties and returns the merge patch that leads there. Nothing changes on an error.
    #[cfg(feature = "hub")]
    pub(crate) fn replace_desired(
        &mut self,
        desired: &Value,
    ) -> Result<Map<String, Value>, TwinError> {
        let desired = patched(&Map::new(), desired)?;
        let patch = difference(&self.desired, &desired);
        self.desired = desired;
        self.desired_version += 1;
        Ok(patch)
    }

    /// The answer to a twin GET over MQTT: no outer `properties`, a `$version` in each half.
    pub(crate) fn document(&self) -> Value {
        serde_json::json!({
            "desired": versioned(&self.desired, self.desired_version),
            "reported": versioned(&self.reported, self.reported_version),
        })
    }
}

/// The body of a desired change: the patch as given and the version it made.
pub(crate) fn versioned(document: &Map<String, Value>, version: u64) -> Value {
    let mut document = document.clone();
    document.insert("$version".to_owned(), version.into());
    Value::Object(document)
}

/// The document with a merge patch in it, if a twin may hold it.
pub(crate) fn patched(
    document: &Map<String, Value>,
    patch: &Value,
) -> Result<Map<String, Value>, TwinError> {
    let patch = twin_limits::check_patch(patch)?;
    let mut merged = document.clone();
    merge(&mut merged, patch);
    twin_limits::check_size(&merged)?;
    Ok(merged)
}

/// The smallest merge patch that makes `new` of `old`, with `null` for what is gone.
#[cfg(feature = "hub")]
fn difference(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (name, value) in new
        .iter()
        .filter(|(name, value)| old.get(*name) != Some(value))
    {
        let value = match (old.get(name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => Value::Object(difference(old, new)),
            (_, value) => value.clone(),
        };
        patch.insert(name.clone(), value);
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    patch
}

pub(crate) fn merge(document: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, change) in patch {
        match change {
            Value::Null => {
                document.shift_remove(name);
            }
            Value::Object(change) => {
                let slot = document.entry(name.clone()).or_insert(Value::Null);
                let mut inner = match slot.take() {
                    Value::Object(inner) => inner,
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_) => Map::new(),
                };
                merge(&mut inner, change);
                *slot = Value::Object(inner);
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                document.insert(name.clone(), change.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(patches: &[Value], wanted: &Value) {
        let mut twin = Twin::new();
        for patch in patches {
            twin.patch_reported(patch).unwrap();
        }
        assert_eq!(&Value::Object(twin.reported), wanted);
        assert_eq!(twin.reported_version, 1 + patches.len() as u64);
    }

    #[test]
    fn patches_merge_deeply_and_null_deletes() {
        check(
            &[
                json!({"a": {"x": 1, "y": 2}, "b": 1}),
                json!({"a": {"x": null, "z": 3}, "b": null}),
            ],
            &json!({"a": {"y": 2, "z": 3}}),
        );
    }

    #[test]
    fn a_scalar_gives_way_to_an_object_and_arrays_are_replaced() {
        check(
            &[
                json!({"a": 1, "l": [1, 2]}),
                json!({"a": {"b": {"c": null, "d": 1}}, "l": [3]}),
            ],
            &json!({"a": {"b": {"d": 1}}, "l": [3]}),
        );
    }

    #[test]
    fn deleting_what_is_not_there_changes_only_the_version() {
        check(&[json!({"a": null})], &json!({}));
    }

    #[test]
    fn a_new_twin_reads_as_two_empty_halves_of_version_one() {
        assert_eq!(
            Twin::new().document(),
            json!({"desired": {"$version": 1}, "reported": {"$version": 1}})
        );
    }

    #[test]
    fn a_refused_patch_leaves_document_and_version_alone() {
        let mut twin = Twin::new();
        twin.patch_desired(&json!({"a": 1})).unwrap();
        assert!(twin.patch_desired(&json!({"a": 2, "b.c": 1})).is_err());
        assert_eq!(twin.desired_version, 2);
        assert_eq!(Value::Object(twin.desired), json!({"a": 1}));
    }

    #[test]
    fn many_small_patches_cannot_outgrow_the_document_limit() {
        let mut twin = Twin::new();
        let text = "x".repeat(4000);
        let grown = (0..20).find(|i| {
            let name = format!("k{i}");
            twin.patch_reported(&json!({ name: text })).is_err()
        });
        assert_eq!(grown, Some(8));
    }
}
