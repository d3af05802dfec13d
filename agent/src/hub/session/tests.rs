//! The session against the protocol crate's server role, without a network and without waiting.

use mqtt_protocol_core::mqtt::packet::Packet;
use mqtt_protocol_core::mqtt::result_code::ConnectReturnCode::{self, Accepted};
use mqtt_protocol_core::mqtt::result_code::SubackReturnCode;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::FromHub;
use super::super::peer::{connack, puback, suback};
use super::super::requests::Report;
use super::bench::{Bench, GRANTED, login, publishes, request_of};
use super::*;

#[test]
fn connect_says_who_we_are_and_keeps_the_session() {
    let mut bench = Bench::new();
    bench.session.begin(login(), bench.now).unwrap();
    let packets = bench.sent();
    let [Packet::V3_1_1Connect(connect)] = packets.as_slice() else {
        panic!("{packets:?}");
    };
    assert_eq!(connect.client_id(), "d/m");
    assert_eq!(connect.user_name(), Some("h/d/m/?api-version=2021-04-12"));
    assert_eq!(connect.password(), Some(&b"token"[..]));
    assert!(!connect.clean_session() && connect.keep_alive() == KEEP_ALIVE);
}

#[test]
fn after_connack_it_subscribes_and_then_asks_for_the_twin() {
    let mut bench = Bench::new();
    bench.link(connack(Accepted, false)).unwrap();
    let packets = bench.sent();
    let [Packet::V3_1_1Subscribe(subscribe)] = packets.as_slice() else {
        panic!("{packets:?}");
    };
    let filters: Vec<_> = subscribe
        .entries()
        .iter()
        .map(|e| e.topic_filter().to_owned())
        .collect();
    assert_eq!(
        filters,
        [
            topics::TWIN_ANSWERS,
            topics::DESIRED_CHANGES,
            topics::METHOD_CALLS
        ]
    );
    bench.hear(suback(subscribe.packet_id(), GRANTED)).unwrap();
    assert!(matches!(
        bench.session.events.pop_front(),
        Some(FromHub::Connected)
    ));
    bench.session.pump(bench.now).unwrap();
    let request = request_of(&bench.sent()[0], "twin/GET").unwrap();
    bench.answer(
        200,
        &request,
        r#"{"desired":{"a":1,"$version":3},"reported":{"b":2}}"#,
    );
    let Some(FromHub::Twin {
        desired,
        reported,
        version: 3,
    }) = bench.session.events.pop_front()
    else {
        panic!("no twin");
    };
    assert_eq!(
        (desired["a"].clone(), reported["b"].clone()),
        (json!(1), json!(2))
    );
}

#[test]
fn refusals_are_told_apart() {
    let refused = |code| Bench::new().link(connack(code, false)).unwrap_err();
    let credentials = refused(ConnectReturnCode::NotAuthorized).to_string();
    assert!(
        credentials.contains("credentials") && credentials.contains("1970"),
        "{credentials}"
    );
    assert!(matches!(
        refused(ConnectReturnCode::BadUserNameOrPassword),
        LinkError::Credentials { code: 4, .. }
    ));
    assert!(matches!(
        refused(ConnectReturnCode::ServerUnavailable),
        LinkError::Unavailable
    ));
    assert!(matches!(
        refused(ConnectReturnCode::IdentifierRejected),
        LinkError::Refused { code: 2, .. }
    ));
}

#[test]
fn a_refused_subscription_is_named() {
    let mut bench = Bench::new();
    bench.link(connack(Accepted, false)).unwrap();
    let packets = bench.sent();
    let Packet::V3_1_1Subscribe(subscribe) = &packets[0] else {
        panic!()
    };
    let codes = [GRANTED[0], GRANTED[1], SubackReturnCode::Failure];
    let error = bench
        .hear(suback(subscribe.packet_id(), codes))
        .unwrap_err();
    assert!(
        error.to_string().contains("$iothub/methods/POST/#"),
        "{error}"
    );
}

#[test]
fn a_message_ends_with_its_own_acknowledgement() {
    let mut bench = Bench::ready();
    let (mut first, mut second) = (bench.give("one"), bench.give("two"));
    let sent = bench.messages();
    assert_eq!(
        sent.iter().map(|m| m.0.as_str()).collect::<Vec<_>>(),
        ["one", "two"]
    );
    bench.hear(puback(sent[1].1)).unwrap();
    assert!(first.try_recv().is_err());
    assert_eq!(second.try_recv().unwrap(), Ok(()));
    bench.hear(puback(sent[0].1)).unwrap();
    assert_eq!(first.try_recv().unwrap(), Ok(()));
    assert!(bench.session.is_done());
}

