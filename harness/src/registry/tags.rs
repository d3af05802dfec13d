//! The list of tags: pages of names, and the link from one to the next.
//!
//! Source: OCI Distribution Specification 1.1, "Listing Tags"; RFC 8288 for the header `Link`.

use conformance::image::is_tag;
use serde::Deserialize;

/// Most names listed; a repository with more is read in part, and says so.
pub const MOST: usize = 200_000;
/// Names asked for at once.
pub(super) const PAGE: usize = 1_000;
/// Most pages read: a registry may hand out smaller ones.
pub(super) const MOST_PAGES: usize = 2_000;
/// Longest page read.
pub(super) const LONGEST_PAGE: u64 = 8 << 20;

/// The names of a repository's tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// In alphabetical order, each once.
    pub names: Vec<String>,
    /// Why there are more than these, where there are.
    pub cut: Option<String>,
}

/// The names on a page; what no registry would accept as a tag is left aside.
///
/// # Errors
/// It is no page of tags.
pub(super) fn page(body: &[u8]) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Page {
        // A repository without tags has null here on some registries.
        tags: Option<Vec<String>>,
    }
    let page: Page =
        serde_json::from_slice(body).map_err(|error| format!("no list of tags: {error}"))?;
    let mut tags = page.tags.unwrap_or_default();
    tags.retain(|tag| is_tag(tag));
    Ok(tags)
}

/// Where the next page is, as the header says it.
pub(super) fn next(link: &str) -> Option<&str> {
    link.split(',').find_map(|one| {
        let (target, parameters) = one.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let plain = parameter.trim().to_ascii_lowercase().replace('"', "");
            plain == "rel=next"
        });
        is_next.then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_is_read_and_what_is_no_tag_left_aside() {
        assert_eq!(
            page(br#"{"name":"a","tags":["1.0.0","-x","latest"]}"#),
            Ok(vec!["1.0.0".to_owned(), "latest".to_owned()])
        );
        assert_eq!(page(br#"{"name":"a","tags":null}"#), Ok(Vec::new()));
        assert!(page(br#"{"tags":[1]}"#).is_err());
        assert!(page(b"<html>").is_err());
    }

    #[test]
    fn the_next_page_is_found_in_any_spelling() {
        let target = Some("/v2/a/tags/list?last=x&n=2");
        assert_eq!(next(r#"</v2/a/tags/list?last=x&n=2>; rel="next""#), target);
        assert_eq!(
            next("</other>; rel=prev, </v2/a/tags/list?last=x&n=2>; Rel=Next"),
            target
        );
        assert_eq!(next("</v2/a>; rel=\"last\""), None);
        assert_eq!(next("nothing"), None);
    }

    proptest! {
        #[test]
        fn no_header_and_no_page_makes_the_reader_panic(text in "[<>;,=\"a-z\\PC]{0,60}") {
            let _ = next(&text);
            let _ = page(text.as_bytes());
        }
    }
}
