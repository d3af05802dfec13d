//! IEM-CFG-04: the default environment is well-formed, collides with nothing and holds no secret.

use serde_json::Value;

use super::default_texts::escaped;
use super::remarks::Remarks;
use crate::finding::{Outcome, Unseen};
use crate::offer::Plan;
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};
use crate::secret_look::secret_look;

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-CFG-04",
    slug: "environment-is-valid",
    title: "The default environment is valid",
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
    statement: "The default environment variables are well-formed, collide with nothing and hold no secret.",
    remedy: "Rename or correct the variable, and keep secrets out of defaults.",
    judge: Judge::By(judge),
};

/// Variables that edgeAgent sets itself; `CreateOrUpdateCommand.cs` in Azure/iotedge.
const SET_BY_THE_RUNTIME: &[&str] = &[
    "IOTEDGE_WORKLOADURI",
    "IOTEDGE_AUTHSCHEME",
    "IOTEDGE_MODULEGENERATIONID",
    "IOTEDGE_IOTHUBHOSTNAME",
    "IOTEDGE_GATEWAYHOSTNAME",
    "IOTEDGE_PARENTHOSTNAME",
    "IOTEDGE_DEVICEID",
    "IOTEDGE_MODULEID",
    "IOTEDGE_APIVERSION",
    "IOTEDGE_MANAGEMENTURI",
    "IOTEDGE_WORKLOADLISTEN_MNTURI",
];

/// Variables that make the module SDKs pass by the runtime's workload API.
const BYPASS_THE_RUNTIME: &[&str] = &[
    "EdgeHubConnectionString",
    "IotHubConnectionString",
    "EdgeModuleCACertificateFile",
];

/// One default environment variable with its place.
#[derive(Debug)]
struct Variable {
    pointer: String,
    name: String,
    value: String,
}

fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let plan = &record.offer.plan;
    let mut remarks = Remarks::default();
    let own: Vec<Variable> = plan
        .env
        .iter()
        .map(|(name, value)| Variable {
            pointer: format!("/plan/env/{}", escaped(name)),
            name: name.clone(),
            value: value.clone(),
        })
        .collect();
    let in_options = create_options_env(plan, &mut remarks);
    for variable in own.iter().chain(&in_options) {
        syntax(variable, &mut remarks);
        collision(variable, &mut remarks);
        secret(variable, &mut remarks);
    }
    for (index, variable) in in_options.iter().enumerate() {
        let pointer = &variable.pointer;
        if plan
            .env
            .get(&variable.name)
            .is_some_and(|value| *value != variable.value)
        {
            remarks.doubt(
                format!(
                    "{pointer} sets {} again, and wins over /plan/env",
                    variable.name
                ),
                "keep one of the two",
            );
        }
        if in_options[..index]
            .iter()
            .any(|earlier| earlier.name == variable.name)
        {
            remarks.doubt(
                format!("{pointer} sets {} a second time", variable.name),
                "keep one of the two",
            );
        }
    }
    let saw = match own.len() + in_options.len() {
        0 => "no default environment variable".to_owned(),
        1 => "1 default environment variable, well-formed".to_owned(),
        number => format!("{number} default environment variables, all well-formed"),
    };
    Ok(remarks.outcome(
        saw,
        "names of letters, digits and underscores that the IoT Edge runtime does not set itself; no secret",
    ))
}

