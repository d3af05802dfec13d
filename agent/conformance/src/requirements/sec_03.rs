//! IEM-SEC-03: access to the host that remains is justified by the partner and approved by the lab, until a date.

use super::sec_01::{never_created, unreadable};
use crate::create_options::{Access, CreateOptions};
use crate::finding::{Grant, Outcome, Unseen};
use crate::privilege::{held, shown};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-SEC-03",
    slug: "elevation-is-justified",
    title: "Elevation that stays is justified",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Device, Stage::Person],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Security",
    }],
    statement: "Access to the host that remains is rare, shown to be needed, and approved by a named person until a date.",
    remedy: "Write down for each option why it is needed, who approved it and until when.",
    judge: Judge::By(judge),
};

const ID: &str = "IEM-SEC-03";
const PRIVILEGED: &str = "IEM-SEC-01";
const ACCESS: &str = "IEM-SEC-02";
const WANTED: &str = "for what the module has of the host: a reason under /waiverRequests, and a grant of the lab with name, end and digest";

/// What is asked for is looked at first: a request that nobody justifies fails whatever else was not seen.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let options = CreateOptions::parse(&record.offer.plan.create_options);
    let asks = options
        .as_ref()
        .map(CreateOptions::needs_elevation)
        .unwrap_or_default();
    let asked = asks.into_iter().filter(|ask| is_elevation(ask.access));
    let mut elevation = Elevation::default();
    for ask in asked {
        elevation.add(&format!("{} ({})", ask.what, ask.pointer), ask.access);
    }
    if elevation.is_none() {
        options.map_err(|_| unreadable())?;
        elevation = seen(record)?;
    }
    if elevation.is_none() {
        let how = match record.run.scope {
            ScopeName::Offer => " (by the text of createOptions alone)",
            ScopeName::Registry | ScopeName::Device | ScopeName::Fleet | ScopeName::Full => "",
        };
        let saw = format!("the module has nothing of the host that would need a reason{how}");
        return Ok(Outcome::not_applicable(saw, WANTED));
    }
    Ok(elevation.justified(record))
}

/// What the engine and the running process show; in offer scope the text is all there is.
fn seen(record: &Record) -> Result<Elevation, Unseen> {
    let mut elevation = Elevation::default();
    if record.run.scope == ScopeName::Offer {
        return Ok(elevation);
    }
    let creation = record.observations.creation.get()?;
    if let Some(refused) = &creation.refused {
        return Err(never_created(refused));
    }
    let live = record.observations.privilege.get()?;
    for reach in shown(&creation.effective).into_iter().chain(held(live)) {
        if is_elevation(reach.access) {
            elevation.add(&reach.what, reach.access);
        }
    }
    Ok(elevation)
}

/// What is of the host, and not the container's own.
const fn is_elevation(access: Access) -> bool {
    match access {
        Access::Privileged
        | Access::HostNamespace
        | Access::EngineSocket
        | Access::HostBind
        | Access::DangerousCapability
        | Access::Capability
        | Access::Device
        | Access::Confinement
        | Access::Runtime => true,
        Access::Volume
        | Access::Network
        | Access::Logging
        | Access::Label
        | Access::Sysctl
        | Access::Port
        | Access::Unknown => false,
    }
}

/// What the module has of the host, and the requirement that each part is a breach of.
#[derive(Debug, Default)]
struct Elevation {
    what: Vec<String>,
    breached: Vec<&'static str>,
}

impl Elevation {
    fn add(&mut self, what: &str, access: Access) {
        self.what.push(what.to_owned());
        let id = if access == Access::Privileged {
            PRIVILEGED
        } else {
            ACCESS
        };
        if !self.breached.contains(&id) {
            self.breached.push(id);
        }
    }

    fn is_none(&self) -> bool {
        self.what.is_empty()
    }

