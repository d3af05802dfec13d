//! IEM-LEG-04: a module with parts of others carries a notice that names them.

use super::attested::attested;
use super::links::is_link;
use super::packages_seen::{self, Images, Seen};
use super::remarks::quoted;
use super::repository_tags::few;
use super::visited;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{Inventory, Package, is_nothing_looked};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-LEG-04",
    slug: "third-parties-are-named",
    title: "Third-party parts are named",
    force: Forces::always(Force::Should),
    stages: &[Stage::Offer, Stage::Image, Stage::Person],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Registry,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Legal requirements (from AMP policy)",
    }],
    statement: "A module that contains parts of others carries a notice that names them.",
    remedy: "Add a notice file to the image, or a link to one in the offer listing.",
    judge: Judge::By(judge),
};

const WANTED: &str = "a notice of parts by others, linked under /listing/thirdPartyNoticeUrl or inside the image, where it has such parts";

/// Most packages that a generated inventory lists.
const MOST_LISTED: usize = 2_000;

/// A link to a notice in the offer, or else a look into the images.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let url = record.offer.listing.third_party_notice_url.as_deref();
    let url = url.unwrap_or_default().trim();
    if is_link(url) {
        return visited::rests_on(record, "/listing/thirdPartyNoticeUrl", url, WANTED);
    }
    if !url.is_empty() {
        return Ok(Outcome::unmet(
            format!(
                "/listing/thirdPartyNoticeUrl is {}, which is no web link",
                quoted(url)
            ),
            WANTED,
            "put an https:// link to the notice there",
        ));
    }
    if is_nothing_looked(&record.observations.registry) {
        return Err(Unseen::new(
            Reason::InputMissing,
            format!(
                "/listing/thirdPartyNoticeUrl is not given, and nobody looked into the image for parts by others or for a notice; {}",
                attested(record, "IEM-LEG-04")
            ),
        ));
    }
    by_images(&packages_seen::images(&record.observations.registry)?)
}

/// What the images under the default tag hold: parts of others and a notice, or one without the other.
fn by_images(images: &Images<'_>) -> Result<Outcome, Unseen> {
    let bare: Vec<&Seen<'_>> = images
        .seen
        .iter()
        .filter(|one| !one.inventory.packages.is_empty() && one.inventory.notices == 0)
        .collect();
    if !bare.is_empty() {
        let count = |one: &&Seen<'_>| {
            let packages = one.inventory.packages.len();
            format!("{packages} packages for {}", one.platform)
        };
        let counts: Vec<String> = bare.iter().map(count).collect();
        return Ok(Outcome::unmet(
            format!(
                "{}; no file there looks like a notice or a licence, and /listing/thirdPartyNoticeUrl is not given",
                few(&counts)
            ),
            WANTED,
            "put a notice file into the image, or link one from the offer; the packages that it has to name follow",
        )
        .with_paste(generated(&images.packages())));
    }
    if let Some(gap) = &images.gap {
        return Err(gap.clone());
    }
    let told = |one: &Seen<'_>| {
        let Inventory {
            packages, notices, ..
        } = one.inventory;
        format!(
            "{} packages and {notices} files that look like a notice or a licence for {}",
            packages.len(),
            one.platform
        )
    };
    let some: Vec<&Seen<'_>> = images
        .seen
        .iter()
        .filter(|one| one.inventory.notices > 0)
        .collect();
    // An image without packages and without a notice beside one that has both needs none; what it is made of is told below.
    let silent = |one: &&Seen<'_>| one.inventory.notices == 0;
    if let Some(one) = images
        .seen
        .iter()
        .filter(silent)
        .find(|one| one.inventory.unlisted_programs > 0)
    {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!(
                "{}: no package manager left a list and no file looks like a notice, and {} programs do not say what is linked into them; link a notice from the offer, or build with cargo-auditable",
                one.platform, one.inventory.unlisted_programs
            ),
        ));
    }
    if some.is_empty() {
        let platforms: Vec<String> = images.seen.iter().map(|one| one.platform.clone()).collect();
        return Ok(Outcome::not_applicable(
            format!(
                "no package of others and no program in the images for {}",
                few(&platforms)
            ),
            WANTED,
        ));
    }
    let counts: Vec<String> = some.iter().map(|one| told(one)).collect();
    let example = some
        .iter()
        .find_map(|one| one.inventory.notice_paths.first());
    let example = example.map_or(String::new(), |path| format!(", such as {path}"));
    Ok(Outcome::met(format!("{}{example}", few(&counts)), WANTED))
}

