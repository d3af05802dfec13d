//! Keeps the order of desired properties: whole twins, then patches without a gap. Pure.
//!
//! Versions rise by one with each change. A patch that skips a version means that one was lost;
//! then the whole twin is asked for again. Patches that arrive meanwhile wait for it.

use serde_json::Value;

/// Patches held while the twin is being asked for; more than this and they are dropped, because
/// another look at the twin is cheaper than a growing queue.
const MAX_HELD: usize = 32;

/// What to do after a change of desired properties.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Hand this patch to the application.
    Deliver(u64, Value),
    /// Ask for the whole twin.
    Ask,
    /// Nothing: an old patch, or one that waits for the twin.
    Wait,
}

/// A twin that could not be read; the reason is fit for a log line.
#[derive(Debug, PartialEq)]
pub(super) struct NoTwin(pub(super) String);

/// What is known of the desired properties.
#[derive(Debug, Default)]
pub(super) struct Desired {
    known: Option<u64>,
    held: Vec<(u64, Value)>,
    overflowed: bool,
}

/// A whole twin and the patches that came after it.
#[derive(Debug, PartialEq)]
pub(super) struct Whole {
    pub(super) desired: Value,
    pub(super) reported: Value,
    pub(super) version: u64,
    pub(super) later: Vec<(u64, Value)>,
    /// Patches were dropped: look again.
    pub(super) ask_again: bool,
}

impl Desired {
    /// Forgets everything, as after a new connection, when the twin is asked for anyway.
    pub(super) fn reset(&mut self) {
        *self = Desired::default();
    }

    /// Takes a patch; `version` as the topic says it, else the body's `$version` counts.
    pub(super) fn patch(&mut self, version: Option<u64>, patch: Value) -> Step {
        let Some(version) = version.or_else(|| version_of(&patch)) else {
            self.known = None;
            return Step::Ask;
        };
        match self.known {
            Some(known) if version <= known => Step::Wait,
            Some(known) if version == known + 1 => {
                self.known = Some(version);
                Step::Deliver(version, patch)
            }
            Some(_) => {
                self.known = None;
                self.hold(version, patch);
                Step::Ask
            }
            None => {
                self.hold(version, patch);
                Step::Wait
            }
        }
    }

    /// Takes the answer to a request for the twin.
    ///
    /// Held patches that are newer than the twin follow in order, gap or not: the twin has just
    /// been asked for, so nothing better is to be had (edgeHub answers from a cache).
    ///
    /// # Errors
    /// The answer is not a JSON object with desired properties and their version.
    pub(super) fn whole(&mut self, body: &[u8]) -> Result<Whole, NoTwin> {
        let mut twin: Value =
            serde_json::from_slice(body).map_err(|error| NoTwin(error.to_string()))?;
        let mut take = |name: &str| twin.get_mut(name).map(Value::take);
        let desired = take("desired").ok_or_else(|| NoTwin("no desired properties".to_owned()))?;
        let reported = take("reported").unwrap_or(Value::Null);
        let version = version_of(&desired)
            .ok_or_else(|| NoTwin("desired properties without $version".to_owned()))?;
        let mut later = std::mem::take(&mut self.held);
        later.sort_by_key(|(version, _)| *version);
        later.dedup_by_key(|(version, _)| *version);
        later.retain(|(newer, _)| *newer > version);
        self.known = Some(later.last().map_or(version, |(newest, _)| *newest));
        Ok(Whole {
            desired,
            reported,
            version,
            later,
            ask_again: std::mem::take(&mut self.overflowed),
        })
    }

    fn hold(&mut self, version: u64, patch: Value) {
        if self.held.len() == MAX_HELD {
            self.held.clear();
            self.overflowed = true;
        }
        self.held.push((version, patch));
    }
}

fn version_of(properties: &Value) -> Option<u64> {
    properties.get("$version").and_then(Value::as_u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn at(version: u64) -> Desired {
        let mut desired = Desired::default();
        let twin = json!({"desired": {"$version": version}, "reported": {"$version": 1}});
        desired.whole(twin.to_string().as_bytes()).unwrap();
        desired
    }

    #[test]
    fn the_next_patch_is_delivered_and_an_old_one_is_not() {
        let mut desired = at(4);
        assert_eq!(
            desired.patch(Some(5), json!({"a": 1})),
            Step::Deliver(5, json!({"a": 1}))
        );
        assert_eq!(desired.patch(Some(5), json!({"a": 1})), Step::Wait);
    }

    #[test]
    fn the_version_may_stand_in_the_body_alone() {
        let patch = json!({"a": 1, "$version": 5});
        assert_eq!(at(4).patch(None, patch.clone()), Step::Deliver(5, patch));
        assert_eq!(at(4).patch(None, json!({"a": 1})), Step::Ask);
    }

    #[test]
    fn a_gap_asks_for_the_twin_and_the_late_patch_follows_only_if_newer() {
        let mut desired = at(4);
        assert_eq!(desired.patch(Some(7), json!({"a": 7})), Step::Ask);
        assert_eq!(desired.patch(Some(8), json!({"a": 8})), Step::Wait);
        let whole = desired
            .whole(br#"{"desired":{"a":7,"$version":7}}"#)
            .unwrap();
        assert_eq!(
            (whole.version, whole.later),
            (7, vec![(8, json!({"a": 8}))])
        );
        assert_eq!(
            desired.patch(Some(9), json!({})),
            Step::Deliver(9, json!({}))
        );
    }

    #[test]
    fn a_stale_twin_does_not_swallow_the_newer_patch() {
        let mut desired = at(4);
        desired.patch(Some(7), json!({"a": 7}));
        let whole = desired.whole(br#"{"desired":{"$version":4}}"#).unwrap();
        assert_eq!(whole.later, [(7, json!({"a": 7}))]);
        assert_eq!(
            desired.patch(Some(8), json!({})),
            Step::Deliver(8, json!({}))
        );
    }

    #[test]
    fn too_many_patches_without_a_twin_lead_to_another_look() {
        let mut desired = Desired::default();
        for version in 10..60 {
            assert_eq!(desired.patch(Some(version), json!({})), Step::Wait);
        }
        let whole = desired.whole(br#"{"desired":{"$version":9}}"#).unwrap();
        assert!(whole.ask_again && whole.later.len() <= MAX_HELD);
    }

    #[test]
    fn a_twin_without_what_it_needs_is_refused() {
        for body in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"desired":{}}"#,
            r#"{"desired":{"$version":-1}}"#,
        ] {
            assert!(Desired::default().whole(body.as_bytes()).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..64), version: Option<u64>) {
            let mut desired = Desired::default();
            let _ = desired.whole(&body);
            let _ = desired.patch(version, serde_json::from_slice(&body).unwrap_or_default());
        }

        #[test]
        fn delivered_versions_only_rise(versions in prop::collection::vec(0u64..12, 0..40)) {
            let mut desired = at(3);
            let mut last = 3;
            for version in versions {
                if let Step::Deliver(delivered, _) = desired.patch(Some(version), json!({})) {
                    prop_assert!(delivered == last + 1);
                    last = delivered;
                }
            }
        }
    }
}
