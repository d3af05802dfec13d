//! A requirement of the certification programme, and how one is judged.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Grant, Outcome, OutcomeKind, Reason, Unseen, Verdict};
use crate::observation::{PlatformRun, Repository, is_nothing_looked};
use crate::record::{Edition, Record, Run, ScopeName};

/// One entry of the catalogue. Text is the project's own words; `sources` name the public documents.
#[derive(Debug)]
pub struct Requirement {
    /// `IEM-HW-03`; preconditions of the probe itself are `IEM-PRE-…`.
    pub id: &'static str,
    /// A name for people and file names: `declared-ram-is-enough`.
    pub slug: &'static str,
    /// The requirement in a few words.
    pub title: &'static str,
    /// Its force in each edition of the programme.
    pub force: Forces,
    /// Where its evidence comes from.
    pub stages: &'static [Stage],
    /// The scopes it belongs to, from the moment something observes it.
    pub scopes: &'static [ScopeName],
    /// The documents and headings it was taken from.
    pub sources: &'static [Source],
    /// The requirement in the project's own words.
    pub statement: &'static str,
    /// What to do when it is not met, in general.
    pub remedy: &'static str,
    /// How it is judged.
    pub judge: Judge,
}

/// What is said of an entry without evidence. Stored reports hold these words and must come to them again.
const NOTHING_OBSERVES_IT: &str = "nothing observes this requirement yet";

/// How an entry is judged.
#[derive(Debug, Clone, Copy)]
pub enum Judge {
    /// From what was observed. It cannot wait, log, fetch or panic.
    By(fn(&Record) -> Result<Outcome, Unseen>),
    /// From the repository that the offer names; where nothing looked at it, nothing observes the entry.
    ByRegistry(fn(&Record, &Repository) -> Result<Outcome, Unseen>),
    /// From the runs of several devices; a record of one run alone has none, and nothing observes the entry there.
    ByFleet(fn(&Record, &[PlatformRun]) -> Result<Outcome, Unseen>),
    /// From the runs of several devices, else the part of it that the repository alone shows.
    ByFleetOrRegistry {
        /// The whole of it.
        fleet: fn(&Record, &[PlatformRun]) -> Result<Outcome, Unseen>,
        /// The part of it that needs no device.
        registry: fn(&Record, &Repository) -> Result<Outcome, Unseen>,
    },
    /// Nothing observes it yet: always inconclusive, outside `assessed`.
    NothingObservesIt,
}

/// The force of a requirement in each edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forces {
    /// In the current programme.
    pub current: Force,
    /// In the process note of September 2018.
    pub edition_2018: Force,
}

impl Forces {
    /// The same force in every edition.
    #[must_use]
    pub const fn always(force: Force) -> Forces {
        Forces {
            current: force,
            edition_2018: force,
        }
    }
}

/// How binding a requirement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Force {
    /// Unmet fails.
    Must,
    /// Unmet warns.
    Should,
    /// Unmet warns; absence is fine.
    May,
    /// Recorded only.
    Info,
}

/// Where a requirement's evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The offer's text and settings.
    Offer,
    /// The image's config and layers.
    Image,
    /// The registry.
    Registry,
    /// One run on one device.
    Device,
    /// Several devices or runs.
    Fleet,
    /// A person's statement.
    Person,
}

/// A public document and the heading in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The document.
    pub document: Document,
    /// The heading under which the requirement stands.
    pub heading: &'static str,
}

/// The documents that the catalogue was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// "Prepare IoT Edge module technical assets", Microsoft Learn: the current programme.
    TechnicalAssets,
    /// "The IoT Edge Module certification process", September 2018.
    ProcessNote2018,
    /// Not from the programme: a precondition that edgeproof sets itself.
    Edgeproof,
}

impl Document {
    /// The document's title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Document::TechnicalAssets => "Prepare IoT Edge module technical assets",
            Document::ProcessNote2018 => "The IoT Edge Module certification process (2018)",
            Document::Edgeproof => "edgeproof",
        }
    }
}

