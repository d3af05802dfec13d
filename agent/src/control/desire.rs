//! What is asked for, by twin or by call, and what becomes of it.

use serde_json::{Map, Value};

use super::StoreError;
use super::book::{Source, Taken, Ticket};
use super::desk::Control;
use super::methods;
use super::request::{self, Accepted};

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

    /// What the desired properties ask for now. Nothing of a bad one begins, and what was asked for before it stays.
    pub(super) fn consider(&mut self) {
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
    fn a_patch_merges_and_null_removes() {
        let mut target = json!({"a": {"b": 1, "c": 2}});
        merge(&mut target, json!({"a": {"b": null, "d": 3}}));
        assert_eq!(target, json!({"a": {"c": 2, "d": 3}}));
    }
}
