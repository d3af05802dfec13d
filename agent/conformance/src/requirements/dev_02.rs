//! IEM-DEV-02: a useful link names a certified device, or the catalogue of them.

use super::attested::{attested, skeleton};
use super::remarks::quoted;
use super::visited::{Standing, standing};
use crate::data::{CertifiedDevices, Linked};
use crate::finding::{Outcome, OutcomeKind, Unseen};
use crate::offer::PlatformOption;
use crate::record::{Edition, Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-DEV-02",
    slug: "useful-links-name-a-device",
    title: "A useful link names a certified device",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "A subset of Tier 1 platforms supported by IoT Edge",
        },
        Source {
            document: Document::TechnicalAssets,
            heading: "Tier 1 platforms supported by IoT Edge",
        },
    ],
    statement: "The useful links hold a link to a certified device, or to the whole catalogue where all Tier 1 platforms are declared.",
    remedy: "Add a link to the device the module was tested on under Useful links of the offer listing.",
    judge: Judge::By(judge),
};

const ID: &str = "IEM-DEV-02";

/// By the catalogue; a useful link that is dead is a concern where nothing worse is to be said.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let outcome = by_the_catalogue(record)?;
    let dead = dead_links(record);
    if dead.is_empty() || outcome.kind == OutcomeKind::NotApplicable {
        return Ok(outcome);
    }
    let saw = format!("{}; no page is there: {}", outcome.saw, dead.join(", "));
    if outcome.kind == OutcomeKind::Met {
        let remedy = "publish the page there again, or take the link out of /listing/usefulLinks";
        return Ok(Outcome::concern(saw, outcome.wanted, remedy));
    }
    Ok(Outcome { saw, ..outcome })
}

/// Useful links that were visited and are dead, in words.
fn dead_links(record: &Record) -> Vec<String> {
    let links = record.offer.listing.useful_links.iter().enumerate();
    let dead = links.filter_map(|(at, link)| match standing(record, &link.url) {
        Standing::Dead(how) => Some(format!("/listing/usefulLinks/{at}/url ({how})")),
        Standing::NotVisited(_) | Standing::Works(_) | Standing::Open(_) | Standing::Untried(_) => {
            None
        }
    });
    dead.collect()
}

/// Without a copy of the catalogue, which has ended, only a person can say that a link named one of its devices. What a visit
/// says counts where the catalogue has not ended and no copy of it is at hand; else the dated data alone can speak.
fn by_the_catalogue(record: &Record) -> Result<Outcome, Unseen> {
    let catalogue = &record.data.certified_devices.content;
    let all = record.offer.plan.platform_option == Some(PlatformOption::AllTier1);
    let wanted = if all {
        format!("a useful link to {}", catalogue.in_words())
    } else {
        format!("a useful link to a device of {}", catalogue.in_words())
    };
    if record.run.edition == Edition::Edition2018 {
        return Ok(Outcome::not_applicable(
            "the process note of 2018 asks for no such link",
            wanted,
        ));
    }
    let links = Links::of(record, catalogue);
    let certified = links.first(|linked| matches!(linked, Linked::Certified(_)));
    if let Some((place, Linked::Certified(device), url)) = certified {
        let saw = format!(
            "{place} is {}, by the copy of {}",
            device.name, catalogue.dated
        );
        return met(record, url, saw, wanted);
    }
    let whole = links.first(|linked| linked != Linked::Elsewhere);
    if let Some((place, _, url)) = whole.as_ref().filter(|_| all) {
        let saw = format!("{place} leads to the catalogue's host");
        return met(record, url, saw, wanted);
    }
    let Some((place, linked, _)) = whole else {
        return Ok(Outcome::unmet(
            links.none_in_words(),
            wanted,
            "add a link to the device the module was tested on to /listing/usefulLinks",
        ));
    };
    let what = match linked {
        Linked::Unlisted => {
            let saw = format!("{place} is no device of the copy of {}", catalogue.dated);
            let remedy = "link the device the module was tested on, as the copy has it";
            return Ok(Outcome::unmet(saw, wanted, remedy));
        }
        Linked::Catalogue if catalogue.devices.is_empty() => {
            "leads to the catalogue, not to one device of it"
        }
        Linked::Catalogue => {
            let saw = format!("{place} leads to the catalogue, not to one device of it");
            let remedy = "link the device the module was tested on, as the copy has it";
            return Ok(Outcome::unmet(saw, wanted, remedy));
        }
        Linked::Device | Linked::Certified(_) | Linked::Elsewhere => {
            "has the form of a device's page"
        }
    };
    Ok(by_a_person(record, &format!("{place} {what}"), wanted))
}

