//! The grammar of a hardware sentence: platforms, then quantities with what they are of, in any order and many wordings.
//!
//! What is not understood is kept as unread, and of two readings the smaller claim is taken: nothing is guessed in the
//! offer's favour.

mod assignment;
mod models;
mod quantities;

use std::ops::Range;

use super::Claim;
use super::bounds::{Bound, bound};
use super::parts::parts;
use super::platforms::{architecture, bits_length, both_widths, editions, is_bits};
use super::tokens::{Decimal, Kind, Token, is_word, span_of, tokens, word_of};
use super::vocabulary::{self as words, Resource, Unit};

const LOWER_END: &str = "of a range the lower end is read";

/// What a sentence says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) claim: Claim,
    /// What could not be read, each with its place.
    pub(super) unread: Vec<String>,
}

/// Reads `text` from byte `from` on; places are counted in characters of the whole text.
pub(super) fn read(text: &str, from: usize) -> Reading {
    let tokens = tokens(text, from);
    let mut reader = Reader {
        text,
        claim: Claim::default(),
        warnings: Vec::new(),
        unread: Vec::new(),
        gpu: None,
    };
    for part in parts(&tokens) {
        reader.part(part);
    }
    reader.finish()
}

/// A quantity or what it is of, in the order of the part.
#[derive(Debug, Clone)]
struct Item {
    kind: ItemKind,
    span: Range<usize>,
}

#[derive(Debug, Clone, Copy)]
enum ItemKind {
    Amount(Decimal, Unit),
    Count(Decimal),
    /// A count that says itself what it is of: `dualcore`.
    Cores(Decimal),
    Resource(Resource),
}

#[derive(Debug)]
struct Reader<'t> {
    text: &'t str,
    claim: Claim,
    warnings: Vec<(usize, String)>,
    unread: Vec<Range<usize>>,
    /// Adjacent parts that speak of a GPU.
    gpu: Option<Gpu>,
}

#[derive(Debug)]
struct Gpu {
    span: Range<usize>,
    /// Nothing else has come since.
    open: bool,
}

