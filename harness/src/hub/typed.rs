//! What can be typed into `edgeproof hub`, read into commands. Pure.

use std::time::Duration;

use conformance::faults::{Fault, LONGEST, OUTAGE};
use conformance::units::Millis;
use serde_json::Value;

use crate::amount;

/// Every command: how it is written, and what it does.
pub(super) const COMMANDS: [(&str, &str); 12] = [
    ("desired JSON", "change desired properties; null deletes"),
    ("method NAME [JSON]", "call a direct method"),
    (
        "input NAME TEXT",
        "send a message to one of the module's inputs",
    ),
    ("twin", "show the whole twin"),
    ("cut", "cut the module's connection without a word"),
    (
        "token [N]",
        "the same, and refuse its next N logins, 1 unless told; 0 takes it back",
    ),
    (
        "slow-twin [10s]",
        "the same, and for so long answer its twin requests so much later",
    ),
    (
        "busy-twin [10s]",
        "the same, and for so long answer its twin requests with 429",
    ),
    (
        "certificate",
        "restart edgeHub with a new certificate of the same authority",
    ),
    ("outage [5m]", "edgeHub is gone for so long"),
    ("over", "take back at once whatever lasts"),
    ("help", "show this"),
];

/// A command.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Typed {
    /// Changes desired properties.
    Desired(Value),
    /// Calls a direct method.
    Method { name: String, payload: Value },
    /// Sends a message to an input.
    Input { name: String, body: String },
    /// Shows the twin.
    Twin,
    /// Cuts the connection.
    Cut,
    /// Cuts the connection and refuses so many logins.
    Token(u32),
    /// Restarts edgeHub with another certificate.
    Certificate,
    /// Something that goes on for a while.
    Lasting(Lasting, Duration),
    /// Takes back what lasts.
    Over,
    /// Lists the commands.
    Help,
}

/// A fault that goes on until its time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    SlowTwin,
    BusyTwin,
    Outage,
}

impl Lasting {
    /// Which of the faults that a certification plays.
    pub(super) const fn fault(self) -> Fault {
        match self {
            Lasting::SlowTwin => Fault::SlowTwin,
            Lasting::BusyTwin => Fault::BusyTwin,
            Lasting::Outage => Fault::Outage,
        }
    }
}

impl Typed {
    /// A line as it was typed, without the blanks around it.
    ///
    /// # Errors
    /// What is wrong with it, and what is possible.
    pub(super) fn read(line: &str) -> Result<Typed, String> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let alone = |typed| match rest {
            "" => Ok(typed),
            more => Err(format!("`{verb}` takes nothing more, not `{more}`")),
        };
        match verb {
            "desired" => parsed(rest).map(Typed::Desired),
            "method" => {
                let (name, payload) = named(verb, rest)?;
                let payload = if payload.is_empty() { "null" } else { payload };
                let payload = parsed(payload)?;
                Ok(Typed::Method { name, payload })
            }
            "input" => {
                let (name, body) = named(verb, rest)?;
                let body = body.to_owned();
                Ok(Typed::Input { name, body })
            }
            "twin" => alone(Typed::Twin),
            "cut" | "drop" => alone(Typed::Cut),
            "token" => times(rest).map(Typed::Token),
            "slow-twin" => lasting(Lasting::SlowTwin, rest),
            "busy-twin" => lasting(Lasting::BusyTwin, rest),
            "certificate" => alone(Typed::Certificate),
            "outage" => lasting(Lasting::Outage, rest),
            "over" => alone(Typed::Over),
            "help" => alone(Typed::Help),
            other => {
                let there_are = COMMANDS.map(|(usage, _)| verb_of(usage)).join(", ");
                Err(format!("`{other}` is no command; there are {there_are}"))
            }
        }
    }
}

fn verb_of(usage: &str) -> &str {
    usage.split(' ').next().unwrap_or_default()
}

