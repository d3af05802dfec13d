//! The catalogue as text for people: the Markdown file, and what `explain` prints. Generated, never written by hand.

use std::fmt::Write as _;

use crate::record::ScopeName;
use crate::requirement::{Document, Force, Judge, Requirement, Source, Stage};

/// Families in catalogue order: the letters in an id, and their heading.
const FAMILIES: [(&str, &str); 18] = [
    ("CONT", "Container and engine"),
    ("PLAT", "Platforms"),
    ("DEV", "Devices"),
    ("HW", "Hardware claim"),
    ("CFG", "Default configuration"),
    ("DOC", "Documentation"),
    ("TAG", "Tags and versions"),
    ("REG", "Registry"),
    ("TEL", "Telemetry"),
    ("SDK", "SDK"),
    ("SEC", "Security"),
    ("UPD", "Updates and recertification"),
    ("USE", "Use"),
    ("LEG", "Legal"),
    ("SUP", "Support"),
    ("CAT", "Category"),
    ("PUB", "Publication"),
    ("PRE", "Preconditions of the probe"),
];

/// The entry that a person means by `IEM-HW-03`, `hw-03` or `declared-ram-is-enough`.
#[must_use]
pub fn find<'a>(catalogue: &'a [Requirement], name: &str) -> Option<&'a Requirement> {
    let name = name.trim().to_lowercase();
    catalogue.iter().find(|entry| {
        let id = entry.id.to_lowercase();
        id == name || id.strip_prefix("iem-") == Some(&name) || entry.slug == name
    })
}

/// One entry for a terminal, with a line feed at the end.
#[must_use]
pub fn explain(entry: &Requirement) -> String {
    format!(
        "{id}  {slug}\n{title}\n\n{statement}\n\nforce     {force}\nevidence  {stages}\njudged    {judged}\nmend      {remedy}\nsource    {sources}\n",
        id = entry.id,
        slug = entry.slug,
        title = entry.title,
        statement = entry.statement,
        force = forces(entry),
        stages = stages(entry),
        judged = judged(entry),
        remedy = entry.remedy,
        sources = sources(entry).join("\n          "),
    )
}

/// The whole catalogue as Markdown, with a line feed at the end.
#[must_use]
pub fn markdown(catalogue: &[Requirement], version: &str) -> String {
    let mut text = introduction(catalogue, version);
    for (letters, heading) in FAMILIES {
        let family = catalogue
            .iter()
            .filter(|entry| family_of(entry) == Some(letters));
        let mut heading_due = Some(heading);
        for entry in family {
            if let Some(heading) = heading_due.take() {
                push(&mut text, &format!("\n## {heading}\n"));
            }
            push(&mut text, &section(entry));
        }
    }
    text
}

fn push(text: &mut String, more: &str) {
    write!(text, "{more}").expect("writing to a String cannot fail");
}

fn introduction(catalogue: &[Requirement], version: &str) -> String {
    let preconditions = catalogue
        .iter()
        .filter(|entry| entry.is_precondition())
        .count();
    let judged = |by: fn(&Requirement) -> bool| {
        catalogue
            .iter()
            .filter(|entry| !entry.is_precondition() && by(entry))
            .count()
    };
    let (all, one) = (judged(is_judged), judged(needs_one_run));
    let alone = judged(needs_a_repository);
    let more = all - one - alone;
    let requirements = catalogue.len() - preconditions;
    format!(
        "# Catalogue {version}\n\n\
         <!-- Generated from agent/conformance/src/requirements; refresh with UPDATE_GOLDEN=1 cargo test -p conformance. -->\n\n\
         {requirements} requirements of the certification programme for IoT Edge modules, in our own words, and {preconditions} preconditions that edgeproof sets itself.\n\
         {all} of the requirements are judged today, {one} from a run on one device, {more} from runs on several and {alone} from a repository alone; the others are listed in every report as inconclusive (`input-missing`) and never count as assessed.\n\n\
         Force: an unmet *must* fails, an unmet *should* or *may* warns, *info* is only recorded. Where the process note of 2018 differs, its force stands in brackets.\n\
         Preconditions are never blamed on a module: one that does not hold makes what rests on it inconclusive.\n"
    )
}

fn section(entry: &Requirement) -> String {
    format!(
        "\n### {id} {title}\n\n{statement}\n\n- Name: `{slug}`\n- Force: {force}\n- Evidence: {stages}\n- Judged: {judged}\n- If it does not hold: {remedy}\n- Source: {sources}\n",
        id = entry.id,
        title = entry.title,
        statement = entry.statement,
        slug = entry.slug,
        force = forces(entry),
        stages = stages(entry),
        judged = judged(entry),
        remedy = entry.remedy,
        sources = sources(entry).join("; "),
    )
}

