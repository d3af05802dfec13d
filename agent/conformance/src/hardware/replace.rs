//! Putting a claim in the place of the one that a description makes, everything around it left as it is.

use super::blocks::{Line, lines};
use super::paragraph::begins;
use super::{Claim, LONGEST_DESCRIPTION, read, write};

/// Elements whose whole content may be the paragraph.
const HOLDERS: [&str; 2] = ["p", "div"];

/// The description with `claim` as its hardware paragraph; one without such a paragraph gets it at its end.
///
/// What comes out is read again: it must make just this claim, and everything before it must read as it did. A recommended
/// block stays as it is written.
///
/// # Errors
/// Why the paragraph cannot be replaced without touching what stands around it.
pub(super) fn replace(description: &str, claim: &Claim) -> Result<String, String> {
    if description.len() > LONGEST_DESCRIPTION {
        return Err(format!(
            "the description is longer than {LONGEST_DESCRIPTION} bytes"
        ));
    }
    let minimum = Claim {
        recommended: None,
        ..claim.clone()
    };
    let paragraph = write(&minimum);
    let all = lines(description);
    let (Some(found), Some(label)) = (read(description), all.iter().rposition(begins)) else {
        let appended = format!("{description}{paragraph}");
        return checked(appended, &texts(&all), claim, None);
    };
    if found.claim.recommended != claim.recommended {
        return Err("the recommended block would change with it".to_owned());
    }
    // The innermost element around the label and its words begins last.
    for (start, holder) in openings(description).into_iter().rev() {
        let Some(end) = closing(description, start, holder) else {
            continue;
        };
        if !lines(&description[start..end]).first().is_some_and(begins) {
            continue;
        }
        let replaced = format!(
            "{}{paragraph}{}",
            &description[..start],
            &description[end..]
        );
        return checked(replaced, &texts(&all[..label]), claim, found.after);
    }
    Err("the paragraph is no <p> or <div> of its own".to_owned())
}

/// Takes a description only if it makes the claim, and everything before and after the paragraph reads as it did.
fn checked(
    replaced: String,
    before: &[String],
    claim: &Claim,
    after: Option<String>,
) -> Result<String, String> {
    let reading = read(&replaced).ok_or("the new paragraph cannot be read back")?;
    let wanted = Claim {
        warnings: reading.claim.warnings.clone(),
        ..claim.clone()
    };
    if reading.claim != wanted || !reading.unread.is_empty() || reading.after != after {
        return Err("the new paragraph would not read as the claim: parts of the old one stand outside of its element, or another follows".to_owned());
    }
    let now = lines(&replaced);
    let label = now.iter().rposition(begins);
    if label.is_none_or(|label| texts(&now[..label]) != before) {
        return Err("the text before it would change".to_owned());
    }
    Ok(replaced)
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| line.text.clone()).collect()
}

/// Where elements that may hold the paragraph open, in order.
fn openings(html: &str) -> Vec<(usize, &'static str)> {
    let tags = html.match_indices('<');
    tags.filter_map(|(at, _)| {
        let holder = HOLDERS
            .into_iter()
            .find(|holder| is_tag(&html[at + 1..], holder))?;
        Some((at, holder))
    })
    .collect()
}

/// The end of the element that opens at `start`; `None` if it is never closed.
fn closing(html: &str, start: usize, holder: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, _) in html[start..].match_indices('<') {
        let rest = &html[start + at + 1..];
        if is_tag(rest, holder) {
            depth += 1;
        } else if rest
            .strip_prefix('/')
            .is_some_and(|rest| is_tag(rest, holder))
        {
            depth -= 1;
            if depth == 0 {
                return Some(start + at + 1 + rest.find('>')? + 1);
            }
        }
    }
    None
}

/// Whether what follows a `<` is this element's name.
fn is_tag(rest: &str, name: &str) -> bool {
    let named = rest
        .get(..name.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(name));
    named
        && rest[name.len()..].starts_with(|c: char| c == '>' || c == '/' || c.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Bytes;

    fn claim() -> Claim {
        Claim {
            os: vec!["linux".to_owned()],
            architectures: vec!["amd64".to_owned()],
            ram_bytes: Some(Bytes::mib(704)),
            storage_bytes: Some(Bytes(70_000_000)),
            ..Claim::default()
        }
    }

    const NEW: &str = "<p><u>Minimum hardware requirements:</u> Linux x64 OS, 704 MB of RAM, 70 MB of storage</p>";

    #[test]
    fn only_the_paragraph_changes() {
        for (old, new) in [
            (
                "<p>A &amp; b.</p><p><u>Minimum hardware requirements:</u> 1 GB of RAM</p>",
                "<p>A &amp; b.</p>{}",
            ),
            (
                "<div>A<DIV class=\"x\">Minimum hardware requirements: 1 GB RAM</DIV></div>\n",
                "<div>A{}</div>\n",
            ),
            (
                "<p>A</p>\n<p>&nbsp;</p><p >Minimum hardware requirements: 1 GB RAM</p>",
                "<p>A</p>\n<p>&nbsp;</p>{}",
            ),
            ("<p>No claim yet.</p>", "<p>No claim yet.</p>{}"),
            ("", "{}"),
        ] {
            assert_eq!(
                replace(old, &claim()).unwrap(),
                new.replace("{}", NEW),
                "{old}"
            );
        }
    }

    #[test]
    fn a_recommended_block_stays_as_it_is_written() {
        let recommended = "<p>Recommended hardware requirements: <b>4GB</b> RAM</p>";
        let old = format!("<p>A</p><p>Minimum hardware requirements: 1 GB RAM</p>{recommended}");
        let claim = Claim {
            recommended: read(&old).unwrap().claim.recommended,
            ..claim()
        };
        assert_eq!(
            replace(&old, &claim).unwrap(),
            format!("<p>A</p>{NEW}{recommended}")
        );
    }

    #[test]
    fn what_cannot_be_replaced_alone_is_refused() {
        for old in [
            "Minimum hardware requirements: 1 GB RAM",
            "<p>A<br><br>Minimum hardware requirements: 1 GB RAM</p>",
            "<p>Minimum hardware requirements:</p><ul><li>1 GB RAM</li></ul>",
            "<p>A</p><p>Minimum hardware requirements: 1 GB RAM",
        ] {
            assert!(
                replace(old, &claim()).is_err(),
                "{old}: {:?}",
                replace(old, &claim())
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_replaced_makes_the_claim_and_keeps_what_stood_before(
            html in "(<(/?(p|u|br|ul|li|div|DIV)>)?|Minimum hardware requirements:|Recommended hardware requirements|&nbsp;|1 GB RAM|ü| ){0,20}",
        ) {
            if let Ok(replaced) = replace(&html, &claim()) {
                let read = read(&replaced).unwrap();
                prop_assert_eq!(read.claim.ram_bytes, claim().ram_bytes);
                let old = lines(&html);
                let label = old.iter().rposition(begins).unwrap_or(old.len());
                prop_assert!(texts(&lines(&replaced)).starts_with(&texts(&old[..label])), "{} became {}", html, replaced);
            }
        }
    }
}
