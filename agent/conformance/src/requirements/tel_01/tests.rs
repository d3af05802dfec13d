//! Tests of `tel_01.rs`: modules that are wrong in just one way.

use super::*;
use crate::finding::{OutcomeKind, Verdict};
use crate::observation::Observed;
use crate::sample;
use crate::sample::PYTHON;

/// The sample SDK module with this client type on its second connection.
fn saying(client_type: &str) -> Record {
    sample::sdk_record(|edge| edge.connections[1].client_type = Some(client_type.to_owned()))
}

fn unmet(record: &Record, saw: &str) -> Outcome {
    let outcome = judge(record).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Unmet, "{}", outcome.saw);
    assert_eq!(outcome.saw, saw);
    outcome
}

#[test]
fn the_identifier_in_every_connection_passes() {
    let outcome = judge(&sample::sdk_record(|_| {})).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Met);
    assert_eq!(
        outcome.saw,
        "3 connections to edgeHub by the Python SDK 2.14.0: contoso.air-quality.standard"
    );
    for client_type in [
        ".NET/1.42.0 (.NET 6.0.36; Debian 12; X64) contoso.air-quality.standard",
        "azure-iot-device/1.18.3(node v18.19.0; Linux; x64)contoso.air-quality.standard",
        "contoso.air-quality.standard iothubclient/1.14.0 (native; Linux; armv7l)",
        "com.microsoft.azure.sdk.iot.iot-device-client/2.5.0 (11.0.2; Linux; amd64) contoso.air-quality.standard",
        "our own client, contoso.air-quality.standard",
    ] {
        assert_eq!(
            judge(&saying(client_type)).unwrap().kind,
            OutcomeKind::Met,
            "{client_type}"
        );
    }
    let many = sample::sdk_record(|edge| edge.logins = 250);
    assert!(
        judge(&many)
            .unwrap()
            .saw
            .starts_with("the first 3 of 250 connections")
    );
}

#[test]
fn no_product_info_fails_with_the_line_to_add() {
    let outcome = unmet(
        &saying(PYTHON),
        "1 of 3 connections to edgeHub without contoso.air-quality.standard: the one at 16.3 s sets no ProductInfo (Python SDK 2.14.0)",
    );
    assert_eq!(
        outcome.paste.unwrap(),
        "IoTHubModuleClient.create_from_edge_environment(product_info=\"contoso.air-quality.standard\")"
    );
    let silent = sample::sdk_record(|edge| {
        edge.connections.truncate(1);
        edge.logins = 1;
        edge.connections[0].client_type = None;
    });
    let outcome = unmet(
        &silent,
        "the connection to edgeHub, at 4.3 s, says nothing of its client",
    );
    assert_eq!(outcome.paste.unwrap().lines().count(), 5);
}

#[test]
fn another_product_info_fails_with_what_it_says() {
    let cases = [
        (
            "fabrikam.camera.basic",
            "says \"fabrikam.camera.basic\" instead",
        ),
        (
            "contoso.air-quality",
            "says \"contoso.air-quality\" instead",
        ),
        (
            "contoso/air-quality/standard",
            "says \"contoso/air-quality/standard\", which joins the ids by something else than dots",
        ),
        (
            "Contoso.Air-Quality.standard",
            "says \"Contoso.Air-Quality.standard\", which differs in case only",
        ),
        (
            "contoso.air-quality.standard-eu",
            "says \"contoso.air-quality.standard-eu\", which has \"-eu\" behind it",
        ),
        (
            "my-contoso.air-quality.standard",
            "says \"my-contoso.air-quality.standard\", which has \"my-\" in front of it",
        ),
        (
            "a.contoso.air-quality.standard.b",
            "says \"a.contoso.air-quality.standard.b\", which has \"a.\" in front of it and \".b\" behind it",
        ),
    ];
    for (product_info, fault) in cases {
        unmet(
            &saying(&format!("{PYTHON}{product_info}")),
            &format!(
                "1 of 3 connections to edgeHub without contoso.air-quality.standard: the one at 16.3 s {fault} (Python SDK 2.14.0)"
            ),
        );
    }
}

#[test]
fn what_python_sends_as_model_id_is_told() {
    let record = sample::sdk_record(|edge| {
        edge.connections[0].client_type = Some(PYTHON.to_owned());
        edge.connections[0].model_id = Some("dtmi:contoso:air;1".to_owned());
    });
    unmet(
        &record,
        "1 of 3 connections to edgeHub without contoso.air-quality.standard: the one at 4.3 s sets no ProductInfo (Python SDK 2.14.0); this SDK sends a product_info that begins with dtmi as model id alone: \"dtmi:contoso:air;1\"",
    );
}

#[test]
fn a_module_without_the_sdk_has_nothing_to_set() {
    let finding = REQUIREMENT.finding(&sample::record());
    assert_eq!(finding.verdict, Verdict::NotApplicable);
    assert!(finding.saw.contains("declares no SDK"), "{}", finding.saw);
    let mut record = saying(PYTHON);
    record.offer.plan.uses_module_sdk = false;
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
}

#[test]
fn a_module_that_never_came_is_no_pass() {
    let never = sample::sdk_record(|edge| *edge = EdgeUse::default());
    assert_eq!(judge(&never).unwrap_err().reason, Reason::Unstable);
    let uncounted = sample::sdk_record(|edge| edge.connections.clear());
    assert_eq!(judge(&uncounted).unwrap_err().reason, Reason::Tool);
    let mut unseen = sample::sdk_record(|_| {});
    unseen.observations.edge = Observed::default();
    assert_eq!(judge(&unseen).unwrap_err().reason, Reason::InputMissing);
}

#[test]
fn an_offer_without_ids_asks_for_nothing_that_could_be_found() {
    let mut record = saying("py (x) .. ");
    record.offer.plan_id = " ".to_owned();
    assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
}

#[test]
fn a_test_value_hidden_in_the_client_type_leaves_it_open() {
    let hidden = saying(&format!("{PYTHON}contoso.air-quality.(hidden)"));
    assert_eq!(judge(&hidden).unwrap_err().reason, Reason::Configuration);
    // One that says nothing was certainly wrong, whatever the others hide.
    let mut both = hidden;
    if let Observed::Seen(edge) = &mut both.observations.edge {
        edge.connections[0].client_type = None;
    }
    assert_eq!(judge(&both).unwrap().kind, OutcomeKind::Unmet);
}

#[test]
fn the_edition_of_2018_asks_for_another_identifier() {
    let mut record = saying(PYTHON);
    record.run.edition = Edition::Edition2018;
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
}
