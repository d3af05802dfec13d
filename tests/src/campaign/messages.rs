//! What a reader of the hub makes of the probe's messages, by `docs/outbox.md`: run, part and SHA-256 are the key.

use std::collections::{BTreeMap, BTreeSet};

use conformance::report::SUMMARY_SCHEMA;
use conformance::run_request::sha256_hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The messages of one run.
#[derive(Debug, Default)]
pub(super) struct Messages {
    run: String,
    all: usize,
    again: usize,
    strange: usize,
    summaries: BTreeSet<String>,
    parts: BTreeMap<(String, usize), BTreeMap<usize, Vec<u8>>>,
}

/// What came of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// Messages.
    pub messages: usize,
    /// Of these, such as had come before: the same run, part and digest.
    pub again: usize,
    /// Of these, such as are neither summary nor part of this run.
    pub strange: usize,
    /// Different summaries.
    pub summaries: usize,
    /// Different whole reports.
    pub reports: usize,
    /// Different reports of which parts are missing.
    pub partial: usize,
}

impl Messages {
    pub(super) fn of(run: &str) -> Messages {
        Messages {
            run: run.to_owned(),
            ..Messages::default()
        }
    }

    /// Takes one message in; `property` gives its application properties.
    pub(super) fn take<'a>(&mut self, property: impl Fn(&str) -> Option<&'a str>, body: &[u8]) {
        self.all += 1;
        let number = |name: &str| property(name).and_then(|text| text.parse::<usize>().ok());
        let is_ours = property("run") == Some(self.run.as_str());
        let is_new = match (number("part"), number("parts"), property("sha256")) {
            (Some(part), Some(parts), Some(sha256)) if is_ours => {
                let report = (sha256.to_owned(), parts);
                let parts = self.parts.entry(report).or_default();
                parts.insert(part, body.to_vec()).is_none()
            }
            (None, None, None) if is_ours && property("schema") == Some(SUMMARY_SCHEMA) => {
                self.summaries.insert(sha256_hex(body))
            }
            (_, _, _) => {
                self.strange += 1;
                return;
            }
        };
        self.again += usize::from(!is_new);
    }

    /// Whole reports, each once.
    fn whole(&self) -> Vec<Vec<u8>> {
        let reports = self.parts.iter().filter_map(|((sha256, of), parts)| {
            let bytes: Vec<u8> = parts.values().flatten().copied().collect();
            let is_whole = (1..=*of).eq(parts.keys().copied()) && sha256_hex(&bytes) == *sha256;
            is_whole.then_some(bytes)
        });
        reports.collect()
    }

    /// The report, where there is exactly one.
    pub(super) fn report(&self) -> Option<Value> {
        match self.whole().as_slice() {
            [report] => serde_json::from_slice(report).ok(),
            _ => None,
        }
    }

    pub(super) fn arrived(&self) -> Arrived {
        let reports = self.whole().len();
        Arrived {
            messages: self.all,
            again: self.again,
            strange: self.strange,
            summaries: self.summaries.len(),
            reports,
            partial: self.parts.len() - reports,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(messages: &mut Messages, properties: &[(&str, &str)], body: &str) {
        let property = |name: &str| {
            let found = properties.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        messages.take(property, body.as_bytes());
    }

    fn part<'a>(number: &'a str, sha256: &'a str) -> [(&'a str, &'a str); 4] {
        [
            ("run", "r"),
            ("part", number),
            ("parts", "2"),
            ("sha256", sha256),
        ]
    }

    #[test]
    fn the_same_parts_twice_are_one_report_and_another_digest_is_another_one() {
        let mut messages = Messages::of("r");
        let (one, two) = (sha256_hex(b"[1,2]"), sha256_hex(b"[1,3]"));
        for _ in 0..2 {
            took(
                &mut messages,
                &[("run", "r"), ("schema", SUMMARY_SCHEMA)],
                "s",
            );
            took(&mut messages, &part("2", &one), "2]");
            took(&mut messages, &part("1", &one), "[1,");
        }
        let arrived = messages.arrived();
        assert_eq!((arrived.reports, arrived.summaries), (1, 1));
        assert_eq!(
            (arrived.messages, arrived.again, arrived.partial),
            (6, 3, 0)
        );
        assert_eq!(messages.report().unwrap(), serde_json::json!([1, 2]));
        took(&mut messages, &part("1", &two), "[1,");
        assert_eq!(messages.arrived().partial, 1);
        took(&mut messages, &part("2", &two), "3]");
        assert_eq!(messages.arrived().reports, 2);
        assert!(messages.report().is_none());
    }

    #[test]
    fn what_is_of_another_run_or_not_whole_is_no_report() {
        let mut messages = Messages::of("r");
        took(&mut messages, &[("run", "other"), ("part", "1")], "x");
        took(&mut messages, &part("1", &sha256_hex(b"ab")), "b");
        took(&mut messages, &part("2", &sha256_hex(b"ab")), "a");
        let arrived = messages.arrived();
        assert_eq!(
            (arrived.strange, arrived.reports, arrived.partial),
            (1, 0, 1)
        );
    }
}
