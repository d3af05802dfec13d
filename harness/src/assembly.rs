//! The report out of its messages: parts in any order, duplicates harmless, the digest decides.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// More parts than this make no report.
const MOST_PARTS: usize = 1_000;

/// Parts of one run's report as they arrive.
#[derive(Debug, Default)]
pub struct Assembly {
    run: String,
    /// How many there are, as the part that came last says.
    of: usize,
    parts: BTreeMap<usize, Vec<u8>>,
}

/// What a part made of the report.
#[derive(Debug, PartialEq, Eq)]
pub enum Assembled {
    /// Not a part of this run.
    Foreign,
    /// More parts are to come.
    Partial { have: usize, of: usize },
    /// The whole report.
    Whole(Vec<u8>),
    /// All parts are here, but they are not what was sent; everything is forgotten.
    Broken,
}

impl Assembly {
    /// Waits for the report of `run`.
    #[must_use]
    pub fn of(run: &str) -> Assembly {
        Assembly {
            run: run.to_owned(),
            ..Assembly::default()
        }
    }

    /// The numbers of the parts that are still to come, and how many there are in all; `None` before the first.
    #[must_use]
    pub fn missing(&self) -> Option<(Vec<usize>, usize)> {
        let missing = (1..=self.of).filter(|part| !self.parts.contains_key(part));
        (self.of > 0).then(|| (missing.collect(), self.of))
    }

    /// Takes one message in; `property` gives its application properties.
    pub fn take<'a>(
        &mut self,
        property: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
    ) -> Assembled {
        let number = |name: &str| property(name).and_then(|text| text.parse::<usize>().ok());
        let (Some(part), Some(of)) = (number("part"), number("parts")) else {
            return Assembled::Foreign;
        };
        if property("run") != Some(self.run.as_str()) || part == 0 || part > of || of > MOST_PARTS {
            return Assembled::Foreign;
        }
        self.of = of;
        self.parts.insert(part, body.to_vec());
        self.parts.retain(|&number, _| number <= of);
        if self.parts.len() < of {
            return Assembled::Partial {
                have: self.parts.len(),
                of,
            };
        }
        let whole: Vec<u8> = std::mem::take(&mut self.parts)
            .into_values()
            .flatten()
            .collect();
        let digest: String = Sha256::digest(&whole)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if property("sha256") == Some(digest.as_str()) {
            Assembled::Whole(whole)
        } else {
            Assembled::Broken
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha(bytes: &[u8]) -> String {
        Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn take(
        assembly: &mut Assembly,
        run: &str,
        (part, parts): (&str, &str),
        sha256: &str,
        body: &[u8],
    ) -> Assembled {
        let properties = [
            ("run", run),
            ("part", part),
            ("parts", parts),
            ("sha256", sha256),
        ];
        assembly.take(
            |name| {
                properties
                    .iter()
                    .find(|property| property.0 == name)
                    .map(|property| property.1)
            },
            body,
        )
    }

    #[test]
    fn parts_in_any_order_and_twice_make_the_report() {
        let digest = sha(b"abc");
        let mut assembly = Assembly::of("r");
        assert_eq!(
            take(&mut assembly, "r", ("2", "2"), &digest, b"c"),
            Assembled::Partial { have: 1, of: 2 }
        );
        assert_eq!(
            take(&mut assembly, "r", ("2", "2"), &digest, b"c"),
            Assembled::Partial { have: 1, of: 2 }
        );
        assert_eq!(assembly.missing(), Some((vec![1], 2)));
        assert_eq!(
            take(&mut assembly, "r", ("1", "2"), &digest, b"ab"),
            Assembled::Whole(b"abc".to_vec())
        );
    }

    #[test]
    fn a_changed_part_breaks_the_report() {
        let mut assembly = Assembly::of("r");
        assert_eq!(
            take(&mut assembly, "r", ("1", "1"), &sha(b"abc"), b"abd"),
            Assembled::Broken
        );
    }

    #[test]
    fn messages_that_are_no_part_are_left_alone() {
        let mut assembly = Assembly::of("r");
        assert_eq!(assembly.missing(), None);
        for (run, part) in [
            ("other", ("1", "1")),
            ("r", ("0", "1")),
            ("r", ("3", "2")),
            ("r", ("x", "1")),
            ("r", ("1", "100000")),
        ] {
            assert_eq!(
                take(&mut assembly, run, part, "", b""),
                Assembled::Foreign,
                "{run} {part:?}"
            );
        }
    }
}
