//! The topic table of IoT Hub over MQTT: what a client may publish and subscribe, and what the hub sends.
//!
//! Pure text. Source: "Communicate with an IoT hub using the MQTT protocol" (Microsoft Learn), and
//! Azure/iotedge `SessionStateParser.cs` for the filters.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::identity::Identity;
use super::limits::Mode;
use super::properties::Properties;

const TWIN_GET: &str = "$iothub/twin/GET/?";
const TWIN_REPORTED: &str = "$iothub/twin/PATCH/properties/reported/?";
const METHOD_ANSWER: &str = "$iothub/methods/res/";

/// Method names travel in a topic, so everything but unreserved characters is encoded.
const METHOD_NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What a publish means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Publish<'a> {
    /// Telemetry with its undecoded property bag.
    Event { bag: &'a str },
    /// Asks for the whole twin.
    TwinGet { rid: &'a str },
    /// Merges into the reported properties.
    TwinReported { rid: &'a str },
    /// Answers a direct method; `status` as sent.
    MethodAnswer { status: &'a str, rid: &'a str },
}

/// A filter of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subscription {
    Methods,
    TwinResponses,
    Desired,
    DeviceBound,
    Inputs,
}

/// Reads the topic of a publish by `identity`; `None` means it is outside the table.
pub(crate) fn publish<'a>(identity: &Identity, topic: &'a str) -> Option<Publish<'a>> {
    if let Some(query) = topic.strip_prefix(TWIN_GET) {
        return rid(query).map(|rid| Publish::TwinGet { rid });
    }
    if let Some(query) = topic.strip_prefix(TWIN_REPORTED) {
        return rid(query).map(|rid| Publish::TwinReported { rid });
    }
    if let Some(rest) = topic.strip_prefix(METHOD_ANSWER) {
        let (status, query) = rest.split_once("/?")?;
        return rid(query).map(|rid| Publish::MethodAnswer { status, rid });
    }
    let events = format!("{}/messages/events", identity.stem());
    let bag = topic.strip_prefix(events.as_str())?;
    if bag.is_empty() {
        return Some(Publish::Event { bag });
    }
    // Node's client ends the topic with one more slash.
    let bag = bag.strip_prefix('/')?;
    let bag = bag.strip_suffix('/').unwrap_or(bag);
    Some(Publish::Event { bag })
}

/// Reads a subscription filter of `identity`; `None` means the hub does not serve it.
pub(crate) fn subscription(identity: &Identity, mode: Mode, filter: &str) -> Option<Subscription> {
    match filter {
        "$iothub/methods/POST/#" => return Some(Subscription::Methods),
        "$iothub/twin/res/#" => return Some(Subscription::TwinResponses),
        "$iothub/twin/PATCH/properties/desired/#" => return Some(Subscription::Desired),
        _ => {}
    }
    let rest = filter.strip_prefix(identity.stem().as_str())?;
    match (identity, mode) {
        (Identity::Device { .. }, _) if rest == "/messages/devicebound/#" => {
            Some(Subscription::DeviceBound)
        }
        (Identity::Module { .. }, Mode::EdgeHub) if rest == "/inputs/#" || rest == "/#" => {
            Some(Subscription::Inputs)
        }
        (Identity::Device { .. } | Identity::Module { .. }, _) => None,
    }
}

/// Topic of a twin answer; only IoT Hub adds the version of the reported properties.
pub(crate) fn twin_response(status: u16, rid: &str, version: Option<u64>) -> String {
    match version {
        Some(version) => format!("$iothub/twin/res/{status}/?$rid={rid}&$version={version}"),
        None => format!("$iothub/twin/res/{status}/?$rid={rid}"),
    }
}

/// Topic of a change of desired properties.
pub(crate) fn desired(version: u64) -> String {
    format!("$iothub/twin/PATCH/properties/desired/?$version={version}")
}

/// Topic of a direct method call.
pub(crate) fn method_call(name: &str, rid: &str) -> String {
    let name = utf8_percent_encode(name, METHOD_NAME);
    format!("$iothub/methods/POST/{name}/?$rid={rid}")
}

/// Topic of a message for a module's input; Node's and C's clients want the last slash, also without properties.
pub(crate) fn input(to: &Identity, input: &str, properties: &Properties) -> String {
    format!("{}/inputs/{input}/{}", to.stem(), properties.encode())
}

