//! Several remarks about one requirement, gathered into one outcome: any breach makes it unmet, else any doubt a concern.

use crate::finding::Outcome;

/// What is wrong or doubtful at one place.
#[derive(Debug)]
struct Remark {
    saw: String,
    mend: String,
}

/// The remarks of one judgement.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    breaches: Vec<Remark>,
    doubts: Vec<Remark>,
}

impl Remarks {
    /// The requirement does not hold at a place.
    pub(super) fn breach(&mut self, saw: impl Into<String>, mend: impl Into<String>) {
        self.breaches.push(Remark {
            saw: saw.into(),
            mend: mend.into(),
        });
    }

    /// Something deserves a look.
    pub(super) fn doubt(&mut self, saw: impl Into<String>, mend: impl Into<String>) {
        self.doubts.push(Remark {
            saw: saw.into(),
            mend: mend.into(),
        });
    }

    /// Whether the requirement does not hold at some place.
    pub(super) fn has_breach(&self) -> bool {
        !self.breaches.is_empty()
    }

    /// Whether there is anything to remark.
    pub(super) fn has_any(&self) -> bool {
        self.has_breach() || !self.doubts.is_empty()
    }

    /// One outcome of all remarks; `met` is what was seen if there are none.
    pub(super) fn outcome(self, met: impl Into<String>, wanted: impl Into<String>) -> Outcome {
        let unmet = !self.breaches.is_empty();
        let all: Vec<Remark> = self.breaches.into_iter().chain(self.doubts).collect();
        let saw: Vec<&str> = all.iter().map(|remark| remark.saw.as_str()).collect();
        let mut mends: Vec<&str> = Vec::new();
        for remark in &all {
            if !mends.contains(&remark.mend.as_str()) {
                mends.push(&remark.mend);
            }
        }
        if all.is_empty() {
            Outcome::met(met, wanted)
        } else if unmet {
            Outcome::unmet(saw.join("; "), wanted, mends.join("; "))
        } else {
            Outcome::concern(saw.join("; "), wanted, mends.join("; "))
        }
    }
}

/// The start of a text in quotation marks; a long one is cut at 160 characters.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 160;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;

    #[test]
    fn a_breach_outweighs_a_doubt_and_both_are_told() {
        let mut remarks = Remarks::default();
        remarks.doubt("b", "mend it");
        remarks.breach("a", "mend it");
        let outcome = remarks.outcome("all well", "w");
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(outcome.saw, "a; b");
        assert_eq!(outcome.remedy.unwrap(), "mend it");
        assert_eq!(Remarks::default().outcome("all well", "w").saw, "all well");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(quoted("é"), "\"é\"");
        assert_eq!(quoted(&"é".repeat(500)).chars().count(), 163);
    }
}
