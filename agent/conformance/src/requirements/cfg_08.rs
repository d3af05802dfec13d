//! IEM-CFG-08: a default that only the customer can know is an upper-case placeholder in angle brackets.

use super::customer_values::{Look, looks};
use super::default_texts::{DefaultText, default_texts};
use super::direct_hub;
use super::remarks::{Remarks, quoted};
use crate::finding::{Outcome, Unseen};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::secret_look::secret_look;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CFG-08",
    slug: "placeholders-are-marked",
    title: "Customer values are marked placeholders",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Default configuration",
    }],
    statement: "A default that only the customer can know is an upper-case name in angle brackets.",
    remedy: "Replace the concrete value by a placeholder such as <MY_SERVER_IP_ADDRESS>.",
    judge: Judge::By(judge),
};

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let wanted = "upper-case placeholders in angle brackets, such as <MY_SERVER_IP_ADDRESS>, for every value that only the customer can know";
    let mut remarks = Remarks::default();
    let mut placeholders: Vec<String> = Vec::new();
    let mut mended: Vec<String> = Vec::new();
    for default in default_texts(&record.offer.plan) {
        if let Some(look) = secret_look(&default.name, &default.text) {
            let placeholder = placeholder_for(&default.name);
            remarks.breach(
                format!("{} looks like {look}", default.pointer),
                format!("replace the whole value by {placeholder}"),
            );
            mended.push(format!("{}: {}", default.pointer, quoted(&placeholder)));
            continue;
        }
        for look in looks(&default.text) {
            match look {
                Look::Placeholder(name) => placeholders.push(format!("{} {name}", default.pointer)),
                Look::Concrete(found, what) => {
                    mended.push(concrete(&default, &found, what, &mut remarks))
                }
                Look::Suspicious(found, what) => suspicious(&default, &found, what, &mut remarks),
            }
        }
    }
    for hub in direct_hub::foreign(record) {
        remarks.doubt(
            format!(
                "the module asked for the address of {hub}, which no setting names to it: a hub is one customer's"
            ),
            "connect to the gateway, as the SDK does from the environment of IoT Edge; else let a setting with a placeholder such as <IOT_HUB_NAME> name the hub",
        );
    }
    if placeholders.is_empty() {
        let none = "no default needs a placeholder: none looks like an address, a host or a key of one customer";
        let outcome = remarks.outcome(none, wanted);
        return Ok(match outcome.remedy {
            None => Outcome::not_applicable(outcome.saw, outcome.wanted),
            Some(_) => pasted(outcome, &mended),
        });
    }
    Ok(pasted(
        remarks.outcome(placeholders.join(", "), wanted),
        &mended,
    ))
}

fn pasted(outcome: Outcome, mended: &[String]) -> Outcome {
    if mended.is_empty() {
        outcome
    } else {
        outcome.with_paste(mended.join("\n"))
    }
}

/// Remarks on the value and returns the mended one with its place.
fn concrete(default: &DefaultText, found: &str, what: &str, remarks: &mut Remarks) -> String {
    let placeholder = placeholder_for(&default.name);
    remarks.breach(
        format!(
            "{} is {}: {found} is {what}",
            default.pointer,
            quoted(&default.text)
        ),
        format!("put {placeholder} in place of {found}"),
    );
    let text = default.text.replacen(found, &placeholder, 1);
    format!("{}: {}", default.pointer, quoted(&text))
}

fn suspicious(default: &DefaultText, found: &str, what: &str, remarks: &mut Remarks) {
    remarks.doubt(
        format!(
            "{} is {}: {found} looks like {what}",
            default.pointer,
            quoted(&default.text)
        ),
        format!(
            "if customers differ in it, put {} in place of {found}",
            placeholder_for(&default.name)
        ),
    );
}

/// `ServerIPAddress` → `<SERVER_IP_ADDRESS>`.
fn placeholder_for(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut words = String::from("<");
    for (index, c) in characters.iter().enumerate() {
        let before = index
            .checked_sub(1)
            .and_then(|before| characters.get(before));
        let after = characters.get(index + 1);
        let starts_word = c.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || (before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if starts_word {
            words.push('_');
        }
        words.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        });
    }
    words.push('>');
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(name: &str, value: &str, kind: OutcomeKind) -> Outcome {
        let mut record = sample::record();
        record.offer.plan.env = [(name.to_owned(), value.to_owned())].into();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, kind, "{name}={value}: {}", outcome.saw);
        outcome
    }

    #[test]
    fn placeholders_pass_with_their_names() {
        let outcome = check(
            "ServerIPAddress",
            "<MY_SERVER_IP_ADDRESS>",
            OutcomeKind::Met,
        );
        assert_eq!(
            outcome.saw,
            "/plan/env/ServerIPAddress <MY_SERVER_IP_ADDRESS>"
        );
    }

    #[test]
    fn an_offer_that_needs_none_is_outside_the_requirement() {
        assert_eq!(
            judge(&sample::record()).unwrap().kind,
            OutcomeKind::NotApplicable
        );
        check("LISTEN", "0.0.0.0:8080", OutcomeKind::NotApplicable);
    }

    #[test]
    fn one_customers_address_fails_with_the_mended_value() {
        let outcome = check("ServerIPAddress", "tcp://10.0.0.7:1883", OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "/plan/env/ServerIPAddress is \"tcp://10.0.0.7:1883\": 10.0.0.7 is an address in a private network"
        );
        assert_eq!(
            outcome.paste.unwrap(),
            "/plan/env/ServerIPAddress: \"tcp://<SERVER_IP_ADDRESS>:1883\""
        );
    }

    #[test]
    fn a_key_fails_and_is_not_repeated() {
        let outcome = check("API_KEY", "hunter2", OutcomeKind::Unmet);
        let all = format!("{outcome:?}");
        assert!(!all.contains("hunter2"), "{all}");
        assert_eq!(outcome.paste.unwrap(), "/plan/env/API_KEY: \"<API_KEY>\"");
    }

    #[test]
    fn a_placeholder_in_another_form_is_a_concern() {
        check("SERVER", "<my_server>", OutcomeKind::Concern);
        check("SERVER", "${MY_SERVER}", OutcomeKind::Concern);
        check("API", "https://api.contoso.com", OutcomeKind::Concern);
    }

    #[test]
    fn create_options_and_twin_are_searched_too() {
        let mut record = sample::record();
        record.offer.plan.create_options =
            r#"{"HostConfig":{"ExtraHosts":["plc:192.168.0.5"]}}"#.to_owned();
        record.offer.plan.twin = r#"{"plc":{"host":"<PLC_HOST>"}}"#.to_owned();
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome
                .saw
                .contains("/plan/createOptions/HostConfig/ExtraHosts/0"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn names_become_placeholders() {
        for (name, placeholder) in [
            ("ServerIPAddress", "<SERVER_IP_ADDRESS>"),
            ("my.server-name", "<MY_SERVER_NAME>"),
            ("HOST", "<HOST>"),
        ] {
            assert_eq!(placeholder_for(name), placeholder);
        }
    }

    #[test]
    fn a_hub_that_is_built_into_the_module_deserves_a_look() {
        let record = crate::sample::asking(crate::sample::record(), &["acme.azure-devices.net"]);
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, crate::finding::OutcomeKind::Concern);
        assert!(
            outcome.saw.contains("acme.azure-devices.net"),
            "{}",
            outcome.saw
        );
        let own = crate::sample::asking(crate::sample::record(), &["edgeproof-hub.invalid"]);
        let outcome = judge(&own).unwrap();
        assert_eq!(outcome.kind, crate::finding::OutcomeKind::NotApplicable);
    }
}