#[test]
fn without_a_session_unacknowledged_messages_go_out_anew_and_in_order() {
    let mut bench = Bench::ready();
    let _answers = [bench.give("one"), bench.give("two"), bench.give("three")];
    let sent = bench.messages();
    bench.hear(puback(sent[1].1)).unwrap();
    bench.session.end(bench.now);
    bench.link(connack(Accepted, false)).unwrap();
    let again = publishes(&bench.settle());
    let shown: Vec<_> = again.iter().map(|m| (m.0.as_str(), m.2)).collect();
    assert_eq!(shown, [("one", false), ("three", false)]);
}

#[test]
fn in_a_kept_session_they_go_out_as_duplicates_under_their_old_ids() {
    let mut bench = Bench::ready();
    let mut answers = vec![bench.give("one"), bench.give("two")];
    let sent = bench.messages();
    bench.session.end(bench.now);
    answers.push(bench.give("three"));
    bench.link(connack(Accepted, true)).unwrap();
    let again = publishes(&bench.settle());
    let old: Vec<_> = sent.iter().map(|m| (m.0.clone(), m.1, true)).collect();
    assert_eq!(again[..2], old);
    assert!(again[2].0 == "three" && !again[2].2);
    assert!(sent.iter().all(|m| m.1 != again[2].1), "{again:?}");
    for (_, id, _) in again {
        bench.hear(puback(id)).unwrap();
    }
    assert!(answers.iter_mut().all(|a| a.try_recv() == Ok(Ok(()))));
}

#[test]
fn half_a_packet_from_a_cut_link_does_not_spoil_the_next() {
    let mut bench = Bench::ready();
    let bytes = bench.peer.message("$iothub/methods/POST/x/?$rid=1", b"{}");
    bench
        .session
        .receive(&bytes[..bytes.len() / 2], bench.now)
        .unwrap();
    bench.session.end(bench.now);
    bench.link(connack(Accepted, false)).unwrap();
    bench.settle();
    assert!(bench.session.ready_since().is_some());
}

