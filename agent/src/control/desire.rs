//! What is asked for, by twin or by call, and what becomes of it.

use serde_json::{Map, Value};

use super::StoreError;
use super::book::{Source, Taken, Ticket};
use super::desk::Control;
use super::methods;
use super::request::{self, Accepted};

/// What `conformance.run` may take, as JSON text: more than a twin has for all desired properties together.
const MOST_BYTES: usize = 64 * 1024;

impl Control {
    /// Takes on a run and keeps it on disk before anybody hears that it was taken.
    pub(super) fn accept(
        &mut self,
        accepted: &Accepted,
        source: Source,
    ) -> Result<Taken, StoreError> {
        let mut book = self.book.clone();
        let taken = book.ask(Ticket {
            run: accepted.request.id.clone(),
            digest: accepted.digest.clone(),
            source,
            begun: false,
        });
        if let Taken::Queued { instead_of, .. } = &taken {
            self.store.queue_up(accepted, source)?;
            if let Some(old) = instead_of {
                self.store.unqueue(old)?;
            }
        }
        self.book = book;
        Ok(taken)
    }

    /// Considers the desired properties if they have changed: once, however many changes there were.
    pub(super) fn decide(&mut self) {
        if std::mem::take(&mut self.undecided) {
            self.consider();
        }
    }

    /// What the desired properties ask for now. Nothing of a bad one begins, and what was asked for before it stays.
    pub(super) fn consider(&mut self) {
        let conformance = self.desired.get("conformance");
        if conformance.is_some_and(|value| !value.is_object()) {
            self.mistakes = vec!["/conformance: a JSON object is wanted".to_owned()];
            return;
        }
        let bytes = self.desired.to_string().len();
        if bytes > MOST_BYTES {
            self.mistakes = vec![format!(
                "/conformance/run: {bytes} bytes; at most {MOST_BYTES}"
            )];
            // Changes to come would be added to it for ever; the next whole twin says how things are.
            self.desired = Value::Null;
            return;
        }
        let wanted = self.desired.pointer("/conformance/run");
        let Some(wanted) = wanted.filter(|run| !run.is_null()).cloned() else {
            self.mistakes.clear();
            return self.withdraw(None);
        };
        let at = "/conformance/run";
        let read = request::read(&wanted, &|sha256| self.offers.text(sha256));
        let accepted = match read {
            Ok(accepted) => accepted,
            Err(mistakes) => {
                let placed = mistakes.iter().map(|mistake| format!("{at}{mistake}"));
                self.mistakes = placed.collect();
                return;
            }
        };
        let run = accepted.request.id.clone();
        let mistake = match self.accept(&accepted, Source::Twin) {
            Ok(Taken::Queued { .. } | Taken::Known) => None,
            Ok(Taken::OtherContent) => Some(methods::other_content(&run)),
            Ok(Taken::Full) => Some(methods::full()),
            Err(error) => Some(format!("the run cannot be kept: {error}")),
        };
        self.mistakes = mistake
            .iter()
            .map(|mistake| format!("{at}/id: {mistake}"))
            .collect();
        if self.mistakes.is_empty() {
            self.withdraw(Some(&run));
        }
    }

    fn withdraw(&mut self, still: Option<&str>) {
        if let Some(old) = self.book.withdraw(still)
            && let Err(error) = self.store.unqueue(&old)
        {
            tracing::warn!(%error, old, "a desired run that was withdrawn stays on disk");
        }
    }

    /// A desired run for which there was no room may have it now.
    pub(super) fn reconsider(&mut self) {
        if !self.mistakes.is_empty() {
            self.consider();
        }
    }
}

/// What of desired properties, or of a change of them, the probe goes by: `conformance.run`, or that `conformance` is no object.
/// Everything else is not kept: nothing bounds what a hub may add in its lifetime.
pub(super) fn wanted_of(properties: Value) -> Value {
    let mut kept = Map::new();
    let Value::Object(mut properties) = properties else {
        return Value::Object(kept);
    };
    match properties.shift_remove("conformance") {
        None => {}
        Some(Value::Object(mut members)) => {
            let run = members.shift_remove("run");
            let run = run.map(|run| ("run".to_owned(), run));
            kept.insert("conformance".to_owned(), run.into_iter().collect());
        }
        Some(Value::Null) => {
            kept.insert("conformance".to_owned(), Value::Null);
        }
        Some(_) => {
            kept.insert("conformance".to_owned(), Value::Bool(false));
        }
    }
    Value::Object(kept)
}

/// JSON merge patch. Source: RFC 7386.
pub(super) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.shift_remove(&name);
            } else {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_the_probe_s_is_kept() {
        let kept = |value| wanted_of(value);
        let whole = json!({"conformance": {"run": {"id": "a"}, "x": 1}, "other": 2, "$version": 7});
        assert_eq!(kept(whole), json!({"conformance": {"run": {"id": "a"}}}));
        assert_eq!(
            kept(json!({"conformance": {"x": 1}})),
            json!({"conformance": {}})
        );
        assert_eq!(
            kept(json!({"conformance": null})),
            json!({"conformance": null})
        );
        assert_eq!(
            kept(json!({"conformance": "run"})),
            json!({"conformance": false})
        );
        for nothing in [json!({"other": 1}), json!([]), json!(7), json!(null)] {
            assert_eq!(kept(nothing), json!({}));
        }
    }

    #[test]
    fn a_patch_merges_and_null_removes() {
        let mut target = json!({"a": {"b": 1, "c": 2}});
        merge(&mut target, json!({"a": {"b": null, "d": 3}}));
        assert_eq!(target, json!({"a": {"c": 2, "d": 3}}));
    }
}