fn rid(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("$rid="))
        .filter(|rid| !rid.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn module() -> Identity {
        Identity::module("d", "m")
    }

    fn check(topic: &str, wanted: Option<Publish<'_>>) {
        assert_eq!(publish(&module(), topic), wanted, "{topic}");
    }

    #[test]
    fn telemetry_may_end_with_a_bag_a_slash_or_nothing() {
        check(
            "devices/d/modules/m/messages/events/a=b",
            Some(Publish::Event { bag: "a=b" }),
        );
        check(
            "devices/d/modules/m/messages/events/a=b/",
            Some(Publish::Event { bag: "a=b" }),
        );
        check(
            "devices/d/modules/m/messages/events/",
            Some(Publish::Event { bag: "" }),
        );
        check(
            "devices/d/modules/m/messages/events",
            Some(Publish::Event { bag: "" }),
        );
        check("devices/d/modules/m/messages/eventsx", None);
    }

    #[test]
    fn twin_and_method_topics_carry_a_request_id() {
        check(
            "$iothub/twin/GET/?$rid=7",
            Some(Publish::TwinGet { rid: "7" }),
        );
        check(
            "$iothub/twin/PATCH/properties/reported/?$rid=a&x=1",
            Some(Publish::TwinReported { rid: "a" }),
        );
        check(
            "$iothub/methods/res/200/?$rid=1f",
            Some(Publish::MethodAnswer {
                status: "200",
                rid: "1f",
            }),
        );
        check(
            "$iothub/methods/res/x/?$rid=1",
            Some(Publish::MethodAnswer {
                status: "x",
                rid: "1",
            }),
        );
        check("$iothub/twin/GET/?$rid=", None);
        check("$iothub/twin/GET/", None);
        check("$iothub/methods/res/200", None);
    }

    #[test]
    fn another_identitys_topics_are_outside_the_table() {
        check("devices/d/modules/other/messages/events/", None);
        check("devices/d/messages/events/", None);
        assert_eq!(
            publish(
                &Identity::device("d"),
                "devices/d/modules/m/messages/events/"
            ),
            None
        );
    }

    #[test]
    fn filters_are_those_of_the_table() {
        let m = module();
        assert_eq!(
            subscription(&m, Mode::IotHub, "$iothub/twin/res/#"),
            Some(Subscription::TwinResponses)
        );
        assert_eq!(
            subscription(&m, Mode::EdgeHub, "devices/d/modules/m/inputs/#"),
            Some(Subscription::Inputs)
        );
        assert_eq!(
            subscription(&m, Mode::IotHub, "devices/d/modules/m/inputs/#"),
            None
        );
        assert_eq!(
            subscription(&m, Mode::IotHub, "devices/d/messages/devicebound/#"),
            None
        );
        let d = Identity::device("d");
        assert_eq!(
            subscription(&d, Mode::IotHub, "devices/d/messages/devicebound/#"),
            Some(Subscription::DeviceBound)
        );
        for bad in [
            "#",
            "$iothub/#",
            "devices/+/messages/devicebound/#",
            "devices/e/messages/devicebound/#",
        ] {
            assert_eq!(subscription(&d, Mode::IotHub, bad), None, "{bad}");
        }
    }

    #[test]
    fn the_hubs_own_topics_are_written_literally() {
        assert_eq!(
            twin_response(204, "9", Some(3)),
            "$iothub/twin/res/204/?$rid=9&$version=3"
        );
        assert_eq!(
            twin_response(200, "9", None),
            "$iothub/twin/res/200/?$rid=9"
        );
        assert_eq!(
            desired(2),
            "$iothub/twin/PATCH/properties/desired/?$version=2"
        );
        assert_eq!(
            input(&module(), "in1", &Properties::default()),
            "devices/d/modules/m/inputs/in1/"
        );
        assert_eq!(
            method_call("go now", "1"),
            "$iothub/methods/POST/go%20now/?$rid=1"
        );
    }

    proptest! {
        #[test]
        fn any_topic_is_answered(topic in any::<String>(), tail in any::<String>()) {
            let _ = publish(&module(), &topic);
            let _ = publish(&module(), &format!("$iothub/methods/res/{tail}"));
            let _ = publish(&module(), &format!("$iothub/twin/GET/?{tail}"));
            let _ = subscription(&module(), Mode::EdgeHub, &topic);
            let _ = subscription(&module(), Mode::EdgeHub, &format!("devices/d/modules/m{tail}"));
        }
    }
}