/// The beginning of a notice: every package with its version.
fn generated(packages: &[&Package]) -> String {
    let mut text = String::from("This module contains parts by others:\n");
    for package in packages.iter().take(MOST_LISTED) {
        text.push_str(&format!("- {}\n", packages_seen::in_words(package)));
    }
    if let Some(more @ 1..) = packages.len().checked_sub(MOST_LISTED) {
        text.push_str(&format!("- and {more} more\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::{Ecosystem, Observed};
    use crate::sample;

    fn with_link(url: Option<&str>) -> Record {
        let mut record = sample::record();
        record.offer.listing.third_party_notice_url = url.map(str::to_owned);
        record
    }

    #[test]
    fn a_link_to_a_notice_passes() {
        let outcome = judge(&with_link(Some("https://contoso.example/notice"))).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
    }

    #[test]
    fn a_link_that_was_visited_and_is_dead_warns_and_offline_it_stays_open() {
        let url = "https://contoso.example/notice";
        let dead = sample::with_visit(with_link(Some(url)), url, sample::answering(404));
        assert_eq!(REQUIREMENT.finding(&dead).verdict, Verdict::Warn);
        let unseen = judge(&sample::offline(with_link(Some(url)))).unwrap_err();
        assert_eq!(unseen.reason, Reason::Configuration);
    }

    #[test]
    fn a_text_that_is_no_link_warns() {
        let finding = REQUIREMENT.finding(&with_link(Some("see our page")));
        assert_eq!(finding.verdict, Verdict::Warn);
        assert!(finding.saw.contains("\"see our page\""));
    }

    #[test]
    fn without_a_link_it_takes_a_look_into_the_image() {
        for url in [None, Some(" ")] {
            let unseen = judge(&with_link(url)).unwrap_err();
            assert_eq!(unseen.reason, Reason::InputMissing);
        }
    }

    fn by_inventories(inventories: Vec<Observed<Inventory>>) -> Result<Outcome, Unseen> {
        let mut record = sample::registry_record(&["1.0.1"]);
        if let Observed::Seen(repository) = &mut record.observations.registry {
            for (content, inventory) in repository.contents.iter_mut().zip(inventories) {
                content.inventory = inventory;
            }
        }
        judge(&record)
    }

    fn of(packages: &[(Ecosystem, &str, &str)], notices: u64) -> Observed<Inventory> {
        Observed::Seen(sample::inventory(packages, notices))
    }

    const EXPRESS: [(Ecosystem, &str, &str); 1] = [(Ecosystem::Npm, "express", "4.0.0")];

    #[test]
    fn packages_with_a_notice_in_the_image_pass() {
        let outcome = by_inventories(vec![of(&EXPRESS, 2), of(&EXPRESS, 1)]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome.saw.contains("1 packages and 2 files"),
            "{}",
            outcome.saw
        );
        assert!(outcome.saw.contains("/usr/share/doc/p0/copyright"));
    }

    #[test]
    fn packages_without_a_notice_warn_with_the_inventory_to_paste() {
        let outcome = by_inventories(vec![of(&EXPRESS, 0), of(&EXPRESS, 1)]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.starts_with("1 packages for linux/amd64; "),
            "{}",
            outcome.saw
        );
        let paste = outcome.paste.unwrap();
        assert!(paste.ends_with("- npm express 4.0.0\n"), "{paste}");
    }

    #[test]
    fn nothing_of_others_does_not_apply_unless_something_was_not_read() {
        let outcome = by_inventories(vec![of(&[], 0), of(&[], 0)]).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
        let mut unread = sample::inventory(&[], 0);
        unread.unread.push("/x/package.json: no JSON".to_owned());
        let mut opaque = sample::inventory(&[], 0);
        opaque.unlisted_programs = 1;
        for (gap, part) in [
            (Observed::Seen(unread), "/x/package.json: no JSON"),
            (Observed::Seen(opaque), "1 programs do not say"),
            (
                Observed::unseen(Reason::Configuration, "too large"),
                "linux/amd64: too large",
            ),
        ] {
            let unseen = by_inventories(vec![gap, of(&[], 0)]).unwrap_err();
            assert!(unseen.because.contains(part), "{}", unseen.because);
        }
    }
}