impl Reader<'_> {
    fn part(&mut self, part: &[Token]) {
        if part.iter().filter_map(word_of).any(words::is_gpu) {
            self.gpu(part);
            return;
        }
        if let Some(gpu) = &mut self.gpu {
            gpu.open = false;
        }
        // `Windows is not supported` claims nothing; `no less than` is a bound.
        let negated = |at: &usize| {
            word_of(&part[*at]).is_some_and(words::is_negation) && bound(&part[*at..]).is_none()
        };
        if (0..part.len()).any(|at| negated(&at)) {
            self.unread.push(span_of(part));
            return;
        }
        let items = self.items(part);
        self.assign(&items);
    }

    fn gpu(&mut self, part: &[Token]) {
        let says = |test: fn(&str) -> bool| part.iter().filter_map(word_of).any(test);
        let span = span_of(part);
        if says(words::is_negation) {
            return;
        }
        let no_minimum = |word: &str| {
            matches!(
                word,
                "optional" | "optionally" | "recommended" | "preferred" | "optimal"
            )
        };
        if says(no_minimum) {
            self.warn(&span, "an optional GPU is no minimum and is left out");
            return;
        }
        match &mut self.gpu {
            None => self.gpu = Some(Gpu { span, open: true }),
            Some(gpu) if gpu.open => gpu.span.end = span.end,
            Some(_) => self.unread.push(span),
        }
    }

    /// Takes platforms out of a part and leaves quantities and resources.
    fn items(&mut self, part: &[Token]) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let mut bounded = None;
        let mut at = 0;
        while at < part.len() {
            let rest = &part[at..];
            let (used, item) = self.next(rest);
            let span = span_of(&rest[..used]);
            at += used;
            match item {
                Next::Nothing => {}
                Next::UpperBound => bounded = Some(span.start),
                Next::Item(ItemKind::Resource(resource)) => {
                    self.push_resource(&mut items, resource, span)
                }
                Next::Item(kind) => match bounded.take() {
                    Some(start) => self.unread.push(start..span.end),
                    None => items.push(Item { kind, span }),
                },
                Next::Unread => self.unread.push(span),
            }
        }
        // A bound with no quantity after it speaks of the one before: `1 GB or less`.
        let is_quantity = |item: &Item| !matches!(item.kind, ItemKind::Resource(_));
        if bounded.is_some()
            && let Some(last) = items.iter().rposition(is_quantity)
        {
            self.unread.push(items.remove(last).span);
        }
        items
    }

    /// Neighbouring words for one thing are one: `disk space`, `CPU cores`; with a word of storage it is storage:
    /// `flash memory`.
    fn push_resource(&self, items: &mut Vec<Item>, resource: Resource, span: Range<usize>) {
        if let Some(last) = items.last_mut()
            && let ItemKind::Resource(before) = last.kind
            && self.text.get(last.span.end..span.start) == Some(" ")
            && (before == resource || (before != Resource::Cpu && resource != Resource::Cpu))
        {
            if resource == Resource::Storage {
                last.kind = ItemKind::Resource(Resource::Storage);
            }
            last.span.end = span.end;
            return;
        }
        items.push(Item {
            kind: ItemKind::Resource(resource),
            span,
        });
    }

    /// Reads what stands at the head of `rest`, and how many tokens it takes.
    fn next(&mut self, rest: &[Token]) -> (usize, Next) {
        let head = &rest[0];
        if let Some(used) = models::model(rest) {
            self.warn(
                &span_of(&rest[..used]),
                "a processor's model is no number that can be measured, and names no architecture; state those",
            );
            return (used, Next::Nothing);
        }
        if let Some((used, both)) = both_widths(rest) {
            for architecture in both {
                add(&mut self.claim.architectures, architecture);
            }
            return (used, Next::Nothing);
        }
        if let Some((used, architecture)) = architecture(rest) {
            self.platform(architecture, &span_of(&rest[..used]));
            return (used, Next::Nothing);
        }
        if let Some((used, bound)) = bound(rest) {
            let next = match bound {
                Bound::Upper => Next::UpperBound,
                Bound::Lower => Next::Nothing,
                Bound::Rough => {
                    self.warn(&head.span, "a rough value is read as the exact one");
                    Next::Nothing
                }
            };
            return (used, next);
        }
        match &head.kind {
            Kind::Number(number) => self.number(*number, rest),
            Kind::Mark(mark) => (1, plain(&mark.to_string())),
            Kind::Word(word) => {
                if let Some((used, number, unit)) = self.between(rest) {
                    self.warn(&span_of(&rest[..used]), LOWER_END);
                    return (used, Next::Item(ItemKind::Amount(number, unit)));
                }
                if let Some(os) = words::os(word) {
                    add(&mut self.claim.os, os);
                    return (1 + editions(&rest[1..]), Next::Nothing);
                }
                if let Some(resource) = words::resource(word) {
                    return (1, Next::Item(ItemKind::Resource(resource)));
                }
                if let Some(cores) = words::cores(word) {
                    return (1, Next::Item(ItemKind::Cores(Decimal::whole(cores))));
                }
                if let Some(count) = words::count(word) {
                    if let Some((used, unit)) = self.unit(&rest[1..]) {
                        let one = Decimal::whole(count);
                        return (1 + used, Next::Item(ItemKind::Amount(one, unit)));
                    }
                    return (1, Next::Item(ItemKind::Count(Decimal::whole(count))));
                }
                if word == "red" && is_word(rest.get(1), "hat") {
                    add(&mut self.claim.os, "linux");
                    return (2 + editions(&rest[2..]), Next::Nothing);
                }
                if word == "raspberry" && is_word(rest.get(1), "pi") && is_word(rest.get(2), "os") {
                    add(&mut self.claim.os, "linux");
                    return (3, Next::Nothing);
                }
                (1, plain(word))
            }
        }
    }

    fn platform(&mut self, (architecture, doubt): (&str, Option<&str>), span: &Range<usize>) {
        add(&mut self.claim.architectures, architecture);
        if let Some(doubt) = doubt {
            self.warn(span, doubt);
        }
    }

    /// A number with its unit, a range of which the lower end counts, or a bare count.
    fn number(&mut self, number: Option<Decimal>, rest: &[Token]) -> (usize, Next) {
        let Some(number) = number else {
            return (1, Next::Unread);
        };
        if is_bits(rest) {
            return (bits_length(rest), Next::Nothing);
        }
        if let Some(used) = self.ambiguous(rest) {
            return (used, Next::Unread);
        }
        if self.is_of_cores(rest) {
            return (2, Next::Item(ItemKind::Cores(number)));
        }
        if let Some((used, unit)) = self.range(rest) {
            self.warn(&span_of(&rest[..used]), LOWER_END);
            return (used, Next::Item(ItemKind::Amount(number, unit)));
        }
        if let Some(doubt) = number.doubt {
            self.warn(&rest[0].span, doubt);
        }
        let Some((used, unit)) = self.unit(&rest[1..]) else {
            return (1, Next::Item(ItemKind::Count(number)));
        };
        let used = used + 1;
        let span = span_of(&rest[..used]);
        if let Unit::Bytes {
            doubt: Some(doubt), ..
        } = unit
        {
            self.warn(&span, doubt);
        }
        (used, Next::Item(ItemKind::Amount(number, unit)))
    }

    fn warn(&mut self, span: &Range<usize>, doubt: &str) {
        let message = format!("{}: {doubt}", self.place(span));
        self.warnings.push((span.start, message));
    }

    /// `"500 Mb" at character 71`.
    fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or_default();
        let written = self.text.get(span.clone()).unwrap_or_default();
        format!(
            "\"{}\" at character {}",
            written.replace('\n', " "),
            before.chars().count() + 1
        )
    }

    fn finish(mut self) -> Reading {
        if let Some(gpu) = &self.gpu {
            self.claim.gpu = self
                .text
                .get(gpu.span.clone())
                .map(|text| text.replace('\n', " "));
        }
        self.warnings.sort_by_key(|(start, _)| *start);
        self.claim.warnings = self
            .warnings
            .iter()
            .map(|(_, message)| message.clone())
            .collect();
        let unread = self.unread_phrases();
        Reading {
            unread: unread.iter().map(|span| self.place(span)).collect(),
            claim: self.claim,
        }
    }

    /// Unread tokens in order, those with nothing but white space and joints between them as one phrase.
    fn unread_phrases(&self) -> Vec<Range<usize>> {
        let mut spans = self.unread.clone();
        spans.sort_by_key(|span| span.start);
        let mut phrases: Vec<Range<usize>> = Vec::new();
        for span in spans {
            match phrases.last_mut() {
                Some(last) if self.is_joint(last.end, span.start) => {
                    last.end = last.end.max(span.end)
                }
                Some(_) | None => phrases.push(span),
            }
        }
        phrases
    }

    fn is_joint(&self, from: usize, to: usize) -> bool {
        from >= to
            || self.text.get(from..to).is_some_and(|between| {
                between
                    .chars()
                    .all(|c| matches!(c, ' ' | '-' | '\'' | '.' | '/'))
            })
    }
}

#[derive(Debug)]
enum Next {
    Nothing,
    UpperBound,
    Item(ItemKind),
    Unread,
}

/// A word or mark that is neither platform nor quantity nor bound.
fn plain(word: &str) -> Next {
    if words::is_filler(word) {
        Next::Nothing
    } else {
        Next::Unread
    }
}

fn add(list: &mut Vec<String>, word: &str) {
    if !list.iter().any(|known| known == word) {
        list.push(word.to_owned());
    }
}

#[cfg(test)]
mod tests;