/// Met by a link, as far as a visit does not say otherwise.
fn met(record: &Record, url: &str, saw: String, wanted: String) -> Result<Outcome, Unseen> {
    let catalogue = &record.data.certified_devices.content;
    let is_known = catalogue.ended.is_some() || !catalogue.devices.is_empty();
    match standing(record, url) {
        Standing::NotVisited(how) | Standing::Works(how) | Standing::Dead(how) => {
            Ok(Outcome::met(format!("{saw} ({how})"), wanted))
        }
        Standing::Open(unseen) | Standing::Untried(unseen) if is_known => {
            Ok(Outcome::met(format!("{saw} ({})", unseen.because), wanted))
        }
        Standing::Open(unseen) | Standing::Untried(unseen) => Err(Unseen::new(
            unseen.reason,
            format!("{saw}; {}", unseen.because),
        )),
    }
}

fn by_a_person(record: &Record, saw: &str, wanted: String) -> Outcome {
    let saw = format!(
        "{saw}; no copy of the catalogue is at hand to look it up; {}",
        attested(record, ID)
    );
    let remedy = "let a person say which certified device is meant, and attest it; a dated copy of the catalogue under --data decides without one";
    Outcome::manual(saw, wanted, remedy).with_paste(skeleton(
        ID,
        "Tested on <DEVICE>, which the catalogue of certified devices listed as <NAME>.",
    ))
}

/// The useful links: where each stands, what it leads to, and the link itself.
struct Links<'a>(Vec<(String, Linked<'a>, &'a str)>);

