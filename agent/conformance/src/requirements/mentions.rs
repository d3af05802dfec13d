//! Whether a name stands in what an offer tells its customers, as a name of its own, and how surely.
//!
//! A name counts in its own case and not as a part of a longer one. One that is a word of the language too counts where it is
//! set apart as a name. The hardware paragraph is left out: it is a claim, and its words and numbers explain nothing else.

use scraper::{ElementRef, Html};

use super::links::is_link;
use crate::hardware;
use crate::offer::Listing;

/// Elements that may hold a name and nothing else.
const MARKS: [&str; 14] = [
    "b", "code", "dt", "em", "i", "kbd", "q", "samp", "strong", "td", "th", "tt", "u", "var",
];
/// Those of them whose whole text is literal.
const LITERAL: [&str; 5] = ["code", "kbd", "samp", "tt", "var"];
/// Longest word in capitals that may be an abbreviation of the language.
const ABBREVIATION: usize = 4;
/// Words looked back from a number to find that it is a port.
const WORDS_BACK: usize = 8;

/// How surely a name is mentioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mention {
    /// It does not stand there.
    Absent,
    /// Something like it stands there: what, in words.
    Doubtful(&'static str),
    /// It stands there as a name.
    Named,
}

/// What an offer tells its customers: summary and description.
#[derive(Debug)]
pub(super) struct Text {
    lines: Vec<String>,
    marked: Vec<Marked>,
    links: Vec<String>,
}

#[derive(Debug)]
struct Marked {
    text: String,
    literal: bool,
}

impl Text {
    /// The text of a listing; `None` where the description is too long to be read.
    pub(super) fn of(listing: &Listing) -> Option<Text> {
        let (mut lines, claim) = hardware::parted_lines(&listing.description)?;
        lines.extend(listing.summary.as_deref().map(folded));
        let mut text = Text {
            lines,
            marked: Vec::new(),
            links: Vec::new(),
        };
        let document = Html::parse_fragment(&listing.description);
        for element in document.tree.nodes().filter_map(ElementRef::wrap) {
            text.take(element);
        }
        // A mark may stand in the claim, so words of the claim need more than a mark elsewhere.
        let in_claim = |one: &Marked| claim.iter().any(|line| !places(line, &one.text).is_empty());
        text.marked.retain(|one| !in_claim(one));
        Some(text)
    }

    fn take(&mut self, element: ElementRef<'_>) {
        let name = element.value().name();
        if MARKS.contains(&name) {
            self.marked.push(Marked {
                text: folded(&element.text().collect::<String>()),
                literal: LITERAL.contains(&name),
            });
        }
        let link = element.value().attr("href").filter(|_| name == "a");
        self.links
            .extend(link.filter(|link| is_link(link)).map(str::to_owned));
    }

    /// Web links inside the description.
    pub(super) fn links(&self) -> &[String] {
        &self.links
    }

    /// A name or a path of a file system.
    pub(super) fn name(&self, name: &str) -> Mention {
        let plain = is_plain_word(name);
        if self.has(name) && (!plain || self.sets_apart(name)) {
            return Mention::Named;
        }
        let lower = name.to_lowercase();
        let another_case = |line: &String| !places(&line.to_lowercase(), &lower).is_empty();
        match (self.lines.iter().any(another_case), plain) {
            (true, true) => Mention::Doubtful("as a plain word only"),
            (true, false) => Mention::Doubtful("in another case"),
            (false, _) => Mention::Absent,
        }
    }

    /// A property inside of others, `camera.fps` as `["camera", "fps"]`: by its dotted path, or by each of its parts.
    pub(super) fn path(&self, parts: &[String]) -> Mention {
        let by_parts = parts.iter().map(|part| self.name(part)).min();
        let by_parts = by_parts.unwrap_or(Mention::Absent);
        self.name(&parts.join(".")).max(by_parts)
    }

    /// A port by its number, `8080`, of `tcp` or `udp`: the number has to be told as a port.
    pub(super) fn port(&self, number: &str, protocol: &str) -> Mention {
        let port = Port { number, protocol };
        let whole = format!("{number}/{protocol}");
        let marked = |one: &Marked| one.text == number || one.text.eq_ignore_ascii_case(&whole);
        let mut seen = false;
        for line in &self.lines {
            for (at, _) in line.match_indices(number) {
                let (before, after) = (&line[..at], &line[at + number.len()..]);
                if !port.stands_alone(before, after) {
                    continue;
                }
                if port.is_told(before, after) || self.marked.iter().any(marked) {
                    return Mention::Named;
                }
                seen = true;
            }
        }
        if seen {
            Mention::Doubtful("as a number, not as a port")
        } else {
            Mention::Absent
        }
    }

    /// A text of several words, white space folded, in its own case.
    pub(super) fn words(&self, text: &str) -> Mention {
        let text = folded(text);
        let found = !text.is_empty() && self.lines.iter().any(|line| line.contains(&text));
        if found {
            Mention::Named
        } else {
            Mention::Absent
        }
    }

    /// One of these phrases in lower case, in whatever case.
    pub(super) fn phrase(&self, phrases: &[&str]) -> Mention {
        let has = |line: &String| {
            let line = line.to_lowercase();
            phrases.iter().any(|phrase| line.contains(phrase))
        };
        if self.lines.iter().any(has) {
            Mention::Named
        } else {
            Mention::Absent
        }
    }

