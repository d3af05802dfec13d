//! Every web link that an offer holds, with where it stands and whether it is one to visit. Nothing is visited here.

use scraper::{ElementRef, Html};

use crate::data::{CertifiedDevices, Linked};
use crate::hardware;
use crate::offer::{DESCRIPTION, Offer};

/// Top-level names at which nobody ever is. They stand in examples and tests, so an offer with them is one.
///
/// Source: RFC 2606, "Reserved Top Level DNS Names", section 2. `.invalid` is left to the look-up, which cannot find it.
const FOR_EXAMPLES: [&str; 2] = ["example", "test"];

/// One link of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferLink {
    /// As it stands in the offer, white space around it left out.
    pub url: String,
    /// JSON pointers into the offer to where it stands, in the listing's order.
    pub pointers: Vec<String>,
    /// Why it is not one to visit, where that is so.
    pub left_alone: Option<String>,
}

/// Every web link of an offer, each once, in the listing's order. `mailto:` and `tel:` lead to no page and are none; a link
/// of another scheme is one, for the visitor to refuse. The links of a description that is too long to be read are left out.
#[must_use]
pub fn links(offer: &Offer, catalogue: &CertifiedDevices) -> Vec<OfferLink> {
    let listing = &offer.listing;
    let mut links = Gathered {
        links: Vec::new(),
        catalogue,
    };
    for (at, link) in listing.useful_links.iter().enumerate() {
        links.add(&link.url, &format!("/listing/usefulLinks/{at}/url"));
    }
    for (pointer, url) in [
        ("/listing/supportUrl", &listing.support_url),
        ("/listing/privacyPolicyUrl", &listing.privacy_policy_url),
        ("/listing/termsOfUseUrl", &listing.terms_of_use_url),
        (
            "/listing/thirdPartyNoticeUrl",
            &listing.third_party_notice_url,
        ),
        ("/listing/documentationUrl", &listing.documentation_url),
    ] {
        links.add(url.as_deref().unwrap_or_default(), pointer);
    }
    if let Some((around, claim)) = hardware::parted_lines(&listing.description) {
        let document = Html::parse_fragment(&listing.description);
        for element in document.tree.nodes().filter_map(ElementRef::wrap) {
            if element.value().name() == "a" {
                links.add(
                    element.value().attr("href").unwrap_or_default(),
                    DESCRIPTION,
                );
            }
        }
        for line in around.iter().chain(&claim) {
            for word in line.split_whitespace().map(bare) {
                links.add(word, DESCRIPTION);
            }
        }
    }
    links.links
}

/// A word of a text without the punctuation around it, so that a link at the end of a sentence is one.
pub(crate) fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/')
}

struct Gathered<'a> {
    links: Vec<OfferLink>,
    catalogue: &'a CertifiedDevices,
}

impl Gathered<'_> {
    fn add(&mut self, url: &str, pointer: &str) {
        let url = url.trim();
        let Some(host) = host(url) else { return };
        let index = match self.links.iter().position(|known| known.url == url) {
            Some(index) => index,
            None => {
                self.links.push(OfferLink {
                    url: url.to_owned(),
                    pointers: Vec::new(),
                    left_alone: self.left_alone(url, &host),
                });
                self.links.len() - 1
            }
        };
        let pointers = &mut self.links[index].pointers;
        if !pointers.iter().any(|known| known == pointer) {
            pointers.push(pointer.to_owned());
        }
    }

    fn left_alone(&self, url: &str, host: &str) -> Option<String> {
        let last = host.rsplit('.').next().unwrap_or_default();
        if FOR_EXAMPLES.contains(&last) {
            return Some(format!(".{last} is kept for examples, and nobody is there"));
        }
        let ended = self.catalogue.ended.as_deref()?;
        (self.catalogue.linked(url) != Linked::Elsewhere)
            .then(|| format!("the catalogue of certified devices ended in {ended}"))
    }
}

/// The host of a text with a scheme and a host, in lower case.
fn host(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !is_scheme || url.contains(char::is_whitespace) {
        return None;
    }
    // Browsers take a backslash for a slash.
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
        _ => host,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Data;
    use crate::offer::Link;
    use crate::sample;

    fn of(offer: &Offer) -> Vec<OfferLink> {
        links(offer, &Data::shipped().certified_devices.content)
    }

    #[test]
    fn every_place_of_an_offer_is_looked_at_and_a_link_at_several_is_one() {
        let mut offer = sample::record().offer;
        let listing = &mut offer.listing;
        listing.useful_links = vec![Link {
            title: "Docs".to_owned(),
            url: " https://contoso.com/docs ".to_owned(),
        }];
        listing.support_url = Some("http://contoso.com:8080/a".to_owned());
        listing.privacy_policy_url = Some("soon".to_owned());
        listing.terms_of_use_url = None;
        listing.third_party_notice_url = Some("ftp://contoso.com/notice".to_owned());
        listing.documentation_url = Some("https://contoso.com/docs".to_owned());
        listing.description = "<p><a href=\"https://contoso.com/in-a-tag\">A</a> <a href=\"mailto:a@b.c\">B</a> \
            <a href=\"tel:123\">C</a> <a href=\"/here\">D</a> see (https://contoso.com/in-words).</p>"
            .to_owned();
        let told: Vec<String> = of(&offer)
            .iter()
            .map(|link| format!("{} {}", link.pointers.join(","), link.url))
            .collect();
        assert_eq!(
            told,
            [
                "/listing/usefulLinks/0/url,/listing/documentationUrl https://contoso.com/docs",
                "/listing/supportUrl http://contoso.com:8080/a",
                "/listing/thirdPartyNoticeUrl ftp://contoso.com/notice",
                "/listing/description https://contoso.com/in-a-tag",
                "/listing/description https://contoso.com/in-words",
            ]
        );
    }

    #[test]
    fn names_for_examples_and_a_catalogue_that_ended_are_left_alone() {
        let mut offer = sample::record().offer;
        for (url, why) in [
            ("https://contoso.example/a", Some(".example")),
            ("https://a@B.Test.:80?x", Some(".test")),
            ("https://devicecatalog.azure.com/devices/x", Some("2024-02")),
            ("https://example.com/a", None),
            ("https://contoso.invalid/", None),
            ("https://test.contoso.com/x.test", None),
            ("https://10.0.0.1\\.test/", None),
        ] {
            offer.listing = Default::default();
            offer.listing.support_url = Some(url.to_owned());
            let links = of(&offer);
            let told = links[0].left_alone.as_deref();
            match why {
                Some(why) => assert!(told.unwrap().contains(why), "{url}: {told:?}"),
                None => assert_eq!(told, None, "{url}"),
            }
        }
    }

    #[test]
    fn a_description_that_is_too_long_holds_no_links() {
        let mut offer = sample::record().offer;
        offer.listing = Default::default();
        let link = "https://contoso.com/a ".repeat(1000);
        offer.listing.description = link;
        assert_eq!(of(&offer), []);
    }
}