/// `Env` of the createOptions, which the runtime merges last. Options that are no JSON are IEM-CFG-01's and IEM-CFG-03's.
fn create_options_env(plan: &Plan, remarks: &mut Remarks) -> Vec<Variable> {
    let options: Value = serde_json::from_str(&plan.create_options).unwrap_or_default();
    let Some(list) = options.get("Env").and_then(Value::as_array) else {
        return Vec::new();
    };
    let mut variables = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        let pointer = format!("/plan/createOptions/Env/{index}");
        match entry.as_str().map(|text| text.split_once('=')) {
            Some(Some((name, value))) => variables.push(Variable {
                pointer,
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            Some(None) => remarks.doubt(
                format!("{pointer} has no `=`, which removes the variable"),
                "write it as NAME=value",
            ),
            None => remarks.breach(
                format!("{pointer} is no text"),
                "write it as \"NAME=value\"",
            ),
        }
    }
    variables
}

fn syntax(variable: &Variable, remarks: &mut Remarks) {
    let Variable {
        pointer,
        name,
        value,
    } = variable;
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.is_empty() {
        remarks.breach(
            format!("{pointer} has an empty name"),
            "give the variable a name",
        );
    } else if name.contains(['=', '\0']) || name.contains(char::is_whitespace) {
        remarks.breach(
            format!("{pointer} has `=`, white space or a zero byte in its name"),
            "use letters, digits and underscores in names",
        );
    } else if !name.starts_with(letter) || !name.chars().all(|c| letter(c) || c.is_ascii_digit()) {
        remarks.doubt(
            format!("{pointer} has a name that shells cannot use"),
            "use letters, digits and underscores in names",
        );
    }
    if value.contains('\0') {
        remarks.breach(
            format!("{pointer} has a zero byte in its value"),
            "remove the zero byte",
        );
    }
}

fn collision(variable: &Variable, remarks: &mut Remarks) {
    let Variable { pointer, name, .. } = variable;
    if SET_BY_THE_RUNTIME.contains(&name.as_str()) {
        remarks.breach(
            format!("{pointer} is set by the IoT Edge runtime itself"),
            "remove it: the runtime knows the value, and refuses or loses its identity with another",
        );
    } else if name.to_ascii_uppercase().starts_with("IOTEDGE_") {
        remarks.doubt(
            format!("{pointer} has a name from the runtime's own range IOTEDGE_…"),
            "rename it",
        );
    } else if BYPASS_THE_RUNTIME.contains(&name.as_str()) {
        remarks.doubt(
            format!("{pointer} makes the module SDK pass by the runtime's identity"),
            "remove it: under IoT Edge the SDK gets its identity from the runtime",
        );
    }
}

fn secret(variable: &Variable, remarks: &mut Remarks) {
    if let Some(look) = secret_look(&variable.name, &variable.value) {
        remarks.breach(
            format!(
                "{} holds {} characters that look like {look}",
                variable.pointer,
                variable.value.chars().count()
            ),
            "replace the value by a placeholder such as <MY_KEY>, and revoke it if it was real",
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn judged(env: &[(&str, &str)], options_env: &Value) -> Outcome {
        let mut record = sample::record();
        record.offer.plan.env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        record.offer.plan.create_options = json!({ "Env": options_env }).to_string();
        judge(&record).unwrap()
    }

    fn check(env: &[(&str, &str)], kind: OutcomeKind, saw: &str) {
        let outcome = judged(env, &json!([]));
        assert_eq!(outcome.kind, kind, "{}", outcome.saw);
        assert_eq!(outcome.saw, saw);
    }

    #[test]
    fn a_well_formed_environment_passes() {
        check(&[], OutcomeKind::Met, "no default environment variable");
        check(
            &[
                ("LOG_LEVEL", "info"),
                ("RuntimeLogLevel", "Debug"),
                ("KEY", "<MY_KEY>"),
            ],
            OutcomeKind::Met,
            "3 default environment variables, all well-formed",
        );
    }

    #[test]
    fn names_that_no_engine_takes_fail() {
        check(
            &[("", "x")],
            OutcomeKind::Unmet,
            "/plan/env/ has an empty name",
        );
        for name in ["A=B", "A B"] {
            assert_eq!(
                judged(&[(name, "x")], &json!([])).kind,
                OutcomeKind::Unmet,
                "{name}"
            );
        }
        check(
            &[("A.B", "x")],
            OutcomeKind::Concern,
            "/plan/env/A.B has a name that shells cannot use",
        );
    }

    #[test]
    fn a_name_that_the_runtime_sets_fails() {
        check(
            &[("IOTEDGE_DEVICEID", "x")],
            OutcomeKind::Unmet,
            "/plan/env/IOTEDGE_DEVICEID is set by the IoT Edge runtime itself",
        );
        assert_eq!(
            judged(&[("IOTEDGE_X", "x")], &json!([])).kind,
            OutcomeKind::Concern
        );
        let outcome = judged(&[], &json!(["IOTEDGE_MODULEID=other"]));
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.starts_with("/plan/createOptions/Env/0"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn a_secret_fails_and_is_not_repeated() {
        let outcome = judged(&[("DB_PASSWORD", "hunter2")], &json!([]));
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "/plan/env/DB_PASSWORD holds 7 characters that look like the secret that its name announces"
        );
    }

    #[test]
    fn create_options_that_set_a_variable_again_are_a_concern() {
        let outcome = judged(&[("LEVEL", "info")], &json!(["LEVEL=debug", "X"]));
        assert_eq!(outcome.kind, OutcomeKind::Concern);
        assert!(
            outcome
                .saw
                .contains("/plan/createOptions/Env/0 sets LEVEL again")
        );
        assert!(outcome.saw.contains("/plan/createOptions/Env/1 has no `=`"));
        assert_eq!(judged(&[], &json!([7])).kind, OutcomeKind::Unmet);
    }
}