fn family_of(entry: &Requirement) -> Option<&'static str> {
    let letters = entry.id.split('-').nth(1)?;
    FAMILIES
        .iter()
        .map(|(known, _)| *known)
        .find(|known| *known == letters)
}

fn is_judged(entry: &Requirement) -> bool {
    match entry.judge {
        Judge::By(_)
        | Judge::ByRegistry(_)
        | Judge::ByFleet(_)
        | Judge::ByFleetOrRegistry { .. } => true,
        Judge::NothingObservesIt => false,
    }
}

fn needs_one_run(entry: &Requirement) -> bool {
    matches!(entry.judge, Judge::By(_))
}

fn needs_a_repository(entry: &Requirement) -> bool {
    matches!(entry.judge, Judge::ByRegistry(_))
}

fn forces(entry: &Requirement) -> String {
    let current = force_word(entry.force.current);
    let then = force_word(entry.force.edition_2018);
    if current == then {
        current.to_owned()
    } else {
        format!("{current} (2018: {then})")
    }
}

fn stages(entry: &Requirement) -> String {
    let words: Vec<&str> = entry
        .stages
        .iter()
        .map(|stage| stage_word(*stage))
        .collect();
    words.join(", ")
}

fn judged(entry: &Requirement) -> String {
    if !is_judged(entry) {
        return "not yet".to_owned();
    }
    let words: Vec<&str> = entry
        .scopes
        .iter()
        .map(|scope| scope_word(*scope))
        .collect();
    format!("in {} scope", words.join(", "))
}

fn sources(entry: &Requirement) -> Vec<String> {
    let in_words = |source: &Source| match source.document {
        Document::TechnicalAssets | Document::ProcessNote2018 => {
            format!("“{}”, {}", source.document.title(), source.heading)
        }
        Document::Edgeproof => format!("{} itself, {}", source.document.title(), source.heading),
    };
    entry.sources.iter().map(in_words).collect()
}

/// The word for a force in every face: `must`, `should`, `may`, `info`.
#[must_use]
pub const fn force_word(force: Force) -> &'static str {
    match force {
        Force::Must => "must",
        Force::Should => "should",
        Force::May => "may",
        Force::Info => "info",
    }
}

/// The word for a stage in every face: `offer`, `image`, `registry`, `device`, `fleet`, `person`.
#[must_use]
pub const fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Offer => "offer",
        Stage::Image => "image",
        Stage::Registry => "registry",
        Stage::Device => "device",
        Stage::Fleet => "fleet",
        Stage::Person => "person",
    }
}

/// The word for a scope in every face: `offer`, `registry`, `device`, `fleet`, `full`.
#[must_use]
pub const fn scope_word(scope: ScopeName) -> &'static str {
    match scope {
        ScopeName::Offer => "offer",
        ScopeName::Registry => "registry",
        ScopeName::Device => "device",
        ScopeName::Fleet => "fleet",
        ScopeName::Full => "full",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirements::{CATALOGUE, VERSION};

    #[test]
    fn an_entry_is_found_by_id_short_id_and_slug() {
        for name in ["IEM-HW-03", "hw-03", " declared-ram-is-enough "] {
            assert_eq!(find(CATALOGUE, name).unwrap().id, "IEM-HW-03", "{name}");
        }
        for name in ["", "iem-", "HW", "IEM-HW-99"] {
            assert!(find(CATALOGUE, name).is_none(), "{name}");
        }
    }

    #[test]
    fn explain_tells_everything_about_one_entry() {
        let entry = find(CATALOGUE, "IEM-HW-03").unwrap();
        assert_eq!(
            explain(entry),
            "IEM-HW-03  declared-ram-is-enough\n\
             The declared RAM is enough\n\
             \n\
             The module never needs more memory than its offer's hardware paragraph leaves to it.\n\
             \n\
             force     must\n\
             evidence  device\n\
             judged    in device, fleet, full scope\n\
             mend      Claim the RAM that was measured, or make the module need less in the phase that is named.\n\
             source    “Prepare IoT Edge module technical assets”, Device dimensions\n          \
                       “The IoT Edge Module certification process (2018)”, Device dimensioning\n"
        );
    }

    #[test]
    fn the_markdown_holds_every_entry_once_and_no_trailing_space() {
        let text = markdown(CATALOGUE, VERSION);
        for entry in CATALOGUE {
            let heading = format!("\n### {} ", entry.id);
            assert_eq!(text.matches(&heading).count(), 1, "{}", entry.id);
        }
        assert!(text.lines().all(|line| line == line.trim_end()));
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    }
}