/// A name, and what stands behind it.
fn named<'a>(verb: &str, rest: &'a str) -> Result<(String, &'a str), String> {
    let (name, more) = rest.split_once(' ').unwrap_or((rest, ""));
    match name {
        "" => Err(format!("`{verb}` needs a name")),
        name => Ok((name.to_owned(), more.trim())),
    }
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

fn times(text: &str) -> Result<u32, String> {
    match text {
        "" => Ok(1),
        text => text
            .parse()
            .map_err(|_| format!("`{text}` is no number of logins; write one, such as 3")),
    }
}

fn lasting(which: Lasting, text: &str) -> Result<Typed, String> {
    let span = match text {
        "" => which.fault().hold(OUTAGE).into(),
        text => amount::duration(text)?,
    };
    if Millis::from(span) > LONGEST {
        return Err("a day is the longest".to_owned());
    }
    Ok(Typed::Lasting(which, span))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use serde_json::json;

    use super::*;

    fn seconds(which: Lasting, seconds: u64) -> Result<Typed, String> {
        Ok(Typed::Lasting(which, Duration::from_secs(seconds)))
    }

    fn refused(line: &str, words: &str) {
        let why = Typed::read(line).unwrap_err();
        assert!(why.contains(words), "`{words}` is missing in: {why}");
    }

    #[test]
    fn a_fault_is_called_as_certify_calls_it_and_lasts_as_long_unless_told() {
        assert_eq!(Typed::read("cut"), Ok(Typed::Cut));
        assert_eq!(Typed::read("drop"), Ok(Typed::Cut));
        assert_eq!(Typed::read("token"), Ok(Typed::Token(1)));
        assert_eq!(Typed::read("token 3"), Ok(Typed::Token(3)));
        assert_eq!(Typed::read("certificate"), Ok(Typed::Certificate));
        assert_eq!(Typed::read("slow-twin"), seconds(Lasting::SlowTwin, 10));
        assert_eq!(Typed::read("busy-twin  7s"), seconds(Lasting::BusyTwin, 7));
        assert_eq!(Typed::read("outage"), seconds(Lasting::Outage, 300));
        assert_eq!(Typed::read("outage 1m30s"), seconds(Lasting::Outage, 90));
        for fault in Fault::ALL {
            let has = COMMANDS
                .iter()
                .any(|(usage, _)| verb_of(usage) == fault.name());
            assert!(has, "{}", fault.name());
        }
    }

    #[test]
    fn what_speaks_to_the_module_keeps_its_words() {
        let patch = json!({"interval": 5});
        assert_eq!(
            Typed::read(r#"desired {"interval": 5}"#),
            Ok(Typed::Desired(patch.clone()))
        );
        let method = |payload| Typed::Method {
            name: "reset".to_owned(),
            payload,
        };
        assert_eq!(Typed::read("method reset"), Ok(method(Value::Null)));
        assert_eq!(
            Typed::read(r#"method reset {"interval": 5}"#),
            Ok(method(patch))
        );
        let input = Typed::Input {
            name: "in1".to_owned(),
            body: "a b".to_owned(),
        };
        assert_eq!(Typed::read("input in1 a b"), Ok(input));
    }

    #[test]
    fn wrong_words_are_answered_with_what_is_possible() {
        refused(
            "storm",
            "there are desired, method, input, twin, cut, token,",
        );
        refused("outage soon", "such as 30s");
        refused("outage 30", "such as 30s");
        refused("outage 0s", "longer than nothing");
        refused("slow-twin 25h", "a day is the longest");
        refused("token -1", "no number of logins");
        refused("token many", "such as 3");
        refused("cut now", "takes nothing more");
        refused("method", "needs a name");
        refused("desired {", "not JSON");
    }

    #[test]
    fn the_command_line_s_help_names_every_command() {
        let mut program = crate::cli::Cli::command();
        let hub = program.find_subcommand_mut("hub").expect("there is one");
        let help = hub.render_long_help().to_string();
        // Lines are broken where the terminal ends.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for (usage, what) in COMMANDS.iter().filter(|(usage, _)| *usage != "help") {
            assert!(
                help.contains(verb_of(usage)),
                "{usage} is missing in\n{help}"
            );
            assert!(help.contains(what), "`{what}` is missing in\n{help}");
        }
    }
}