impl<'a> Links<'a> {
    fn of(record: &'a Record, catalogue: &'a CertifiedDevices) -> Links<'a> {
        let links = record.offer.listing.useful_links.iter().enumerate();
        let links = links.map(|(at, link)| {
            let place = format!("/listing/usefulLinks/{at}/url {}", quoted(&link.url));
            (place, catalogue.linked(&link.url), link.url.as_str())
        });
        Links(links.collect())
    }

    fn first(&self, test: impl Fn(Linked<'a>) -> bool) -> Option<(&str, Linked<'a>, &'a str)> {
        let links = self.0.iter();
        let mut links = links.map(|(place, linked, url)| (place.as_str(), *linked, *url));
        // A device's page says more than the catalogue's.
        let best = |linked: Linked<'_>| matches!(linked, Linked::Device | Linked::Certified(_));
        links
            .clone()
            .find(|(_, linked, _)| test(*linked) && best(*linked))
            .or_else(|| links.find(|(_, linked, _)| test(*linked)))
    }

    fn none_in_words(&self) -> String {
        match self.0.len() {
            0 => "/listing/usefulLinks is empty".to_owned(),
            count => format!("none of the {count} useful links leads to the catalogue"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::data::{CERTIFIED_DEVICES, Data};
    use crate::finding::Reason;
    use crate::offer::{Attestation, Link};
    use crate::sample;

    const CATALOGUE: &str = "https://devicecatalog.azure.com/";
    const BOX: &str = "https://devicecatalog.azure.com/devices/box";

    fn linking(urls: &[&str], option: PlatformOption) -> Record {
        let mut record = sample::record();
        record.offer.plan.platform_option = Some(option);
        let links = urls.iter().map(|url| Link {
            title: "A link".to_owned(),
            url: (*url).to_owned(),
        });
        record.offer.listing.useful_links = links.collect();
        record
    }

    fn with_copy(mut record: Record) -> Record {
        let shipped = &Data::shipped().certified_devices.content;
        let mut copy: Value = serde_json::to_value(shipped).unwrap();
        copy["dated"] = json!("2023-11");
        copy["devices"] = json!([{"name": "Contoso Box", "url": BOX, "source": "a copy"}]);
        let data = Data::shipped().with(CERTIFIED_DEVICES, &copy.to_string());
        record.data = Arc::new(data.unwrap());
        record
    }

    fn check(record: &Record, kind: OutcomeKind) -> Outcome {
        let outcome = judge(record).unwrap();
        assert_eq!(outcome.kind, kind, "{outcome:?}");
        outcome
    }

    #[test]
    fn without_a_copy_of_the_catalogue_a_person_says_which_device_is_meant() {
        for url in [CATALOGUE, BOX] {
            let mut record = linking(&["https://contoso.example", url], PlatformOption::Subset);
            let outcome = check(&record, OutcomeKind::Manual);
            assert!(
                outcome.saw.starts_with("/listing/usefulLinks/1/url"),
                "{}",
                outcome.saw
            );
            let words = Attestation {
                by: "A. Person".to_owned(),
                on: "2026-11-01".to_owned(),
                statement: "Tested on the Box.".to_owned(),
            };
            record.offer.attestations.insert(ID.to_owned(), words);
            let outcome = check(&record, OutcomeKind::Manual);
            assert!(
                outcome.saw.ends_with("Tested on the Box."),
                "{}",
                outcome.saw
            );
        }
    }

    #[test]
    fn a_device_of_a_copy_passes_and_another_one_fails() {
        let subset = |urls: &[&str]| with_copy(linking(urls, PlatformOption::Subset));
        let outcome = check(&subset(&[CATALOGUE, BOX]), OutcomeKind::Met);
        assert!(
            outcome.saw.contains("Contoso Box, by the copy of 2023-11"),
            "{}",
            outcome.saw
        );
        let other = "https://devicecatalog.azure.com/devices/other";
        check(&subset(&[other]), OutcomeKind::Unmet);
        check(&subset(&[CATALOGUE]), OutcomeKind::Unmet);
    }

    #[test]
    fn the_catalogue_is_enough_where_all_platforms_are_declared() {
        check(
            &linking(&[CATALOGUE], PlatformOption::AllTier1),
            OutcomeKind::Met,
        );
    }

    #[test]
    fn a_dead_link_beside_the_one_that_counts_is_a_concern_and_changes_nothing_worse() {
        const DEAD: &str = "https://contoso.com/gone";
        let dead = |record| sample::with_visit(record, DEAD, sample::answering(404));
        let all = dead(linking(&[CATALOGUE, DEAD], PlatformOption::AllTier1));
        let outcome = check(&all, OutcomeKind::Concern);
        assert!(outcome.saw.contains("usefulLinks/1/url"), "{}", outcome.saw);
        let of_one = dead(linking(&[BOX, DEAD], PlatformOption::Subset));
        check(&of_one, OutcomeKind::Manual);
        check(
            &dead(linking(&[DEAD], PlatformOption::Subset)),
            OutcomeKind::Unmet,
        );
    }

    #[test]
    fn a_visit_of_the_catalogue_counts_only_where_it_has_not_ended() {
        let record = sample::offline(linking(&[CATALOGUE], PlatformOption::AllTier1));
        check(&record, OutcomeKind::Met);
        let mut living = record;
        let shipped = &Data::shipped().certified_devices.content;
        let mut copy: Value = serde_json::to_value(shipped).unwrap();
        copy.as_object_mut().unwrap().remove("ended");
        let data = Data::shipped().with(CERTIFIED_DEVICES, &copy.to_string());
        living.data = Arc::new(data.unwrap());
        assert_eq!(judge(&living).unwrap_err().reason, Reason::Configuration);
    }

    #[test]
    fn no_link_to_the_catalogue_fails() {
        for option in [PlatformOption::AllTier1, PlatformOption::Subset] {
            let outcome = check(&linking(&[], option), OutcomeKind::Unmet);
            assert_eq!(outcome.saw, "/listing/usefulLinks is empty");
            check(
                &linking(&["https://contoso.example"], option),
                OutcomeKind::Unmet,
            );
        }
    }

    #[test]
    fn the_edition_of_2018_asks_for_no_link() {
        let mut record = linking(&[], PlatformOption::Subset);
        record.run.edition = Edition::Edition2018;
        check(&record, OutcomeKind::NotApplicable);
    }
}
