//! Finding the hardware paragraph among the lines of a description, and what stands after it.

use std::ops::Range;

use super::blocks::{Line, lines};
use super::{Paragraph, sentence};

const MINIMUM: &str = "minimum hardware requirement";
const RECOMMENDED: &str = "recommended hardware requirement";

/// The paragraph, or `None` if nothing starts with its label. Of several the last counts.
pub(super) fn find(description: &str) -> Option<Paragraph> {
    let lines: Vec<Line> = lines(description)
        .into_iter()
        .flat_map(split_labels)
        .collect();
    let start = lines.iter().rposition(|line| is_labelled(line, MINIMUM))?;
    let earlier = lines[..start]
        .iter()
        .filter(|line| is_labelled(line, MINIMUM))
        .count();
    let (text, mut end) = section(&lines, start);
    let mut reading = sentence::read(&text, after_label(&text, MINIMUM)?);
    let mut recommended_unread = Vec::new();
    if let Some(line) = lines.get(end)
        && is_labelled(line, RECOMMENDED)
    {
        let (text, recommended_end) = section(&lines, end);
        let recommended = sentence::read(&text, after_label(&text, RECOMMENDED)?);
        reading.claim.recommended = Some(Box::new(recommended.claim));
        recommended_unread = recommended.unread;
        end = recommended_end;
    }
    if earlier > 0 {
        reading.claim.warnings.push(
            "more than one paragraph starts with \"Minimum hardware requirements\"; the last one counts"
                .to_owned(),
        );
    }
    let after: Vec<&str> = lines[end..].iter().map(|line| line.text.as_str()).collect();
    Some(Paragraph {
        claim: reading.claim,
        text: text.replace('\n', " "),
        after: (!after.is_empty()).then(|| after.join(" ")),
        unread: reading.unread,
        recommended_unread,
    })
}

/// The visible lines of a description, in order: those around the hardware paragraph, and its own.
pub(super) fn parted(description: &str) -> (Vec<String>, Vec<String>) {
    let lines: Vec<Line> = lines(description)
        .into_iter()
        .flat_map(split_labels)
        .collect();
    let claim = extent(&lines).unwrap_or_default();
    let (mut around, mut own) = (Vec::new(), Vec::new());
    for (index, line) in lines.into_iter().enumerate() {
        let part = if claim.contains(&index) {
            &mut own
        } else {
            &mut around
        };
        part.push(line.text);
    }
    (around, own)
}

/// The lines of the paragraph that counts, and of the recommended part behind it.
fn extent(lines: &[Line]) -> Option<Range<usize>> {
    let start = lines.iter().rposition(begins)?;
    let (_, end) = section(lines, start);
    let recommended = lines
        .get(end)
        .is_some_and(|line| is_labelled(line, RECOMMENDED));
    let end = if recommended {
        section(lines, end).1
    } else {
        end
    };
    Some(start..end)
}

/// A recommended part that follows in the same line is a line of its own.
fn split_labels(line: Line) -> Vec<Line> {
    let found = is_labelled(&line, MINIMUM)
        .then(|| line.text.to_ascii_lowercase().find(RECOMMENDED))
        .flatten();
    let Some(at) = found else {
        return vec![line];
    };
    let part = |text: &str| Line {
        text: text.trim().to_owned(),
        ..line.clone()
    };
    vec![part(&line.text[..at]), part(&line.text[at..])]
}

/// The text of a labelled paragraph, its lines parted by newlines, and the line after it.
///
/// It takes the lines of the label's own block. Where the label stands alone, like a heading, it takes the block
/// or the whole list that follows.
fn section(lines: &[Line], start: usize) -> (String, usize) {
    let belongs = |line: &Line, test: &dyn Fn(&Line) -> bool| {
        test(line) && !is_labelled(line, RECOMMENDED) && !is_labelled(line, MINIMUM)
    };
    let run = |from: usize, test: &dyn Fn(&Line) -> bool| {
        let length = lines[from..]
            .iter()
            .take_while(|line| belongs(line, test))
            .count();
        from + length
    };
    let block = lines[start].block;
    let mut end = run(start + 1, &|line| line.block == block);
    let alone = end == start + 1 && is_heading(&lines[start].text);
    if alone && let Some(next) = lines.get(end) {
        end = match next.list {
            Some(list) if lines[start].list != Some(list) => {
                run(end, &|line| line.list == Some(list))
            }
            Some(_) | None => run(end, &|line| line.block == next.block),
        };
    }
    let texts: Vec<&str> = lines[start..end]
        .iter()
        .map(|line| line.text.as_str())
        .collect();
    (texts.join("\n"), end)
}

