//! The MQTT user name of IoT Hub: `{hub}/{device}[/{module}]/?api-version=…&DeviceClientType=…`.
//!
//! Follows edgeHub's parser (Azure/iotedge, `MqttUsernameParser.cs`): split on `/`, the last segment
//! is the query with or without its `?`, values are percent-decoded once, `+` stays a plus, and the
//! first of two equal names wins.

use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::identity::Identity;

/// What a client says about itself in its user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserName {
    pub(crate) host: String,
    pub(crate) identity: Identity,
    pub(crate) api_version: String,
    pub(crate) client_type: Option<String>,
    pub(crate) model_id: Option<String>,
}

/// Why a user name is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum UserNameError {
    #[error("user name has {0} segments, not hub/device/query or hub/device/module/query")]
    Segments(usize),
    #[error("user name has an empty segment")]
    EmptySegment,
    #[error("user name carries no api-version")]
    NoApiVersion,
}

/// Takes a user name apart.
pub(crate) fn parse(text: &str) -> Result<UserName, UserNameError> {
    let segments: Vec<&str> = text.split('/').collect();
    let (host, identity, query) = match segments[..] {
        [host, device, query] => (host, Identity::device(device), query),
        [host, device, module, query] => (host, Identity::module(device, module), query),
        _ => return Err(UserNameError::Segments(segments.len())),
    };
    if segments[..segments.len() - 1].iter().any(|s| s.is_empty()) {
        return Err(UserNameError::EmptySegment);
    }
    let query = query.strip_prefix('?').unwrap_or(query);
    let api_version = value(query, "api-version")
        .filter(|version| !version.is_empty())
        .ok_or(UserNameError::NoApiVersion)?;
    Ok(UserName {
        host: host.to_owned(),
        identity,
        api_version,
        client_type: value(query, "DeviceClientType"),
        model_id: value(query, "model-id"),
    })
}

fn value(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, identity: &Identity, client_type: Option<&str>) {
        let name = parse(text).unwrap();
        assert_eq!(&name.identity, identity);
        assert_eq!(name.client_type.as_deref(), client_type);
    }

    #[test]
    fn a_module_name_gives_up_its_product_info() {
        check(
            "h.azure-devices.net/d1/m1/?api-version=2020-09-30&DeviceClientType=contoso.offer-1.plan_a%20iothubclient%2F1.14.0%20(native%3B%20Linux%3B%20armv7l)",
            &Identity::module("d1", "m1"),
            Some("contoso.offer-1.plan_a iothubclient/1.14.0 (native; Linux; armv7l)"),
        );
    }

    #[test]
    fn a_device_name_has_three_segments() {
        check(
            "h/d1/?api-version=2018-06-30",
            &Identity::device("d1"),
            None,
        );
    }

    #[test]
    fn the_question_mark_may_be_missing_and_plus_is_no_space() {
        check(
            "h/d/m/api-version=1&DeviceClientType=a+b&DeviceClientType=later",
            &Identity::module("d", "m"),
            Some("a+b"),
        );
    }

    #[test]
    fn names_without_identity_or_version_are_refused() {
        assert_eq!(parse("h"), Err(UserNameError::Segments(1)));
        assert_eq!(
            parse("h/d/m/x/?api-version=1"),
            Err(UserNameError::Segments(5))
        );
        assert_eq!(parse("h//?api-version=1"), Err(UserNameError::EmptySegment));
        assert_eq!(parse("h/d/?api-version="), Err(UserNameError::NoApiVersion));
        assert_eq!(parse("h/d/"), Err(UserNameError::NoApiVersion));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn a_written_name_reads_back(device in "[A-Za-z0-9_-]{1,20}", module in "[A-Za-z0-9_$-]{1,20}", kind in any::<String>()) {
            let encoded = percent_encoding::utf8_percent_encode(&kind, percent_encoding::NON_ALPHANUMERIC);
            let name = parse(&format!("hub/{device}/{module}/?api-version=2021-04-12&DeviceClientType={encoded}")).unwrap();
            prop_assert_eq!(name.identity, Identity::module(&device, &module));
            prop_assert_eq!(name.client_type.unwrap(), kind);
        }
    }
}
