//! Texts with a grammar of their own: hardware paragraphs, routes, image references.

use std::str::FromStr as _;

use damage::Target;

use crate::hardware::{self, Claim};
use crate::image::{Reference, TagKind};
use crate::route::{self, Entry, Message, Table};

/// What is read of a text again after it was written; words about a GPU are kept as they stand, so they are left out.
fn plain(claim: &Claim) -> Claim {
    let recommended = claim.recommended.as_deref();
    Claim {
        gpu: None,
        warnings: Vec::new(),
        recommended: recommended.map(|claim| Box::new(plain(claim))),
        ..claim.clone()
    }
}

/// Descriptions with a paragraph of hardware requirements.
#[must_use]
pub fn paragraphs() -> Target {
    let file = include_str!("../../tests/data/hardware/paragraphs.txt");
    let entries = file.lines().filter_map(|line| line.strip_prefix("> "));
    Target {
        seeds: entries.collect(),
        words: &[
            "<p>",
            "</p>",
            "<br>",
            "<ul>",
            "<li>",
            "</ul>",
            "<table>",
            "<td>",
            "<dl><dt>",
            "<dd>",
            "<!--",
            "-->",
            "<u>",
            "&",
            "&nbsp;",
            "&#0;",
            "&ge;",
            "<",
            ">",
            "<script>",
            "<svg><p>",
            "Minimum hardware requirements:",
            "Recommended hardware requirements:",
            " GB",
            " Mb",
            " RAM",
            "between ",
            " and ",
            "-",
            "+",
            "/",
            " or ",
            "no ",
            "up to ",
            "64",
            "bit",
            "ARM",
            "x86",
            " cores",
            " GHz",
            "×",
            "GPU",
            "with",
            "Cortex-",
            "18446744073709551615",
            "\u{ad}",
        ],
        play: |text| {
            let label = "<p>Minimum hardware requirements:</p>";
            let whole = if text.contains("hardware") {
                text.to_owned()
            } else {
                format!("{}{text}", &label[..label.len() - 4])
            };
            let Some(paragraph) = hardware::read(&whole) else {
                return false;
            };
            let claim = plain(&paragraph.claim);
            let again = hardware::read(&hardware::write(&claim)).unwrap();
            assert_eq!(plain(&again.claim), claim, "{whole}");
            assert!(again.unread.is_empty() && again.after.is_none(), "{whole}");
            let (around, own) = hardware::parted_lines(&whole).unwrap();
            assert!(!own.is_empty(), "{whole}: {around:?}");
            if let Ok(replaced) = hardware::replace(&whole, &claim) {
                let read = hardware::read(&replaced).unwrap();
                assert_eq!(plain(&read.claim), claim, "{whole}");
            }
            true
        },
    }
}

/// Default routes, and conditions of routes.
#[must_use]
pub fn routes() -> Target {
    let lines = |text: &'static str, width: usize| {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(move |line| line.get(width..))
    };
    let corpus = include_str!("../../tests/data/routes/corpus.txt");
    let conditions = include_str!("../../tests/data/routes/conditions.txt");
    Target {
        seeds: lines(corpus, 12).chain(lines(conditions, 11)).collect(),
        words: &[
            "FROM ",
            " INTO ",
            " WHERE ",
            "SELECT * ",
            "/messages/",
            "/*",
            "*/",
            "$upstream",
            "BrokeredEndpoint('/modules/a/inputs/b')",
            "$body.",
            "[0]",
            "{$",
            "}",
            "NOT ",
            " AND ",
            " OR ",
            "(",
            ")",
            "'",
            "\"",
            "\\u0041",
            "??",
            "||",
            "<>",
            "-",
            "e1",
            "0x",
            "1e5",
            "as_number(",
            "substring(a, 1, 2)",
            "null",
            "undefined",
            "true",
            "<NAME>",
            "\r\n",
            "é",
            "((((((((((((((((",
        ],
        play: |text| {
            let route = if text.contains("INTO") {
                text.to_owned()
            } else {
                format!("FROM /messages/* WHERE {text} INTO $upstream")
            };
            let Ok(reading) = route::read(&route) else {
                return false;
            };
            let _ = route::mended(&reading);
            match reading.compile() {
                Ok(compiled) => {
                    for fault in route::doubts(&reading, &compiled) {
                        assert!(fault.at.end <= route.len(), "{route}");
                    }
                    let _ = compiled.source.reach();
                    let message = Message {
                        source: Message::source_of("a", Some("b")),
                        body: br#"{"a": [{"b": 1}, "x", null]}"#.to_vec(),
                        ..Message::default()
                    };
                    let _ = compiled.matches(&message);
                    let entries = [("r".to_owned(), serde_json::Value::from(route.as_str()))];
                    assert!(Entry::of(&entries[0].1).is_ok(), "{route}");
                    let table = Table::read(&entries.into()).unwrap();
                    let _ = table.deliveries(&message);
                }
                Err(faults) => assert!(!faults.is_empty(), "{route}"),
            }
            true
        },
    }
}

/// Image references and tags.
#[must_use]
pub fn references() -> Target {
    Target {
        seeds: vec![
            "contoso.azurecr.io/air-quality:1.0.1",
            "localhost:5000/a/b__c",
            "library/redis:7",
            "redis",
            "a.b/c:1@sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
            "mcr.microsoft.com/azureiotedge-simulated-temperature-sensor:1.5",
        ],
        words: &[
            ":",
            "/",
            "@",
            ".",
            "-",
            "_",
            "__",
            "sha256:",
            "latest",
            "v",
            "1.0",
            "0",
            "A",
            "é",
            " ",
            "[::1]",
            "//",
            "..",
            ":5000/",
            "localhost/",
        ],
        play: |text| {
            let last = text.rsplit(':').next().unwrap_or_default();
            if let TagKind::Version(version) = TagKind::of(last) {
                assert_eq!(version.to_string(), last);
            }
            match Reference::from_str(text) {
                Ok(reference) => {
                    assert_eq!(reference.to_string(), text);
                    let bare = Reference {
                        tag: None,
                        digest: None,
                        ..reference
                    };
                    assert_eq!(Reference::from_str(&bare.to_string()), Ok(bare));
                    true
                }
                Err(why) => {
                    assert!(!why.is_empty(), "{text}");
                    false
                }
            }
        },
    }
}
