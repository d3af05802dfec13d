//! Tests of `seen.rs`.

use std::time::Duration;

use serde_json::json;
use standin::hub::{Identity, Properties};

use super::*;

fn module() -> Identity {
    Identity::module("d", "m")
}

fn login(client_type: &str) -> HubEvent {
    HubEvent::Connected(Login {
        identity: module(),
        api_version: "2019-10-01".to_owned(),
        client_type: Some(client_type.to_owned()),
        model_id: None,
        transport: Transport::MqttWebSocket,
        tls_version: "TLSv1_2".to_owned(),
        tls_suite: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384".to_owned(),
        server_name: Some("gateway".to_owned()),
        token_expiry: Some(1_000_600),
        certificate: None,
        keep_alive: Duration::from_secs(60),
        clean_session: false,
        session_present: false,
    })
}

fn ended(reason: DisconnectReason) -> HubEvent {
    HubEvent::Disconnected {
        identity: module(),
        reason,
    }
}

fn sent(output: &str, body: &'static [u8]) -> HubEvent {
    HubEvent::Message {
        identity: module(),
        output: Some(output.to_owned()),
        properties: Properties::default(),
        qos: 1,
        duplicate: false,
        body: bytes::Bytes::from_static(body),
    }
}

fn seen(events: Vec<HubEvent>) -> EdgeUse {
    let mut seen = EdgeUse::default();
    for (second, event) in (1..).zip(events) {
        let moment = Moment {
            at: Millis(second * 1000),
            unix: 1_000_000,
        };
        take(&mut seen, moment, event, second % 2 == 0);
    }
    seen
}