#[test]
fn a_desired_change_is_delivered_and_a_gap_fetches_the_twin() {
    let mut bench = Bench::ready();
    let topic = |version| format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
    bench.hear_message(&topic(5), r#"{"a":5}"#);
    assert!(matches!(
        bench.session.events.pop_front(),
        Some(FromHub::Desired { version: 5, .. })
    ));
    bench.hear_message(&topic(8), r#"{"a":8}"#);
    assert!(bench.session.events.is_empty());
    bench.session.pump(bench.now).unwrap();
    assert!(request_of(&bench.sent()[0], "twin/GET").is_some());
}

#[test]
fn a_desired_change_that_is_no_json_fetches_the_twin() {
    let mut bench = Bench::ready();
    bench.hear_message("$iothub/twin/PATCH/properties/desired/?$version=5", "{");
    bench.session.pump(bench.now).unwrap();
    assert!(request_of(&bench.sent()[0], "twin/GET").is_some());
}

#[test]
fn a_message_with_qos_1_is_acknowledged_and_one_with_id_0_or_qos_2_ends_the_link() {
    let topic = "$iothub/twin/PATCH/properties/desired/?$version=5";
    let raw = |flags: u8, id: u16| {
        let mut bytes = vec![0x30 | flags, u8::try_from(topic.len() + 6).unwrap(), 0];
        bytes.push(u8::try_from(topic.len()).unwrap());
        bytes.extend(topic.as_bytes());
        bytes.extend(id.to_be_bytes());
        bytes.extend(b"{}");
        bytes
    };
    let mut bench = Bench::ready();
    bench.session.receive(&raw(2, 9), bench.now).unwrap();
    // PUBACK of packet 9.
    assert_eq!(bench.sent_bytes(), [0x40, 2, 0, 9]);
    assert!(bench.session.receive(&raw(2, 0), bench.now).is_err());
    assert!(
        Bench::ready()
            .session
            .receive(&raw(4, 9), bench.now)
            .is_err()
    );
}

#[test]
fn a_method_is_called_and_its_result_returns_over_the_same_link_only() {
    let mut bench = Bench::ready();
    bench.hear_message("$iothub/methods/POST/start/?$rid=a1", r#"{"run":"r"}"#);
    bench.hear_message("$iothub/methods/POST/stop/?$rid=a2", "");
    let Some(FromHub::Method {
        name,
        payload,
        reply,
    }) = bench.session.events.pop_front()
    else {
        panic!("no call");
    };
    assert_eq!((name.as_str(), payload), ("start", json!({"run": "r"})));
    reply.send(200, &json!({"ok": true})).unwrap();
    let result = bench.results.try_recv().unwrap();
    bench.session.reply(result, bench.now).unwrap();
    let packets = bench.sent();
    let Packet::V3_1_1Publish(publish) = &packets[0] else {
        panic!()
    };
    assert_eq!(publish.topic_name(), "$iothub/methods/res/200/?$rid=a1");

    let Some(FromHub::Method { payload, reply, .. }) = bench.session.events.pop_front() else {
        panic!("no call");
    };
    assert_eq!(payload, Value::Null);
    bench.session.end(bench.now);
    bench.link(connack(Accepted, false)).unwrap();
    bench.settle();
    reply.send(200, &json!(1)).unwrap();
    let late = bench.results.try_recv().unwrap();
    bench.session.reply(late, bench.now).unwrap();
    assert!(bench.sent().is_empty());
}

#[test]
fn a_method_with_a_payload_that_is_no_json_is_refused_with_400() {
    let mut bench = Bench::ready();
    bench.hear_message("$iothub/methods/POST/start/?$rid=a1", "{");
    assert!(bench.session.events.is_empty());
    assert_eq!(bench.results.try_recv().unwrap().status, 400);
}

#[test]
fn reported_properties_wait_for_their_answer() {
    let mut bench = Bench::ready();
    let (done, mut answer) = oneshot::channel();
    let body = b"{\"a\":1}".to_vec();
    bench
        .session
        .requests
        .push(Report { body, done }, bench.now);
    bench.session.pump(bench.now).unwrap();
    let request = request_of(&bench.sent()[0], "reported").unwrap();
    assert!(!bench.session.is_quiet());
    bench.hear_message(
        &format!("$iothub/twin/res/204/?$rid={request}&$version=6"),
        "",
    );
    assert_eq!(answer.try_recv().unwrap(), Ok(Some(6)));
    assert!(bench.session.is_quiet());
}

#[test]
fn a_silent_link_is_pinged_and_an_unanswered_ping_ends_it() {
    let mut bench = Bench::ready();
    bench.now = bench.session.deadline().unwrap();
    bench.session.tick(bench.now).unwrap();
    assert!(matches!(
        bench.sent().as_slice(),
        [Packet::V3_1_1Pingreq(_)]
    ));
    bench.now += PING_PATIENCE;
    let error = bench.session.tick(bench.now).unwrap_err();
    assert_eq!(error.to_string(), "no answer to a ping within 30 s");
}

#[test]
fn bytes_that_still_leave_keep_a_slow_link_alive() {
    let mut bench = Bench::ready();
    bench.now += Duration::from_secs(u64::from(KEEP_ALIVE));
    bench.session.tick(bench.now).unwrap();
    bench.now += PING_PATIENCE / 2;
    bench.session.progressed(bench.now);
    bench.now += PING_PATIENCE / 2;
    bench.session.tick(bench.now).unwrap();
}

#[test]
fn a_message_never_acknowledged_ends_the_link_though_pings_are_answered() {
    let mut bench = Bench::ready();
    let _answer = bench.give("one");
    bench.messages();
    let mut error = None;
    for _ in 0..20 {
        bench.now = bench.session.deadline().unwrap();
        if let Err(found) = bench.session.tick(bench.now) {
            error = Some(found.to_string());
            break;
        }
        if bench
            .sent()
            .iter()
            .any(|p| matches!(p, Packet::V3_1_1Pingreq(_)))
        {
            bench.hear(v3_1_1::Pingresp::new()).unwrap();
        }
    }
    assert_eq!(
        error.unwrap(),
        "no acknowledgement of a message within 240 s"
    );
}

#[test]
fn a_hub_that_never_says_connack_is_left() {
    let mut bench = Bench::new();
    bench.session.begin(login(), bench.now).unwrap();
    assert!(bench.session.tick(bench.now + HANDSHAKE_PATIENCE).is_err());
}

#[test]
fn while_held_nothing_new_leaves() {
    let mut bench = Bench::ready();
    bench.session.hold();
    let _answer = bench.give("one");
    assert!(bench.messages().is_empty());
}
