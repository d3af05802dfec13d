//! Quantities that take several tokens: units, ranges, and forms that could be more than one number.

use super::super::tokens::{Decimal, Kind, Token, is_word, word_of};
use super::super::vocabulary::{self as words, Unit};
use super::Reader;

impl Reader<'_> {
    /// `1/2 GB` and `1 024 MB`: a fraction and a space between thousands, or something else.
    pub(super) fn ambiguous(&self, rest: &[Token]) -> Option<usize> {
        let digits = |index: usize| {
            let token = rest.get(index)?;
            matches!(token.kind, Kind::Number(_)).then(|| token.span.len())
        };
        let slash = matches!(rest.get(1)?.kind, Kind::Mark('/' | '⁄'));
        let used = if slash && digits(2).is_some() {
            3
        } else if digits(0)? <= 3 && digits(1) == Some(3) {
            2
        } else {
            return None;
        };
        let unit = self.unit(rest.get(used..)?).map_or(0, |(length, _)| length);
        Some(used + unit)
    }

    /// `1-2 GB`, `1 to 2 GB`, `1 or 2 GB`.
    pub(super) fn range(&self, rest: &[Token]) -> Option<(usize, Unit)> {
        let joint = match &rest.get(1)?.kind {
            Kind::Mark(mark) => matches!(mark, '-' | '–' | '—'),
            Kind::Word(word) => word == "to" || word == "or",
            Kind::Number(_) => false,
        };
        let upper = matches!(rest.get(2)?.kind, Kind::Number(Some(_)));
        if !joint || !upper {
            return None;
        }
        self.unit(&rest[3..]).map(|(used, unit)| (3 + used, unit))
    }

    /// `between 1 and 2 GB`, `between 512 MB and 1 GB`.
    pub(super) fn between(&self, rest: &[Token]) -> Option<(usize, Decimal, Unit)> {
        if !is_word(rest.first(), "between") {
            return None;
        }
        let Kind::Number(Some(lower)) = rest.get(1)?.kind else {
            return None;
        };
        let own = self.unit(rest.get(2..)?);
        let joint = 2 + own.map_or(0, |(length, _)| length);
        if !is_word(rest.get(joint), "and") || !matches!(rest.get(joint + 1)?.kind, Kind::Number(_))
        {
            return None;
        }
        let (length, unit) = self.unit(rest.get(joint + 2..)?)?;
        Some((joint + 2 + length, lower, own.map_or(unit, |(_, own)| own)))
    }

    /// `4 x 1.5 GHz` is of four cores.
    pub(super) fn is_of_cores(&self, rest: &[Token]) -> bool {
        let times = matches!(rest.get(1).map(|token| &token.kind), Some(Kind::Mark('×')));
        let clock = rest.get(3..).and_then(|rest| self.unit(rest));
        times && matches!(clock, Some((_, Unit::Hertz(_))))
    }

    /// A unit, glued to its number, after a space, a hyphen or a plus.
    pub(super) fn unit(&self, rest: &[Token]) -> Option<(usize, Unit)> {
        let skipped = usize::from(matches!(rest.first()?.kind, Kind::Mark('-' | '+')));
        let token = rest.get(skipped)?;
        word_of(token)?;
        let unit = words::unit(self.text.get(token.span.clone())?)?;
        Some((skipped + 1, unit))
    }
}