/// A label with nothing after it, or with words that end in a colon.
fn is_heading(text: &str) -> bool {
    let rest = after_label(text, MINIMUM)
        .or_else(|| after_label(text, RECOMMENDED))
        .and_then(|from| text.get(from..))
        .unwrap_or_default();
    rest.is_empty() || rest.ends_with([':', '：'])
}

/// Whether a line begins as the paragraph does.
pub(super) fn begins(line: &Line) -> bool {
    is_labelled(line, MINIMUM)
}

fn is_labelled(line: &Line, label: &str) -> bool {
    after_label(&line.text, label).is_some()
}

/// Where the text after a leading label and its colon starts, in bytes; `label` lacks its plural s.
fn after_label(text: &str, label: &str) -> Option<usize> {
    let decoration = |c: char| !c.is_alphanumeric();
    let start = text.len() - text.trim_start_matches(decoration).len();
    let end = start + label.len();
    text.get(start..end)
        .filter(|found| found.eq_ignore_ascii_case(label))?;
    let rest = text.get(end..)?;
    let rest = rest.strip_prefix(['s', 'S']).unwrap_or(rest);
    if rest.starts_with(char::is_alphanumeric) {
        return None;
    }
    let rest = rest.trim_start_matches([' ', ':', '：', '-', '–', '—', '*', '.']);
    Some(text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: &str = "Linux x64 OS, 1 GB of RAM, 500 MB of storage";

    fn check(description: &str, after: Option<&str>) -> Paragraph {
        let found = find(description).unwrap_or_else(|| panic!("not found in {description}"));
        assert_eq!(found.unread, Vec::<String>::new(), "{description}");
        assert_eq!(found.claim.warnings, Vec::<String>::new(), "{description}");
        assert_eq!(
            found.claim.ram_bytes.map(|ram| ram.0),
            Some(1 << 30),
            "{description}"
        );
        assert_eq!(
            found.claim.storage_bytes.map(|bytes| bytes.0),
            Some(500_000_000),
            "{description}"
        );
        assert_eq!(found.claim.architectures, ["amd64"], "{description}");
        assert_eq!(found.after.as_deref(), after, "{description}");
        found
    }

    #[test]
    fn the_label_is_found_however_it_is_marked_up() {
        for label in [
            "<u>Minimum hardware requirements:</u>",
            "<b>Minimum Hardware Requirements</b>:",
            "<strong><u>MINIMUM HARDWARE REQUIREMENTS</u></strong> :",
            "Minimum&nbsp;hardware&#160;requirements：",
            "Minimum hardware requirement –",
            "Minimum\n   hardware <i>requirements</i>:&nbsp;",
            "• <u>Minimum hardware requirements:</u><br/>",
        ] {
            check(&format!("<p>A module.</p><p>{label} {CLAIM}</p>"), None);
            check(
                &format!(
                    "<DIV><div>A module.</div><div><P>{label} {CLAIM}</div></DIV>&nbsp;<p></p>"
                ),
                None,
            );
        }
        check(&format!("Minimum hardware requirements: {CLAIM}"), None);
        check(
            &format!("A module.<br><br><u>Minimum hardware requirements:</u> {CLAIM}"),
            None,
        );
    }

    #[test]
    fn a_label_that_stands_alone_takes_what_follows_it() {
        let items = "<li>Linux x64 OS</li><li>1 GB of RAM</li><li>500 MB of storage</li>";
        check(
            &format!("<p><u>Minimum hardware requirements:</u></p><ul>{items}</ul>"),
            None,
        );
        check(
            &format!("<h3>Minimum hardware requirements</h3><p>{CLAIM}</p><p>More.</p>"),
            Some("More."),
        );
        check(
            &format!(
                "<p>Minimum hardware requirements: the device needs:</p><ul>{items}</ul><p>Bye</p>"
            ),
            Some("Bye"),
        );
        check(
            "<p>Minimum hardware requirements</p><table><tr><td>OS</td><td>Linux x64</td></tr>\
             <tr><td>RAM</td><td>1 GB</td></tr><tr><td>Storage</td><td>500 MB</td></tr></table>",
            None,
        );
        check(
            "<p>Minimum hardware requirements:<br>Linux x64<br>1 GB RAM<br>500 MB storage</p>",
            None,
        );
    }

    #[test]
    fn text_after_the_paragraph_is_kept_apart() {
        check(
            &format!("<p>Minimum hardware requirements: {CLAIM}</p><p>Call us!</p>"),
            Some("Call us!"),
        );
        check(
            &format!("<p>Minimum hardware requirements: {CLAIM}<br><br>Call us!</p>"),
            Some("Call us!"),
        );
        check(
            &format!(
                "<p>Minimum hardware requirements: {CLAIM}</p><ul><li>Call</li><li>us</li></ul>"
            ),
            Some("Call us"),
        );
    }

    #[test]
    fn a_recommended_block_may_follow_directly() {
        for joint in ["</p><p>", "<br>", " "] {
            let found = check(
                &format!(
                    "<p>Minimum hardware requirements: {CLAIM}{joint}<u>Recommended hardware requirements:</u> 4 GB RAM</p>"
                ),
                None,
            );
            let recommended = found.claim.recommended.unwrap();
            assert_eq!(recommended.ram_bytes.map(|ram| ram.0), Some(4 << 30));
        }
        let odd = find("<p>Minimum hardware requirements: 1 GB RAM</p><p>Recommended hardware requirements: 2 GB RAM and luck</p>").unwrap();
        assert_eq!(odd.unread, Vec::<String>::new());
        assert_eq!(odd.recommended_unread, ["\"luck\" at character 49"]);
        let far = check(
            &format!(
                "<p>Minimum hardware requirements: {CLAIM}</p><p>x</p><p>Recommended hardware requirements: 4 GB RAM</p>"
            ),
            Some("x Recommended hardware requirements: 4 GB RAM"),
        );
        assert_eq!(far.claim.recommended, None);
    }

    #[test]
    fn a_description_without_the_label_has_no_paragraph() {
        for description in [
            "",
            "<p>Linux x64, 1 GB of RAM</p>",
            "<p>It has minimum hardware requirements: 1 GB</p>",
            "<p>Hardware requirements: 1 GB of RAM</p>",
            "<!-- Minimum hardware requirements: 1 GB of RAM -->",
        ] {
            assert_eq!(find(description), None, "{description}");
        }
    }

    #[test]
    fn of_two_paragraphs_the_last_counts_with_a_warning() {
        let found = find(
            "<p>Minimum hardware requirements: 4 GB RAM</p><p>x</p><p>Minimum hardware requirements: 1 GB RAM</p>",
        )
        .unwrap();
        assert_eq!(found.claim.ram_bytes.map(|ram| ram.0), Some(1 << 30));
        assert_eq!(found.claim.warnings.len(), 1);
    }

    #[test]
    fn the_lines_around_it_make_no_claim() {
        for (description, around) in [
            ("<p>a</p><p>b<br>c</p>", vec!["a", "b", "c"]),
            (
                "<p>a</p><p>Minimum hardware requirements: 1 GB of RAM. Recommended hardware requirements: 2 GB of RAM</p>",
                vec!["a"],
            ),
            (
                "<p>a</p><p>Minimum hardware requirements:</p><ul><li>1 GB of RAM</li></ul><p>Recommended hardware requirements: 2 GB</p><p>b</p>",
                vec!["a", "b"],
            ),
        ] {
            assert_eq!(super::parted(description).0, around, "{description}");
        }
    }
}
