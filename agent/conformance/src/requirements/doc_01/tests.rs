use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::finding::{OutcomeKind, Verdict};
use crate::observation::{Observations, Observed};
use crate::sample;

fn linted(mut record: Record) -> Record {
    record.run.scope = ScopeName::Offer;
    record.observations = Observations::default();
    record
}

/// The sample with these variables and this text before its hardware paragraph.
fn with_variables(variables: &[(&str, &str)], text: &str) -> Record {
    let mut record = sample::record();
    let variables = variables.iter();
    record.offer.plan.env = variables
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    record.offer.listing.description.insert_str(0, text);
    record
}

fn check(record: &Record, kind: OutcomeKind, saw: &str) -> Outcome {
    let outcome = judge(record).unwrap();
    assert_eq!(outcome.kind, kind, "{}", outcome.saw);
    assert_eq!(outcome.saw, saw);
    outcome
}

#[test]
fn settings_that_are_all_mentioned_pass() {
    check(
        &sample::record(),
        OutcomeKind::Met,
        "mentioned: port 8080/tcp (by defaults, image and run)",
    );
    check(
        &linted(with_variables(&[("MODE", "a")], "<p>Set MODE=b.</p>")),
        OutcomeKind::Met,
        "mentioned: environment variable MODE, port 8080/tcp (by the defaults alone; what the module uses beside them shows in a run)",
    );
    check(
        &sample::sdk_record(|_| {}),
        OutcomeKind::Met,
        "mentioned: twin property interval, route up, port 8080/tcp, output quality (by defaults, image and run)",
    );
}

#[test]
fn one_that_is_missing_waits_for_a_person_who_reads_the_linked_page() {
    let record = with_variables(&[("LOG_LEVEL", "<b>\"&")], "<p>The log level.</p>");
    let outcome = check(
        &record,
        OutcomeKind::Manual,
        "not mentioned: environment variable LOG_LEVEL; mentioned: port 8080/tcp; what is linked was not read: https://contoso.example/docs",
    );
    assert_eq!(REQUIREMENT.finding(&record).verdict, Verdict::Manual);
    assert!(
        outcome
            .remedy
            .unwrap()
            .contains("exactly these names: LOG_LEVEL;")
    );
    assert_eq!(
        outcome.paste.unwrap(),
        "<table>\n<tr><th>Name</th><th>Meaning</th><th>Default</th><th>Allowed values</th></tr>\n<tr><td>LOG_LEVEL</td><td>environment variable: …</td><td>&lt;b&gt;&quot;&amp;</td><td>…</td></tr>\n</table>"
    );
    let outcome = judge(&linted(record)).unwrap();
    assert!(
        outcome
            .saw
            .contains("port 8080/tcp (by the defaults alone;"),
        "{}",
        outcome.saw
    );
}

#[test]
fn without_a_link_it_says_so_and_gives_a_list_for_the_description() {
    let mut record = with_variables(&[("mode", "a")], "<p>It has a mode.</p>");
    record.offer.listing.documentation_url = Some("soon".to_owned());
    let useful = judge(&record).unwrap();
    assert!(
        useful
            .saw
            .ends_with("not read: https://devicecatalog.azure.com/"),
        "{}",
        useful.saw
    );
    record.offer.listing.useful_links.clear();
    let outcome = check(
        &record,
        OutcomeKind::Manual,
        "doubtful: environment variable mode, as a plain word only; mentioned: port 8080/tcp; no link to a documentation stands in the offer",
    );
    assert_eq!(
        outcome.paste.unwrap(),
        "<ul>\n<li><b>mode</b> (environment variable): …; default: a; allowed values: …</li>\n</ul>"
    );
}

#[test]
fn what_a_run_saw_has_to_be_mentioned_too() {
    let record = sample::sdk_record(|edge| {
        edge.twin.names.push("firmware".to_owned());
        edge.subscriptions.push("$iothub/methods/POST/#".to_owned());
    });
    let outcome = judge(&record).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Manual);
    assert!(
        outcome.saw.starts_with("not mentioned: reported property firmware, its direct methods (their names are not visible); mentioned: "),
        "{}",
        outcome.saw
    );
    let mut told = record;
    let text = "<p>It reports <b>firmware</b> and knows the direct method <b>reset</b>.</p>";
    told.offer.listing.description.insert_str(0, text);
    let outcome = judge(&told).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Met);
    assert!(
        outcome
            .saw
            .contains("its direct methods (their names are not visible)"),
        "{}",
        outcome.saw
    );
}

#[test]
fn a_port_that_nothing_declares_has_to_be_mentioned_where_the_module_listens_on_it() {
    let mut record = sample::record();
    record.observations.listening = Observed::Seen(vec![8080, 9100]);
    let outcome = judge(&record).unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Manual);
    let saw = "not mentioned: undeclared port 9100/tcp; mentioned: port 8080/tcp;";
    assert!(outcome.saw.starts_with(saw), "{}", outcome.saw);
    let text = "<p>Figures for Prometheus are on port 9100.</p>";
    record.offer.listing.description.insert_str(0, text);
    assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
}

