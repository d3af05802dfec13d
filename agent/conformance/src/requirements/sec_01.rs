//! IEM-SEC-01: the module is not privileged.

use super::sec_02::removal;
use crate::create_options::{Access, Ask, CreateOptions};
use crate::finding::{Outcome, Reason, Unseen};
use crate::privilege::is_unconfined;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-SEC-01",
    slug: "not-privileged",
    title: "Not privileged",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Should,
    },
    stages: &[Stage::Offer, Stage::Device],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Security",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Security",
        },
    ],
    statement: "The module's container is not privileged: not by its create options, not on the engine, not as it runs.",
    remedy: "Remove Privileged and ask for the one capability or device that is needed.",
    judge: Judge::By(judge),
};

const WANTED: &str = "a container without Privileged";
const REMEDY: &str =
    "remove HostConfig.Privileged and ask for the one capability or device that is needed";

/// A request for it fails whatever else was not seen; a pass needs the engine's view and the running process.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let options = CreateOptions::parse(&record.offer.plan.create_options);
    if let Ok(options) = &options {
        let mut asks = options.needs_elevation();
        asks.retain(|ask| ask.access == Access::Privileged);
        if let Some(Ask { pointer, .. }) = asks.first() {
            let outcome =
                Outcome::unmet(format!("createOptions: {pointer} is true"), WANTED, REMEDY);
            return Ok(removal(options, &asks, outcome));
        }
    }
    let observations = &record.observations;
    let creation = observations.creation.seen();
    if creation.is_some_and(|creation| creation.effective.privileged) {
        let saw = "the engine's inspect shows Privileged";
        return Ok(Outcome::unmet(saw, WANTED, REMEDY));
    }
    if let Some(live) = observations.privilege.seen()
        && is_unconfined(live)
    {
        let saw = format!(
            "the running process holds {} capabilities and no seccomp filter confines it: as good as privileged",
            live.capabilities.len()
        );
        return Ok(Outcome::unmet(saw, WANTED, REMEDY));
    }
    if record.run.scope == ScopeName::Offer {
        return by_text(options.is_ok());
    }
    let creation = observations.creation.get()?;
    if let Some(refused) = &creation.refused {
        return Err(never_created(refused));
    }
    let live = observations.privilege.get()?;
    let saw = format!(
        "not by createOptions, not by the engine's inspect; the running process holds {} capabilities, seccomp mode {}",
        live.capabilities.len(),
        live.seccomp
    );
    Ok(Outcome::met(saw, WANTED))
}

/// In offer scope the text is all there is.
fn by_text(readable: bool) -> Result<Outcome, Unseen> {
    if readable {
        let saw = "createOptions do not ask for Privileged (by their text alone)";
        Ok(Outcome::met(saw, WANTED))
    } else {
        Err(unreadable())
    }
}

/// createOptions that nobody can read ask for nobody knows what.
pub(super) fn unreadable() -> Unseen {
    let because = "the createOptions cannot be read; see IEM-CFG-03";
    Unseen::new(Reason::InputMissing, because)
}

/// A container that was never created shows nothing.
pub(super) fn never_created(refused: &str) -> Unseen {
    let because = format!("the engine did not create the container: {refused}");
    Unseen::new(Reason::InputMissing, because)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::{Observations, Observed};
    use crate::record::Edition;
    use crate::sample;

    fn asking(options: &str) -> Record {
        let mut record = sample::record();
        record.offer.plan.create_options = options.to_owned();
        record
    }

    fn effective(record: &mut Record, spoil: impl FnOnce(&mut crate::observation::Creation)) {
        let Observed::Seen(creation) = &mut record.observations.creation else {
            panic!("the sample has a creation");
        };
        spoil(creation);
    }

    #[test]
    fn a_plain_module_passes() {
        assert_eq!(judge(&sample::record()).unwrap().kind, OutcomeKind::Met);
    }

    #[test]
    fn a_privileged_request_fails_whatever_else_was_not_seen() {
        for options in [
            r#"{"HostConfig": {"Privileged": true}}"#,
            r#"{"hostconfig": {"privileged": true}}"#,
        ] {
            let mut record = asking(options);
            record.observations = Observations::default();
            let finding = REQUIREMENT.finding(&record);
            assert_eq!(finding.verdict, Verdict::Fail);
            assert_eq!(finding.saw, "createOptions: /HostConfig/Privileged is true");
        }
    }

    #[test]
    fn it_comes_with_a_patch() {
        let outcome = judge(&asking(r#"{"HostConfig": {"Privileged": true}}"#)).unwrap();
        assert_eq!(
            outcome.paste.unwrap(),
            r#"[{"op":"remove","path":"/HostConfig/Privileged"}]"#
        );
    }

    #[test]
    fn the_edition_of_2018_only_warns() {
        let mut record = asking(r#"{"HostConfig": {"Privileged": true}}"#);
        record.run.edition = Edition::Edition2018;
        assert_eq!(REQUIREMENT.finding(&record).verdict, Verdict::Warn);
    }

    #[test]
    fn what_engine_or_process_show_fails_too() {
        let mut record = sample::record();
        effective(&mut record, |creation| creation.effective.privileged = true);
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);

        let mut record = sample::record();
        let Observed::Seen(live) = &mut record.observations.privilege else {
            panic!("the sample has a live status");
        };
        live.seccomp = 0;
        live.capabilities = ["SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE"]
            .map(|name| format!("CAP_{name}"))
            .to_vec();
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn a_pass_needs_engine_and_process() {
        let mut record = sample::record();
        record.observations.creation = Observed::default();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);

        let mut record = sample::record();
        record.observations.privilege = Observed::default();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);

        let mut record = sample::record();
        effective(&mut record, |creation| {
            creation.refused = Some("invalid".to_owned())
        });
        assert!(judge(&record).is_err());
    }

    #[test]
    fn in_offer_scope_the_text_decides_if_it_can_be_read() {
        let mut record = sample::record();
        record.run.scope = ScopeName::Offer;
        record.observations = Observations::default();
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
        record.offer.plan.create_options = "{".to_owned();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }
}
