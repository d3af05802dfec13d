//! The MQTT topics of IoT Hub and edgeHub: written for what goes out, read for what comes in. Pure.
//!
//! Source: Microsoft Learn, "Communicate with an IoT hub using the MQTT protocol", and the topic
//! templates of edgeHub (`MqttConventions`, `SessionStateParser.cs`).

use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::sas::encode;

/// Answers to twin requests.
pub(super) const TWIN_ANSWERS: &str = "$iothub/twin/res/#";
/// Changes of desired properties.
pub(super) const DESIRED_CHANGES: &str = "$iothub/twin/PATCH/properties/desired/#";
/// Calls of direct methods.
pub(super) const METHOD_CALLS: &str = "$iothub/methods/POST/#";

const TWIN_ANSWER: &str = "$iothub/twin/res/";
const DESIRED_CHANGE: &str = "$iothub/twin/PATCH/properties/desired/";
const METHOD_CALL: &str = "$iothub/methods/POST/";

/// What a message from the hub is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Incoming {
    /// The answer to request `request`.
    TwinAnswer {
        status: u16,
        request: String,
        version: Option<u64>,
    },
    /// Desired properties changed; the version is missing if the topic does not say it.
    DesiredChange { version: Option<u64> },
    /// Somebody called a method; `request` goes back verbatim with the result.
    MethodCall { name: String, request: String },
}

/// A topic that this client does not understand.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("topic {topic:?}: {reason}")]
pub(super) struct TopicError {
    topic: String,
    reason: &'static str,
}

/// Topic of a twin request.
pub(super) fn twin_get(request: &str) -> String {
    format!("$iothub/twin/GET/?$rid={request}")
}

/// Topic of a change of reported properties.
pub(super) fn reported_patch(request: &str) -> String {
    format!("$iothub/twin/PATCH/properties/reported/?$rid={request}")
}

/// Topic of a method's result.
pub(super) fn method_result(status: u16, request: &str) -> String {
    format!("$iothub/methods/res/{status}/?$rid={request}")
}

/// Topic of a message with its properties, in the order given. `prefix` is
/// `devices/d/messages/events/` or `devices/d/modules/m/messages/events/`.
pub(super) fn message<'a>(
    prefix: &str,
    properties: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let bag: Vec<String> = properties
        .into_iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    format!("{prefix}{}", bag.join("&"))
}

/// Reads the topic of a message from the hub.
///
/// # Errors
/// A topic outside the three subscriptions, or one without what its kind needs.
pub(super) fn parse(topic: &str) -> Result<Incoming, TopicError> {
    let fail = |reason| TopicError {
        topic: topic.chars().take(200).collect(),
        reason,
    };
    if let Some(rest) = topic.strip_prefix(TWIN_ANSWER) {
        let (status, query) = rest
            .split_once("/?")
            .ok_or(fail("no `/?` after the status"))?;
        return Ok(Incoming::TwinAnswer {
            status: status.parse().map_err(|_| fail("status is no number"))?,
            request: value(query, "$rid").ok_or(fail("no $rid"))?.to_owned(),
            version: version(query).map_err(fail)?,
        });
    }
    if let Some(rest) = topic.strip_prefix(DESIRED_CHANGE) {
        let query = rest.strip_prefix('?').unwrap_or_default();
        let version = version(query).map_err(fail)?;
        return Ok(Incoming::DesiredChange { version });
    }
    if let Some(rest) = topic.strip_prefix(METHOD_CALL) {
        let (name, query) = rest
            .split_once("/?")
            .ok_or(fail("no `/?` after the name"))?;
        let name = percent_decode_str(name).decode_utf8();
        return Ok(Incoming::MethodCall {
            name: name.map_err(|_| fail("name is not UTF-8"))?.into_owned(),
            request: value(query, "$rid").ok_or(fail("no $rid"))?.to_owned(),
        });
    }
    Err(fail("not a topic that was subscribed to"))
}

fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

fn version(query: &str) -> Result<Option<u64>, &'static str> {
    match value(query, "$version") {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| "$version is no number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn twin_answers_are_read_with_and_without_version() {
        let answer = |version| Incoming::TwinAnswer {
            status: 204,
            request: "7".into(),
            version,
        };
        assert_eq!(
            parse("$iothub/twin/res/204/?$rid=7&$version=12"),
            Ok(answer(Some(12)))
        );
        assert_eq!(parse("$iothub/twin/res/204/?$rid=7"), Ok(answer(None)));
    }

    #[test]
    fn desired_changes_carry_their_version() {
        assert_eq!(
            parse("$iothub/twin/PATCH/properties/desired/?$version=3"),
            Ok(Incoming::DesiredChange { version: Some(3) })
        );
        assert_eq!(
            parse("$iothub/twin/PATCH/properties/desired/"),
            Ok(Incoming::DesiredChange { version: None })
        );
    }

    #[test]
    fn a_method_name_is_decoded_and_its_request_id_is_not() {
        assert_eq!(
            parse("$iothub/methods/POST/run%20it/?$rid=a%2Fb"),
            Ok(Incoming::MethodCall {
                name: "run it".into(),
                request: "a%2Fb".into()
            })
        );
    }

    #[test]
    fn topics_without_their_parts_are_refused_with_a_reason() {
        for (topic, reason) in [
            ("$iothub/methods/POST/run", "no `/?` after the name"),
            ("$iothub/methods/POST/run/?rid=1", "no $rid"),
            ("$iothub/twin/res/ok/?$rid=1", "status is no number"),
            ("$iothub/twin/res/99999/?$rid=1", "status is no number"),
            ("$iothub/twin/res/200", "no `/?` after the status"),
            (
                "$iothub/twin/PATCH/properties/desired/?$version=x",
                "$version is no number",
            ),
            (
                "devices/d/messages/devicebound/",
                "not a topic that was subscribed to",
            ),
            ("", "not a topic that was subscribed to"),
        ] {
            assert_eq!(parse(topic).unwrap_err().reason, reason, "{topic}");
        }
    }

    #[test]
    fn properties_are_encoded_so_that_no_wildcard_or_separator_remains() {
        assert_eq!(
            message(
                "devices/d/messages/events/",
                [("$.ct", "application/json"), ("a b", "#+&=/")]
            ),
            "devices/d/messages/events/%24.ct=application%2Fjson&a%20b=%23%2B%26%3D%2F"
        );
    }

    proptest! {
        #[test]
        fn no_topic_makes_the_parser_panic(topic in any::<String>()) {
            let _ = parse(&topic);
        }

        #[test]
        fn no_tail_of_a_known_topic_makes_the_parser_panic(
            head in prop::sample::select(vec![TWIN_ANSWER, DESIRED_CHANGE, METHOD_CALL]),
            tail in "[/?$%&=a-z0-9\u{e9}]{0,40}",
        ) {
            let _ = parse(&format!("{head}{tail}"));
        }

        #[test]
        fn every_answer_written_by_the_rules_is_read_back(status in 100u16..600, request in "[a-f0-9]{1,16}", version: Option<u64>) {
            let tail = version.map(|v| format!("&$version={v}")).unwrap_or_default();
            let read = parse(&format!("$iothub/twin/res/{status}/?$rid={request}{tail}"));
            prop_assert_eq!(read, Ok(Incoming::TwinAnswer { status, request, version }));
        }
    }
}
