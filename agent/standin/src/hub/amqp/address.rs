//! Where a link leads: the addresses of edgeHub and IoT Hub, and what flows there.
//!
//! Source: Azure/iotedge, `Templates.cs` and `LinkHandlerProvider.cs`. Pure text.

use percent_encoding::percent_decode_str;

use crate::hub::identity::Identity;

/// What flows over a link, seen from the client that attached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The client sends tokens.
    Tokens,
    /// The client hears how its tokens were taken.
    TokenAnswers,
    /// The client sends messages.
    Events,
    /// The client hears the messages to its inputs.
    Inputs,
    /// The client hears messages from the cloud; the hub has none.
    DeviceBound,
    /// The client hears direct methods.
    MethodCalls,
    /// The client answers direct methods.
    MethodAnswers,
    /// The client asks for its twin and changes it.
    TwinRequests,
    /// The client hears answers and changes of its twin.
    TwinAnswers,
    /// A reader of the cloud's messages asks for partitions.
    #[cfg(feature = "hub")]
    Questions,
    /// It hears about partitions.
    #[cfg(feature = "hub")]
    Answers,
    /// It hears the messages of a partition.
    #[cfg(feature = "hub")]
    Partition,
}

/// Which end the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Sender,
    Receiver,
}

/// A link's end, with its owner; tokens have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) owner: Option<Identity>,
    pub(crate) kind: Kind,
}

/// Reads a link's address; `None` means that the hub serves nothing there.
pub(crate) fn place(address: &str, role: Role) -> Option<Place> {
    let path = path_of(address);
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let is = |segment: &&str, name: &str| segment.eq_ignore_ascii_case(name);
    if let [only] = segments.as_slice() {
        let kind = match role {
            Role::Sender => Kind::Tokens,
            Role::Receiver => Kind::TokenAnswers,
        };
        return is(only, "$cbs").then_some(Place { owner: None, kind });
    }
    let (owner, rest) = owner(&segments)?;
    let is_module = matches!(owner, Identity::Module { .. });
    let kind = match (rest, role) {
        ([a, b], Role::Sender) if is(a, "messages") && is(b, "events") => Kind::Events,
        ([a, b], Role::Receiver) if is_module && is(a, "messages") && is(b, "events") => {
            Kind::Inputs
        }
        ([a, b], Role::Receiver) if is(a, "messages") && is(b, "devicebound") => Kind::DeviceBound,
        ([a, b], Role::Sender) if is(a, "methods") && is(b, "devicebound") => Kind::MethodAnswers,
        ([a, b], Role::Receiver) if is(a, "methods") && is(b, "devicebound") => Kind::MethodCalls,
        ([a], Role::Sender) if is(a, "twin") => Kind::TwinRequests,
        ([a], Role::Receiver) if is(a, "twin") => Kind::TwinAnswers,
        _ => return None,
    };
    Some(Place {
        owner: Some(owner),
        kind,
    })
}

/// Whom a token is for: `{hub}/devices/{d}[/modules/{m}]`, with or without a scheme, encoded or not.
pub(crate) fn audience(text: &str) -> Option<Identity> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    let decoded = decoded.split('?').next().unwrap_or_default();
    let (_, decoded) = decoded.split_once("://").unwrap_or(("", decoded));
    let (_, path) = decoded.split_once('/')?;
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (owner, rest) = owner(&segments)?;
    rest.is_empty().then_some(owner)
}

/// The API version that an address asks for in its query.
pub(crate) fn api_version(address: &str) -> Option<&str> {
    let (_, query) = address.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(name, _)| *name == "api-version")
        .map(|(_, version)| version)
}

pub(super) fn path_of(address: &str) -> &str {
    let address = address.split('?').next().unwrap_or_default();
    match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => address,
    }
}

fn owner<'a>(segments: &'a [&'a str]) -> Option<(Identity, &'a [&'a str])> {
    let id = |text: &str| {
        percent_decode_str(text)
            .decode_utf8()
            .ok()
            .map(|id| id.into_owned())
    };
    let [first, device, rest @ ..] = segments else {
        return None;
    };
    if !first.eq_ignore_ascii_case("devices") {
        return None;
    }
    let device = id(device)?;
    Some(match rest {
        [modules, module, rest @ ..] if modules.eq_ignore_ascii_case("modules") => {
            (Identity::module(&device, &id(module)?), rest)
        }
        _ => (Identity::device(&device), rest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(address: &str, role: Role, wanted: Option<Kind>) {
        let found = place(address, role);
        assert_eq!(found.as_ref().map(|place| place.kind), wanted, "{address}");
    }

    #[test]
    fn the_addresses_are_those_of_the_sdks() {
        use Role::{Receiver, Sender};
        check("$cbs", Sender, Some(Kind::Tokens));
        check("$cbs", Receiver, Some(Kind::TokenAnswers));
        check(
            "/devices/d/modules/m/messages/events",
            Sender,
            Some(Kind::Events),
        );
        check(
            "/devices/d/modules/m/messages/events/",
            Receiver,
            Some(Kind::Inputs),
        );
        check(
            "amqps://gw/devices/d/modules/m/twin?api-version=1",
            Sender,
            Some(Kind::TwinRequests),
        );
        check(
            "/devices/d/modules/m/twin",
            Receiver,
            Some(Kind::TwinAnswers),
        );
        check(
            "/devices/d/modules/m/methods/deviceBound",
            Receiver,
            Some(Kind::MethodCalls),
        );
        check(
            "/devices/d/methods/devicebound",
            Sender,
            Some(Kind::MethodAnswers),
        );
        check(
            "/devices/d/messages/devicebound",
            Receiver,
            Some(Kind::DeviceBound),
        );
        // A device has no inputs, and nothing is sent where messages from the cloud come from.
        check("/devices/d/messages/events", Receiver, None);
        check("/devices/d/messages/devicebound", Sender, None);
        for bad in [
            "",
            "/",
            "$management",
            "/devices",
            "/devices/d",
            "/devices/d/modules/m",
            "/x/d/twin",
        ] {
            check(bad, Sender, None);
        }
    }

    #[test]
    fn an_address_names_its_owner() {
        let found = place("/devices/d%201/modules/$m/twin", Role::Sender).unwrap();
        assert_eq!(found.owner, Some(Identity::module("d 1", "$m")));
        assert_eq!(
            api_version("amqps://gw/x?a=1&api-version=2021-04-12"),
            Some("2021-04-12")
        );
    }

    #[test]
    fn an_audience_is_a_device_or_a_module() {
        let module = Some(Identity::module("d", "m"));
        for same in [
            "h.net/devices/d/modules/m",
            "amqps://h.net/devices/d/modules/m",
            "h.net%2Fdevices%2Fd%2Fmodules%2Fm",
        ] {
            assert_eq!(audience(same), module, "{same}");
        }
        assert_eq!(audience("h.net/devices/d"), Some(Identity::device("d")));
        for bad in ["", "h.net", "h.net/devices", "h.net/devices/d/twin"] {
            assert_eq!(audience(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = place(&text, Role::Sender);
            let _ = place(&format!("/devices/{text}"), Role::Receiver);
            let _ = audience(&text);
            let _ = api_version(&text);
        }
    }
}