    fn has(&self, name: &str) -> bool {
        self.lines.iter().any(|line| !places(line, name).is_empty())
    }

    /// Whether the name is marked, quoted, assigned to, or what its line explains.
    fn sets_apart(&self, name: &str) -> bool {
        let marked = self.marked.iter().any(|one| {
            one.text.trim_end_matches([':', '=', ' ']) == name
                || one.literal && !places(&one.text, name).is_empty()
        });
        marked
            || self.lines.iter().any(|line| {
                places(line, name)
                    .into_iter()
                    .any(|at| is_set_apart(&line[..at], &line[at + name.len()..]))
            })
    }
}

fn is_set_apart(before: &str, after: &str) -> bool {
    const OPENING: [char; 6] = ['"', '\'', '`', '“', '‘', '„'];
    const CLOSING: [char; 6] = ['"', '\'', '`', '”', '’', '“'];
    let rest = after.trim_start();
    let explained = rest.starts_with([':', '–', '—']) || rest.starts_with("- ");
    let first = before.trim_matches([' ', '•', '*', '-']).is_empty();
    before.ends_with(OPENING) && after.starts_with(CLOSING)
        || rest.starts_with('=')
        || first && explained
}

/// A word of the language as well as a name: letters without a capital inside, an abbreviation, or a number.
fn is_plain_word(name: &str) -> bool {
    let letters = name
        .chars()
        .all(|c| c.is_alphabetic() || matches!(c, ' ' | '-'));
    let capital_inside = name.chars().skip(1).any(char::is_uppercase);
    letters && (!capital_inside || name.chars().count() <= ABBREVIATION)
        || name.chars().all(|c| c.is_ascii_digit())
}

/// Where a name stands in a line without being a part of a longer one.
fn places(line: &str, name: &str) -> Vec<usize> {
    if !name.contains(char::is_alphanumeric) {
        return Vec::new();
    }
    line.match_indices(name)
        .filter(|(at, _)| begins(&line[..*at]) && ends(name, &line[at + name.len()..]))
        .map(|(at, _)| at)
        .collect()
}

/// Characters that join names to longer ones.
const fn joins(c: char) -> bool {
    matches!(
        c,
        '_' | '-' | '/' | '\\' | '@' | '#' | '%' | '+' | '~' | '\u{300}'..='\u{36f}'
    )
}

fn begins(before: &str) -> bool {
    let mut back = before.chars().rev();
    match back.next() {
        None => true,
        Some(':') => !back.next().is_some_and(char::is_alphanumeric),
        Some(c) => !(c.is_alphanumeric() || joins(c) || matches!(c, '.' | '=' | '?' | '&')),
    }
}

fn ends(name: &str, after: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || joins(c));
    match after.chars().next() {
        None => true,
        Some('.' | ':') => !after[1..].starts_with(|c: char| c.is_alphanumeric() || c == '_'),
        // A directory may be written with a slash behind it.
        Some('/') if name.starts_with('/') => !goes_on(&after[1..]) && !after.starts_with("/."),
        Some(_) => !goes_on(after),
    }
}

struct Port<'a> {
    number: &'a str,
    protocol: &'a str,
}

impl Port<'_> {
    fn stands_alone(&self, before: &str, after: &str) -> bool {
        let digit = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
        let inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
        let behind = match after.chars().next() {
            Some('.' | ',' | ':') => !digit(&after[1..]),
            Some('/') => self.protocol_behind(after) || is_address(before),
            Some(c) => !c.is_alphanumeric() && !matches!(c, '_' | '-' | '%'),
            None => true,
        };
        let thousands = before.ends_with(',')
            && before[..before.len() - 1].ends_with(|c: char| c.is_ascii_digit());
        behind && !self.number.is_empty() && !before.ends_with(inner) && !thousands
    }

    /// `/tcp` with nothing that goes on behind it.
    fn protocol_behind(&self, after: &str) -> bool {
        let named = after.get(1..=self.protocol.len());
        let rest = after.get(1 + self.protocol.len()..).unwrap_or_default();
        named.is_some_and(|named| named.eq_ignore_ascii_case(self.protocol))
            && !rest.starts_with(char::is_alphanumeric)
    }

    fn is_told(&self, before: &str, after: &str) -> bool {
        let next = after.split_whitespace().next().unwrap_or_default();
        let next = bare(next);
        self.protocol_behind(after)
            || self.protocol == "tcp" && is_address(before)
            || after.starts_with(' ') && (next == self.protocol || next == "port")
            || self.follows_a_port(before)
    }

    /// `TCP ports 80, 443 and` in front of the number.
    fn follows_a_port(&self, before: &str) -> bool {
        let mut told = false;
        for word in before.split_whitespace().rev().take(WORDS_BACK) {
            if word.ends_with('.') {
                break;
            }
            let word = bare(word);
            match word.as_str() {
                "port" | "ports" => told = true,
                "tcp" | "udp" => return word == self.protocol,
                "" | "and" | "or" | "number" | "the" if !told => {}
                _ if !told && word.starts_with(|c: char| c.is_ascii_digit()) => {}
                _ => break,
            }
        }
        told
    }
}

/// `http://device:` or `localhost:` in front of a port.
fn is_address(before: &str) -> bool {
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let word = word.trim_start_matches(['(', '"', '\'', '`']);
    word.ends_with(':') && (word.contains("://") || matches!(word, ":" | "localhost:"))
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase()
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
