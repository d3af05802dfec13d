//! IEM-DOC-01: what a module uses of settings is mentioned in what the offer tells its customers.

use super::links::is_link;
use super::mentions::{Mention, Text};
use super::settings::{Setting, Settings};
use super::settings_skeleton;
use crate::finding::{Outcome, Reason, Unseen};
use crate::offer::Listing;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-DOC-01",
    slug: "every-setting-is-documented",
    title: "Every setting is documented",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Image, Stage::Device],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Configuration documentation",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Default settings",
        },
    ],
    statement: "Every tag, environment variable, create option, twin property and route that the module uses is explained to customers.",
    remedy: "Describe each setting that is missing: name, meaning, default, allowed values.",
    judge: Judge::By(judge),
};

const WANTED: &str = "every setting by its name in the summary or the description outside of the hardware paragraph, or on the page that is linked";

/// Only that a name stands there is judged; a gap waits for a person, who reads linked pages and other words.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let offer = &record.offer;
    let text = Text::of(&offer.listing).ok_or_else(|| {
        Unseen::new(
            Reason::Tool,
            format!(
                "the description has {} bytes, more than edgeproof reads",
                offer.listing.description.len()
            ),
        )
    })?;
    let mut settings = Settings::declared(&offer.plan)?;
    let on_a_device = record.run.scope != ScopeName::Offer;
    let run = if on_a_device {
        settings.observe(record)
    } else {
        Ok(())
    };
    let Settings(settings) = settings;
    let sorted = Sorted::of(&settings, &text);
    if !sorted.has_gap() {
        run?;
        return Ok(without_gap(&settings, on_a_device));
    }
    let mut saw = sorted.in_words();
    saw += &match &run {
        Ok(()) if on_a_device => String::new(),
        Ok(()) => format!(" ({BY_DEFAULTS})"),
        Err(unseen) => format!(
            " (by the defaults; not all that it uses beside them was seen: {})",
            unseen.because
        ),
    };
    Ok(gap(&saw, &sorted, &pages(&offer.listing, &text)))
}

const BY_DEFAULTS: &str = "by the defaults alone; what the module uses beside them shows in a run";

fn without_gap(settings: &[Setting], on_a_device: bool) -> Outcome {
    let how = if on_a_device {
        "by defaults, image and run"
    } else {
        BY_DEFAULTS
    };
    if settings.is_empty() {
        let none = format!("no setting that a customer could change or would have to know ({how})");
        return Outcome::not_applicable(none, WANTED);
    }
    let told: Vec<String> = settings.iter().map(Setting::told).collect();
    let saw = format!("mentioned: {} ({how})", told.join(", "));
    Outcome::met(saw, WANTED)
}

fn gap(saw: &str, sorted: &Sorted<'_>, pages: &[String]) -> Outcome {
    let gaps: Vec<&Setting> = sorted.gaps().collect();
    let names: Vec<&str> = gaps.iter().map(|one| one.name.as_str()).collect();
    let names = names.join(", ");
    if pages.is_empty() {
        let saw = format!("{saw}; no link to a documentation stands in the offer");
        let remedy = format!(
            "let a person say whether the description explains {names} in other words; else fill in the list and put it before the hardware paragraph, which has to stay last"
        );
        return Outcome::manual(saw, WANTED, remedy).with_paste(settings_skeleton::list(&gaps));
    }
    let pages = pages.join(", ");
    let saw = format!("{saw}; what is linked was not read: {pages}");
    let remedy = format!(
        "look behind the link for exactly these names: {names}; fill in the table and put it there for those that are missing"
    );
    Outcome::manual(saw, WANTED, remedy).with_paste(settings_skeleton::table(&gaps))
}

/// Which of the settings a text does not surely name, in words.
pub(super) enum Gaps {
    /// It names all of them, or there are none.
    None,
    /// It names some.
    Some(String),
    /// It names none at all.
    All(String),
}

/// What of these settings the offer's text leaves out; IEM-DOC-02 asks where that stands.
pub(super) fn gaps(settings: &[Setting], text: &Text) -> Gaps {
    let sorted = Sorted::of(settings, text);
    let names: Vec<&str> = sorted.gaps().map(|one| one.name.as_str()).collect();
    let names = names.join(", ");
    if !sorted.has_gap() {
        Gaps::None
    } else if sorted.absent.len() == settings.len() {
        Gaps::All(names)
    } else {
        Gaps::Some(names)
    }
}

/// Where documentation may stand: the link to it, else every other link that customers see in the offer's text.
pub(super) fn pages(listing: &Listing, text: &Text) -> Vec<String> {
    let documentation = listing.documentation_url.as_deref().map(str::trim);
    if let Some(url) = documentation.filter(|url| is_link(url)) {
        return vec![url.to_owned()];
    }
    let useful = listing.useful_links.iter();
    let useful = useful
        .map(|link| link.url.trim())
        .filter(|url| is_link(url));
    let inside = text.links().iter().map(String::as_str);
    let mut pages: Vec<String> = Vec::new();
    for url in useful.chain(inside) {
        if !pages.iter().any(|known| known == url) {
            pages.push(url.to_owned());
        }
    }
    pages
}

/// Settings by how surely they are mentioned.
struct Sorted<'a> {
    absent: Vec<&'a Setting>,
    doubtful: Vec<(&'a Setting, &'static str)>,
    named: Vec<&'a Setting>,
}

impl<'a> Sorted<'a> {
    fn of(settings: &'a [Setting], text: &Text) -> Sorted<'a> {
        let mut sorted = Sorted {
            absent: Vec::new(),
            doubtful: Vec::new(),
            named: Vec::new(),
        };
        for setting in settings {
            match setting.mention(text) {
                Mention::Absent => sorted.absent.push(setting),
                Mention::Doubtful(how) => sorted.doubtful.push((setting, how)),
                Mention::Named => sorted.named.push(setting),
            }
        }
        sorted
    }

    fn has_gap(&self) -> bool {
        self.gaps().next().is_some()
    }

    fn gaps(&self) -> impl Iterator<Item = &'a Setting> {
        let doubtful = self.doubtful.iter().map(|(setting, _)| *setting);
        self.absent.iter().copied().chain(doubtful)
    }

    /// `not mentioned: environment variable MODE; doubtful: twin property interval, as a plain word only; mentioned: port 80/tcp`.
    fn in_words(&self) -> String {
        let told = |settings: &[&Setting]| settings.iter().map(|one| one.told()).collect();
        let doubtful = self.doubtful.iter();
        let doubtful = doubtful.map(|(setting, how)| format!("{}, {how}", setting.told()));
        let parts: [(&str, Vec<String>); 3] = [
            ("not mentioned", told(&self.absent)),
            ("doubtful", doubtful.collect()),
            ("mentioned", told(&self.named)),
        ];
        let parts = parts.iter().filter(|(_, settings)| !settings.is_empty());
        let parts: Vec<String> = parts
            .map(|(how, settings)| format!("{how}: {}", settings.join(", ")))
            .collect();
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests;