#[test]
fn a_conversation_is_kept_connection_by_connection_and_output_by_output() {
    let seen = seen(vec![
        login("sdk a.b.c"),
        sent("alarm", b"1234"),
        sent("alarm", b"12"),
        ended(DisconnectReason::Lost),
        login("sdk a.b.c"),
        HubEvent::Reported {
            identity: module(),
            patch: json!({"rate": 1}),
            version: 2,
        },
    ]);
    let ends: Vec<_> = seen.connections.iter().map(|one| &one.ended).collect();
    let lost = EdgeEnd {
        at: Millis(4000),
        reason: "lost".to_owned(),
    };
    assert_eq!(ends, [&Some(lost), &None]);
    assert_eq!(seen.connections[0].token_life, Some(600));
    assert_eq!(seen.connections[0].transport, EdgeTransport::MqttWebSocket);
    let alarm = &seen.outputs[0];
    // Of the events every second one is said to be dropped.
    assert_eq!(
        (alarm.messages, alarm.acknowledged, alarm.unrouted),
        (2, 2, 1)
    );
    assert_eq!((alarm.bytes, alarm.largest), (Bytes(6), Bytes(4)));
    assert_eq!(
        (alarm.first, alarm.last),
        (Millis(2000), Some(Millis(3000)))
    );
    assert_eq!(seen.twin.names, ["rate"]);
    let first = &seen.connections[0];
    assert_eq!(first.suite, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    assert_eq!(
        (first.token_expiry, first.first_message),
        (Some(1_000_600), Some(Millis(2000)))
    );
    assert_eq!(seen.connections[1].first_message, None);
}

#[test]
fn a_renewed_token_is_counted_within_one_life_of_the_module() {
    let with = |token_expiry| {
        let HubEvent::Connected(login) = login("sdk a.b.c") else {
            panic!("a login");
        };
        HubEvent::Connected(Login {
            token_expiry: Some(token_expiry),
            session_present: true,
            ..login
        })
    };
    let seen = seen(vec![
        with(1_000_600),
        ended(DisconnectReason::Lost),
        with(1_000_600),
        ended(DisconnectReason::Goodbye),
        with(1_000_900),
        ended(DisconnectReason::Goodbye),
        with(1_001_200),
    ]);
    assert!(seen.connections.iter().all(|one| one.resumed));
    assert_eq!(seen.renewals(&[Millis(0)]), Some(2));
    // The last one is another container's first.
    assert_eq!(seen.renewals(&[Millis(0), Millis(6500)]), Some(1));
}

#[test]
fn methods_that_were_answered_are_kept_by_name() {
    let answer = |status| HubEvent::MethodAnswered {
        identity: module(),
        name: "calibrate".to_owned(),
        status,
    };
    let seen = seen(vec![answer(200), answer(501)]);
    let calibrate = MethodUse {
        name: "calibrate".to_owned(),
        answers: 2,
        status: 501,
    };
    assert_eq!(seen.methods, [calibrate]);
}

#[test]
fn a_rule_that_is_broken_again_is_counted() {
    let broken = || HubEvent::Violation {
        identity: None,
        rule: Rule::QosTwo,
        detail: "QoS 2 on `x`".to_owned(),
    };
    let seen = seen(vec![broken(), broken()]);
    assert_eq!(seen.breaches.len(), 1);
    assert_eq!(
        (seen.breaches[0].times, seen.breaches[0].at),
        (2, Millis(1000))
    );
}

#[test]
fn a_module_cannot_make_the_record_grow_without_end() {
    let events = (0..1000)
        .flat_map(|n| [login(&"x".repeat(9000)), sent(&format!("o{n}"), b"")])
        .collect();
    let seen = seen(events);
    assert_eq!(seen.logins, 1000);
    assert_eq!((seen.connections.len(), seen.outputs.len()), (100, 100));
    let sent: u64 = seen.outputs.iter().map(|one| one.messages).sum();
    assert_eq!(sent, 1000);
    let kept = seen.connections[0].client_type.as_ref().unwrap();
    assert_eq!(kept.chars().count(), LONGEST + 1);
}

#[test]
fn a_client_that_says_something_else_later_is_kept_too() {
    let mut events: Vec<HubEvent> = (0..150).map(|_| login("sdk a.b.c")).collect();
    events.push(login("sdk"));
    let seen = seen(events);
    assert_eq!((seen.logins, seen.connections.len()), (151, 101));
    let last = seen.connections.last().unwrap();
    assert_eq!(last.client_type.as_deref(), Some("sdk"));
}

#[test]
fn what_a_client_says_after_its_login_counts_where_the_login_said_nothing() {
    let introduced = || HubEvent::Introduced {
        identity: module(),
        client_type: "late a.b.c".to_owned(),
    };
    let mut silent = login("");
    if let HubEvent::Connected(login) = &mut silent {
        login.client_type = None;
    }
    let seen = seen(vec![login("sdk"), introduced(), silent, introduced()]);
    let said = seen
        .connections
        .iter()
        .map(|one| one.client_type.as_deref());
    assert_eq!(said.collect::<Vec<_>>(), [Some("sdk"), Some("late a.b.c")]);
}

#[test]
fn changes_are_heard_over_either_protocol() {
    for (filter, hears) in [
        ("$iothub/twin/PATCH/properties/desired/#", true),
        ("/notifications/twin/properties/desired", true),
        ("/devices/d/modules/m/methods/devicebound", false),
    ] {
        let subscribed = HubEvent::Subscribed {
            identity: module(),
            filter: filter.to_owned(),
        };
        let seen = seen(vec![subscribed]);
        assert_eq!(seen.twin.hears_changes, hears, "{filter}");
    }
}

#[test]
fn a_test_value_that_the_module_tells_is_hidden() {
    let mut overlay = Overlay::default();
    let secret = "hunter-22".to_owned();
    overlay.env.insert("PASSWORD".to_owned(), secret);
    let mut seen = seen(vec![login("sdk hunter-22"), sent("hunter-22", b"")]);
    hide(&mut seen, &overlay);
    assert!(!format!("{seen:?}").contains("hunter-22"));
}