    /// A reason and a grant for every requirement that is breached; one for IEM-SEC-03 itself is for all of them.
    fn justified(&self, record: &Record) -> Outcome {
        let what = self.what.join(", ");
        let requests = &record.offer.waiver_requests;
        let (mut open, mut silent, mut lapsed) = (Vec::new(), Vec::new(), Vec::new());
        let mut told = Vec::new();
        for id in &self.breached {
            let speaks = |of: &str| of == *id || of == ID;
            let reasons = requests.iter().filter(|one| speaks(&one.id));
            let reasons: Vec<String> = reasons
                .filter(|one| !one.reason.trim().is_empty())
                .map(|one| format!("{} is asked for: {}", one.id, one.reason.trim()))
                .collect();
            match standing(record, &speaks) {
                Standing::Holds(grant) => told.push(format!(
                    "{} granted by {} on {} until {} for {}: {}",
                    grant.id, grant.by, grant.on, grant.expires, grant.digest, grant.reason
                )),
                Standing::Lapsed(why) => lapsed.push(why),
                Standing::None if reasons.is_empty() => silent.push(*id),
                Standing::None => open.push(*id),
            }
            told.extend(reasons);
        }
        told.dedup();
        let told = told.join("; ");
        if !silent.is_empty() {
            let ids = silent.join(" and ");
            return Outcome::unmet(
                format!("{what}; no reason stands under /waiverRequests for {ids}"),
                WANTED,
                format!("remove it, or write under /waiverRequests why it is needed, one entry each for {ids}"),
            )
            .with_paste(skeleton(&silent));
        }
        if !lapsed.is_empty() {
            return Outcome::unmet(
                format!("{what}; {}", lapsed.join("; ")),
                WANTED,
                "let the lab look at it again and grant it for this image, or remove it",
            );
        }
        if !open.is_empty() {
            return Outcome::manual(
                format!("{what}; {told}; the lab has not granted it"),
                WANTED,
                format!(
                    "let the lab decide, and grant {} with --grants: name, date, end, digest and reason",
                    open.join(" and ")
                ),
            );
        }
        Outcome::met(format!("{what}; {told}"), WANTED)
    }
}

fn skeleton(ids: &[&str]) -> String {
    let entries: Vec<serde_json::Value> = ids
        .iter()
        .map(|id| serde_json::json!({"id": id, "reason": "<WHY IT IS NEEDED>"}))
        .collect();
    serde_json::json!({"waiverRequests": entries}).to_string()
}

/// How the lab stands to something.
enum Standing<'a> {
    /// It granted it, for this image, and the grant holds.
    Holds(&'a Grant),
    /// It did once, or for another image: why that is none.
    Lapsed(String),
    /// It did not.
    None,
}