#[test]
fn an_offer_that_sets_nothing_is_outside_the_requirement() {
    let mut record = sample::record();
    record.offer.plan.create_options.clear();
    check(
        &linted(record.clone()),
        OutcomeKind::NotApplicable,
        "no setting that a customer could change or would have to know (by the defaults alone; what the module uses beside them shows in a run)",
    );
    if let Observed::Seen(image) = &mut record.observations.image {
        image.config.exposed_ports.clear();
    }
    record.observations.listening = Observed::Seen(Vec::new());
    check(
        &record,
        OutcomeKind::NotApplicable,
        "no setting that a customer could change or would have to know (by defaults, image and run)",
    );
}

#[test]
fn what_was_not_seen_is_no_pass_and_hides_no_gap() {
    let hide: [fn(&mut Record); 4] = [
        |record| record.observations.edge = Observed::unseen(Reason::Tool, "x"),
        |record| record.observations.image = Observed::unseen(Reason::Tool, "x"),
        |record| record.observations.workload = Observed::unseen(Reason::Tool, "x"),
        |record| record.observations.listening = Observed::unseen(Reason::Tool, "x"),
    ];
    for hide in hide {
        let mut record = sample::sdk_record(|_| {});
        hide(&mut record);
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Tool);
        record.offer.plan.env = [("MODE".to_owned(), "a".to_owned())].into();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        assert!(
            outcome.saw.contains("beside them was seen: "),
            "{}",
            outcome.saw
        );
    }
    let mut long = sample::record();
    long.offer.listing.description = "x".repeat(20_000);
    assert_eq!(judge(&long).unwrap_err().reason, Reason::Tool);
}

#[test]
fn secrets_and_test_values_are_never_repeated() {
    let mut record = with_variables(
        &[("API_KEY", "hunter2"), ("SERVER_NAME", "<SERVER_NAME>")],
        "",
    );
    let test_value = ("SERVER_NAME".to_owned(), "canary".to_owned());
    record.offer.overlay.env = [test_value].into();
    record.offer.plan.twin = json!({
        "broker": {"password": "hunter2"},
        "users": [{"name": "a", "secret": "hunter2"}],
        "pem": "x".repeat(400)
    })
    .to_string();
    for link in [true, false] {
        if !link {
            record.offer.listing.documentation_url = None;
            record.offer.listing.useful_links.clear();
        }
        let outcome = judge(&record).unwrap();
        let all = format!("{outcome:?}");
        assert!(!all.contains("hunter2") && !all.contains("canary"), "{all}");
        let paste = outcome.paste.unwrap();
        assert_eq!(
            paste.matches("not shown, it looks like").count(),
            3,
            "{paste}"
        );
        assert!(paste.contains("as in the plan, 400 characters"), "{paste}");
        assert!(paste.contains("&lt;SERVER_NAME&gt;"), "{paste}");
    }
}

#[test]
fn every_kind_of_setting_is_mentioned_once_its_skeleton_is_pasted() {
    let mut record = sample::sdk_record(|edge| {
        edge.twin.names.push("firmware".to_owned());
        edge.subscriptions.push("$iothub/methods/POST/#".to_owned());
    });
    record.offer.plan.twin = json!({"camera": {"fps": 1}, "level": "<LEVEL>"}).to_string();
    record.offer.plan.create_options = json!({
        "ExposedPorts": {"53/udp": {}},
        "HostConfig": {
            "PortBindings": {"80/tcp": [{"HostPort": "8888"}]},
            "Binds": ["/var/log:/logs", "data:/data"],
            "Devices": [{"PathOnHost": "/dev/dri"}]
        }
    })
    .to_string();
    pasted(record, 14);
}

const CLAIM: &str = "Minimum hardware requirements: Linux x64 OS, 1 GB of RAM";

/// The record with its own skeleton before the hardware paragraph has no gap any more, on whichever page it is meant to stand.
fn pasted(record: Record, gaps: usize) {
    for link in [true, false] {
        let mut record = record.clone();
        let listing = &mut record.offer.listing;
        if !link {
            listing.documentation_url = None;
            listing.useful_links.clear();
        }
        listing.description = format!("<p>{CLAIM}</p>");
        let outcome = judge(&record).unwrap();
        let paste = outcome.paste.unwrap();
        assert_eq!(
            paste
                .matches("<li>")
                .count()
                .max(paste.matches("<tr>").count().saturating_sub(1)),
            gaps,
            "{paste}"
        );
        record.offer.listing.description.insert_str(0, &paste);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met, "{}\n{paste}", outcome.saw);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_name_is_missing_is_mentioned_once_its_skeleton_is_pasted(
        name in "[A-Za-z_][A-Za-z0-9_]{0,12}",
        value in "[ -~]{0,20}",
    ) {
        prop_assume!(name.contains(char::is_alphanumeric));
        // Words of the claim itself need more than a mark.
        prop_assume!(!CLAIM.split([' ', ':', ',']).any(|word| word == name));
        let mut record = linted(sample::record());
        record.offer.plan.create_options.clear();
        record.offer.plan.env = [(name, value)].into();
        pasted(record, 1);
    }
}