impl Requirement {
    /// Whether it is a precondition of the probe itself; such entries never roll up.
    #[must_use]
    pub fn is_precondition(&self) -> bool {
        self.id.starts_with("IEM-PRE-")
    }

    /// Its force in an edition.
    #[must_use]
    pub const fn force_in(&self, edition: Edition) -> Force {
        match edition {
            Edition::Current => self.force.current,
            Edition::Edition2018 => self.force.edition_2018,
        }
    }

    /// Whether the run's scope includes it.
    #[must_use]
    pub fn in_scope(&self, run: &Run) -> bool {
        self.scopes.contains(&run.scope)
    }

    /// Judges one record: always exactly one finding.
    #[must_use]
    pub fn finding(&self, record: &Record) -> Finding {
        let judged = self.judged(record);
        let force = self.force_in(record.run.edition);
        let mut finding = Finding {
            id: self.id.to_owned(),
            slug: self.slug.to_owned(),
            title: self.title.to_owned(),
            force,
            stages: self.stages.to_vec(),
            in_scope: self.in_scope(&record.run),
            verdict: Verdict::Inconclusive,
            marginal: false,
            reason: None,
            saw: String::new(),
            wanted: self.statement.to_owned(),
            remedy: None,
            paste: None,
            granted: None,
        };
        match judged {
            Ok(outcome) => {
                finding.verdict = verdict_of(outcome.kind, force);
                finding.marginal = outcome.marginal;
                finding.saw = outcome.saw;
                finding.wanted = outcome.wanted;
                finding.remedy = outcome.remedy;
                finding.paste = outcome.paste;
            }
            Err(unseen) => {
                finding.reason = Some(unseen.reason);
                finding.saw = unseen.because;
            }
        }
        finding.granted = grant_for(&finding, record);
        finding
    }

    fn judged(&self, record: &Record) -> Result<Outcome, Unseen> {
        let nothing = || Unseen::new(Reason::InputMissing, NOTHING_OBSERVES_IT);
        let registry = &record.observations.registry;
        let by_registry = |judge: fn(&Record, &Repository) -> Result<Outcome, Unseen>| {
            if is_nothing_looked(registry) {
                return Err(nothing());
            }
            judge(record, registry.get()?)
        };
        let runs = record.observations.fleet.seen();
        match (self.judge, runs) {
            (Judge::By(judge), _) => judge(record),
            (Judge::ByRegistry(judge), _) => by_registry(judge),
            (Judge::ByFleet(judge) | Judge::ByFleetOrRegistry { fleet: judge, .. }, Some(runs)) => {
                judge(record, runs)
            }
            (Judge::ByFleetOrRegistry { registry, .. }, None) => by_registry(registry),
            (Judge::ByFleet(_), None) | (Judge::NothingObservesIt, _) => Err(nothing()),
        }
    }
}

/// Severity is the requirement's force, never the judge's opinion.
fn verdict_of(kind: OutcomeKind, force: Force) -> Verdict {
    match (kind, force) {
        (OutcomeKind::Met, _) => Verdict::Pass,
        (OutcomeKind::Unmet, Force::Must) => Verdict::Fail,
        (OutcomeKind::Unmet, Force::Should | Force::May | Force::Info)
        | (OutcomeKind::Concern, _) => Verdict::Warn,
        (OutcomeKind::NotApplicable, _) => Verdict::NotApplicable,
        (OutcomeKind::Manual, _) => Verdict::Manual,
    }
}

/// The lab's exception that covers a failed finding: same requirement, same image, not expired when the run started.
fn grant_for(finding: &Finding, record: &Record) -> Option<Grant> {
    if finding.verdict != Verdict::Fail {
        return None;
    }
    record
        .run
        .options
        .grants
        .iter()
        .find(|grant| grant.id == finding.id && grant.holds_for(record))
        .cloned()
}
