//! Modules on the official SDKs, each in a container of its own, that are otherwise or wrong in one way: one image for each SDK,
//! and the manner in the environment of the plan.

use super::{check, check_cause, check_words};

/// The finding's fault, for a module that is conformant but for its ProductInfo.
fn check_product_info(fixture: &str, words: &str) {
    check_words(fixture, "IEM-TEL-01", &[words, "Python SDK 2.14.0"]);
}

/// What its connections to edgeHub went through, once each.
fn transports(fixture: &str) -> Vec<String> {
    let report = check(fixture).report.unwrap();
    let connections = &report["observations"]["edge"]["seen"]["connections"];
    let connections = connections.as_array().unwrap().iter();
    let mut seen: Vec<String> = connections
        .map(|one| one["transport"].as_str().unwrap().to_owned())
        .collect();
    seen.dedup();
    seen
}

#[test]
fn a_module_on_the_python_sdk_meets_its_edge_hub() {
    check("sdk-python");
}

#[test]
fn a_module_that_does_not_say_whose_it_is_fails() {
    check_words("sdk-anonymous", "IEM-TEL-01", &["sets no ProductInfo"]);
}

#[test]
fn a_module_that_never_looks_at_its_twin_is_told() {
    check_words("sdk-deaf", "IEM-CFG-05", &["twin ignored"]);
}

#[test]
fn messages_that_no_route_takes_are_told() {
    let words = ["no route takes", "on `elsewhere`"];
    check_words("sdk-unrouted", "IEM-CFG-06", &words);
}

#[test]
fn the_python_sdk_meets_its_edge_hub_over_web_sockets() {
    assert_eq!(transports("sdk-python:web-socket"), ["mqtt-web-socket"]);
}

#[test]
fn a_module_on_the_node_sdk_meets_its_edge_hub() {
    assert_eq!(transports("sdk-node"), ["mqtt"]);
}

#[test]
fn the_node_sdk_meets_its_edge_hub_over_web_sockets() {
    assert_eq!(transports("sdk-node:web-socket"), ["mqtt-web-socket"]);
}

/// Over AMQP its ProductInfo stands in `com.microsoft:client-version` of its links.
fn check_amqp(fixture: &str, transport: &str) {
    let certified = check(fixture);
    assert_eq!(certified.verdict_of("IEM-TEL-01"), Some("pass"));
    let report = certified.report.unwrap();
    let connections = &report["observations"]["edge"]["seen"]["connections"];
    let connections = connections.as_array().unwrap();
    assert!(!connections.is_empty(), "it logs in");
    for one in connections {
        assert_eq!(one["transport"], transport);
        let client = one["clientType"].as_str().unwrap();
        assert!(client.starts_with("azure-iot-device/1.18.4"), "{client}");
        assert!(client.ends_with("contoso.sdk-node.standard"), "{client}");
    }
}

#[test]
fn the_node_sdk_meets_its_edge_hub_over_amqp() {
    check_amqp("sdk-node:amqp", "amqp");
}

#[test]
fn the_node_sdk_meets_its_edge_hub_over_amqp_in_web_sockets() {
    check_amqp("sdk-node:amqp-web-socket", "amqp-web-socket");
}

/// A real TLS of Debian's OpenSSL, which still speaks TLS 1.1 where it is told to; the module cannot start by it.
#[test]
fn a_module_that_offers_nothing_newer_than_tls_1_1_is_told_so() {
    let words = [
        "it offers no TLS that edgeHub takes",
        "offers at most TLS 1.1, wanted is TLS 1.2 or 1.3",
    ];
    check_cause("sdk-python:old-tls", &[], "crash", &words);
}

#[test]
fn a_module_that_says_another_offer_fails() {
    let words = "\"fabrikam.readings.standard\" instead";
    check_product_info("sdk-python:other-product", words);
}

#[test]
fn a_module_that_joins_its_ids_by_slashes_fails() {
    let words = "\"contoso/sdk-python/standard\", which joins the ids by something else than dots";
    check_product_info("sdk-python:slashes", words);
}

/// No public call of the SDK sends QoS 2; edgeHub ends the connection, and the client sends the message again with the next.
#[test]
fn a_message_with_qos_two_ends_the_connection_and_is_told() {
    let words = [
        "edgeHub ends its connections",
        "qos-two: QoS 2 on `devices/",
    ];
    check_words("sdk-python:qos-two", "IEM-CFG-07", &words);
}

/// The SDK for Node forgets its trust anchor with the first option that is set without it.
#[test]
fn a_module_that_does_not_trust_edge_hub_is_told_so() {
    let words = [
        "it does not trust edgeHub's certificate",
        "tls-handshake once",
        "self-signed certificate",
    ];
    check_cause("sdk-node:unanchored", &[], "crash", &words);
}