fn standing<'a>(record: &'a Record, speaks: &dyn Fn(&str) -> bool) -> Standing<'a> {
    let grants = record.run.options.grants.iter();
    let grants: Vec<&Grant> = grants.filter(|grant| speaks(&grant.id)).collect();
    if let Some(grant) = grants.iter().find(|grant| grant.holds_for(record)) {
        return Standing::Holds(grant);
    }
    match grants.first() {
        None => Standing::None,
        Some(grant) => Standing::Lapsed(format!(
            "what {} granted for {} until {} does not hold for this image on the day of the run",
            grant.by, grant.digest, grant.expires
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Reason, Verdict};
    use crate::observation::{Observations, Observed};
    use crate::offer::WaiverRequest;
    use crate::sample;

    const CAMERA: &str = r#"{"HostConfig": {"Devices": [{"PathOnHost": "/dev/video0"}]}}"#;
    const PRIVILEGED_TOO: &str = r#"{"HostConfig": {"Privileged": true, "PidMode": "host"}}"#;

    fn asking(options: &str, requested: &[&str]) -> Record {
        let mut record = sample::record();
        record.offer.plan.create_options = options.to_owned();
        let requests = requested.iter().map(|id| WaiverRequest {
            id: (*id).to_owned(),
            reason: "It reads the camera.".to_owned(),
        });
        record.offer.waiver_requests = requests.collect();
        record
    }

    fn grant(id: &str, expires: &str) -> Grant {
        Grant {
            id: id.to_owned(),
            by: "A. Lab".to_owned(),
            on: "2026-11-01".to_owned(),
            expires: expires.to_owned(),
            digest: sample::record().candidate.image_id.unwrap(),
            reason: "seen to be needed".to_owned(),
        }
    }

    fn check(record: &Record, kind: OutcomeKind) -> Outcome {
        let outcome = judge(record).unwrap();
        assert_eq!(outcome.kind, kind, "{outcome:?}");
        outcome
    }

    #[test]
    fn a_module_that_has_nothing_of_the_host_needs_no_reason() {
        check(&sample::record(), OutcomeKind::NotApplicable);
        let mut unseen = sample::record();
        unseen.observations = Observations::default();
        assert_eq!(judge(&unseen).unwrap_err().reason, Reason::InputMissing);
        unseen.run.scope = ScopeName::Offer;
        let outcome = check(&unseen, OutcomeKind::NotApplicable);
        assert!(outcome.saw.contains("text of createOptions alone"));
    }

    #[test]
    fn access_without_a_reason_fails_with_the_words_to_fill_in() {
        let outcome = check(&asking(CAMERA, &[]), OutcomeKind::Unmet);
        assert!(outcome.saw.contains("/dev/video0"), "{}", outcome.saw);
        assert!(outcome.paste.unwrap().contains("IEM-SEC-02"));
        let mut blank = asking(CAMERA, &[ACCESS]);
        blank.offer.waiver_requests[0].reason = " ".to_owned();
        check(&blank, OutcomeKind::Unmet);
    }

    #[test]
    fn a_reason_alone_waits_for_the_lab() {
        for id in [ACCESS, ID] {
            let outcome = check(&asking(CAMERA, &[id]), OutcomeKind::Manual);
            assert!(
                outcome.saw.contains("It reads the camera."),
                "{}",
                outcome.saw
            );
        }
    }

    #[test]
    fn a_grant_that_holds_passes_with_name_end_and_digest() {
        let mut record = asking(CAMERA, &[ACCESS]);
        record.run.options.grants = vec![grant(ACCESS, "2027-01-01")];
        let outcome = check(&record, OutcomeKind::Met);
        for words in ["A. Lab", "until 2027-01-01", "sha256:"] {
            assert!(outcome.saw.contains(words), "{}", outcome.saw);
        }
    }

    #[test]
    fn a_grant_that_has_ended_or_is_for_another_image_fails() {
        let mut record = asking(CAMERA, &[ACCESS]);
        record.run.options.grants = vec![grant(ACCESS, "2026-11-19")];
        check(&record, OutcomeKind::Unmet);
        let other = Grant {
            digest: "sha256:other".to_owned(),
            ..grant(ACCESS, "2027-01-01")
        };
        record.run.options.grants = vec![other];
        let finding = REQUIREMENT.finding(&record);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.saw.contains("sha256:other"), "{}", finding.saw);
    }

    #[test]
    fn privileged_and_other_access_need_a_reason_each() {
        let outcome = check(&asking(PRIVILEGED_TOO, &[ACCESS]), OutcomeKind::Unmet);
        assert!(outcome.saw.ends_with("for IEM-SEC-01"), "{}", outcome.saw);
        check(
            &asking(PRIVILEGED_TOO, &[ACCESS, PRIVILEGED]),
            OutcomeKind::Manual,
        );
        let mut record = asking(PRIVILEGED_TOO, &[]);
        record.run.options.grants = vec![grant(ID, "2027-01-01")];
        check(&record, OutcomeKind::Met);
    }

    #[test]
    fn access_that_only_the_engine_shows_needs_a_reason_too() {
        let mut record = sample::record();
        let Observed::Seen(creation) = &mut record.observations.creation else {
            panic!("the sample has a creation");
        };
        creation.effective.devices = vec!["/dev/fuse".to_owned()];
        let outcome = check(&record, OutcomeKind::Unmet);
        assert!(outcome.saw.contains("/dev/fuse"), "{}", outcome.saw);
    }

    #[test]
    fn create_options_that_cannot_be_read_leave_it_open() {
        assert_eq!(
            judge(&asking("{", &[])).unwrap_err().reason,
            Reason::InputMissing
        );
    }
}
