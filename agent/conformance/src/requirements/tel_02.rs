//! IEM-TEL-02: in the edition of 2018 the identifier is the container name that the marketplace assigned at ingestion.

use super::edge_use::{Presence, presence};
use super::remarks::quoted;
use super::workload_calls;
use crate::client_type::ClientType;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::EdgeUse;
use crate::record::{Edition, Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-TEL-02",
    slug: "product-info-is-the-assigned-name",
    title: "ProductInfo is the name assigned at ingestion",
    force: Forces {
        current: Force::Info,
        edition_2018: Force::Must,
    },
    stages: &[Stage::Device],
    scopes: &[ScopeName::Device, ScopeName::Fleet, ScopeName::Full],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Telemetry",
    }],
    statement: "In the edition of 2018 a module built on the SDK identifies itself with the container name that the marketplace assigned.",
    remedy: "Set ProductInfo to the container name assigned at ingestion.",
    judge: Judge::By(judge),
};

const WANTED: &str = "the container name assigned at ingestion, as ProductInfo of every connection";

/// An offer does not hold the name that the marketplace assigned, so only a person can compare it.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    if record.run.edition == Edition::Current {
        workload_calls::requests(record)?;
        let saw = "the current edition asks for publisher, offer and plan id instead: IEM-TEL-01";
        return Ok(Outcome::not_applicable(saw, WANTED));
    }
    let edge = match presence(record)? {
        Presence::NoSdk(why) => return Ok(Outcome::not_applicable(why, WANTED)),
        Presence::LoggedIn(edge) => edge,
    };
    let said = said(edge);
    if said.is_empty() {
        return Err(Unseen::new(
            Reason::Tool,
            "the module logged in at edgeHub, and what its connections said was not kept",
        ));
    }
    if said.iter().any(|one| one.is_empty()) {
        return Ok(Outcome::unmet(
            "a connection to edgeHub sets no ProductInfo at all",
            WANTED,
            "set ProductInfo to the container name assigned at ingestion before the client connects",
        ));
    }
    let said: Vec<String> = said.into_iter().map(quoted).collect();
    Ok(Outcome::manual(
        format!(
            "every connection to edgeHub says {}; the offer does not hold the name that was assigned",
            said.join(" or ")
        ),
        WANTED,
        "compare it with the container name that the marketplace assigned",
    ))
}

/// What the connections say besides their SDK, once each.
fn said(edge: &EdgeUse) -> Vec<&str> {
    let mut said: Vec<&str> = Vec::new();
    for connection in &edge.connections {
        let text = connection.client_type.as_deref().unwrap_or_default();
        let product_info = ClientType::read(text).product_info;
        if !said.contains(&product_info) {
            said.push(product_info);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::sample;

    fn in_2018(spoil: impl FnOnce(&mut EdgeUse)) -> Record {
        let mut record = sample::sdk_record(spoil);
        record.run.edition = Edition::Edition2018;
        record
    }

    #[test]
    fn the_current_edition_does_not_ask_for_it() {
        for record in [sample::record(), sample::sdk_record(|_| {})] {
            assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
        }
    }

    #[test]
    fn a_person_compares_what_was_said_with_the_assigned_name() {
        let finding = REQUIREMENT.finding(&in_2018(|edge| {
            edge.connections[2].client_type = Some(".NET/1.42.0 (x) marketplace-4711".to_owned());
        }));
        assert_eq!(finding.verdict, Verdict::Manual);
        assert_eq!(
            finding.saw,
            "every connection to edgeHub says \"contoso.air-quality.standard\" or \"marketplace-4711\"; the offer does not hold the name that was assigned"
        );
    }

    #[test]
    fn a_connection_that_names_nothing_fails() {
        let silent = in_2018(|edge| edge.connections[1].client_type = None);
        assert_eq!(REQUIREMENT.finding(&silent).verdict, Verdict::Fail);
        let bare =
            in_2018(|edge| edge.connections[0].client_type = Some(sample::PYTHON.to_owned()));
        assert_eq!(REQUIREMENT.finding(&bare).verdict, Verdict::Fail);
    }

    #[test]
    fn a_module_without_the_sdk_or_that_never_came_is_no_pass() {
        let mut record = sample::record();
        record.run.edition = Edition::Edition2018;
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
        let never = in_2018(|edge| *edge = EdgeUse::default());
        assert_eq!(judge(&never).unwrap_err().reason, Reason::Unstable);
    }
}
