//! The lines of text that a reader of an HTML description sees, in document order, with the block each stands in.
//!
//! White space is folded as a browser does it, and no-break spaces with it. A `<br>` ends a line, two in a row a block.

use scraper::Html;
use scraper::node::Node;

/// One visible line; never blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its text, white space folded.
    pub(super) text: String,
    /// Number of the block it belongs to; lines of one block are only parted by `<br>`.
    pub(super) block: usize,
    /// Number of the innermost list or table around it.
    pub(super) list: Option<usize>,
}

/// Elements that begin and end a block.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "details",
    "div",
    "dl",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

const LISTS: &[&str] = &["dl", "ol", "table", "ul"];

/// Elements whose text nobody sees.
const HIDDEN: &[&str] = &["head", "noscript", "script", "style", "template", "title"];

#[derive(Debug, Default)]
struct Reader {
    lines: Vec<Line>,
    line: String,
    block: usize,
    /// A `<br>` was the last thing that came.
    after_break: bool,
    lists: Vec<usize>,
    lists_seen: usize,
    hidden: usize,
}

/// The visible lines of a description.
pub(super) fn lines(html: &str) -> Vec<Line> {
    let document = Html::parse_fragment(html);
    let mut reader = Reader::default();
    // By hand and without recursion, so that no nesting is too deep.
    let mut at = document.tree.root();
    'tree: loop {
        match at.value() {
            Node::Text(text) => reader.text(text),
            Node::Element(element) => reader.open(element.name()),
            Node::Document
            | Node::Fragment
            | Node::Doctype(_)
            | Node::Comment(_)
            | Node::ProcessingInstruction(_) => {}
        }
        if let Some(child) = at.first_child() {
            at = child;
            continue;
        }
        loop {
            if let Some(element) = at.value().as_element() {
                reader.close(element.name());
            }
            if let Some(sibling) = at.next_sibling() {
                at = sibling;
                break;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => break 'tree,
            }
        }
    }
    reader.end_block();
    reader.lines
}

impl Reader {
    fn open(&mut self, name: &str) {
        if HIDDEN.contains(&name) {
            self.hidden += 1;
        }
        match name {
            "br" if self.after_break => self.end_block(),
            "br" => {
                self.end_line();
                self.after_break = true;
            }
            "td" | "th" => self.line.push(' '),
            // A term and what is said of it are one line, as in a row of a table.
            "dt" => self.end_block(),
            "dd" => self.line.push(' '),
            _ if BLOCKS.contains(&name) => self.end_block(),
            _ => {}
        }
        if LISTS.contains(&name) {
            self.lists.push(self.lists_seen);
            self.lists_seen += 1;
        }
    }

    fn close(&mut self, name: &str) {
        if HIDDEN.contains(&name) {
            self.hidden = self.hidden.saturating_sub(1);
        }
        if BLOCKS.contains(&name) || name == "dd" {
            self.end_block();
        }
        if LISTS.contains(&name) {
            self.lists.pop();
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        for c in text.chars().filter(|c| !is_invisible(*c)) {
            if !c.is_whitespace() {
                self.after_break = false;
                self.line.push(c);
            } else if !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
        }
    }

    fn end_line(&mut self) {
        let text = std::mem::take(&mut self.line).trim().to_owned();
        if !text.is_empty() {
            self.lines.push(Line {
                text,
                block: self.block,
                list: self.lists.last().copied(),
            });
        }
    }

    fn end_block(&mut self) {
        self.end_line();
        self.block += 1;
        self.after_break = false;
    }
}

/// Characters that take no room: zero-width spaces and joiners, soft hyphens, byte order marks.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &[&str]) {
        let texts: Vec<String> = lines(html).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, expected, "{html}");
    }

    #[test]
    fn blocks_come_in_document_order_with_folded_white_space() {
        check(
            "lead <b>in</b><DIV>\n one&nbsp;&nbsp;two <div><P>th&#114;ee</P></div> four</div>tail &amp; end",
            &["lead in", "one two", "three", "four", "tail & end"],
        );
    }

    #[test]
    fn what_nobody_sees_is_no_text() {
        check(
            "<p>a<!-- b --></p><style>p{}</style><script>x</script><p> &nbsp; </p>",
            &["a"],
        );
        check("<p>Mini\u{ad}mum\u{200b}</p>", &["Minimum"]);
        check("", &[]);
    }

    #[test]
    fn one_break_ends_a_line_and_two_end_a_block() {
        let read = lines("<p>a<br>b<br> <br/>c</p>");
        let blocks: Vec<usize> = read.iter().map(|line| line.block).collect();
        assert_eq!(blocks, [blocks[0], blocks[0], blocks[0] + 1]);
    }

    #[test]
    fn list_items_and_table_rows_know_their_list() {
        let read = lines("<ul><li>a<ol><li>b</ol><li>c</ul><table><tr><td>RAM<td>1 GB</table>");
        let found: Vec<(&str, Option<usize>)> = read
            .iter()
            .map(|line| (line.text.as_str(), line.list))
            .collect();
        assert_eq!(
            found,
            [
                ("a", Some(0)),
                ("b", Some(1)),
                ("c", Some(0)),
                ("RAM 1 GB", Some(2))
            ]
        );
    }

    #[test]
    fn a_term_stands_in_one_line_with_what_is_said_of_it() {
        check(
            "<dl><dt>RAM</dt><dd>1 GB</dd><dt>Storage:<dd>500 MB<dd>on flash</dl>",
            &["RAM 1 GB", "Storage: 500 MB", "on flash"],
        );
    }

    #[test]
    fn deep_nesting_is_read() {
        let html = format!("{}x{}", "<div>".repeat(2_000), "</div>".repeat(2_000));
        check(&html, &["x"]);
    }
}
